//! The values of a facet over all nodes, in Meilisearch's order.
//!
//! Meilisearch goes through the values that match, least first: as facets compare them (`normalize_facet`), or, when they
//! are searched by a query, as its tokeniser folds them (no accents, say) and by that within. Of the first so many in this
//! order the answer consists, or, by count, of those with the most documents; then of several with as many documents as
//! the last that fits, each later one takes the place of the one with the least text (`ValuesCollection` of
//! `milli/src/search/facet/search.rs`).

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use charabia::normalizer::NormalizerOption;
use charabia::{Normalize, StrDetection, Token};
use miroir_settings::FacetOrder;
use serde::Deserialize;

use crate::merge::{Text, normalized};

/// The values that match, with their counts.
pub(super) struct Values<'a> {
    folds: bool,
    known: BTreeMap<Key, (Cow<'a, str>, u64)>,
    /// The values in the node's own order, where only one node has any: it knows best how it folds them.
    alone: Option<Vec<Key>>,
}

/// What values are ordered by: as the tokeniser folds them, where that counts, and as facets compare them.
type Key = (String, String);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NodeAnswer<'a> {
    #[serde(borrow)]
    facet_hits: Vec<NodeValue<'a>>,
}

#[derive(Deserialize)]
struct NodeValue<'a> {
    #[serde(borrow)]
    value: Text<'a>,
    count: u64,
}

impl<'a> Values<'a> {
    /// No values yet; `queried` when they are searched by a query.
    pub(super) fn new(queried: bool) -> Self {
        Self { folds: queried, known: BTreeMap::new(), alone: None }
    }

    /// Adds what a node says.
    pub(super) fn add(&mut self, answer: &'a [u8]) -> serde_json::Result<()> {
        let NodeAnswer { facet_hits } = serde_json::from_slice::<NodeAnswer<'a>>(answer)?;
        if facet_hits.is_empty() {
            return Ok(());
        }
        let mut order = Vec::with_capacity(facet_hits.len());
        let alone = self.known.is_empty();
        for NodeValue { value: Text(label), count } in facet_hits {
            let normal = normalized(&label);
            let key = (if self.folds { folded(&normal) } else { String::new() }, normal);
            order.push(key.clone());
            self.known.entry(key).or_insert((label, 0)).1 += count;
        }
        self.alone = alone.then_some(order);
        Ok(())
    }

    /// The values of an answer.
    pub(super) fn best(&self, order: FacetOrder, limit: usize) -> Vec<(&str, u64)> {
        let all = self.known.values().map(|(label, count)| (label.as_ref(), *count));
        match (order, &self.alone) {
            (FacetOrder::Alpha, Some(order)) => {
                let known = order.iter().filter_map(|key| self.known.get(key));
                known.map(|(label, count)| (label.as_ref(), *count)).take(limit).collect()
            }
            (FacetOrder::Alpha, None) => all.take(limit).collect(),
            (FacetOrder::Count, _) => most(all, limit),
        }
    }
}

/// Those with the greatest counts, the greatest first, then the greater text.
fn most<'v>(values: impl Iterator<Item = (&'v str, u64)>, limit: usize) -> Vec<(&'v str, u64)> {
    let mut kept = BinaryHeap::new();
    for (label, count) in values {
        if kept.len() < limit {
            kept.push(Reverse((count, label)));
        } else if let Some(mut worst) = kept.peek_mut()
            && worst.0.0 <= count
        {
            *worst = Reverse((count, label));
        }
    }
    kept.into_sorted_vec().into_iter().map(|Reverse((count, label))| (label, count)).collect()
}

/// A value, as facets compare it, as the tokeniser folds it (`normalize_facet_string`). The languages that an attribute
/// may be set to have are not known here: where the tokeniser goes by them the order can differ.
fn folded(text: &str) -> String {
    let options = NormalizerOption { lossy: true, ..NormalizerOption::default() };
    let mut detection = StrDetection::new(text, None);
    let token = Token { lemma: Cow::Borrowed(text), script: detection.script(), ..Token::default() };
    token.normalize(&options).lemma.into_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer(values: &[(&str, u64)]) -> String {
        let hits: Vec<_> =
            values.iter().map(|(value, count)| json!({ "value": value, "count": count })).collect();
        json!({ "facetHits": hits, "facetQuery": null, "processingTimeMs": 1 }).to_string()
    }

    fn best(queried: bool, answers: &[String], order: FacetOrder, limit: usize) -> Vec<(String, u64)> {
        let mut values = Values::new(queried);
        answers.iter().for_each(|answer| values.add(answer.as_bytes()).expect("an answer"));
        values.best(order, limit).into_iter().map(|(label, count)| (label.to_owned(), count)).collect()
    }

    fn listed(values: &[(&str, u64)]) -> Vec<(String, u64)> {
        values.iter().map(|(label, count)| ((*label).to_owned(), *count)).collect()
    }

    #[test]
    fn what_facets_take_for_one_value_is_one() {
        let answers = [answer(&[("Red", 2), ("blue", 1)]), answer(&[(" RED ", 3), ("Égal", 1)])];
        for queried in [false, true] {
            let found = best(queried, &answers, FacetOrder::Alpha, 9);
            let counts: Vec<u64> = found.iter().map(|(_, count)| *count).collect();
            assert_eq!(counts.iter().sum::<u64>(), 7, "{found:?}");
            assert!(found.contains(&("Red".to_owned(), 5)), "{found:?}");
            let egal = found.iter().position(|(label, _)| label == "Égal");
            assert_eq!(egal, Some(1), "{found:?}");
        }
    }

    /// As `ValuesCollection` does it: of a tie at the limit the later values stay.
    #[test]
    fn by_count_later_values_take_the_last_place() {
        let answers = [answer(&[("a", 1), ("b", 3), ("d", 1)]), answer(&[("c", 1), ("d", 1), ("true", 1)])];
        let found = best(false, &answers, FacetOrder::Count, 3);
        assert_eq!(found, listed(&[("b", 3), ("d", 2), ("true", 1)]));
        assert_eq!(best(false, &answers, FacetOrder::Count, 0), listed(&[]));
        assert_eq!(best(false, &answers, FacetOrder::Alpha, 2), listed(&[("a", 1), ("b", 3)]));
    }

    #[test]
    fn the_only_node_with_values_knows_their_order() {
        let answers = [answer(&[]), answer(&[("z", 1), ("a", 1)]), answer(&[])];
        assert_eq!(best(true, &answers, FacetOrder::Alpha, 9), listed(&[("z", 1), ("a", 1)]));
    }
}
