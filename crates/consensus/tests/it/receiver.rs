//! A peer that dies, again and again, while it takes in a snapshot that another has sent.
//!
//! The peer is a child process, running [`child`] alone, so that it can be killed where a rule says. Afterwards it
//! lives on in this process, where it must come to what the others have: the payload, and the history.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::net::TcpListener;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

use miroir_cluster::{Command, Ledger, finished_tasks};
use miroir_consensus::{Limits, Peer};
use miroir_model::TaskUid;
use miroir_tasks::TaskRecord;
use tonic::service::Routes;

use crate::children;
use crate::crash::have_done;
use crate::newcomer::{log_begins_at, log_files};
use crate::support::{Group, assert_uploaded, chunk, config, eventually, insist, start, upload};

const MAX: usize = 60 << 10;
/// How many uploads are kept.
const KEPT: u64 = 12;
const PATIENCE: Duration = Duration::from_secs(60);
const DIR: &str = "MIROIR_TEST_RECEIVER_DIR";
/// The peers' addresses, as `name=address` with spaces between.
const PEERS: &str = "MIROIR_TEST_RECEIVER_PEERS";

/// The places that a peer comes to only when it is sent a snapshot, and those of its own snapshots that it comes to
/// then as well.
const RULES: [&str; 10] = [
    "fetch.spool=eio@1",
    "fetch.stored=kill@1",
    "fetch.stored=kill@5",
    "fetch.stored=eio@3",
    "install.begin=kill@1",
    "install.rows=kill@1",
    "snapshot.write=torn@1",
    "snapshot.renamed=kill@1",
    "install.saved=kill@2",
    "install.rows=eio@1",
];

fn limits() -> Limits {
    Limits {
        snapshot: 128 << 10,
        log: 512 << 10,
        log_file: 64 << 10,
        segment_file: 256 << 10,
        ..Limits::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_dies_over_a_snapshot_takes_in_the_next_one() {
    let mut group = Group::start(3, limits()).await;
    let mut number = 0;
    for rule in RULES {
        group.peer("c").read_barrier().await.expect("a quorum");
        group.crash("c");
        leave_behind(&group, &mut number).await;
        let ended = end(&mut begin(&group, rule)).await.unwrap_or_else(|| panic!("{rule}: it lives on"));
        let expected = if rule.contains("eio") { (None, Some(4)) } else { (Some(9), None) };
        assert_eq!((ended.signal(), ended.code()), expected, "{rule}");
        group.restart("c").await;
        let caught_up = || history(group.peer("c")) == history(group.peer("a"));
        eventually(&format!("{rule}: the same history"), || caught_up().then_some(())).await;
        group.peer("c").read_barrier().await.expect("a quorum");
        let state = group.peer("c").state();
        for kept in number - KEPT..number {
            assert_uploaded(&**group.peer("c"), &state, kept, MAX).await;
        }
    }
}

/// Uploads, drops, and has tasks done, until nothing is left of the others' logs as they are now.
async fn leave_behind(group: &Group, number: &mut u64) {
    let peer = group.peer("a");
    let last = ["a", "b"].map(|name| (name, log_files(group, name).max()));
    let first = *number;
    while last.iter().any(|(name, last)| Some(log_begins_at(group, name)) <= *last) {
        insist(&**peer, chunk(*number, MAX)).await;
        have_done(peer, *number).await;
        if let Some(old) = number.checked_sub(KEPT) {
            insist(&**peer, Command::DropUpload { upload: upload(old) }).await;
        }
        *number += 1;
        assert!(*number < first + 2000, "the log is never purged");
    }
}

fn history(peer: &Peer) -> Vec<TaskRecord> {
    let rows = peer.rows();
    let tasks = finished_tasks(&*rows, TaskUid(0)..=TaskUid(u64::MAX));
    tasks.map(|task| task.expect("reads")).collect()
}

fn begin(group: &Group, rule: &str) -> Child {
    let dir = group.dir("c");
    let peers = ["a", "b", "c"].map(|name| format!("{name}={}", group.address(name))).join(" ");
    let environment =
        [(DIR, dir.as_os_str()), (PEERS, OsStr::new(&peers)), ("MIROIR_FAULTS", OsStr::new(rule))];
    children::start("receiver::child", &environment)
}

/// How a child ends by itself.
async fn end(child: &mut Child) -> Option<ExitStatus> {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if let Some(status) = child.try_wait().expect("it is a child") {
            return Some(status);
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    child.kill().expect("kills");
    child.wait().expect("ends");
    None
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "the child of the test above"]
async fn child() {
    let (Some(dir), Ok(peers)) = (std::env::var_os(DIR), std::env::var(PEERS)) else { return };
    let peers = peers.split(' ').filter_map(|peer| peer.split_once('='));
    let peers: BTreeMap<String, String> = peers.map(|(name, at)| (name.to_owned(), at.to_owned())).collect();
    let address = peers["c"].clone();
    let listener = eventually("the address is free", || TcpListener::bind(&address).ok()).await;
    let peer = start(config(Path::new(&dir), "c", peers, limits())).await;
    peer.serve(listener, Routes::default()).expect("serves");
    let failure = peer.failed().await;
    eprintln!("{failure}");
    std::process::exit(failure.exit_code().into());
}
