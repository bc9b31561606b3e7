//! Electing, proposing from every peer, losing a leader, stopping one, restarting all.

use std::time::{Duration, Instant};

use miroir_cluster::{BarrierError, Ledger, ProposeError};
use miroir_consensus::Limits;

use crate::support::{Group, assert_uploaded, chunk, insist};

const MAX: usize = 100 << 10;

async fn assert_everywhere(group: &Group, numbers: std::ops::Range<u64>) {
    for peer in group.peers() {
        peer.read_barrier().await.expect("a quorum");
        let state = peer.state();
        for number in numbers.clone() {
            assert_uploaded(&**peer, &state, number, MAX).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_goes_on_without_its_leader_and_comes_back_from_disk() {
    let mut group = Group::start(3, Limits::default()).await;
    for (number, peer) in (0..).zip(group.peers().cycle().take(12)) {
        insist(&**peer, chunk(number, MAX)).await;
    }
    assert_everywhere(&group, 0..12).await;

    let leader = group.leader().await;
    let term = group.peer(&leader).leadership().term;
    group.crash(&leader);
    let lost = Instant::now();
    for (number, peer) in (12..).zip(group.peers().cycle().take(6)) {
        insist(&**peer, chunk(number, MAX)).await;
        println!("upload {number} was taken {:?} after the leader was lost", lost.elapsed());
    }
    assert_everywhere(&group, 0..18).await;
    assert!(group.peers().all(|peer| peer.leadership().term > term));

    group.restart(&leader).await;
    assert_everywhere(&group, 0..18).await;
    let ids: Vec<_> = group.peers().map(|peer| peer.me()).collect();
    for name in ["a", "b", "c"] {
        group.crash(name);
    }
    for name in ["a", "b", "c"] {
        group.restart(name).await;
    }
    assert_everywhere(&group, 0..18).await;
    for (peer, former) in group.peers().zip(ids) {
        assert_eq!(peer.me().peer, former.peer);
        assert_eq!(peer.me().boot, former.boot + 1);
    }
    insist(&**group.peer("b"), chunk(18, MAX)).await;
    assert_everywhere(&group, 0..19).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_stops_hands_over_without_an_election_wait() {
    let mut group = Group::start(3, Limits::default()).await;
    let leader = group.leader().await;
    group.stop(&leader).await;
    let begun = Instant::now();
    let other = if leader == "a" { "b" } else { "a" };
    insist(&**group.peer(other), chunk(0, MAX)).await;
    let taken = begun.elapsed();
    println!("taken {taken:?} after the leader had stopped");
    assert_ne!(group.leader().await, leader);
    let election = group.config(other).timing.election.1;
    assert!(taken < election, "{taken:?}: an election was waited for");
}

/// It believes that it leads, and what it took now might be committed when the others are back.
#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_is_left_alone_takes_nothing() {
    let mut group = Group::start(3, Limits::default()).await;
    let leader = group.leader().await;
    let others: Vec<_> = ["a", "b", "c"].into_iter().filter(|name| *name != leader).collect();
    others.iter().for_each(|other| group.crash(other));
    let alone = group.peer(&leader);
    let left = Instant::now();
    while alone.leadership().leader.is_some() {
        assert!(left.elapsed() < Duration::from_secs(10), "it never notices");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(!alone.leadership().is_leader);
    let begun = Instant::now();
    let (write, read) = tokio::join!(alone.propose(chunk(1, MAX)), alone.read_barrier());
    assert_eq!((write, read), (Err(ProposeError::NoQuorum), Err(BarrierError::NoQuorum)));
    assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
    for other in others {
        group.restart(other).await;
    }
    for peer in group.peers() {
        insist(&**peer, chunk(2, MAX)).await;
    }
    let state = group.peer(&leader).state();
    assert!(!state.uploads.contains_key(&crate::support::upload(1)), "it was surely not proposed");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_quorum_nothing_is_proposed_and_nobody_waits_for_ever() {
    let mut group = Group::start(3, Limits::default()).await;
    let leader = group.leader().await;
    let others: Vec<_> = ["a", "b", "c"].into_iter().filter(|name| *name != leader).collect();
    group.crash(&leader);
    group.crash(others[0]);
    let alone = group.peer(others[1]);
    let begun = Instant::now();
    let (write, read) = tokio::join!(alone.propose(chunk(0, MAX)), alone.read_barrier());
    assert_eq!(read, Err(BarrierError::NoQuorum));
    // It may have been on its way to the lost leader.
    assert!(matches!(write, Err(ProposeError::NoQuorum | ProposeError::Unknown)), "{write:?}");
    assert!(begun.elapsed() < Duration::from_secs(15));
    assert_eq!(alone.propose(chunk(1, MAX)).await, Err(ProposeError::NoQuorum));

    group.restart(others[0]).await;
    for peer in group.peers() {
        insist(&**peer, chunk(2, MAX)).await;
    }
    let state = group.peer(others[0]).state();
    assert!(!state.uploads.contains_key(&crate::support::upload(1)), "it was surely not proposed");
}
