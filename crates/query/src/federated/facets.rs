//! The facets of a list of the hits of several searches.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use miroir_settings::FacetOrder;

use super::FederatedHit;
use crate::merge::{Extremes, FacetValue, normalized, write_lists, write_stats};
use crate::request::MergeFacets;

/// The facets of an index, or of several: the values of each in their order, and their least and greatest numbers.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Facets {
    values: BTreeMap<String, Vec<(String, u64)>>,
    stats: BTreeMap<String, Extremes>,
}

impl Facets {
    pub(crate) fn new<'a>(
        values: impl Iterator<Item = (&'a str, Vec<(&'a str, u64)>)>,
        stats: BTreeMap<String, Extremes>,
    ) -> Self {
        let owned = |(facet, list): (&str, Vec<(&str, u64)>)| {
            let list = list.into_iter().map(|(label, count)| (label.to_owned(), count));
            (facet.to_owned(), list.collect())
        };
        Self { values: values.map(owned).collect(), stats }
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.values.keys().map(String::as_str)
    }

    /// Adds those of another index. Values are one where their labels are, as Meilisearch has it here.
    pub(super) fn add(&mut self, other: Self) {
        for (facet, values) in other.values {
            let sums = self.values.entry(facet).or_default();
            for (label, count) in values {
                match sums.iter_mut().find(|(known, _)| *known == label) {
                    Some((_, sum)) => *sum += count,
                    None => sums.push((label, count)),
                }
            }
        }
        for (facet, new) in other.stats {
            self.stats.entry(facet).and_modify(|all| *all = all.and(new)).or_insert(new);
        }
    }

    /// Puts the values of each facet in its order, and cuts them.
    pub(super) fn settle(&mut self, order: impl Fn(&str) -> FacetOrder, merge: MergeFacets) {
        for (facet, values) in &mut self.values {
            match order(facet) {
                FacetOrder::Alpha => values.sort_by(|(a, _), (b, _)| a.cmp(b)),
                FacetOrder::Count => values.sort_by_key(|(_, count)| Reverse(*count)),
            }
            values.truncate(merge.max_values_per_facet.unwrap_or(usize::MAX));
        }
    }

    /// Takes out hits that are not in the list after all.
    pub(super) fn remove<'a>(&mut self, hits: impl Iterator<Item = &'a FederatedHit> + Clone) {
        for (facet, values) in &mut self.values {
            for value in hits.clone().flat_map(|hit| hit.values_of(facet)) {
                let is_it = |label: &str| match value {
                    FacetValue::Number(number) => label == number,
                    FacetValue::Text(text) => normalized(label) == *text,
                };
                if let Some(at) = values.iter().position(|(label, _)| is_it(label)) {
                    values[at].1 = values[at].1.saturating_sub(1);
                    values.retain(|(_, count)| *count > 0);
                }
            }
        }
    }

    pub(super) fn write_values(&self, out: &mut String) {
        let lists = self.values.iter().map(|(facet, values)| {
            (facet.as_str(), values.iter().map(|(label, count)| (label.as_str(), *count)).collect())
        });
        write_lists(lists, out);
    }

    pub(super) fn write_stats(&self, out: &mut String) {
        write_stats(self.stats.iter().map(|(facet, extremes)| (facet.as_str(), *extremes)), out);
    }
}
