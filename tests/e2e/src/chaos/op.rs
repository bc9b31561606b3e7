//! What clients write.
//!
//! Another kind of write is another variant of [`Op`]: here it says how it is sent and what its task is; the
//! [`model`](super::model) says what it does, and the [`clients`](super::clients) draw it.

use reqwest::Method;
use serde_json::{Value, json};

use super::document::{Id, Stored, document, name};

/// The number of a write.
pub(crate) type Number = u64;

/// The uid of a task: its place in the log.
pub(crate) type Uid = u64;

/// Microseconds since the run began.
pub(crate) type At = u64;

/// The name of an index.
pub(crate) type Name = &'static str;

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
    /// One more edit is counted in the documents with this `k`, or in all.
    Edit(Option<u8>),
    /// Settings that no other write sets.
    Settings,
    CreateIndex,
    DeleteIndex,
    /// The indexes of each pair change names. It is about these, and about no index of its own.
    Swap(Vec<[Name; 2]>),
    /// It is about tasks, and about no index of its own.
    Cancel(Named),
}

/// The tasks that a cancelation names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Named {
    Uids(Vec<Uid>),
    /// What is enqueued of this index.
    Enqueued(Name),
}

/// Counts in `e` how often it was done.
const COUNTS: &str = "if \"e\" in doc { doc.e += 1; return; } doc.e = 1;";

/// The request of a write; its number goes along where the route takes it.
pub(crate) fn request(index: &str, number: Number, op: &Op) -> (Method, String, Option<Value>) {
    let documents = format!("/indexes/{index}/documents");
    let note = format!("customMetadata={number}");
    match op {
        Op::Replace(written) => {
            let stored = |k| Stored { v: Some(number), k: Some(k), ..Stored::default() };
            let all: Vec<_> = written.iter().map(|(id, k)| document(*id, &stored(*k))).collect();
            (Method::POST, format!("{documents}?{note}"), Some(all.into()))
        }
        Op::Update(ids) => {
            let stored = Stored { u: Some(number), ..Stored::default() };
            let all: Vec<_> = ids.iter().map(|id| document(*id, &stored)).collect();
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
        Op::Edit(k) => {
            let filter = k.map(|k| format!("k = {k}"));
            let body = json!({"function": COUNTS, "filter": filter});
            (Method::POST, format!("{documents}/edit?{note}"), Some(body))
        }
        Op::Settings => {
            let patch = json!({"filterableAttributes": ["k", format!("mark{number}")]});
            (Method::PATCH, format!("/indexes/{index}/settings"), Some(patch))
        }
        Op::CreateIndex => {
            let path = format!("/indexes?shards={}", shards(index));
            (Method::POST, path, Some(json!({"uid": index, "primaryKey": "id"})))
        }
        Op::DeleteIndex => (Method::DELETE, format!("/indexes/{index}"), None),
        Op::Swap(pairs) => {
            let swaps: Vec<_> = pairs.iter().map(|pair| json!({"indexes": pair})).collect();
            (Method::POST, "/swap-indexes".to_owned(), Some(swaps.into()))
        }
        Op::Cancel(named) => (Method::POST, format!("/tasks/cancel?{}", filter(named)), None),
    }
}

fn filter(named: &Named) -> String {
    match named {
        Named::Uids(uids) => {
            let uids: Vec<String> = uids.iter().map(Uid::to_string).collect();
            format!("uids={}", uids.join(","))
        }
        Named::Enqueued(index) => format!("indexUids={index}&statuses=enqueued"),
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
        Op::Edit(_) => "documentEdition",
        Op::Settings => "settingsUpdate",
        Op::CreateIndex => "indexCreation",
        Op::DeleteIndex => "indexDeletion",
        Op::Swap(_) => "indexSwap",
        Op::Cancel(_) => "taskCancelation",
    }
}

/// Whether the route of a write takes a note, by which its task is known again.
pub(crate) fn is_noted(op: &Op) -> bool {
    matches!(
        op,
        Op::Replace(_) | Op::Update(_) | Op::DeleteIds(_) | Op::DeleteFilter(_) | Op::DeleteAll | Op::Edit(_)
    )
}
