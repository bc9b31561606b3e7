use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use miroir_cluster::UploadId;
use miroir_wire::Secret;
use miroir_wire::peer::peer_server::Peer as _;
use tempfile::TempDir;

use super::*;
use crate::config::{Config, Limits, Timing};
use crate::peer::Peer;
use crate::service::Service;

#[test]
fn answers_travel() {
    let missed = [
        Missed::NotTaken,
        Missed::Unknown,
        Missed::DiskLow,
        Missed::Busy,
        Missed::TooLarge,
        Missed::NotUnderstood,
    ];
    for result in missed.map(Err).into_iter().chain([Ok(Outcome::Done)]) {
        assert_eq!(read(reply(result.clone())), result);
    }
    assert_eq!(read(ProposeReply { result: None }), Err(Missed::Unknown));
}

/// The leader's memory grew by 8 KiB with each command of another peer.
#[test]
fn what_is_kept_of_a_message_is_not_its_buffer() {
    let buffer = Bytes::from(vec![7; 8192]);
    let kept = Encoded::received(&buffer.slice(100..200), false);
    assert!(buffer.is_unique() && kept.bytes.len() == 100);
}

#[test]
fn a_broken_call_is_not_called_refused() {
    assert!(!surely_refused(&Status::unavailable("connection reset")));
    assert!(!surely_refused(&Status::cancelled("gone")));
    assert!(surely_refused(&Status::failed_precondition("another peer")));
    let connect = tonic::ConnectError(std::io::Error::other("refused").into());
    assert!(surely_refused(&Status::from_error(Box::new(connect))));
}

/// A group of one.
async fn alone() -> (Peer, TempDir) {
    let dir = tempfile::tempdir().expect("a directory");
    let address = "127.0.0.1:1".to_owned();
    let config = Config {
        data_dir: dir.path().to_owned(),
        name: "a".to_owned(),
        advertised: address.clone(),
        initial_peers: BTreeMap::from([("a".to_owned(), address)]),
        secret: Secret::new("a-secret-for-tests-only").expect("strong enough"),
        timing: Timing { barrier_wait: Duration::from_millis(200), ..Timing::default() },
        limits: Limits { disk_ballast: 0, ..Limits::default() },
        platform: Arc::new(crate::platform::Os),
    };
    let peer = Peer::start(config).await.expect("starts");
    while !matches!(peer.node.leader(), Some(Leader::Here)) {
        peer.node.leader_may_have_changed().await;
    }
    (peer, dir)
}

fn upload(peer: &Peer) -> UploadId {
    UploadId { life: peer.node.identity.incarnation().life, number: 1 }
}

fn chunk(peer: &Peer, len: usize) -> Command {
    Command::Chunk { upload: upload(peer), seq: 0, bytes: vec![7; len].into() }
}

async fn assert_goes_on(peer: &Peer) {
    let small = Command::DropUpload { upload: upload(peer) };
    assert_eq!(propose(&peer.node, &small).await, Ok(Outcome::Done));
}

/// What the peer answers when another one proposes these bytes to it.
async fn from_another(peer: &Peer, command: Bytes) -> Result<Outcome, Missed> {
    let node = &peer.node;
    let envelope = node.links.envelope(node.me());
    let request = node.links.request(ProposeRequest { envelope, command, payload: false });
    read(Service(node.clone()).propose(request).await.expect("answers").into_inner())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_applied_never_gets_into_the_log() {
    let (peer, _dir) = alone().await;
    assert_eq!(from_another(&peer, Bytes::from_static(&[1, 255])).await, Err(Missed::NotUnderstood));
    assert_eq!(from_another(&peer, Bytes::new()).await, Err(Missed::NotUnderstood));
    assert_goes_on(&peer).await;
    let known = Encoded::from(&Command::DropUpload { upload: upload(&peer) });
    assert_eq!(from_another(&peer, known.bytes).await, Ok(Outcome::Done));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_is_not_proposed_by_whomever() {
    let (peer, _dir) = alone().await;
    let large = chunk(&peer, MAX_COMMAND);
    let bytes = Encoded::from(&large).bytes;
    let refused = ProposeError::TooLarge { bytes: bytes.len(), limit: MAX_COMMAND };
    assert_eq!(propose(&peer.node, &large).await, Err(refused));
    assert_eq!(from_another(&peer, bytes).await, Err(Missed::TooLarge));
    let largest = chunk(&peer, MAX_COMMAND - 64);
    let outcome = propose(&peer.node, &largest).await;
    assert!(outcome.is_ok(), "{outcome:?}");
    assert_goes_on(&peer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_budget_is_not_called_a_missing_leader() {
    let (peer, _dir) = alone().await;
    let large = chunk(&peer, 100 << 10);
    let held = peer.node.flow.own(usize::MAX).await;
    assert_eq!(propose(&peer.node, &large).await, Err(ProposeError::Busy));
    drop(held);
    let held = peer.node.flow.leader(usize::MAX).await;
    assert_eq!(propose(&peer.node, &large).await, Err(ProposeError::Busy));
    assert_eq!(from_another(&peer, Encoded::from(&large).bytes).await, Err(Missed::Busy));
    assert_goes_on(&peer).await;
    drop(held);
    let outcome = propose(&peer.node, &large).await;
    assert!(outcome.is_ok(), "{outcome:?}");
}
