//! Nothing but the check goes over a connection to a node that is not the one on record.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use miroir_node::{
    ApiKey, CheckFailure, Connections, Expected, Gate, HttpNode, Known, Node, NodeError, Origin, Timeouts,
    Write,
};
use serde_json::json;
use tokio::task::JoinSet;

use crate::fake::{Disk, Fake, Style, connections, task};

const CONNECT: Duration = Duration::from_millis(500);

/// What a test says that is expected.
struct Record(Mutex<Option<Expected>>);

impl Record {
    fn set(&self, newest: Option<Known>) {
        *self.0.lock().unwrap() = Some(Expected { key: ApiKey::new("the-key"), newest });
    }
}

impl Gate for Record {
    fn expects(&self) -> Option<Expected> {
        self.0.lock().unwrap().clone()
    }
}

fn known(task: u32) -> Known {
    Known { task, index: "i1-0".to_owned(), mark: Some(format!("m{task}")) }
}

/// A client of a node of which this task is known.
fn gated(url: &str, newest: Option<Known>) -> (HttpNode, Connections, Arc<Record>) {
    let record = Arc::new(Record(Mutex::default()));
    record.set(newest);
    let whole = Duration::from_secs(4);
    let timeouts = Timeouts { connect: CONNECT, read: whole, search: whole, write: whole };
    let connections = Connections::gated(timeouts, url, Arc::clone(&record) as Arc<dyn Gate>).unwrap();
    (HttpNode::new(&connections, url, ApiKey::new("the-key")).unwrap(), connections, record)
}

async fn write(node: &HttpNode) -> Result<(), NodeError> {
    let sent = node.enqueue("i1-0", &Write::DeleteAll, Origin::default()).await;
    // The fake's answer is no receipt.
    if let Err(NodeError::Incompatible(_)) = sent { Ok(()) } else { sent.map(drop) }
}

fn unreachable(result: Result<(), NodeError>) {
    assert!(matches!(result, Err(NodeError::Unreachable(_))), "{result:?}");
}

/// The failure of a check by a node with this disk, of which `known` is known.
async fn failure(disk: Disk, known: Known) -> CheckFailure {
    let fake = Fake::start(disk).await;
    let (node, connections, _) = gated(&fake.url, Some(known));
    unreachable(write(&node).await);
    assert!(fake.seen().iter().all(|request| request.is_check()));
    assert_eq!(connections.failed().await, connections.failure().unwrap());
    connections.failure().unwrap()
}

#[tokio::test]
async fn a_node_that_has_the_task_on_record_is_spoken_to_over_the_same_connection() {
    for style in [Style::Length, Style::Chunked] {
        let fake = Fake::start(Disk::new("current", 8).styled(style)).await;
        let (node, pool, _) = gated(&fake.url, Some(known(7)));
        write(&node).await.unwrap();
        node.version().await.unwrap();
        let seen = fake.seen();
        let lines: Vec<_> = seen.iter().map(|request| &*request.line).collect();
        assert_eq!(lines, ["GET /tasks/7", "DELETE /indexes/i1-0/documents", "GET /version"], "{style:?}");
        assert_eq!(connections(&seen).len(), 1);
        assert!(seen.iter().all(|request| fake.url.ends_with(&request.host) && !request.host.is_empty()));
        assert_eq!(pool.failure(), None);
    }
}

#[tokio::test]
async fn a_node_swapped_for_an_older_one_hears_the_check_only() {
    let fake = Fake::start(Disk::new("current", 8)).await;
    let (node, pool, record) = gated(&fake.url, Some(known(6)));
    for _ in 0..3 {
        write(&node).await.unwrap();
    }
    record.set(Some(known(7)));
    fake.swap(Disk::new("older", 7));
    fake.seen();
    for _ in 0..3 {
        let failed = write(&node).await.unwrap_err();
        // The one that had the kept connection may have been on its way.
        assert!(matches!(failed, NodeError::Unreachable(_) | NodeError::Unknown(_)), "{failed:?}");
    }
    unreachable(write(&node).await);
    let seen = fake.seen();
    assert!(seen.iter().any(|request| request.disk == "older"));
    assert!(seen.iter().all(|request| request.is_check()), "{seen:#?}");
    assert_eq!(pool.failure(), Some(CheckFailure::Older { newest: Some(6), known: 7 }));
    fake.swap(Disk::new("current", 8));
    write(&node).await.unwrap();
    assert_eq!(pool.failure(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_request_slips_through_under_load() {
    let fake = Fake::start(Disk::new("current", 8)).await;
    let (node, _pool, _) = gated(&fake.url, Some(known(7)));
    let end = Instant::now() + Duration::from_millis(600);
    let mut clients = JoinSet::new();
    for _ in 0..16 {
        let node = node.clone();
        clients.spawn(async move {
            while Instant::now() < end {
                let _ = write(&node).await;
            }
        });
    }
    for round in 0..20 {
        tokio::time::sleep(Duration::from_millis(20)).await;
        fake.swap(if round % 2 == 0 { Disk::new("older", 7) } else { Disk::new("current", 8) });
    }
    clients.join_all().await;
    let seen = fake.seen();
    let on = |disk, check| seen.iter().filter(|seen| seen.disk == disk && seen.is_check() == check).count();
    assert_eq!(on("older", false), 0);
    assert!(on("older", true) > 0 && on("current", false) > 0);
    for connection in connections(&seen) {
        let first = seen.iter().find(|request| request.connection == connection).unwrap();
        assert!(first.is_check());
    }
}

#[tokio::test]
async fn failures_say_what_the_node_is() {
    let older = |newest| CheckFailure::Older { newest, known: 7 };
    assert_eq!(failure(Disk::new("older", 7), known(7)).await, older(Some(6)));
    assert_eq!(failure(Disk::new("empty, with our keys", 0), known(7)).await, older(None));
    let mut foreign = Disk::new("foreign", 8);
    foreign.tasks[7]["customMetadata"] = json!("another");
    assert_eq!(failure(foreign, known(7)).await, CheckFailure::Foreign { known: 7 });
    let mut gap = Disk::new("gap", 9);
    gap.tasks[7] = json!({"uid": 8});
    assert!(matches!(failure(gap, known(7)).await, CheckFailure::Unanswered(_)), "no task is shown so");
    let mut other = Disk::new("empty", 0);
    other.keys = vec!["master"];
    let refused = failure(other, known(7)).await;
    assert!(
        matches!(&refused, CheckFailure::KeyRefused(text) if text.contains("invalid_api_key")),
        "{refused}"
    );
}

#[tokio::test]
async fn a_task_that_bears_no_mark_is_known_by_its_index_under_any_generation() {
    let unmarked = Known { task: 3, index: "i12-4".to_owned(), mark: None };
    for (index, same) in [("i12-4", true), ("i12-11", true), ("i1-4", false), ("i123-4", false)] {
        let mut disk = Disk::new("disk", 4);
        disk.tasks[3] = task(3, json!(index), json!(null));
        let fake = Fake::start(disk).await;
        let (node, pool, _) = gated(&fake.url, Some(unmarked.clone()));
        assert_eq!(write(&node).await.is_ok(), same, "{index}");
        assert_eq!(pool.failure(), (!same).then_some(CheckFailure::Foreign { known: 3 }));
    }
    let mut about_the_node = Disk::new("disk", 4);
    about_the_node.tasks[3] = task(3, json!(null), json!(null));
    assert_eq!(failure(about_the_node, unmarked).await, CheckFailure::Foreign { known: 3 });
}

#[tokio::test]
async fn before_the_first_task_the_key_is_checked() {
    let fake = Fake::start(Disk::new("new", 0)).await;
    let (node, _, _) = gated(&fake.url, None);
    write(&node).await.unwrap();
    assert_eq!(fake.seen()[0].line, "GET /version");
    let mut empty = Disk::new("empty", 0);
    empty.keys = vec!["master"];
    fake.swap(empty);
    let (node, pool, _) = gated(&fake.url, None);
    unreachable(write(&node).await);
    assert!(matches!(pool.failure(), Some(CheckFailure::KeyRefused(_))));
}

#[tokio::test]
async fn each_connection_is_held_to_what_is_known_when_it_is_made() {
    let fake = Fake::start(Disk::new("current", 8)).await;
    let (node, pool, record) = gated(&fake.url, Some(known(2)));
    write(&node).await.unwrap();
    record.set(Some(known(5)));
    fake.swap(Disk::new("current", 8));
    let _ = write(&node).await;
    write(&node).await.unwrap();
    assert_eq!(fake.seen().iter().filter(|request| request.line == "GET /tasks/5").count(), 1);
    *record.0.lock().unwrap() = None;
    fake.swap(Disk::new("current", 8));
    let _ = write(&node).await;
    fake.seen();
    unreachable(write(&node).await);
    assert_eq!((pool.failure(), fake.seen().len()), (Some(CheckFailure::NotAdopted), 0));
}

#[tokio::test]
async fn many_connections_at_once_are_each_checked() {
    let fake = Fake::start(Disk::new("current", 8)).await;
    let (node, _pool, _) = gated(&fake.url, Some(known(7)));
    // Nobody is answered before all are there, so each request has a connection of its own.
    fake.answers.forget_permits(usize::MAX);
    let mut requests = JoinSet::new();
    for _ in 0..40 {
        let node = node.clone();
        requests.spawn(async move { write(&node).await });
    }
    let mut seen = Vec::new();
    while seen.iter().filter(|request: &&crate::fake::Seen| !request.is_check()).count() < 40 {
        seen.extend(fake.seen());
        tokio::task::yield_now().await;
    }
    fake.answers.add_permits(40);
    for result in requests.join_all().await {
        result.unwrap();
    }
    assert_eq!(connections(&seen).len(), 40);
    for connection in connections(&seen) {
        let lines: Vec<_> = seen.iter().filter(|request| request.connection == connection).collect();
        assert!(lines[0].is_check() && !lines[1].is_check() && lines.len() == 2, "{lines:?}");
    }
}

#[tokio::test]
async fn a_slow_check_keeps_nobody_else_waiting() {
    let fake = Fake::start(Disk::new("current", 8)).await;
    let (node, pool, _) = gated(&fake.url, Some(known(7)));
    fake.checks.forget_permits(usize::MAX);
    let begun = Instant::now();
    let one_is_answered = async {
        let mut asked = 0;
        while asked < 2 {
            asked += fake.seen().len();
            tokio::task::yield_now().await;
        }
        fake.checks.add_permits(1);
    };
    // Each has asked for a connection. One is never answered; both requests go over the other.
    let (one, other, ()) = tokio::join!(write(&node), write(&node), one_is_answered);
    one.unwrap();
    other.unwrap();
    assert!(begun.elapsed() < CONNECT, "{:?}", begun.elapsed());
    assert_eq!(connections(&fake.seen()).len(), 1);
    assert_eq!(pool.failure(), None);
}

#[tokio::test]
async fn the_check_counts_into_the_time_for_connecting() {
    let begun = Instant::now();
    let failed = failure(Disk::new("current", 8).styled(Style::Silent), known(7)).await;
    assert!(matches!(&failed, CheckFailure::Unanswered(text) if text.contains("in time")), "{failed}");
    assert!(begun.elapsed() >= CONNECT && begun.elapsed() < 2 * CONNECT);
}

#[tokio::test]
async fn a_connection_that_ends_or_goes_on_by_itself_is_not_used() {
    for style in [Style::Close, Style::ToTheEnd, Style::Cut, Style::More, Style::Fault, Style::Hello] {
        let failed = failure(Disk::new("current", 8).styled(style), known(7)).await;
        assert!(matches!(failed, CheckFailure::Unanswered(_)), "{style:?}: {failed}");
    }
}

#[tokio::test]
async fn a_task_with_large_details_is_read_whole() {
    let mut disk = Disk::new("current", 8);
    disk.tasks[7]["details"] = json!({"stopWords": vec!["word"; 400_000]});
    let fake = Fake::start(disk).await;
    let (node, _, _) = gated(&fake.url, Some(known(7)));
    write(&node).await.unwrap();
}

#[tokio::test]
async fn a_path_in_front_stays_and_other_nodes_have_other_connections() {
    let fake = Fake::start(Disk::new("current", 8)).await;
    let (node, pool, _) = gated(&format!("{}/in/front", fake.url), Some(known(7)));
    let _ = write(&node).await;
    assert_eq!(fake.seen()[0].line, "GET /in/front/tasks/7");
    assert!(HttpNode::new(&pool, "http://127.0.0.1:1", ApiKey::new("k")).is_err());
}
