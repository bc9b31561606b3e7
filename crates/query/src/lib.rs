//! Everything about a search that needs no I/O.
//!
//! [`SearchRequest`] is what a user asks for, [`plan`] says which nodes are asked for what, [`merge`] makes their answers
//! one: the answer of one Meilisearch that holds all documents. Both are pure functions of a small view of the state, and
//! the differential test against one node holds them to it.

mod answers;
mod errors;
mod explain;
mod facet_search;
mod federated;
pub mod filter;
mod listing;
mod merge;
mod metadata;
mod path;
mod plan;
mod request;
mod reserved;
mod similar;
mod view;

pub use answers::{Answers, ran_out_of_time};
pub use errors::user_error;
pub use explain::{Asked, Explanation, Warning, explain};
pub use facet_search::{
    FacetPlan, FacetSearchRequest, facet_search_from_json, merge_facet_search, plan_facet_search,
};
pub use federated::{
    Compatible, Contribution, Federated, FederatedIndex, Kind, Misplaced, OneOrder, Ranked, Totals,
    UnionPlan, UnionQuery, federate, merge_union, plan_union, union_renamed,
};
pub use listing::{
    ListPlan, ListRequest, Listed, copies_of, list_from_json, list_from_parameters, merge_list, plan_list,
    without_reserved,
};
pub use merge::{MergeError, Merged, Meta, merge, merge_federated};
pub use plan::{NodeRequest, Plan, PlanError, plan, plan_around, plan_federated};
pub use request::{
    Federation, Hybrid, MatchingStrategy, MergeFacets, MultiQuery, MultiRequest, Paging, RequestError,
    SearchRequest, from_json, from_parameters, multi_from_json,
};
pub use reserved::{check_facet_search, check_facets, check_list, check_reserved_facets, check_search};
pub use similar::{
    Likeness, SimilarPlan, SimilarRequest, SourceVector, check_similar, merge_similar, plan_similar,
    similar_from_json, similar_from_parameters, similar_to_none,
};
pub use view::{IndexView, NodeView, ShardView, Shown};
