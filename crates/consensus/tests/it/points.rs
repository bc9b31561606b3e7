//! A peer that dies, or whose disk fails, at each of the places where that separates two durable steps.

use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use miroir_testkit::long;

use crate::crash::{Known, Life};

/// How long a place may take to be reached.
const PATIENCE: Duration = Duration::from_secs(30);

/// The places that one peer alone comes to, each the first time and some time later; `true` where bytes are written.
const PLACES: [(&str, u64, bool); 28] = [
    ("log.reopen", 1, false),
    ("identity.write", 1, true),
    ("identity.written", 1, false),
    ("identity.saved", 1, false),
    ("log.vote", 2, false),
    ("log.voted", 2, false),
    ("log.append", 40, false),
    ("log.appended", 40, false),
    ("log.synced", 40, false),
    ("machine.apply", 40, false),
    ("segments.append", 30, true),
    ("segments.roll", 2, false),
    ("segments.rolled", 2, false),
    ("rows.write", 30, false),
    ("rows.written", 30, false),
    ("machine.applied", 40, false),
    ("segments.sync", 2, false),
    ("segments.synced", 2, false),
    ("rows.sync", 2, false),
    ("rows.synced", 2, false),
    ("snapshot.write", 2, true),
    ("snapshot.written", 2, false),
    ("snapshot.renamed", 2, false),
    ("snapshot.saved", 2, false),
    ("segments.collect", 2, false),
    ("log.purge", 2, false),
    ("log.purged", 2, false),
    ("install.saved", 1, false),
];

/// At which times a place fails.
fn times(later: u64) -> BTreeSet<u64> {
    if long() { BTreeSet::from([1, later]) } else { BTreeSet::from([later]) }
}

#[test]
fn nothing_that_was_acknowledged_is_lost_wherever_a_peer_dies() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut known = Known::default();
    // So that there is a snapshot to start from.
    fill(&dir, &mut known);
    for (place, later, written) in PLACES {
        for what in if written { ["kill", "torn"].as_slice() } else { ["kill"].as_slice() } {
            for time in times(later) {
                let rule = format!("{place}={what}@{time}");
                let ended = Life::begin(dir.path(), &mut known, &rule).end(PATIENCE).expect(&rule);
                assert_eq!(ended.signal(), Some(9), "{rule}: {ended}");
                lives_again(&dir, &mut known);
            }
        }
    }
}

#[test]
fn a_disk_that_fails_stops_the_peer_and_what_was_acknowledged_stays() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut known = Known::default();
    fill(&dir, &mut known);
    for (place, later, _) in PLACES {
        for what in if long() { ["enospc", "eio"].as_slice() } else { ["eio"].as_slice() } {
            let rule = format!("{place}={what}@{later}");
            let ended = Life::begin(dir.path(), &mut known, &rule).end(PATIENCE).expect(&rule);
            assert_eq!(ended.code(), Some(4), "{rule}: {ended}");
            lives_again(&dir, &mut known);
        }
    }
}

/// The log's own thread meets the error, and drops what waits for it.
#[test]
fn a_log_that_cannot_grow_stops_the_peer_and_what_was_acknowledged_stays() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut known = Known::default();
    let ended = Life::begin_limited(dir.path(), &mut known).end(PATIENCE).expect("it stops by itself");
    assert_eq!(ended.code(), Some(4), "{ended}");
    assert!(known.uploaded > 50, "it stopped at once");
    lives_again(&dir, &mut known);
}

/// Starts it without a fault: what it acknowledged is there.
fn lives_again(dir: &tempfile::TempDir, known: &mut Known) {
    let mut life = Life::begin(dir.path(), known, "");
    life.ready();
    life.end(Duration::from_millis(20));
}

/// Runs a child until it has made a snapshot and purged its log.
fn fill(dir: &tempfile::TempDir, known: &mut Known) {
    let ended = Life::begin(dir.path(), known, "log.purged=kill@2").end(PATIENCE);
    assert_eq!(ended.and_then(|ended| ended.signal()), Some(9));
}
