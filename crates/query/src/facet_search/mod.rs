//! Searching among the values of a facet: `POST /indexes/{uid}/facet-search`.
//!
//! Every node gives all of its values that match, each with the number of its documents; counts add up by the value as
//! facets compare it, and the sum is put in order and cut as one Meilisearch would ([`values`]). A text is shown as the
//! first node that has it writes it.
//!
//! With a distinct attribute or a `rankingScoreThreshold` counts are estimates, on one Meilisearch too: it leaves out the
//! documents that it has met on the way to the first twenty hits, and each node here does so by itself.

mod request;
mod values;

use miroir_api::{ErrorCode, ResponseError};
use miroir_model::{NodeId, RESERVED_MEMBER};
use miroir_placement::limiting_filter;
use miroir_settings::{FacetOrder, UserSettings, deciding_rule};
use serde_json::Value;

use crate::answers::Answers;
use crate::errors::{user_error, without_hidden};
use crate::merge::{MergeError, Merged, ObjectWriter, write_list, write_string};
use crate::plan::body::and;
use crate::plan::{Layout, NodeRequest, PlanError, choose_around, seed};
use crate::reserved::shown_patterns;
use crate::view::IndexView;
pub use request::{FacetSearchRequest, facet_search_from_json};
use values::Values;

/// A search among values, ready to be sent: requests to `POST /indexes/{index}/facet-search`, and what their answers are
/// merged by.
#[derive(Debug, Clone)]
pub struct FacetPlan {
    /// One request for each node that is asked.
    pub requests: Vec<NodeRequest>,
    layout: Layout,
    request: FacetSearchRequest,
    uid: String,
    order: FacetOrder,
    /// How many values an answer has at most.
    limit: usize,
}

/// Plans a search among values, over copies chosen as for a search; around another plan of it where there is one, as
/// [`plan_around`](crate::plan_around) does.
///
/// # Errors
/// When no copy of some shard can be searched.
pub fn plan_facet_search(
    request: &FacetSearchRequest,
    index: &IndexView<'_>,
    before: Option<&FacetPlan>,
) -> Result<FacetPlan, PlanError> {
    let seed = seed(request.q.as_deref(), request.filter.as_ref(), None);
    let parts = choose_around(index.uid, index.shards, seed, before.map(|plan| &plan.layout))?;
    let requests = parts.iter().map(|part| {
        let filter = and(request.filter.as_ref(), limiting_filter(part.wanted, part.node.held));
        NodeRequest { node: part.node.id.clone(), index: part.node.index, body: body(request, filter) }
    });
    Ok(FacetPlan {
        requests: requests.collect(),
        layout: Layout::of(&parts),
        request: request.clone(),
        uid: index.uid.to_owned(),
        order: index.shown.facet_orders.of(&request.facet_name),
        limit: index.shown.max_values_per_facet,
    })
}

fn body(request: &FacetSearchRequest, filter: Option<Value>) -> String {
    let request = FacetSearchRequest { filter, ..request.clone() };
    serde_json::to_string(&request).expect("texts, numbers and JSON values always serialise")
}

/// Merges the answers to the plan's requests.
///
/// # Errors
/// When an answer cannot be read.
pub fn merge_facet_search<B: AsRef<[u8]>>(
    plan: &FacetPlan,
    answers: &Answers<B>,
    processing_time_ms: u64,
) -> Result<Merged, MergeError> {
    let lacking: Vec<NodeRequest> = answers.lacking(&plan.requests).cloned().collect();
    if !lacking.is_empty() {
        return Ok(Merged::Asks(lacking));
    }
    let query = plan.request.facet_query.as_deref();
    let mut values = Values::new(query.is_some());
    for request in &plan.requests {
        let Some(answer) = answers.to(request) else { continue };
        let added = values.add(answer.as_ref());
        added.map_err(|cause| MergeError::Unreadable { node: request.node.clone(), cause })?;
    }
    let mut out = String::new();
    let mut answer = ObjectWriter::new(&mut out);
    let best = values.best(plan.order, plan.limit);
    write_list(answer.name("facetHits"), best, |(label, count), out| {
        let mut hit = ObjectWriter::new(out);
        write_string(hit.name("value"), label);
        hit.raw("count", &count.to_string());
        hit.end();
    });
    match query {
        Some(query) => write_string(answer.name("facetQuery"), query),
        None => answer.raw("facetQuery", "null"),
    }
    answer.raw("processingTimeMs", &processing_time_ms.to_string());
    answer.end();
    Ok(Merged::Answer(out))
}

impl FacetPlan {
    /// The search with the user's filter alone, for one of the nodes: see
    /// [`Plan::user_filter_alone`](crate::Plan::user_filter_alone).
    pub fn user_filter_alone(&self) -> Option<NodeRequest> {
        let first = self.requests.first()?;
        Some(NodeRequest { body: body(&self.request, self.request.filter.clone()), ..first.clone() })
    }

    /// The error that a node's answer carries, as one Meilisearch with the user's settings would word it; `None` when the
    /// body is no error or the plan does not ask the node.
    pub fn user_error(&self, node: &NodeId, body: &[u8], settings: &UserSettings) -> Option<ResponseError> {
        let request = self.requests.iter().find(|request| request.node == *node)?;
        let error = user_error(&self.uid, request.index, body)?;
        let displayed = settings.displayed_attributes();
        let message = match (error.code, &displayed) {
            (ErrorCode::InvalidFacetSearchFacetName, _) => not_searchable(&self.request.facet_name, settings),
            (_, Some(displayed)) => without_hidden(&error.message, displayed),
            (_, None) => error.message,
        };
        Some(ResponseError::new(error.code, message))
    }
}

/// `InvalidFacetSearchFacetName` of `milli/src/error.rs`.
fn not_searchable(facet: &str, settings: &UserSettings) -> String {
    const HOW: &str = "To make it facet-searchable add it to the `filterableAttributes` index settings.";
    let rules = settings.filterable_attributes();
    // The reserved member is no attribute of the user's, whatever matches it.
    let rule = deciding_rule(&rules, facet).filter(|_| facet != RESERVED_MEMBER);
    let displayed = settings.displayed_attributes();
    let shown = shown_patterns(&rules, displayed.as_deref(), |features| features.facet_search);
    let what = match (rule, shown) {
        (Some((place, _)), _) => format!(
            "Note: this attribute matches rule #{place} in filterableAttributes, but this rule does not enable \
             facetSearch.\nHint: enable facetSearch in rule #{place} by adding `\"facetSearch\": true` to the rule.\n\
             Hint: prepend another rule matching {facet} with facetSearch: true before rule #{place}"
        ),
        (None, None) => format!("This index does not have configured facet-searchable attributes. {HOW}"),
        (None, Some(shown)) => {
            format!("Available facet-searchable attributes patterns are: `{shown}`. {HOW}")
        }
    };
    format!("Attribute `{facet}` is not facet-searchable. {what}")
}

#[cfg(test)]
mod tests {
    use miroir_api::ApiVersion;
    use miroir_settings::{Features, Rules, SettingsPatch};
    use serde_json::json;

    use super::*;

    fn said(settings: Value, facet: &str) -> String {
        let rules = Rules { version: ApiVersion::V1_50, features: Features::default() };
        let patch = SettingsPatch::parse(&settings, rules).expect("right settings");
        let settings = UserSettings::new(ApiVersion::V1_50).apply(&patch).expect("settings that fit");
        not_searchable(facet, &settings)
    }

    /// Texts of 1.50's own tests (`tests/search/facet_search.rs`).
    #[test]
    fn a_facet_that_cannot_be_searched_is_refused_in_meilisearchs_words() {
        let how = "To make it facet-searchable add it to the `filterableAttributes` index settings.";
        let genres = json!({ "filterableAttributes": ["genres"] });
        let expected = format!(
            "Attribute `invalid` is not facet-searchable. Available facet-searchable attributes patterns are: \
             `genres`. {how}"
        );
        assert_eq!(said(genres.clone(), "invalid"), expected);
        assert_eq!(said(genres, "_miroir"), expected.replace("invalid", "_miroir"));
        let pattern = json!({ "filterableAttributes": [{ "attributePatterns": ["doggos.name"] }] });
        assert_eq!(
            said(pattern.clone(), "invalid.name"),
            format!(
                "Attribute `invalid.name` is not facet-searchable. This index does not have configured \
                 facet-searchable attributes. {how}"
            )
        );
        assert_eq!(
            said(pattern, "doggos.name"),
            "Attribute `doggos.name` is not facet-searchable. Note: this attribute matches rule #0 in \
             filterableAttributes, but this rule does not enable facetSearch.\nHint: enable facetSearch in rule #0 by \
             adding `\"facetSearch\": true` to the rule.\nHint: prepend another rule matching doggos.name with \
             facetSearch: true before rule #0"
        );
    }
}
