//! What needs an experimental feature.

use std::fmt;

use super::ast::{Condition, Filter, Token};
use super::cursor::Span;

/// An experimental feature that filters know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feature {
    /// `CONTAINS`.
    ContainsFilter,
    /// `_foreign(…)`.
    ForeignKeys,
    /// The attribute `_shard`.
    Network,
    /// `_vectors…`.
    Multimodal,
}

/// A feature that a filter needs. It prints as Meilisearch's error where the feature is off.
#[derive(Debug, Clone)]
pub struct Experimental<'a> {
    /// The feature.
    pub feature: Feature,
    /// What needs it.
    pub at: Span<'a>,
}

impl<'a> Filter<'a> {
    /// The experimental feature that it needs, the first of several in the order of [`Feature`].
    pub fn experimental(&self) -> Option<Experimental<'a>> {
        let features = [Feature::ContainsFilter, Feature::ForeignKeys, Feature::Network, Feature::Multimodal];
        features.into_iter().find_map(|feature| {
            self.first(&|filter| needing(filter, feature))
                .map(|token| Experimental { feature, at: token.span() })
        })
    }

    /// What `find` finds in the first of its conditions in which it finds anything.
    fn first<'f>(&'f self, find: &impl Fn(&'f Self) -> Option<&'f Token<'a>>) -> Option<&'f Token<'a>> {
        find(self).or_else(|| match self {
            Self::Not(filter) | Self::Foreign { filter, .. } => filter.first(find),
            Self::Or(filters) | Self::And(filters) => filters.iter().find_map(|filter| filter.first(find)),
            _ => None,
        })
    }
}

/// What in a condition needs the feature.
fn needing<'f, 'a>(filter: &'f Filter<'a>, feature: Feature) -> Option<&'f Token<'a>> {
    match (feature, filter) {
        (Feature::ContainsFilter, Filter::Condition { is: Condition::Contains { keyword, .. }, .. }) => {
            Some(keyword)
        }
        (Feature::ForeignKeys, Filter::Foreign { attribute, .. }) => Some(attribute),
        (
            Feature::Network,
            Filter::Condition { attribute, .. }
            | Filter::In { attribute, .. }
            | Filter::Foreign { attribute, .. },
        ) => Some(attribute).filter(|attribute| attribute.value() == "_shard"),
        (Feature::Multimodal, Filter::VectorsExist { attribute, .. }) => Some(attribute),
        _ => None,
    }
}

impl fmt::Display for Experimental<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (action, feature, discussion) = match self.feature {
            Feature::ContainsFilter => ("Using `CONTAINS` in a filter", "contains filter", 763),
            Feature::ForeignKeys => ("using a foreign filter", "foreign_keys", 873),
            Feature::Network => ("using a shard filter", "network", 805),
            Feature::Multimodal => ("using a vector filter", "multimodal", 846),
        };
        write!(
            f,
            "{action} requires enabling the `{feature}` experimental feature. See \
             https://github.com/orgs/meilisearch/discussions/{discussion}\n{}",
            self.at
        )
    }
}
