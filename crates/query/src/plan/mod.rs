//! From a search to the requests that nodes are sent.

pub(crate) mod body;
mod choose;
pub(crate) mod fields;
mod narrow;
pub(crate) mod window;

use miroir_api::ApiVersion;
use miroir_model::{NodeId, PhysicalName, ShardId, UnitSet};
use miroir_placement::cover;
use miroir_settings::FacetOrders;
use serde_json::Value;
use xxhash_rust::xxh3::xxh3_64;

use crate::federated::Federated;
use crate::request::SearchRequest;
use crate::view::{IndexView, ShardView};
pub use body::condition;
use body::{NodeBody, NodePaging, among, and};
pub(crate) use choose::{Layout, Part, choose, choose_around};
use fields::Fields;
use narrow::narrowed;
use window::Window;

/// How many hits a node gives at least, whatever the user's limit is.
const NODE_HITS: usize = miroir_settings::NODE_HITS as usize;

/// One request to one node.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NodeRequest {
    /// The node.
    pub node: NodeId,
    /// The index there: the request goes to `POST /indexes/{index}/search` (or `…/documents/fetch` for a listing).
    pub index: PhysicalName,
    /// The body, JSON.
    pub body: String,
}

/// A search, ready to be sent: the requests, and what their answers are merged by.
#[derive(Debug, Clone)]
pub struct Plan {
    /// One request for each node that is asked, to begin with.
    pub requests: Vec<NodeRequest>,
    /// What limits each of them: the user's filter and ours.
    filters: Vec<Option<Value>>,
    layout: Layout,
    pub(crate) uid: String,
    pub(crate) version: ApiVersion,
    /// The answer is one node's own text.
    pub(crate) whole: bool,
    /// The hits are one node's, in its order.
    pub(crate) in_order: bool,
    /// The search is one of several whose hits become one list.
    pub(crate) federated: Option<Federated>,
    pub(crate) request: SearchRequest,
    pub(crate) fields: Fields,
    pub(crate) window: Window,
    pub(crate) primary_key: Option<String>,
    pub(crate) distinct: Option<String>,
    pub(crate) max_values_per_facet: usize,
    pub(crate) facet_orders: FacetOrders,
}

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// No copy of a shard can be searched.
    #[error(
        "Shard {shard} of index `{index}` is unavailable: none of its copies can be searched now (`miroir-ctl status` says why)."
    )]
    ShardUnavailable {
        /// The index, as the user named it.
        index: String,
        /// The shard.
        shard: ShardId,
    },
}

/// Plans a search: one request to each of the fewest nodes that have every shard, or, where the filter names ids, the
/// shards that own these.
///
/// # Errors
/// When no copy of some shard can be searched.
pub fn plan(request: &SearchRequest, index: &IndexView<'_>) -> Result<Plan, PlanError> {
    Ok(of_parts(request, index, &Parts::of(request, index, None)?.parts))
}

/// Plans a search again when some of the nodes that it was to ask are not among those of the view any more. What the
/// others were asked stays as it is.
///
/// # Errors
/// When no copy of some shard can be searched.
pub fn plan_around(request: &SearchRequest, index: &IndexView<'_>, before: &Plan) -> Result<Plan, PlanError> {
    Ok(of_parts(request, index, &Parts::of(request, index, Some(&before.layout))?.parts))
}

/// Plans a search whose hits become one list with those of others, as [`plan`] and [`plan_around`] do.
///
/// # Errors
/// When no copy of some shard can be searched.
pub fn plan_federated(
    (request, federated): (&SearchRequest, &Federated),
    index: &IndexView<'_>,
    before: Option<&Plan>,
) -> Result<Plan, PlanError> {
    let parts = Parts::of(request, index, before.map(|plan| &plan.layout))?.parts;
    Ok(build((request, Some(federated)), index, &parts))
}

/// Which node is asked for what.
pub(crate) struct Parts<'a> {
    /// The shards that the filter leaves, where it names ids.
    pub(crate) narrowed: Option<Vec<ShardView<'a>>>,
    pub(crate) parts: Vec<Part<'a>>,
}

impl<'a> Parts<'a> {
    pub(crate) fn of(
        request: &SearchRequest,
        index: &IndexView<'a>,
        around: Option<&Layout>,
    ) -> Result<Self, PlanError> {
        let seed = seed(request.q.as_deref(), request.filter.as_ref(), request.sort.as_deref());
        let unfaceted = request.facets.as_ref().is_none_or(Vec::is_empty);
        let filter = request.filter.as_ref().filter(|_| unfaceted);
        let narrowed = narrowed(index.shards, filter, index.primary_key);
        let shards = narrowed.as_deref().unwrap_or(index.shards);
        let parts = choose_around(index.uid, shards, seed, around)?;
        Ok(Self { narrowed, parts })
    }
}

pub(crate) fn of_parts(request: &SearchRequest, index: &IndexView<'_>, parts: &[Part<'_>]) -> Plan {
    build((request, None), index, parts)
}

fn build(
    (request, federated): (&SearchRequest, Option<&Federated>),
    index: &IndexView<'_>,
    parts: &[Part<'_>],
) -> Plan {
    let in_order = !index.tie_rule && parts.len() == 1;
    let whole = in_order && federated.is_none();
    let distinct = request.distinct.clone().or_else(|| index.shown.distinct.clone());
    let reads = federated.iter().flat_map(|federated| federated.reads.iter().map(String::as_str));
    let needed: Vec<&str> = match whole {
        true => Vec::new(),
        false => index.primary_key.into_iter().chain(distinct.as_deref()).chain(reads).collect(),
    };
    let mut plan = Plan {
        requests: Vec::new(),
        filters: Vec::new(),
        layout: Layout::of(parts),
        uid: index.uid.to_owned(),
        version: index.version,
        whole,
        in_order,
        federated: federated.cloned(),
        fields: Fields::new(request, index.shown, &needed),
        window: Window::new(request.paging, index.shown.max_total_hits),
        request: request.clone(),
        primary_key: index.primary_key.map(str::to_owned),
        distinct,
        max_values_per_facet: index.shown.max_values_per_facet,
        facet_orders: index.shown.facet_orders.clone(),
    };
    let filter = |part: &Part<'_>| and(plan.request.filter.as_ref(), limited_to(part.wanted, part.node.held));
    plan.filters = parts.iter().map(filter).collect();
    plan.requests = parts.iter().enumerate().map(|(number, part)| plan.request_to(number, part)).collect();
    plan
}

/// How many times as many hits a node is asked for when it turns out that it was asked for too few.
const DEEPER: usize = 4;

impl Plan {
    fn request_to(&self, number: usize, part: &Part<'_>) -> NodeRequest {
        let mut body = self.body(self.window.asked(self.whole));
        body.filter.clone_from(&self.filters[number]);
        NodeRequest { node: part.node.id.clone(), index: part.node.index, body: body.to_json() }
    }

    /// The user's search as nodes are asked for it, with the user's filter only. The least score is not theirs to judge:
    /// a document's score on one node can be less than it is among all documents.
    pub(crate) fn body(&self, paging: NodePaging) -> NodeBody<'_> {
        let mut body = NodeBody::new(&self.request, &self.fields, paging);
        body.show_ranking_score_details |= !self.whole;
        body.show_ranking_score |= self.federated.is_some();
        if !self.whole && body.ranking_score_threshold.take().is_some() {
            body.show_ranking_score = true;
        }
        body
    }

    /// After so many hits of a node how many it is asked for next; `None` when it has no more to give.
    pub(crate) fn deeper(&self, asked: usize) -> Option<usize> {
        let most = self.window.max_total_hits.max(NODE_HITS);
        (asked < most).then(|| asked.saturating_mul(DEEPER).min(most))
    }

    /// More hits of a node, and nothing but hits.
    pub(crate) fn hits_request(&self, number: usize, hits: usize) -> NodeRequest {
        let mut body = self.body(self.window.first(hits));
        body.facets = None;
        body.filter.clone_from(&self.filters[number]);
        NodeRequest { body: body.to_json(), ..self.requests[number].clone() }
    }

    /// All hits of one slot of a node.
    pub(crate) fn slot_request(&self, number: usize, slot: &str) -> NodeRequest {
        let mut body = self.body(NodePaging::Window { offset: 0, limit: NODE_HITS });
        body.facets = None;
        let limited = among("IN", std::iter::once(slot.to_owned()));
        body.filter = and(self.request.filter.as_ref(), Some(limited));
        NodeRequest { body: body.to_json(), ..self.requests[number].clone() }
    }

    /// What a node counts when it leaves out itself what scores too little.
    pub(crate) fn threshold_request(&self, number: usize) -> NodeRequest {
        let mut body = self.body(self.window.asked(false));
        body.ranking_score_threshold = self.request.ranking_score_threshold;
        body.filter.clone_from(&self.filters[number]);
        NodeRequest { body: body.to_json(), ..self.requests[number].clone() }
    }

    /// The user's search with the user's filter alone, for one of the nodes. When nodes refuse a filter, their text
    /// quotes ours with it: this asks for a text that does not. Nothing is to be taken from its hits.
    pub fn user_filter_alone(&self) -> Option<NodeRequest> {
        let first = self.requests.first()?;
        let body = self.body(NodePaging::Window { offset: 0, limit: 0 }).to_json();
        Some(NodeRequest { body, ..first.clone() })
    }
}

/// The condition that limits a node's documents to the wanted units.
pub(crate) fn limited_to(wanted: UnitSet, held: UnitSet) -> Option<String> {
    cover(wanted, held).map(|cover| condition(&cover))
}

/// A hash of what is searched, the same for all pages of it.
pub(crate) fn seed(q: Option<&str>, filter: Option<&Value>, sort: Option<&[String]>) -> u64 {
    let mut text = q.unwrap_or_default().to_owned();
    for part in [filter.map(ToString::to_string), sort.map(|sort| sort.join(","))] {
        text.push('\0');
        text.push_str(part.as_deref().unwrap_or_default());
    }
    xxh3_64(text.as_bytes())
}
