//! Peers that are not who they should be.

use std::collections::BTreeMap;
use std::net::TcpListener;

use miroir_cluster::Ledger;
use miroir_consensus::{Failure, Limits, Peer, StartError};
use tonic::service::Routes;

use crate::support::{Group, chunk, config, eventually, insist, start};

fn copy(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).expect("makes a directory");
    for entry in std::fs::read_dir(from).expect("lists") {
        let entry = entry.expect("an entry");
        let to = to.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).expect("copies");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_copies_of_a_peer_one_stops() {
    let mut group = Group::start(3, Limits::default()).await;
    insist(&**group.peer("a"), chunk(0, 100)).await;
    group.stop("c").await;
    let elsewhere = tempfile::tempdir().expect("a directory");
    copy(&group.dir("c"), elsewhere.path());
    group.restart("c").await;
    group.peer("c").read_barrier().await.expect("a quorum");

    // The copy starts as often as the original, and hears nobody, so it asks for votes.
    let config = miroir_consensus::Config { data_dir: elsewhere.path().to_owned(), ..group.config("c") };
    let double = start(config).await;
    // The original must have been heard in this life, or the copy is taken for it.
    let failure = tokio::select! {
        failure = double.failed() => failure,
        failure = group.peer("c").failed() => failure,
    };
    assert!(matches!(failure, Failure::Identity(_)), "{failure}");
    insist(&**group.peer("b"), chunk(1, 100)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_lost_its_log_is_refused() {
    let mut group = Group::start(1, Limits::default()).await;
    insist(&**group.peer("a"), chunk(0, 100)).await;
    assert_refused_without_its_log(&mut group).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_does_not_replace_the_vote_that_went_with_the_log() {
    let limits = Limits { snapshot: 1, ..Limits::default() };
    let mut group = Group::start(1, limits).await;
    insist(&**group.peer("a"), chunk(0, 100)).await;
    let snapshots = group.dir("a").join("snapshots");
    eventually("a snapshot", || {
        let mut files = std::fs::read_dir(&snapshots).ok()?;
        files
            .any(|file| file.is_ok_and(|file| file.path().extension().is_some_and(|e| e == "snap")))
            .then_some(())
    })
    .await;
    assert_refused_without_its_log(&mut group).await;
}

async fn assert_refused_without_its_log(group: &mut Group) {
    eventually("it remembers that it joined", || {
        let text = std::fs::read_to_string(group.dir("a").join("identity.json")).ok()?;
        text.contains("\"joined\": true").then_some(())
    })
    .await;
    let config = group.config("a");
    assert!(matches!(Peer::start(config.clone()).await, Err(StartError::InUse(_))));
    group.stop("a").await;
    std::fs::remove_dir_all(group.dir("a").join("log")).expect("removes");
    let refused = loop {
        match Peer::start(config.clone()).await {
            Err(StartError::InUse(_)) => tokio::task::yield_now().await,
            other => break other.err(),
        }
    };
    assert!(matches!(refused, Some(StartError::Identity { .. })), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_secret_is_not_heard() {
    let listeners = ["a", "b"].map(|name| (name, TcpListener::bind("127.0.0.1:0").expect("binds")));
    let address = |listener: &TcpListener| listener.local_addr().expect("an address").to_string();
    let names: BTreeMap<_, _> = listeners.iter().map(|(name, l)| ((*name).to_owned(), address(l))).collect();
    let dirs = tempfile::tempdir().expect("a directory");
    let mut peers = Vec::new();
    for (name, listener) in listeners {
        let mut config = config(&dirs.path().join(name), name, names.clone(), Limits::default());
        if name == "b" {
            config.secret = miroir_wire::Secret::new("another-secret-for-tests").expect("strong enough");
        }
        config.timing.barrier_wait = std::time::Duration::from_millis(700);
        let peer = start(config).await;
        peer.serve(listener, Routes::default()).expect("serves");
        peers.push(peer);
    }
    assert!(peers[0].read_barrier().await.is_err());
    assert!(peers.iter().all(|peer| peer.cluster().is_none()), "nothing was founded");
}
