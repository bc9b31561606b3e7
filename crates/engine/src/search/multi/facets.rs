//! The facets of a list of the hits of several queries.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use milli::{Object, OrderBy, normalize_facet};
use serde_json::{Map, Value, json};

use super::distinct::{FacetValue, values};
use super::request::MergeFacets;
use crate::search::facets::{Counted, Facets};

/// The facets of one index.
pub(super) struct OfIndex {
    pub(super) uid: String,
    pub(super) facets: Facets,
    /// Documents that were counted and are not in the list after all.
    pub(super) rejected: Vec<Object>,
}

/// The members of the answer that show facets.
pub(super) fn members(merge: Option<MergeFacets>, indexes: Vec<OfIndex>) -> Map<String, Value> {
    if indexes.is_empty() {
        return Map::new();
    }
    let Some(merge) = merge else {
        let by_index = indexes.into_iter().map(|OfIndex { uid, mut facets, rejected }| {
            facets.remove(&values_of(&facets, &rejected));
            let (distribution, stats) = facets.into_json();
            (uid, json!({ "distribution": distribution, "stats": stats }))
        });
        return Map::from_iter([("facetsByIndex".to_owned(), Value::Object(by_index.collect()))]);
    };
    let mut all = Facets { values: BTreeMap::new(), stats: BTreeMap::new() };
    let mut removed = Vec::new();
    for OfIndex { facets, rejected, .. } in indexes {
        removed.push(values_of(&facets, &rejected));
        all.add(facets);
    }
    all.settle(merge);
    removed.iter().for_each(|values| all.remove(values));
    let (distribution, stats) = all.into_json();
    Map::from_iter([("facetDistribution".to_owned(), distribution), ("facetStats".to_owned(), stats)])
}

/// The values that documents have of the facets that were counted.
fn values_of(facets: &Facets, documents: &[Object]) -> BTreeMap<String, Vec<FacetValue>> {
    let of_facet = |facet: &String| {
        let values = documents.iter().flat_map(|document| values(document, facet));
        (facet.clone(), values.collect())
    };
    facets.values.keys().map(of_facet).collect()
}

impl Facets {
    /// Adds those of another index. A facet keeps the order that it has in the first index.
    fn add(&mut self, other: Self) {
        for (facet, Counted { order, values }) in other.values {
            let all = self.values.entry(facet).or_insert_with(|| Counted { order, values: Vec::new() });
            let places = places(&all.values);
            for (value, count) in values {
                match places.get(&value) {
                    Some(&place) => all.values[place].1 += count,
                    None => all.values.push((value, count)),
                }
            }
        }
        for (facet, (min, max)) in other.stats {
            let all = self.stats.entry(facet).or_insert((min, max));
            *all = (all.0.min(min), all.1.max(max));
        }
    }

    /// Puts the values in order, and cuts them.
    fn settle(&mut self, merge: MergeFacets) {
        for Counted { order, values } in self.values.values_mut() {
            match order {
                OrderBy::Lexicographic => values.sort_by(|(a, _), (b, _)| a.cmp(b)),
                OrderBy::Count => values.sort_by_key(|(_, count)| Reverse(*count)),
            }
            values.truncate(merge.max_values_per_facet.unwrap_or(usize::MAX));
        }
    }

    fn remove(&mut self, removed: &BTreeMap<String, Vec<FacetValue>>) {
        for (facet, values) in removed {
            if let Some(counted) = self.values.get_mut(facet) {
                counted.remove(values);
            }
        }
    }
}

impl Counted {
    fn remove(&mut self, removed: &[FacetValue]) {
        if removed.is_empty() {
            return;
        }
        let exact = places(&self.values);
        let changed = |(label, place): (&String, &usize)| {
            let text = normalize_facet(label);
            (text != *label).then_some((text, *place))
        };
        let folded: HashMap<String, usize> = exact.iter().filter_map(changed).collect();
        for value in removed {
            let place = match value {
                FacetValue::Number(number) => exact.get(number),
                FacetValue::Text(text) => folded.get(text).or_else(|| exact.get(text)),
            };
            if let Some((_, count)) = place.and_then(|place| self.values.get_mut(*place)) {
                *count = count.saturating_sub(1);
            }
        }
        self.values.retain(|(_, count)| *count > 0);
    }
}

fn places(values: &[(String, u64)]) -> HashMap<String, usize> {
    values.iter().enumerate().map(|(place, (label, _))| (label.clone(), place)).collect()
}
