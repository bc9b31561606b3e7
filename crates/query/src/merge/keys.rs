//! What a hit is ordered by: its `_rankingScoreDetails`, rule by rule.
//!
//! Scores of two nodes do not compare as one number, because each is a fraction whose denominators depend on the
//! documents of the node. The parts do: `words` by its matching words, `typo` by its typos,
//! `exactness` by its kind of match and then its exact words, the others by their own score. The rules of 1.15 and
//! 1.50 differ in their names only.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::members::Text;

/// One rule's part of the order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Key<'a> {
    /// More is better.
    Rank(f64),
    /// By a value of the document.
    Sort { ascending: bool, value: SortValue<'a> },
    /// By the distance in metres. A document without a place is last, in both directions.
    Geo { ascending: bool, distance: Option<f64> },
    /// The search ran out of time before this rule: worst.
    Skipped,
}

/// A value that documents are sorted by.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum SortValue<'a> {
    /// Numbers come before texts, in both directions.
    Number(f64),
    /// By bytes; Meilisearch gives the normalised text.
    Text(Cow<'a, str>),
    /// A document without a value is last, in both directions.
    None,
}

/// The keys of a hit, first rule first.
#[derive(Debug, Default)]
pub(crate) struct Keys<'a> {
    pub(crate) keys: Vec<Key<'a>>,
    pub(crate) words: Option<(u64, u64)>,
    pub(crate) typo: Option<Typo>,
    /// Its vector, or that it has none, is among them.
    pub(crate) by_vector: bool,
}

/// What the typo rule says of a hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Typo {
    /// Its place among the keys.
    pub(crate) at: usize,
    pub(crate) count: u64,
    /// The most that any candidate *of that node* could have.
    pub(crate) max: u64,
    /// No rule before it but `words` adds to the score.
    pub(crate) after_words_only: bool,
}

/// A rule's details, of either version.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Rule<'a> {
    order: u32,
    pub(crate) score: Option<f64>,
    pub(crate) matching_words: Option<u64>,
    pub(crate) max_matching_words: Option<u64>,
    pub(crate) typo_count: Option<u64>,
    pub(crate) max_typo_count: Option<u64>,
    /// Of the rule `attribute`, the first of its two parts.
    pub(crate) attribute_ranking_order_score: Option<f64>,
    /// The second.
    pub(crate) query_word_distance_score: Option<f64>,
    #[serde(borrow)]
    pub(crate) match_type: Option<Text<'a>>,
    #[serde(borrow)]
    value: Option<&'a RawValue>,
    distance: Option<f64>,
    pub(crate) similarity: Option<f64>,
}

/// The details of all rules, with their names, first rule first.
pub(crate) struct Rules<'a>(pub(crate) Vec<(Text<'a>, Rule<'a>)>);

/// The key of a document without a vector, which comes after all that have one.
pub(crate) const NOT_NEAR: Key<'static> = Key::Rank(-1.0);

impl<'de: 'a, 'a> Deserialize<'de> for Keys<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Rules::deserialize(deserializer).map(|Rules(rules)| keys_of(&rules))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Rules<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;

        impl<'de> Visitor<'de> for Read {
            type Value = Rules<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the details of a ranking score")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut rules: Vec<(Text<'de>, Rule<'de>)> = Vec::with_capacity(10);
                while let Some(rule) = map.next_entry()? {
                    rules.push(rule);
                }
                rules.sort_by_key(|(_, rule)| rule.order);
                Ok(Rules(rules))
            }
        }

        deserializer.deserialize_map(Read)
    }
}

fn keys_of<'a>(rules: &[(Text<'a>, Rule<'a>)]) -> Keys<'a> {
    let mut keys = Keys { keys: Vec::with_capacity(rules.len()), ..Keys::default() };
    let mut scored_before = false;
    for (at, (Text(name), rule)) in rules.iter().enumerate() {
        let key = match name.as_ref() {
            "words" => {
                keys.words = rule.matching_words.zip(rule.max_matching_words);
                Key::Rank(rule.matching_words.unwrap_or(0) as f64)
            }
            "typo" => {
                let typo = rule.typo_count.zip(rule.max_typo_count);
                keys.typo =
                    typo.map(|(count, max)| Typo { at, count, max, after_words_only: !scored_before });
                Key::Rank(-(rule.typo_count.unwrap_or(0) as f64))
            }
            "exactness" => Key::Rank(exactness(rule)),
            "vectorSort" => {
                keys.by_vector = true;
                rule.similarity.map_or(NOT_NEAR, Key::Rank)
            }
            "skipped" => Key::Skipped,
            name => sort_key(name, rule).unwrap_or(Key::Rank(rule.score.unwrap_or(0.0))),
        };
        scored_before |= matches!(key, Key::Rank(_)) && name != "words" && name != "typo";
        keys.keys.push(key);
    }
    keys
}

/// The kind of match decides; exact words count only where there is none.
fn exactness(rule: &Rule<'_>) -> f64 {
    match rule.match_type.as_ref().map(|Text(kind)| kind.as_ref()) {
        Some("exactMatch") => 2_000.0,
        Some("matchesStart") => 1_000.0,
        _ => rule.matching_words.unwrap_or(0) as f64,
    }
}

pub(crate) fn sort_key<'a>(name: &str, rule: &Rule<'a>) -> Option<Key<'a>> {
    let ascending = match name.rsplit_once(':')?.1 {
        "asc" => true,
        "desc" => false,
        _ => return None,
    };
    if name.starts_with("_geoPoint(") {
        return Some(Key::Geo { ascending, distance: rule.distance });
    }
    let value = rule.value.map_or(SortValue::None, |raw| {
        let text = || serde_json::from_str(raw.get()).map(|Text(text)| SortValue::Text(text));
        let number = || serde_json::from_str(raw.get()).map(SortValue::Number);
        text().or_else(|_| number()).unwrap_or(SortValue::None)
    });
    Some(Key::Sort { ascending, value })
}

impl Keys<'_> {
    /// Those of the same document in a list by vectors, where a node that looks for words too gave it for its words: it
    /// does so for a document without a vector only.
    pub(crate) fn in_list_by_vectors(&mut self) {
        if self.by_vector {
            return;
        }
        let is_rank = |key: &Key<'_>| matches!(key, Key::Rank(_) | Key::Skipped);
        let place = self.keys.iter().position(is_rank).unwrap_or(0);
        self.keys.retain(|key| !is_rank(key));
        self.keys.insert(place, NOT_NEAR);
        (self.words, self.typo) = (None, None);
    }

    /// `Greater` is the better hit.
    pub(crate) fn compare(&self, other: &Self) -> Ordering {
        let pairs = self.keys.iter().zip(&other.keys);
        let first = pairs.map(|(a, b)| a.compare(b)).find(|order| order.is_ne());
        first.unwrap_or_else(|| self.keys.len().cmp(&other.keys.len()))
    }
}

impl Key<'_> {
    pub(crate) fn compare(&self, other: &Self) -> Ordering {
        let towards = |ascending: bool, order: Ordering| if ascending { order.reverse() } else { order };
        match (self, other) {
            (Self::Rank(a), Self::Rank(b)) => compare_floats(*a, *b),
            (Self::Sort { ascending, value: a }, Self::Sort { value: b, .. }) => match (a, b) {
                (SortValue::Number(a), SortValue::Number(b)) => towards(*ascending, compare_floats(*a, *b)),
                (SortValue::Text(a), SortValue::Text(b)) => towards(*ascending, a.cmp(b)),
                _ => a.kind().cmp(&b.kind()),
            },
            (Self::Geo { ascending, distance: a }, Self::Geo { distance: b, .. }) => match (a, b) {
                (Some(a), Some(b)) => towards(*ascending, compare_floats(*a, *b)),
                _ => a.is_some().cmp(&b.is_some()),
            },
            (Self::Skipped, Self::Skipped) => Ordering::Equal,
            (Self::Skipped, _) => Ordering::Less,
            (_, Self::Skipped) => Ordering::Greater,
            // Nodes of one search have one list of rules.
            _ => Ordering::Equal,
        }
    }
}

impl SortValue<'_> {
    fn kind(&self) -> u8 {
        match self {
            Self::Number(_) => 2,
            Self::Text(_) => 1,
            Self::None => 0,
        }
    }
}

/// JSON has no NaN, so every pair compares.
fn compare_floats(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b).unwrap_or(Ordering::Equal)
}
