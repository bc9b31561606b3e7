//! The order of a sorted list, from the documents themselves.
//!
//! As Meilisearch sorts by facets: numbers before texts, a document without a value last, in both directions. Of several
//! values the smallest counts when ascending, the greatest when descending. Points are ordered by whole metres; which
//! documents are within a metre of each other is a question of the first of them on one node.
//!
//! Lists are merged, never sorted anew: a document stays behind those that its node put before it, and of equal heads the
//! first list's goes first, as in a list that is not sorted. So what comes first depends only on what each node puts
//! first, and the pages of a list are parts of one order. Equal documents have no other order to be asked for: a node
//! sorts a list by what is sortable for its users only, and leaves equal documents as it first saw them.

use std::cmp::Ordering;
use std::collections::VecDeque;
use std::iter::from_fn;

use geoutils::Location;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::merge::{Members, normalized};
use crate::path;

/// The member that says where a document is.
const GEO: &str = "_geo";

/// What a list is sorted by.
#[derive(Debug, Clone)]
pub(super) struct Order(Vec<Criterion>);

#[derive(Debug, Clone)]
struct Criterion {
    by: By,
    ascending: bool,
}

#[derive(Debug, Clone)]
enum By {
    Attribute(String),
    /// How far `_geo` is from here.
    Distance(Location),
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
            let by = match attribute.strip_prefix("_geoPoint(").and_then(|rest| rest.strip_suffix(')')) {
                Some(point) => {
                    let (lat, lng) = point.split_once(',')?;
                    By::Distance(Location::new(
                        lat.trim().parse::<f64>().ok()?,
                        lng.trim().parse::<f64>().ok()?,
                    ))
                }
                None => By::Attribute(attribute.to_owned()),
            };
            Some(Criterion { by, ascending: direction == "asc" })
        };
        Self(sort.iter().filter_map(criterion).collect())
    }

    pub(super) fn attributes(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|criterion| match &criterion.by {
            By::Attribute(name) => name.as_str(),
            By::Distance(_) => GEO,
        })
    }

    /// One list of these.
    pub(super) fn merge<'a>(
        &self,
        lists: Vec<Vec<&'a RawValue>>,
    ) -> serde_json::Result<impl Iterator<Item = &'a RawValue>> {
        let mut keyed: Vec<VecDeque<_>> = Vec::with_capacity(lists.len());
        for list in lists {
            let keyed_one = |document: &'a RawValue| Ok((self.keys(document)?, document));
            keyed.push(list.into_iter().map(keyed_one).collect::<serde_json::Result<_>>()?);
        }
        Ok(from_fn(move || {
            let heads = keyed.iter().enumerate().filter_map(|(list, rest)| Some((&rest.front()?.0, list)));
            let (_, first) = heads.min_by(|(a, _), (b, _)| self.compare(a, b))?;
            keyed[first].pop_front().map(|(_, document)| document)
        }))
    }

    fn keys(&self, document: &RawValue) -> serde_json::Result<Vec<Key>> {
        let members: Members<'_> = serde_json::from_str(document.get())?;
        Ok(self.0.iter().map(|criterion| criterion.key(&members)).collect())
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
        match &self.by {
            By::Attribute(name) => self.best_of(name, members),
            By::Distance(from) => distance(from, members).map_or(Key::None, Key::Number),
        }
    }

    fn best_of(&self, attribute: &str, members: &Members<'_>) -> Key {
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
        for (name, raw) in members.0.iter().filter(|(name, _)| path::covers(name, attribute)) {
            let Ok(value) = serde_json::from_str::<Value>(raw.get()) else { continue };
            path::visit(name, &value, attribute, &mut |value| match value {
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

/// How far a document is from a point, in whole metres; none where it does not say where it is. Coordinates may be texts.
fn distance(from: &Location, members: &Members<'_>) -> Option<f64> {
    let place: Value = serde_json::from_str(members.get(GEO)?.get()).ok()?;
    let coordinate = |name: &str| match &place[name] {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    let to = Location::new(coordinate("lat")?, coordinate("lng")?);
    Some(from.haversine_distance_to(&to).meters().trunc())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of documents that are one to a node.
    fn merged(criterion: &str, documents: &[&str]) -> Vec<String> {
        let order = Order::new(&[criterion.to_owned()]);
        let raw = documents.iter().map(|text| vec![serde_json::from_str(text).expect("JSON")]).collect();
        order.merge(raw).expect("objects").map(|raw| raw.get().to_owned()).collect()
    }

    /// Without a place last, whichever way; coordinates may be texts.
    #[test]
    fn documents_are_sorted_by_how_far_they_are() {
        let [nowhere, rome, lyon] = [
            r#"{"_geo":null}"#,
            r#"{"_geo":{"lat":"41.9","lng":"12.5"}}"#,
            r#"{"_geo":{"lat":45.76,"lng":4.84}}"#,
        ];
        let from_paris = |way: &str| merged(&format!("_geoPoint(48.85, 2.35):{way}"), &[nowhere, rome, lyon]);
        assert_eq!(from_paris("asc"), [lyon, rome, nowhere]);
        assert_eq!(from_paris("desc"), [rome, lyon, nowhere]);
    }

    /// Equally far in whole metres: the first list's first.
    #[test]
    fn a_metre_is_no_distance() {
        let there = |lat: f64| format!(r#"{{"_geo":{{"lat":{lat},"lng":2}}}}"#);
        let (nearer, farther) = (there(1.000_001), there(1.000_002));
        assert_eq!(merged("_geoPoint(1, 2):asc", &[&farther, &nearer]), [farther, nearer]);
    }
}
