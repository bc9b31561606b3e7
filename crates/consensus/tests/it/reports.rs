//! Peers tell their leader which state their searches use, while leaders come and go.

use std::sync::Arc;
use std::time::Duration;

use miroir_cluster::{BarrierError, Ledger, Reports};
use miroir_consensus::{Config, Limits, Peer};
use miroir_model::{PeerId, PeerLife};
use miroir_wire::peer::ReportRequest;
use miroir_wire::peer::peer_client::PeerClient;
use miroir_wire::{Address, Incarnation, Secret};

use crate::support::{Group, chunk, eventually, insist};

/// Reports until it is acknowledged, with the version that the peer has by then.
async fn report(peer: &Peer) -> u64 {
    let patience = tokio::time::timeout(Duration::from_secs(60), async {
        loop {
            let version = peer.state().version();
            if peer.report(version).await.is_ok() {
                return version;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    patience.await.expect("it is acknowledged")
}

fn noted(reports: &Reports, peer: &Peer) -> Option<u64> {
    let report = reports.peers.get(&peer.me().peer)?;
    assert_eq!(report.life, peer.me());
    Some(report.version)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_leader_knows_what_every_peer_reported() {
    let mut group = Group::start(3, Limits::default()).await;
    let leader = group.leader().await;
    let reported: Vec<_> = futures::future::join_all(group.peers().map(|peer| report(peer))).await;
    let reports = group.peer(&leader).reports();
    assert!(reports.leading_for.is_some());
    for (peer, version) in group.peers().zip(&reported) {
        assert_eq!(noted(&reports, peer), Some(*version));
    }
    // A search that runs for long: the oldest version counts, whatever was reported before.
    insist(&**group.peer("a"), chunk(0, 100)).await;
    group.peer("b").report(1).await.expect("it has kept in touch");
    assert_eq!(noted(&group.peer(&leader).reports(), group.peer("b")), Some(1));
    for peer in group.peers().filter(|peer| peer.me() != group.peer(&leader).me()) {
        assert_eq!(peer.reports(), Reports::default());
    }

    // The next leader knows nothing, and a peer that it never heard has to be up to date at first.
    group.crash(&leader);
    let next = group.leader().await;
    assert_eq!(group.peer(&next).reports().peers.len(), 0);
    let other = group.peers().find(|peer| peer.me() != group.peer(&next).me()).expect("of two");
    assert!(other.report(1).await.is_err());
    let version = report(other).await;
    assert_eq!(noted(&group.peer(&next).reports(), other), Some(version));
    group.restart(&leader).await;
    report(group.peer(&leader)).await;
    let reports = group.peer(&next).reports();
    if group.peer(&next).leadership().is_leader {
        assert_eq!(reports.peers.get(&group.peer(&leader).me().peer).map(|r| r.life.boot), Some(2));
    }
}

/// Reports as a peer that nobody else knows, straight to an address.
async fn stranger_reports(group: &Group, to: &str) -> bool {
    let address = Address {
        cluster: group.peer(to).cluster().expect("founded"),
        to: group.peer(to).me().peer,
        from: Incarnation { life: PeerLife { peer: PeerId(99), boot: 1 }, nonce: 1 },
    };
    let mut client = PeerClient::connect(format!("http://{}", group.address(to))).await.expect("it listens");
    let envelope = Some(address.into());
    let message = ReportRequest { envelope, version: u64::MAX, disk_low: false };
    let secret = Secret::new("a-secret-for-tests-only").expect("strong enough");
    client.report(secret.sign(tonic::Request::new(message))).await.expect("answers").into_inner().acknowledged
}

/// `a` is not elected again as soon as it is back.
fn eager(config: &mut Config) {
    if config.name != "a" {
        config.timing.election = (Duration::from_millis(150), Duration::from_millis(250));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_is_cut_off_acknowledges_nothing() {
    let group = Group::start_apart(3, Limits::default(), eager).await;
    let old = group.leader().await;
    let deposed: &Arc<Peer> = group.peer(&old);
    let term = deposed.leadership().term;
    assert!(stranger_reports(&group, &old).await, "the way of asking works");
    report(deposed).await;
    assert_eq!(deposed.reports().peers.len(), 2);

    group.cut_off(&old).await;
    let others: Vec<_> = group.peers().filter(|peer| peer.me() != deposed.me()).collect();
    eventually("another leads", || {
        let leads = |peer: &&Arc<Peer>| peer.leadership().is_leader && peer.leadership().term > term;
        others.iter().copied().find(leads)
    })
    .await;
    assert!(deposed.leadership().is_leader, "it does not know yet");
    assert_eq!(deposed.report(deposed.state().version()).await, Err(BarrierError::NoQuorum));
    assert!(!stranger_reports(&group, &old).await);
    // The others go on meanwhile.
    for peer in &others {
        report(peer).await;
    }

    group.mend().await;
    report(deposed).await;
    eventually("it knows", || (deposed.leadership().term > term).then_some(())).await;
    if !deposed.leadership().is_leader {
        let known = deposed.reports();
        assert_eq!(known, Reports { noted: known.noted, ..Reports::default() });
    }
}
