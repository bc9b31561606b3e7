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
            let mut places: BTreeMap<String, usize> =
                sums.iter().enumerate().map(|(place, (label, _))| (label.clone(), place)).collect();
            for (label, count) in values {
                match places.get(&label) {
                    Some(place) => sums[*place].1 += count,
                    None => {
                        places.insert(label.clone(), sums.len());
                        sums.push((label, count));
                    }
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

    /// Takes out hits that are not in the list after all (`ComputedFacets::remove_hits` of Meilisearch): of several labels
    /// of a value the last one that is not written as values are compared.
    pub(super) fn remove<'a>(&mut self, hits: impl Iterator<Item = &'a FederatedHit> + Clone) {
        for (facet, values) in &mut self.values {
            let mut taken = hits.clone().flat_map(|hit| hit.values_of(facet)).peekable();
            if taken.peek().is_none() {
                continue;
            }
            let (mut exact, mut folded) = (BTreeMap::new(), BTreeMap::new());
            for (place, (label, _)) in values.iter().enumerate() {
                let compared = normalized(label);
                let places = if compared == *label { &mut exact } else { &mut folded };
                places.insert(compared, place);
            }
            for value in taken {
                let place = match value {
                    FacetValue::Text(text) => folded.get(text).or_else(|| exact.get(text)),
                    FacetValue::Number(number) => exact.get(number),
                };
                if let Some(place) = place {
                    values[*place].1 = values[*place].1.saturating_sub(1);
                }
            }
            values.retain(|(_, count)| *count > 0);
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
