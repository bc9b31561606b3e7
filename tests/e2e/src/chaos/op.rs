//! What clients write, and what documents look like.
//!
//! Every write has a number, and every document says which writes made it: `v` is the last one that replaced it, `u`
//! the last one that updated it. So a document that is read tells its place in the history of its id.

use reqwest::Method;
use serde_json::{Map, Value, json};

/// The number of a write.
pub(crate) type Number = u64;

/// The number in a document's id.
pub(crate) type Id = u32;

/// The uid of a task: its place in the log.
pub(crate) type Uid = u64;

/// Microseconds since the run began.
pub(crate) type At = u64;

/// Values of `k`, by which deletions filter, are below.
pub(crate) const KINDS: u8 = 8;

/// A write, as the user means it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Op {
    /// Whole documents: ids with their `k`.
    Replace(Vec<(Id, u8)>),
    /// The member `u` of documents.
    Update(Vec<Id>),
    DeleteIds(Vec<Id>),
    /// The documents with this `k`.
    DeleteFilter(u8),
    DeleteAll,
    /// Settings that no other write sets.
    Settings,
    CreateIndex,
    DeleteIndex,
}

/// A document, as stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Stored {
    pub(crate) v: Option<Number>,
    pub(crate) u: Option<Number>,
    pub(crate) k: Option<u8>,
}

/// The request of a write; its number goes along where the route takes it.
pub(crate) fn request(index: &str, number: Number, op: &Op) -> (Method, String, Option<Value>) {
    let documents = format!("/indexes/{index}/documents");
    let note = format!("customMetadata={number}");
    match op {
        Op::Replace(written) => {
            let stored = |k| Stored { v: Some(number), u: None, k: Some(k) };
            let all: Vec<_> = written.iter().map(|(id, k)| document(index, *id, &stored(*k))).collect();
            (Method::POST, format!("{documents}?{note}"), Some(all.into()))
        }
        Op::Update(ids) => {
            let stored = Stored { u: Some(number), ..Stored::default() };
            let all: Vec<_> = ids.iter().map(|id| document(index, *id, &stored)).collect();
            (Method::PUT, format!("{documents}?{note}"), Some(all.into()))
        }
        Op::DeleteIds(ids) => {
            let ids: Vec<_> = ids.iter().map(|id| name(*id)).collect();
            (Method::POST, format!("{documents}/delete-batch?{note}"), Some(ids.into()))
        }
        Op::DeleteFilter(k) => {
            let filter = json!({"filter": format!("k = {k}")});
            (Method::POST, format!("{documents}/delete?{note}"), Some(filter))
        }
        Op::DeleteAll => (Method::DELETE, format!("{documents}?{note}"), None),
        Op::Settings => {
            let patch = json!({"filterableAttributes": ["k", format!("mark{number}")]});
            (Method::PATCH, format!("/indexes/{index}/settings"), Some(patch))
        }
        Op::CreateIndex => {
            let path = format!("/indexes?shards={}", shards(index));
            (Method::POST, path, Some(json!({"uid": index, "primaryKey": "id"})))
        }
        Op::DeleteIndex => (Method::DELETE, format!("/indexes/{index}"), None),
    }
}

/// How many shards an index gets that is created by name.
fn shards(index: &str) -> u8 {
    match index {
        "gamma" => 1,
        "eps-0" => 2,
        _ => 3,
    }
}

/// The type that Meilisearch gives the task of a write.
pub(crate) fn kind(op: &Op) -> &'static str {
    match op {
        Op::Replace(_) | Op::Update(_) => "documentAdditionOrUpdate",
        Op::DeleteIds(_) | Op::DeleteFilter(_) | Op::DeleteAll => "documentDeletion",
        Op::Settings => "settingsUpdate",
        Op::CreateIndex => "indexCreation",
        Op::DeleteIndex => "indexDeletion",
    }
}

/// Whether the route of a write takes a note, by which its task is known again.
pub(crate) fn is_noted(op: &Op) -> bool {
    !matches!(op, Op::Settings | Op::CreateIndex | Op::DeleteIndex)
}

/// The write whose settings these are.
pub(crate) fn mark(settings: &Value) -> Option<Number> {
    let names = settings["filterableAttributes"].as_array()?;
    names.iter().filter_map(Value::as_str).find_map(|name| name.strip_prefix("mark")?.parse().ok())
}

/// A document as a user writes and reads it. What is stored decides all of it.
pub(crate) fn document(index: &str, id: Id, stored: &Stored) -> Value {
    let mut members = Map::new();
    members.insert("id".to_owned(), name(id).into());
    members.insert("of".to_owned(), index.into());
    if let Some(v) = stored.v {
        members.insert("v".to_owned(), v.into());
        members.insert("text".to_owned(), text(v).into());
    }
    if let Some(k) = stored.k {
        members.insert("k".to_owned(), k.into());
    }
    if let Some(u) = stored.u {
        members.insert("u".to_owned(), u.into());
    }
    members.into()
}

/// Whether the documents of a write are long: a batch of them is more than one entry of the log takes.
pub(crate) fn is_large(number: Number) -> bool {
    number % 499 == 498
}

/// Some words, the same for each document of a write.
fn text(v: Number) -> String {
    let words = if is_large(v) { 8000 } else { v % 30 };
    let mut text = format!("words of {v}");
    let mut chance = v;
    for _ in 0..words {
        // Knuth's multiplier: words that neither compress well nor are too many.
        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        text.push_str(&format!(" w{}", chance >> 44));
    }
    text
}

/// What a document that was read says of itself; the text says why it is none that was ever written.
pub(crate) fn read(index: &str, found: &Value) -> Result<(Id, Stored), String> {
    let strange = || format!("{found} in {index}");
    let id =
        found["id"].as_str().and_then(|name| name.strip_prefix("d-")?.parse().ok()).ok_or_else(strange)?;
    let k = found["k"].as_u64().and_then(|k| u8::try_from(k).ok());
    let stored = Stored { v: found["v"].as_u64(), u: found["u"].as_u64(), k };
    if document(index, id, &stored) == *found { Ok((id, stored)) } else { Err(strange()) }
}

pub(crate) fn name(id: Id) -> String {
    format!("d-{id}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_what_was_written() {
        let stored = Stored { v: Some(41), u: Some(50), k: Some(3) };
        let written = document("a", 7, &stored);
        assert_eq!(read("a", &written), Ok((7, stored)));
        let mut torn = written.clone();
        torn["text"] = "words of 40".into();
        assert!(read("a", &torn).is_err(), "members of two versions");
        assert!(read("b", &written).is_err(), "a document of another index");
        assert_eq!(mark(&json!({"filterableAttributes": ["k", "mark12"]})), Some(12));
    }
}
