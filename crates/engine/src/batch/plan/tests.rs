//! The batching table, on tasks that never run.

use serde_json::json;
use time::OffsetDateTime;
use uuid::Uuid;

use super::*;
use crate::queue::{Counts, Method, Status};

fn task(uid: u32, content: Content) -> Task {
    Task {
        uid,
        batch_uid: None,
        index_uid: Some("a".to_owned()),
        status: Status::Enqueued,
        content,
        counts: Counts::default(),
        error: None,
        enqueued_at: OffsetDateTime::UNIX_EPOCH,
        started_at: None,
        finished_at: None,
        custom_metadata: None,
    }
}

fn add_with(key: Option<&str>, may_create: bool, skip_creation: bool) -> Content {
    Content::Documents {
        payload: Uuid::nil(),
        bytes: 10,
        count: 1,
        method: Method::Replace,
        primary_key: key.map(str::to_owned),
        may_create,
        skip_creation,
    }
}

fn add() -> Content {
    add_with(None, true, false)
}

fn ids() -> Content {
    Content::DeleteIds { ids: vec!["1".to_owned()] }
}

fn filter() -> Content {
    Content::DeleteByFilter { filter: json!("a = 1") }
}

fn settings() -> Content {
    Content::Settings { patch: json!({}), may_create: true }
}

/// How many of the tasks the first batch takes, and what it is.
fn first(contents: Vec<Content>, exists: bool, primary_key: Option<&str>) -> (usize, Kind, bool) {
    let mut tasks = contents.into_iter().enumerate().map(|(uid, content)| task(uid as u32, content));
    let oldest = tasks.next().expect("a task");
    let target = Target { exists, primary_key };
    let batch = join(oldest, tasks.map(Ok), &target, 100).expect("no I/O");
    (batch.tasks.len(), batch.kind, batch.creates)
}

#[test]
fn the_table() {
    let documents = Kind::Documents { primary_key: None, may_create: true };
    let by_filter = Kind::Deletion { by_filter: true };
    let set = Kind::Settings { may_create: true };
    let clear_and_set = Kind::ClearAndSettings { may_create: true };
    for (contents, taken, kind) in [
        (vec![add(), add(), ids(), add()], 4, documents.clone()),
        (vec![add(), filter()], 1, documents.clone()),
        (vec![add(), settings()], 1, documents.clone()),
        (vec![add(), ids(), Content::Clear], 3, Kind::Clear),
        (vec![ids(), filter(), ids()], 3, by_filter.clone()),
        (vec![filter(), add()], 1, by_filter),
        (vec![ids(), add()], 2, documents.clone()),
        (vec![ids(), Content::Clear], 2, Kind::Clear),
        (vec![Content::Clear, ids(), filter(), add()], 3, Kind::Clear),
        (vec![settings(), settings(), add()], 2, set.clone()),
        (vec![settings(), ids()], 1, set),
        (vec![settings(), Content::Clear, settings()], 3, clear_and_set),
        (vec![add(), Content::IndexDeletion, add()], 2, Kind::IndexDeletion),
        (vec![settings(), Content::IndexDeletion], 2, Kind::IndexDeletion),
        (vec![Content::IndexDeletion, Content::IndexDeletion], 1, Kind::IndexDeletion),
        (vec![add(), Content::IndexUpdate { primary_key: None, new_uid: None }], 1, documents),
        (vec![Content::IndexUpdate { primary_key: None, new_uid: None }, add()], 1, Kind::IndexUpdate),
        (vec![Content::IndexCreation { primary_key: None }, add()], 1, Kind::IndexCreation),
    ] {
        let shown = format!("{contents:?}");
        assert_eq!(first(contents, true, None), (taken, kind, false), "{shown}");
    }
}

#[test]
fn primary_keys_must_agree() {
    let named = |key| add_with(Some(key), true, false);
    // On an index that has one, only its own joins.
    assert_eq!(first(vec![add(), named("id"), add()], true, Some("id")).0, 3);
    assert_eq!(first(vec![add(), named("x")], true, Some("id")).0, 1);
    assert_eq!(first(vec![named("x"), add()], true, Some("id")).0, 1, "it will fail, alone");
    // On one that has none, a guess is not disturbed, and a name is kept.
    assert_eq!(first(vec![add(), named("id")], true, None).0, 1);
    assert_eq!(first(vec![named("id"), add(), named("id")], true, None).0, 3);
    assert_eq!(first(vec![named("id"), named("x")], true, None).0, 1);
    let (taken, kind, _) = first(vec![ids(), named("id")], true, None);
    assert_eq!((taken, kind), (2, Kind::Documents { primary_key: Some("id".to_owned()), may_create: true }));
}

#[test]
fn rights_to_create_must_agree() {
    let bound = || add_with(None, false, false);
    assert_eq!(first(vec![bound(), add()], false, None).0, 1, "the first fails, the second creates");
    assert!(!first(vec![bound(), bound()], false, None).2);
    assert_eq!(first(vec![bound(), add()], true, None).0, 2);
    let (taken, _, creates) = first(vec![add(), bound()], false, None);
    assert_eq!((taken, creates), (2, true));
    assert_eq!(first(vec![ids(), add()], false, None).0, 1);
    assert_eq!(first(vec![ids(), bound()], false, None).0, 2);
    assert!(!first(vec![Content::Clear], false, None).2);
}

#[test]
fn limits() {
    assert_eq!(first((0..20).map(|_| add()).collect(), true, None).0, 10, "100 bytes in tasks of 10");
    assert_eq!(first(vec![add_with(None, true, true), add()], true, None).0, 1);
    assert_eq!(first(vec![add(), add_with(None, true, true)], true, None).0, 1);
}
