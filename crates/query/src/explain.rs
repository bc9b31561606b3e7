//! Why a search goes where it goes, for operators: `POST /_miroir/indexes/{uid}/explain`.

use miroir_model::{NodeId, ShardId};
use miroir_placement::limiting_filter;
use miroir_settings::UserSettings;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::filter;
use crate::plan::{Part, Parts, Plan, PlanError, of_parts};
use crate::request::SearchRequest;
use crate::view::IndexView;

/// A page that ends after more hits than this is called deep: each node that is asked makes all of them.
const DEEP: usize = 1000;

/// A plan in words.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// The shards that are searched.
    pub shards: Vec<ShardId>,
    /// How many the index has.
    pub of_shards: usize,
    /// Why these.
    pub why_shards: &'static str,
    /// What is asked, node by node.
    pub requests: Vec<Asked>,
    /// Why these nodes.
    pub why_nodes: String,
    /// What may be slow, surprising or refused.
    pub warnings: Vec<Warning>,
}

/// What one node is asked.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Asked {
    /// The node.
    pub node: NodeId,
    /// Its replica group.
    pub group: u32,
    /// Whether it answers slowly, or not at all at the moment: nothing else has what is asked of it.
    pub slow: bool,
    /// The name of the index there.
    pub index: String,
    /// The shards that it answers for.
    pub shards: Vec<ShardId>,
    /// What is added to the filter, since the node holds more than is wanted of it.
    pub filter: Option<String>,
    /// The body of the request.
    pub body: Box<RawValue>,
}

/// A warning.
#[derive(Debug, Serialize, PartialEq, Eq)]
pub struct Warning {
    /// Of which kind.
    pub kind: &'static str,
    /// In words.
    pub text: String,
}

/// Explains the plan of a search.
///
/// # Errors
/// When no copy of some shard can be searched.
pub fn explain(
    request: &SearchRequest,
    index: &IndexView<'_>,
    settings: &UserSettings,
) -> Result<Explanation, PlanError> {
    let Parts { narrowed, parts } = Parts::of(request, index, None)?;
    let plan = of_parts(request, index, &parts);
    let searched = narrowed.as_deref().unwrap_or(index.shards);
    let shards_of = |part: &Part<'_>| -> Vec<ShardId> {
        let mine = searched.iter().filter(|shard| part.wanted.intersects(shard.range.units()));
        mine.map(|shard| shard.id).collect()
    };
    let requests = parts.iter().zip(&plan.requests).map(|(part, request)| Asked {
        node: request.node.clone(),
        group: part.node.group,
        slow: part.node.slow,
        index: request.index.to_string(),
        shards: shards_of(part),
        filter: limiting_filter(part.wanted, part.node.held),
        body: RawValue::from_string(request.body.clone()).expect("a body is JSON"),
    });
    Ok(Explanation {
        shards: searched.iter().map(|shard| shard.id).collect(),
        of_shards: index.shards.len(),
        why_shards: match narrowed {
            None => "all: no filter says which documents are meant, or facets are asked for",
            Some(_) => "the filter names ids: only the shards that own them are searched",
        },
        requests: requests.collect(),
        why_nodes: why_nodes(&parts),
        warnings: warnings(&plan, settings),
    })
}

fn why_nodes(parts: &[Part<'_>]) -> String {
    let mut groups: Vec<u32> = parts.iter().map(|part| part.node.group).collect();
    groups.sort_unstable();
    groups.dedup();
    let nodes = match parts {
        [_] => "one node has".to_owned(),
        parts => format!("the fewest nodes of it that have all shards between them: {} have", parts.len()),
    };
    match groups.as_slice() {
        [group] => format!(
            "replica group {group}, chosen by a hash of the search so that its pages agree; {nodes} them"
        ),
        groups => {
            format!("no replica group has every shard on nodes that answer: groups {groups:?} are mixed")
        }
    }
}

fn warnings(plan: &Plan, settings: &UserSettings) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let parsed = plan.request.filter.as_ref().map(filter::parse);
    let refused = match &parsed {
        Some(Err(error)) => Some(error.to_string()),
        Some(Ok(Some(filter))) => {
            let rules = settings.filterable_attributes();
            filter.check_filterable_in_search(&rules).err().map(|error| error.to_string())
        }
        _ => None,
    };
    warnings.extend(refused.map(|text| Warning { kind: "filter", text }));
    let (depth, nodes) = (plan.window.depth(), plan.requests.len());
    if depth > DEEP {
        let text = format!(
            "Each of {nodes} nodes makes {depth} hits for this page; a filter or a smaller offset costs less."
        );
        warnings.push(Warning { kind: "deep_offset", text });
    }
    if plan.request.ranking_score_threshold.is_some() {
        let text = "Facets of hits that the threshold ends, and exact totals of pages, are counted by each node's own \
                    scores: they can be a little low.";
        warnings.push(Warning { kind: "estimated_counts", text: text.to_owned() });
    }
    warnings
}
