//! The order of a sorted list, from the documents themselves.
//!
//! As Meilisearch sorts by facets: numbers before texts, a document without a value last, in both directions. Of several
//! values the smallest counts when ascending, the greatest when descending. Equal documents are ordered by slot.

use std::cmp::Ordering;

use miroir_model::RESERVED_MEMBER;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::merge::{Members, normalized};
use crate::path;

/// What a list is sorted by.
#[derive(Debug, Clone)]
pub(super) struct Order(Vec<Criterion>);

#[derive(Debug, Clone)]
struct Criterion {
    attribute: String,
    ascending: bool,
}

/// A document's place by one criterion.
#[derive(Debug, PartialEq, PartialOrd)]
enum Key {
    Number(f64),
    Text(String),
    None,
}

impl Order {
    /// The order of these criteria. What is no criterion is left for the nodes to refuse.
    pub(super) fn new(sort: &[String]) -> Self {
        let criterion = |text: &String| {
            let (attribute, direction) = text.rsplit_once(':')?;
            Some(Criterion { attribute: attribute.to_owned(), ascending: direction == "asc" })
        };
        Self(sort.iter().filter_map(criterion).collect())
    }

    pub(super) fn attributes(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|criterion| criterion.attribute.as_str())
    }

    pub(super) fn sort<'a>(&self, documents: Vec<&'a RawValue>) -> serde_json::Result<Vec<&'a RawValue>> {
        let mut keyed = Vec::with_capacity(documents.len());
        for document in documents {
            let members: Members<'a> = serde_json::from_str(document.get())?;
            let keys: Vec<Key> = self.0.iter().map(|criterion| criterion.key(&members)).collect();
            let slot = members.get(RESERVED_MEMBER).map(RawValue::get).unwrap_or_default();
            keyed.push((keys, slot, document));
        }
        keyed.sort_by(|a, b| self.compare(&a.0, &b.0).then_with(|| a.1.cmp(b.1)));
        Ok(keyed.into_iter().map(|(_, _, document)| document).collect())
    }

    fn compare(&self, a: &[Key], b: &[Key]) -> Ordering {
        let pairs = self.0.iter().zip(a.iter().zip(b));
        pairs
            .map(|(criterion, (a, b))| criterion.compare(a, b))
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
    }
}

impl Criterion {
    fn key(&self, members: &Members<'_>) -> Key {
        let mut best = Key::None;
        let mut consider = |value: &Value| {
            let key = match value {
                Value::Number(number) => number.as_f64().map_or(Key::None, Key::Number),
                Value::String(text) => Key::Text(normalized(text)),
                Value::Bool(flag) => Key::Text(flag.to_string()),
                _ => return,
            };
            if self.compare(&key, &best).is_lt() {
                best = key;
            }
        };
        for (name, raw) in members.0.iter().filter(|(name, _)| path::covers(name, &self.attribute)) {
            let Ok(value) = serde_json::from_str::<Value>(raw.get()) else { continue };
            path::visit(name, &value, &self.attribute, &mut |value| match value {
                Value::Array(items) => items.iter().for_each(&mut consider),
                value => consider(value),
            });
        }
        best
    }

    fn compare(&self, a: &Key, b: &Key) -> Ordering {
        let order = a.partial_cmp(b).unwrap_or(Ordering::Equal);
        let same_kind = std::mem::discriminant(a) == std::mem::discriminant(b);
        if same_kind && !self.ascending { order.reverse() } else { order }
    }
}
