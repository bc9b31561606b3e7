//! What the disk does to one peer, in a process of its own.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use miroir_cluster::{Command, Ledger, ProposeError};
use miroir_consensus::{Config, Limits, Peer};

use crate::children;
use crate::support::{assert_uploaded, chunk, config, eventually, insist, register, start, upload};

const DIR: &str = "MIROIR_TEST_FAULTS_DIR";
const MAX: usize = 60 << 10;

#[test]
fn a_disk_that_fills_and_empties_again() {
    let dir = tempfile::tempdir().expect("a directory");
    let faults = dir.path().join("faults");
    let environment = [(DIR, dir.path().as_os_str()), ("MIROIR_FAULTS_FILE", faults.as_os_str())];
    children::run("faults::filling", &environment);
}

fn alone(dir: &Path) -> Config {
    let limits = Limits { segment_file: 256 << 10, ..Limits::default() };
    let peers = BTreeMap::from([("a".to_owned(), "127.0.0.1:1".to_owned())]);
    let mut config = config(&dir.join("data"), "a", peers, limits);
    config.limits.disk_ballast = 1 << 20;
    config
}

async fn leading(dir: &Path) -> Peer {
    let peer = start(alone(dir)).await;
    eventually("it leads", || peer.leadership().is_leader.then_some(())).await;
    peer.read_barrier().await.expect("a quorum of one");
    peer
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "the child of the test above"]
async fn filling() {
    let Some(dir) = std::env::var_os(DIR) else { return };
    let dir = Path::new(&dir);
    let (segments, ballast) = (dir.join("data/segments"), dir.join("data/ballast"));
    let files = || std::fs::read_dir(&segments).expect("lists").count();
    let free = |bytes: u64| std::fs::write(dir.join("faults"), format!("disk.free={bytes}")).expect("writes");
    let peer = leading(dir).await;
    register(&peer).await;
    eventually("the ballast is laid", || ballast.exists().then_some(())).await;
    for number in 0..40 {
        insist(&peer, chunk(number, MAX)).await;
    }
    for number in 0..35 {
        insist(&peer, Command::DropUpload { upload: upload(number) }).await;
    }
    let full = files();
    assert!(full >= 4, "{full} files");

    free(100 << 20);
    eventually("it is low", || peer.disk_low().then_some(())).await;
    assert_eq!(peer.propose(chunk(99, MAX)).await, Err(ProposeError::DiskLow));
    // Without a byte more of log: what is dead goes, so that the disk empties.
    insist(&peer, Command::DropUpload { upload: upload(35) }).await;
    eventually("dead payload is removed", || (files() < full).then_some(())).await;
    assert!(ballast.exists(), "it is kept for later");
    free(20 << 20);
    eventually("the ballast is given up", || (!ballast.exists()).then_some(())).await;
    insist(&peer, Command::DropUpload { upload: upload(36) }).await;

    std::fs::remove_file(dir.join("faults")).expect("removes");
    eventually("there is room again", || (!peer.disk_low()).then_some(())).await;
    insist(&peer, chunk(40, MAX)).await;
    eventually("the ballast is back", || ballast.exists().then_some(())).await;

    free(1 << 20);
    let failure = tokio::time::timeout(Duration::from_secs(30), peer.failed()).await.expect("it stops");
    assert_eq!(failure.exit_code(), 4);
    peer.shutdown().await;
    drop(peer);
    let refused = Peer::start(alone(dir)).await.expect_err("it does not start");
    assert_eq!(refused.exit_code(), 4, "{refused}");
    std::fs::remove_file(dir.join("faults")).expect("removes");
    let peer = leading(dir).await;
    let state = peer.state();
    for number in 37..=40 {
        assert_uploaded(&peer, &state, number, MAX).await;
    }
}
