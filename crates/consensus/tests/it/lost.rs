//! A data directory of which a part is gone is refused: what the others hold must not be overwritten by less.

use miroir_cluster::{Command, Ledger};
use miroir_consensus::{Limits, Peer, StartError};

use crate::support::{Group, chunk, eventually, insist, upload};

fn small() -> Limits {
    Limits { snapshot: 256 << 10, log: 256 << 10, log_file: 64 << 10, ..Limits::default() }
}

/// A peer that has a snapshot, rows and payload, and has purged its log; stopped.
async fn worked() -> Group {
    let mut group = Group::start(1, small()).await;
    let purged = || {
        let files = std::fs::read_dir(group.dir("a").join("log")).expect("lists");
        let names = files.map(|file| file.expect("a file").file_name().into_string().unwrap_or_default());
        let digits = names.map(|name| name.chars().filter(char::is_ascii_digit).collect::<String>());
        digits.filter_map(|digits| digits.parse::<u64>().ok()).min().is_some_and(|first| first > 0)
    };
    let mut number = 0;
    while !purged() {
        insist(&**group.peer("a"), chunk(number, 60 << 10)).await;
        number += 1;
        assert!(number < 2000, "the log is never purged");
    }
    insist(&**group.peer("a"), Command::DropUpload { upload: upload(0) }).await;
    eventually("it remembers that it joined", || {
        let text = std::fs::read_to_string(group.dir("a").join("identity.json")).ok()?;
        text.contains("\"joined\": true").then_some(())
    })
    .await;
    group.stop("a").await;
    group
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_counts_can_be_taken_away() {
    for lost in ["log", "rows", "segments", "snapshots"] {
        let group = worked().await;
        std::fs::remove_dir_all(group.dir("a").join(lost)).expect("removes");
        let refused = loop {
            match Peer::start(group.config("a")).await {
                Err(StartError::InUse(_)) => tokio::task::yield_now().await,
                other => break other.err(),
            }
        };
        let text = refused.as_ref().map(ToString::to_string).unwrap_or_default();
        println!("{lost}: {text}");
        assert!(matches!(refused.map(|error| error.exit_code()), Some(3 | 4)), "{lost}: it started");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_disk_under_a_known_name_is_refused() {
    let mut group = Group::start(3, Limits::default()).await;
    insist(&**group.peer("a"), chunk(0, 100)).await;
    let former = group.peer("c").me().peer;
    group.stop("c").await;
    std::fs::remove_dir_all(group.dir("c")).expect("removes");
    group.restart("c").await;
    let refused = tokio::time::timeout(std::time::Duration::from_secs(30), group.peer("c").failed()).await;
    let refused = refused.expect("it is told");
    println!("{refused}");
    assert_eq!(refused.exit_code(), 3);
    assert_ne!(group.peer("c").me().peer, former);
    // The others count the former one as away, and go on.
    insist(&**group.peer("b"), chunk(1, 100)).await;
    assert!(group.peer("a").membership().contains_key(&former));
}
