//! A peer that needs a snapshot, while others go on, die, or are slow.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use miroir_cluster::{Command, Ledger, PayloadError};
use miroir_consensus::{Limits, Peer};
use miroir_testkit::proxy::Link;

use crate::support::{Group, assert_uploaded, chunk, eventually, insist, payload, upload};

const MAX: usize = 120 << 10;

fn limits() -> Limits {
    Limits {
        snapshot: 256 << 10,
        log: 8 << 20,
        log_file: 128 << 10,
        segment_file: 256 << 10,
        ..Limits::default()
    }
}

/// Where the files of a peer's log begin, in bytes of all that it ever wrote.
pub(crate) fn log_files(group: &Group, name: &str) -> impl Iterator<Item = u64> + use<> {
    let files = std::fs::read_dir(group.dir(name).join("log")).expect("lists");
    let digits = |name: String| name.chars().filter(char::is_ascii_digit).collect::<String>().parse().ok();
    files.filter_map(move |file| digits(file.expect("a file").file_name().into_string().ok()?))
}

/// The first entry that a peer's log still holds is behind its first file's name.
pub(crate) fn log_begins_at(group: &Group, name: &str) -> u64 {
    log_files(group, name).min().expect("a log")
}

/// Uploads, and drops all but the last `kept`, until the others' logs begin behind what `c` has. Answers how
/// many uploads that took.
async fn leave_behind(group: &Group, kept: u64) -> u64 {
    let reached = log_begins_at(group, "c") + (1 << 20);
    let mut number = 0;
    while ["a", "b"].iter().any(|name| log_begins_at(group, name) <= reached) {
        churn(group.peer("a"), number, kept).await;
        number += 1;
        assert!(number < 5000, "the log is never purged");
    }
    number
}

async fn churn(peer: &Peer, number: u64, kept: u64) {
    insist(peer, chunk(number, MAX)).await;
    if let Some(old) = number.checked_sub(kept) {
        insist(peer, Command::DropUpload { upload: upload(old) }).await;
    }
}

/// What a snapshot names must be there until it has arrived, though it is dead everywhere by then; otherwise the next
/// snapshot meets the same fate, and the peer never catches up.
#[tokio::test(flavor = "multi_thread")]
async fn it_catches_up_while_payload_lives_shorter_than_a_transfer() {
    const KEPT: u64 = 6;
    let mut group = Group::start_apart(3, limits(), |_| {}).await;
    insist(&**group.peer("a"), chunk(0, MAX)).await;
    group.peer("c").read_barrier().await.expect("a quorum");
    group.crash("c");
    let first = leave_behind(&group, KEPT).await;
    // What `c` asks for takes its time: longer than an upload lives.
    group.set_links("c", Link::delayed(Duration::from_millis(200))).await;
    let (going, peer) = (Arc::new(AtomicBool::new(true)), group.peer("a").clone());
    let goes = going.clone();
    let load = tokio::spawn(async move {
        let mut number = first;
        while goes.load(Ordering::Relaxed) {
            churn(&peer, number, KEPT).await;
            number += 1;
        }
        number
    });
    group.restart("c").await;
    let caught_up = tokio::time::timeout(Duration::from_secs(60), group.peer("c").read_barrier_again());
    caught_up.await.expect("it catches up under load");
    going.store(false, Ordering::Relaxed);
    let last = load.await.expect("ends") - 1;
    println!("{} uploads went by meanwhile", last - first);
    group.peer("c").read_barrier_again().await;
    let state = group.peer("c").state();
    for number in last + 1 - KEPT..=last {
        assert_uploaded(&**group.peer("c"), &state, number, MAX).await;
    }
}

trait Again {
    /// Passes a barrier, however often it has to be tried.
    fn read_barrier_again(&self) -> impl Future<Output = ()>;
}

impl Again for Arc<Peer> {
    async fn read_barrier_again(&self) {
        while self.read_barrier().await.is_err() {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_fetches_only_what_it_lacks_and_from_another_peer_when_its_source_dies() {
    let mut group = Group::start_apart(3, limits(), |_| {}).await;
    insist(&**group.peer("a"), chunk(0, MAX)).await;
    group.peer("c").read_barrier().await.expect("a quorum");
    group.crash("c");
    let number = leave_behind(&group, u64::MAX).await;
    group.set_links("c", Link::delayed(Duration::from_millis(20))).await;
    let begun = segment_bytes(&group, "c");
    group.restart("c").await;
    eventually("some chunks have come", || (segment_bytes(&group, "c") > begun + (1 << 20)).then_some(()))
        .await;
    let source = group.leader().await;
    assert_ne!(source, "c");
    assert!(group.peer("c").state().uploads.len() < 9, "it has not installed it yet");
    let fetched = segment_bytes(&group, "c");
    group.crash(&source);
    group.peer("c").read_barrier_again().await;
    let (state, all) = (group.peer("c").state(), segment_bytes(&group, "c"));
    println!("{number} uploads, {fetched} bytes before its source died, {all} in all");
    for name in ["a", "b"].into_iter().filter(|name| *name != source) {
        group.stop(name).await;
    }
    let mut sum = 0;
    for number in 0..number {
        assert_uploaded(&**group.peer("c"), &state, number, MAX).await;
        sum += payload(number, MAX).len() as u64;
    }
    // Nothing is there twice.
    assert!(all < sum + sum / 20, "{all} bytes for {sum}");
}

fn segment_bytes(group: &Group, name: &str) -> u64 {
    let Ok(files) = std::fs::read_dir(group.dir(name).join("segments")) else { return 0 };
    files.filter_map(|file| Some(file.ok()?.metadata().ok()?.len())).sum()
}

/// Readers meet the state before and after, and never one whose payload is gone already, or wrong bytes.
#[tokio::test(flavor = "multi_thread")]
async fn who_reads_during_an_installation_gets_what_its_state_names() {
    const KEPT: u64 = 20;
    let mut group = Group::start_apart(3, limits(), |_| {}).await;
    for number in 0..KEPT {
        insist(&**group.peer("a"), chunk(number, MAX)).await;
    }
    group.peer("c").read_barrier().await.expect("a quorum");
    group.crash("c");
    leave_behind(&group, KEPT).await;
    // Nobody gives `c` a chunk that it ought to have itself.
    group.restart("c").await;
    let peer = group.peer("c").clone();
    let mut reads = 0_u64;
    let reading = async {
        loop {
            let state = peer.state();
            for (id, upload) in &state.uploads {
                for chunk in &upload.chunks {
                    let read = peer.payload(*chunk).await;
                    let right = match &read {
                        Ok(bytes) => *bytes == payload(id.number, MAX),
                        Err(error) => matches!(error, PayloadError::Gone(_)),
                    };
                    assert!(right, "upload {}: {:?}", id.number, read.err());
                    reads += 1;
                }
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        () = reading => {}
        () = peer.read_barrier_again() => {}
    }
    drop(peer);
    println!("{reads} reads");
    assert!(reads > 0);
}
