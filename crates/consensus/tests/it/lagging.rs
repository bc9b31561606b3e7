//! A peer that was away for longer than the log reaches back.

use miroir_cluster::Ledger;
use miroir_consensus::Limits;

use crate::newcomer::log_begins_at;
use crate::support::{Group, assert_uploaded, chunk, eventually, insist, upload};

const MAX: usize = 256 << 10;

fn segment_files(group: &Group, name: &str) -> usize {
    std::fs::read_dir(group.dir(name).join("segments")).expect("lists").count()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_gets_a_snapshot_and_the_payload_that_it_lacks() {
    let limits = Limits {
        snapshot: 1 << 20,
        log: 2 << 20,
        log_file: 512 << 10,
        segment_file: 1 << 20,
        ..Limits::default()
    };
    let mut group = Group::start(3, limits).await;
    insist(&**group.peer("a"), chunk(0, MAX)).await;
    group.peer("c").read_barrier().await.expect("a quorum");
    group.crash("c");

    for number in 1..80 {
        insist(&**group.peer("a"), chunk(number, MAX)).await;
    }
    for number in 0..40 {
        insist(&**group.peer("b"), miroir_cluster::Command::DropUpload { upload: upload(number) }).await;
    }
    let reached = log_begins_at(&group, "c");
    // More entries, until the others have purged what `c` would need.
    let mut number = 80;
    while ["a", "b"].iter().any(|name| log_begins_at(&group, name) <= reached + (4 << 20)) {
        insist(&**group.peer("a"), chunk(number, MAX)).await;
        number += 1;
        assert!(number < 2000, "the log is never purged");
    }
    eventually("segments that hold nothing live are removed", || {
        (segment_files(&group, "a") < number as usize / 8 + 4).then_some(())
    })
    .await;

    group.restart("c").await;
    group.peer("c").read_barrier().await.expect("a quorum");
    // What it has now, it must have by itself.
    group.stop("a").await;
    group.stop("b").await;
    let alone = group.peer("c");
    let state = alone.state();
    for number in 40..number {
        assert_uploaded(&**alone, &state, number, MAX).await;
    }
    assert!(!state.uploads.contains_key(&upload(39)), "it was dropped while the peer was away");

    group.crash("c");
    group.restart("c").await;
    let state = group.peer("c").state();
    assert_uploaded(&**group.peer("c"), &state, 40, MAX).await;
}
