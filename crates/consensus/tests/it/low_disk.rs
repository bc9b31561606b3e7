//! A leader whose disk is nearly full.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use miroir_cluster::{Command, Ledger, ProposeError};
use miroir_consensus::{Config, Limits, Peer};

use crate::support::{Group, chunk, eventually, insist, upload};

/// `a` is always low, and the first to ask for votes when a leader is lost.
fn low(config: &mut Config) {
    if config.name == "a" {
        config.limits.disk_reserve = u64::MAX;
        config.timing.election = (Duration::from_millis(150), Duration::from_millis(200));
    } else {
        config.timing.election = (Duration::from_millis(800), Duration::from_millis(1000));
    }
}

/// Notes whether a peer leads, until the answer is dropped.
fn watch(peer: &Arc<Peer>) -> Arc<AtomicBool> {
    let led = Arc::new(AtomicBool::new(false));
    let (peer, noted) = (Arc::clone(peer), Arc::downgrade(&led));
    tokio::spawn(async move {
        while let Some(led) = noted.upgrade() {
            led.fetch_or(peer.leadership().is_leader, Ordering::Relaxed);
            drop(led);
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    led
}

async fn another_leads(group: &Group) -> String {
    loop {
        let leader = group.leader().await;
        if leader != "a" {
            return leader;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_hands_over_each_time_that_it_leads() {
    let mut group = Group::start_with(3, Limits::default(), low).await;
    let mut again = 0;
    for number in 0..6 {
        let leader = tokio::time::timeout(Duration::from_secs(30), another_leads(&group)).await;
        let leader = leader.expect("it does not keep leadership");
        insist(&**group.peer(&leader), chunk(number, 100)).await;
        if again == 2 {
            break;
        }
        let led = watch(group.peer("a"));
        group.crash(&leader);
        let next = tokio::time::timeout(Duration::from_secs(30), another_leads(&group)).await;
        next.expect("it does not keep leadership");
        again += u32::from(led.load(Ordering::Relaxed));
        group.restart(&leader).await;
    }
    assert!(again >= 1, "it never led again, so nothing was tested");

    let state = eventually("it has what was written", || {
        let state = group.peer("a").state();
        state.uploads.contains_key(&upload(0)).then_some(state)
    })
    .await;
    assert!(state.uploads.contains_key(&upload(0)));
    assert_eq!(group.peer("a").propose(chunk(9, 100)).await, Err(ProposeError::DiskLow));
}

/// Waits until the leader has heard that peers are low.
async fn all_report(group: &Group) {
    for peer in group.peers() {
        // Whether it is acknowledged does not matter for the disk.
        let _ = peer.report(peer.state().version()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn payload_is_refused_where_no_majority_has_room() {
    let one = Group::start_with(3, Limits::default(), |config| {
        if config.name == "c" {
            config.limits.disk_reserve = u64::MAX;
        }
    })
    .await;
    let two = Group::start_with(3, Limits::default(), |config| {
        if config.name != "a" {
            config.limits.disk_reserve = u64::MAX;
        }
    })
    .await;
    for (group, refused) in [(one, false), (two, true)] {
        let a = group.peer("a");
        let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
        loop {
            all_report(&group).await;
            let answer = a.propose(chunk(0, 100)).await;
            if group.leader().await != "c" && (answer == Err(ProposeError::DiskLow)) == refused {
                break;
            }
            assert!(tokio::time::Instant::now() < deadline, "{answer:?}");
        }
        // What lets payload go is taken in any case.
        insist(&**a, Command::DropUpload { upload: upload(0) }).await;
    }
}
