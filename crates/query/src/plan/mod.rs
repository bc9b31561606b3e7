//! From a search to the requests that nodes are sent.

pub(crate) mod body;
mod choose;
pub(crate) mod fields;
mod narrow;
pub(crate) mod near;
pub(crate) mod window;

use miroir_api::ApiVersion;
use miroir_model::{NodeId, PhysicalName, ShardId, reserved};
use miroir_placement::limiting_filter;
use miroir_settings::FacetOrders;
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};
use xxhash_rust::xxh3::xxh3_64;

use crate::federated::Federated;
use crate::request::hybrid::Means;
use crate::request::{Paging, SearchRequest};
use crate::view::{IndexView, ShardView};
use body::{NodeBody, NodePaging, and};
pub(crate) use choose::{Layout, Part, choose, choose_around};
use fields::Fields;
use narrow::narrowed;
use near::By;
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
    /// Where each of them goes.
    targets: Vec<Target>,
    layout: Layout,
    pub(crate) uid: String,
    pub(crate) version: ApiVersion,
    /// The answer is one node's own text.
    pub(crate) whole: bool,
    /// The hits are one node's, in its order.
    pub(crate) in_order: bool,
    /// Documents like one are looked for: hits are scored by their vectors alone.
    pub(crate) similar: bool,
    /// The search is one of several whose hits become one list.
    pub(crate) federated: Option<Federated>,
    pub(crate) request: SearchRequest,
    /// The user's vector.
    pub(crate) vector: Option<Box<RawValue>>,
    pub(crate) fields: Fields,
    pub(crate) window: Window,
    pub(crate) primary_key: Option<String>,
    pub(crate) distinct: Option<String>,
    /// The distinct attribute can be asked for as a facet.
    distinct_is_facet: bool,
    pub(crate) max_values_per_facet: usize,
    pub(crate) facet_orders: FacetOrders,
}

/// A node that is asked.
#[derive(Debug, Clone)]
struct Target {
    node: NodeId,
    index: PhysicalName,
    /// What limits it: the user's filter and ours.
    filter: Option<Value>,
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
        targets: Vec::new(),
        layout: Layout::of(parts),
        uid: index.uid.to_owned(),
        version: index.version,
        whole,
        in_order,
        federated: federated.cloned(),
        similar: false,
        fields: Fields::new(request, index.shown, &needed),
        window: Window::new(request.paging, index.shown.max_total_hits, request.means()),
        request: request.clone(),
        vector: request.vector.as_ref().map(|vector| to_raw_value(vector).expect("numbers always serialise")),
        primary_key: index.primary_key.map(str::to_owned),
        distinct,
        // Nodes refuse one of the request's that cannot.
        distinct_is_facet: request.distinct.is_some() || index.shown.distinct_is_filterable,
        max_values_per_facet: index.shown.max_values_per_facet,
        facet_orders: index.shown.facet_orders.clone(),
    };
    let target = |part: &Part<'_>| Target {
        node: part.node.id.clone(),
        index: part.node.index,
        filter: and(plan.request.filter.as_ref(), limiting_filter(part.wanted, part.node.held)),
    };
    plan.targets = parts.iter().map(target).collect();
    plan.requests = (0..parts.len()).map(|number| plan.first_request(number, plan.by())).collect();
    plan
}

/// How many times as many hits a node is asked for when it turns out that it was asked for too few.
const DEEPER: usize = 4;

impl Plan {
    /// A request to a node of the plan.
    fn to(&self, number: usize, body: &NodeBody<'_>) -> NodeRequest {
        let Target { node, index, .. } = &self.targets[number];
        NodeRequest { node: node.clone(), index: *index, body: body.to_json() }
    }

    /// The same of what is wanted of that node.
    fn limited(&self, number: usize, mut body: NodeBody<'_>) -> NodeRequest {
        body.filter.clone_from(&self.targets[number].filter);
        self.to(number, &body)
    }

    /// What limits the answer of a node.
    pub(crate) fn filter_of(&self, number: usize) -> Option<&Value> {
        self.targets.get(number)?.filter.as_ref()
    }

    /// What a node is asked first.
    pub(crate) fn first_request(&self, number: usize, by: By<'_>) -> NodeRequest {
        let paging = if self.whole { self.window.users() } else { self.window.first(self.window.hits()) };
        self.limited(number, self.body(paging, by))
    }

    /// The user's search as nodes are asked for it, with the user's filter only. The least score is not theirs to judge:
    /// a document's score on one node can be less than it is among all documents.
    pub(crate) fn body<'a>(&'a self, paging: NodePaging, by: By<'a>) -> NodeBody<'a> {
        let mut body = NodeBody::new(&self.request, &self.fields, paging);
        body.show_ranking_score_details |= !self.whole;
        body.show_ranking_score |= self.federated.is_some() || self.is_hybrid();
        if !self.whole && body.ranking_score_threshold.take().is_some() {
            body.show_ranking_score = true;
        }
        self.found_by(body, by)
    }

    /// After so many hits of a node how many it is asked for next; `None` when it has no more to give.
    pub(crate) fn deeper(&self, asked: usize) -> Option<usize> {
        let most = self.window.max_total_hits.max(NODE_HITS);
        (asked < most).then(|| asked.saturating_mul(DEEPER).min(most))
    }

    /// More hits of a node, and nothing but hits.
    pub(crate) fn hits_request(&self, number: usize, hits: usize, by: By<'_>) -> NodeRequest {
        let mut body = self.body(self.window.first(hits), by);
        body.facets = None;
        self.limited(number, body)
    }

    /// All hits of one slot of a node.
    pub(crate) fn slot_request(&self, number: usize, slot: &str, by: By<'_>) -> NodeRequest {
        let mut body = self.body(NodePaging::Window { offset: 0, limit: NODE_HITS }, by);
        body.facets = None;
        let limited = reserved::with_one_of([slot.to_owned()]);
        body.filter = and(self.request.filter.as_ref(), Some(limited));
        self.to(number, &body)
    }

    /// What a node counts when it leaves out itself what scores too little.
    pub(crate) fn threshold_request(&self, number: usize, by: By<'_>) -> NodeRequest {
        let mut body = self.body(self.window.first(self.window.hits()), by);
        body.ranking_score_threshold = self.request.ranking_score_threshold;
        self.limited(number, body)
    }

    /// Whether the answer says how many hits there are of all distinct values, which nodes cannot tell each for itself.
    /// Meilisearch counts them all for pages only; with a least score that is what is left to count of nodes' own.
    pub(crate) fn counts_values(&self) -> bool {
        self.targets.len() > 1
            && self.distinct.is_some()
            && matches!(self.window.paging, Paging::Page { .. })
            && self.request.means() == Means::Words
            && self.request.ranking_score_threshold.is_none()
    }

    /// What a node counts of all that matches, and of the values of the distinct attribute: where no hit is asked for, no
    /// document is left out for its value.
    pub(crate) fn undistinct_request(&self, number: usize) -> NodeRequest {
        let attribute = self.distinct.iter().filter(|_| self.distinct_is_facet);
        let facets: Vec<String> = self.request.facets.iter().flatten().chain(attribute).cloned().collect();
        let mut body = self.body(NodePaging::Window { offset: 0, limit: 0 }, By::Words);
        body.facets = Some(&facets);
        self.limited(number, body)
    }

    /// The user's search with the user's filter alone, for one of the nodes. When nodes refuse a filter, their text
    /// quotes ours with it: this asks for a text that does not. Nothing is to be taken from its hits.
    pub fn user_filter_alone(&self) -> Option<NodeRequest> {
        self.requests.first()?;
        let body = self.body(NodePaging::Window { offset: 0, limit: 0 }, self.by());
        Some(self.to(0, &body))
    }
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
