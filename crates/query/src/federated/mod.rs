//! Several searches whose hits become one list: federated multi-searches.
//!
//! Each search is planned and merged over its index like any other, from the first hit to the end of the page, and gives
//! a [`Contribution`]: its hits, as its user sees them, with what they are compared by. [`federate`] makes one list of
//! them by Meilisearch's own rules, which know nothing of shards. What one search alone cannot count, because several
//! look for documents of one index, nodes count for all of these together ([`plan_union`]).

mod facets;
mod list;
mod rules;
#[cfg(test)]
mod tests;
mod union;
mod value;

use crate::merge::FacetValue;
use crate::metadata::Described;

pub(crate) use facets::Facets;
pub use list::{FederatedIndex, Misplaced, OneOrder, federate};
pub use rules::{Compatible, Kind, Ranked};
pub use union::{UnionPlan, UnionQuery, merge_union, plan_union, union_renamed};
pub(crate) use value::{Compared, Known, Value, scores_by_rule, values};

/// What a search adds to what is asked of nodes when its hits become one list with those of others.
#[derive(Debug, Clone, PartialEq)]
pub struct Federated {
    /// By what its scores are multiplied.
    pub weight: f64,
    /// The attributes whose values the list is made by, whether hits show them or not.
    pub reads: Vec<String>,
}

/// What one search brings to the list.
#[derive(Debug, Clone, PartialEq)]
pub struct Contribution {
    pub(crate) hits: Vec<FederatedHit>,
    /// What it counts.
    pub totals: Totals,
    /// Vectors were compared for it, so that all documents are found that the filter lets pass.
    pub compared: bool,
    /// They could be.
    pub(crate) compares_vectors: bool,
    /// The user asks to see vectors.
    pub(crate) shows_vectors: bool,
    /// What documents were compared with; JSON.
    pub(crate) query_vector: Option<String>,
    pub(crate) described: Described,
}

/// How many documents match, and of which values.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Totals {
    pub(crate) total: u64,
    pub(crate) facets: Option<Facets>,
}

impl Contribution {
    /// How many bytes its hits are.
    pub fn bytes(&self) -> usize {
        self.hits.iter().map(|hit| hit.text.len() + size_of::<FederatedHit>()).sum()
    }
}

impl Totals {
    /// The same with the facets that were asked for, be it none.
    #[must_use]
    pub fn with_facets(self) -> Self {
        Self { facets: Some(self.facets.unwrap_or_default()), ..self }
    }

    /// The same, where a count that reaches `most` may have been cut to it, with what was counted otherwise.
    #[must_use]
    pub fn beyond(self, most: usize, counted: Option<&Self>) -> Self {
        let cut = counted.filter(|_| self.total >= most as u64);
        Self { total: cut.map_or(self.total, |counted| counted.total), ..self }
    }
}

/// A hit, as its user sees it but for what is said about its place in the list.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FederatedHit {
    /// An object in JSON.
    pub(crate) text: String,
    pub(crate) id: String,
    pub(crate) compared: Compared,
    /// It was found by its vector.
    pub(crate) near: bool,
    /// The values of what [`Federated::reads`] names.
    pub(crate) facets: Vec<(String, Vec<FacetValue>)>,
}

impl FederatedHit {
    fn values_of(&self, attribute: &str) -> &[FacetValue] {
        let values = self.facets.iter().find(|(name, _)| name == attribute);
        values.map_or(&[], |(_, values)| values)
    }
}
