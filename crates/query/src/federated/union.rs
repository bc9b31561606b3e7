//! What several searches of one index count together: a document that two of them find counts once. Only the nodes know
//! which documents that are, so each is sent all of these searches as one federated multi-search, without hits.

use std::collections::BTreeMap;

use miroir_api::{ErrorCode, ResponseError};
use miroir_model::{NodeId, PhysicalName};
use miroir_placement::limiting_filter;
use miroir_settings::FacetOrders;
use serde::{Deserialize, Serialize};

use super::Totals;
use crate::answers::Answers;
use crate::errors::user_error;
use crate::merge::{Counts, Members, MergeError, Merged};
use crate::plan::body::{NodeBody, and};
use crate::plan::fields::Fields;
use crate::plan::{Layout, NodeRequest, PlanError, choose_around, seed};
use crate::request::{Paging, SearchRequest};
use crate::view::IndexView;

const UNCOUNTED: &str = "Searches of one index with and without `matchingStrategy: all` are not implemented in one list of \
                         hits where its ranking rules leave nothing between `words` and the last rule; use one \
                         `matchingStrategy`.";

/// The searches of one index, ready to be counted together.
#[derive(Debug, Clone)]
pub struct UnionPlan {
    /// One request for each node that is asked. The body's `indexUid` is the index on that node.
    pub requests: Vec<NodeRequest>,
    layout: Layout,
    uid: String,
    facet_orders: FacetOrders,
    max_values_per_facet: usize,
}

/// What is counted.
#[derive(Debug, Clone, Copy)]
pub struct UnionQuery<'a> {
    /// The searches.
    pub searches: &'a [&'a SearchRequest],
    /// Facets.
    pub facets: Option<&'a [String]>,
}

#[derive(Serialize)]
struct Body<'a> {
    queries: Vec<Query<'a>>,
    federation: Federation<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Query<'a> {
    index_uid: &'a str,
    #[serde(flatten)]
    search: NodeBody<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Federation<'a> {
    /// No hits, and exact totals where the page that is asked for has them.
    #[serde(flatten)]
    paging: BTreeMap<&'static str, usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    facets_by_index: Option<BTreeMap<&'a str, &'a [String]>>,
}

/// Plans the count over the nodes of the view; around an earlier plan, whose nodes may not all be there any more.
///
/// # Errors
/// When no copy of some shard can be searched.
pub fn plan_union(
    query: UnionQuery<'_>,
    index: &IndexView<'_>,
    before: Option<&UnionPlan>,
) -> Result<UnionPlan, PlanError> {
    let seeds = query
        .searches
        .iter()
        .map(|request| seed(request.q.as_deref(), request.filter.as_ref(), request.sort.as_deref()));
    let seed = seeds.fold(0, |all, seed| all ^ seed);
    let parts = choose_around(index.uid, index.shards, seed, before.map(|plan| &plan.layout))?;
    let fields: Vec<Fields> =
        query.searches.iter().map(|request| Fields::new(request, index.shown, &[])).collect();
    let requests = parts.iter().map(|part| {
        let ours = limiting_filter(part.wanted, part.node.held);
        let name = part.node.index.to_string();
        let queries = query.searches.iter().zip(&fields).map(|(request, fields)| {
            let mut search = NodeBody::without_hits(request, fields);
            search.filter = and(request.filter.as_ref(), ours.clone());
            Query { index_uid: &name, search }
        });
        let exact = query.searches.iter().any(|request| matches!(request.paging, Paging::Page { .. }));
        let paging = if exact { [("page", 1), ("hitsPerPage", 0)] } else { [("offset", 0), ("limit", 0)] };
        let facets_by_index = query.facets.map(|facets| BTreeMap::from([(name.as_str(), facets)]));
        let body = Body {
            queries: queries.collect(),
            federation: Federation { paging: paging.into(), facets_by_index },
        };
        let body = serde_json::to_string(&body).expect("texts, numbers and JSON values always serialise");
        NodeRequest { node: part.node.id.clone(), index: part.node.index, body }
    });
    Ok(UnionPlan {
        requests: requests.collect(),
        layout: Layout::of(&parts),
        uid: index.uid.to_owned(),
        facet_orders: index.shown.facet_orders.clone(),
        max_values_per_facet: index.shown.max_values_per_facet,
    })
}

/// What a node says.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    estimated_total_hits: Option<u64>,
    total_hits: Option<u64>,
    #[serde(borrow, default)]
    facets_by_index: BTreeMap<String, OfIndex<'a>>,
}

#[derive(Deserialize)]
struct OfIndex<'a> {
    #[serde(borrow)]
    distribution: Members<'a>,
    #[serde(borrow)]
    stats: Members<'a>,
}

/// Adds up what the nodes of a plan count.
///
/// # Errors
/// When an answer cannot be read.
pub fn merge_union<B: AsRef<[u8]>>(
    plan: &UnionPlan,
    answers: &Answers<B>,
) -> Result<Merged<Totals>, MergeError> {
    let lacking: Vec<NodeRequest> = answers.lacking(&plan.requests).cloned().collect();
    if !lacking.is_empty() {
        return Ok(Merged::Asks(lacking));
    }
    let mut counts = Counts::default();
    for request in &plan.requests {
        let body = answers.to(request).map(AsRef::as_ref).unwrap_or_default();
        let counted = serde_json::from_slice(body).and_then(|answer: Answer<'_>| {
            counts.total += answer.total_hits.or(answer.estimated_total_hits).unwrap_or(0);
            let mut facets = answer.facets_by_index.values();
            facets.try_for_each(|facets| counts.add_facets(&facets.distribution, &facets.stats))
        });
        counted.map_err(|cause| MergeError::Unreadable { node: request.node.clone(), cause })?;
    }
    Ok(Merged::Answer(counts.totals((&plan.facet_orders, plan.max_values_per_facet))))
}

/// The body of such a request for an index that the node has under another name.
pub fn union_renamed(body: &str, index: PhysicalName, name: &str) -> String {
    // In a text of the user's there would be a backslash before each of these quotes.
    let places = ["\"indexUid\":", "\"facetsByIndex\":{"];
    places.iter().fold(body.to_owned(), |body, place| {
        body.replace(&format!("{place}\"{index}\""), &format!("{place}\"{name}\""))
    })
}

impl UnionPlan {
    /// The error that a node's answer carries, for the user of the index.
    pub fn user_error(&self, node: &NodeId, body: &[u8]) -> Option<ResponseError> {
        let request = self.requests.iter().find(|request| request.node == *node)?;
        let error = user_error(&self.uid, request.index, body)?;
        // The user's rules can be compared; with ours after them a node may find that they cannot.
        if error.code == ErrorCode::InvalidMultiSearchQueryRankingRules {
            return Some(ResponseError::new(ErrorCode::MiroirNotImplemented, UNCOUNTED));
        }
        // The searches themselves are told what is wrong with them; what is left is about facets. The index may have got
        // another name meanwhile.
        let facets = error.message.split_once("Inside `.federation.facetsByIndex.");
        let text = facets.and_then(|(_, named)| named.split_once("`: "));
        Some(ResponseError::new(error.code, text.map_or(error.message.as_str(), |(_, text)| text)))
    }
}
