//! From a search to the requests that nodes are sent.

pub(crate) mod body;
mod choose;
pub(crate) mod fields;
pub(crate) mod window;

use miroir_api::{ApiVersion, ErrorCode, ResponseError};
use miroir_model::{NodeId, PhysicalName, ShardId, UnitSet};
use miroir_placement::cover;
use miroir_settings::FacetOrders;
use xxhash_rust::xxh3::xxh3_64;

use crate::request::SearchRequest;
use crate::view::IndexView;
pub use body::condition;
use body::{NodeBody, NodePaging, and};
pub(crate) use choose::{Part, choose};
use fields::Fields;
use window::Window;

/// One request to one node.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// One request for each node that is asked.
    pub requests: Vec<NodeRequest>,
    pub(crate) uid: String,
    pub(crate) version: ApiVersion,
    /// The answer is one node's own text.
    pub(crate) whole: bool,
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

impl From<PlanError> for ResponseError {
    fn from(error: PlanError) -> Self {
        Self::new(ErrorCode::MiroirShardUnavailable, error.to_string())
    }
}

/// Plans a search: one request to each of the fewest nodes that have every shard.
///
/// # Errors
/// When no copy of some shard can be searched.
pub fn plan(request: &SearchRequest, index: &IndexView<'_>) -> Result<Plan, PlanError> {
    let lost = |shard| PlanError::ShardUnavailable { index: index.uid.to_owned(), shard };
    let parts = choose(index.shards, seed(request)).map_err(lost)?;
    let whole = !index.tie_rule && parts.len() == 1;
    let distinct = request.distinct.clone().or_else(|| index.shown.distinct.clone());
    let needed: Vec<&str> = match whole {
        true => Vec::new(),
        false => index.primary_key.into_iter().chain(distinct.as_deref()).collect(),
    };
    let mut plan = Plan {
        requests: Vec::new(),
        uid: index.uid.to_owned(),
        version: index.version,
        whole,
        fields: Fields::new(request, index.shown, &needed),
        window: Window::new(request.paging, index.shown.max_total_hits),
        request: request.clone(),
        primary_key: index.primary_key.map(str::to_owned),
        distinct,
        max_values_per_facet: index.shown.max_values_per_facet,
        facet_orders: index.shown.facet_orders.clone(),
    };
    plan.requests = parts.iter().map(|part| plan.request_to(part)).collect();
    Ok(plan)
}

impl Plan {
    fn request_to(&self, part: &Part<'_>) -> NodeRequest {
        let mut body = self.body(self.window.asked(self.whole));
        body.filter = and(self.request.filter.as_ref(), limited_to(part.wanted, part.node.held));
        NodeRequest { node: part.node.id.clone(), index: part.node.index, body: body.to_json() }
    }

    pub(crate) fn body(&self, paging: NodePaging) -> NodeBody<'_> {
        let mut body = NodeBody::new(&self.request, &self.fields, paging);
        body.show_ranking_score_details |= !self.whole;
        body
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
fn seed(request: &SearchRequest) -> u64 {
    let mut text = request.q.clone().unwrap_or_default();
    for part in
        [&request.filter.as_ref().map(ToString::to_string), &request.sort.as_ref().map(|s| s.join(","))]
    {
        text.push('\0');
        text.push_str(part.as_deref().unwrap_or_default());
    }
    xxh3_64(text.as_bytes())
}
