//! The local ledger keeps the promises of the port, and the proxy does to a connection what it is told.

mod proxy;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use miroir_api::{ErrorCode, ResponseError};
use miroir_cluster::{
    BarrierError, Command, Enqueue, EnqueueWork, Ledger, Outcome, PayloadError, ProposalId, ProposeError,
    Settled, Target, UploadId, task_from_rows, task_row_range,
};
use miroir_model::{PeerId, PeerLife, TaskUid, Timestamp};
use miroir_tasks::{TaskDetails, TaskKind};
use miroir_testkit::{LocalCluster, LocalLedger, Lost, adopt, defaults};

fn cluster() -> LocalCluster {
    let nodes = ["n1", "n2"].map(|node| adopt(node, "http://127.0.0.1:1"));
    LocalCluster::founded(defaults(2), nodes)
}

/// A write that fails in its turn: it needs no index and no node.
fn refused(proposal: ProposalId) -> Command {
    let error = ResponseError::new(ErrorCode::IndexNotFound, "Index `a` not found.");
    Command::Enqueue(Box::new(Enqueue {
        proposal,
        idempotency: None,
        index_uid: "a".parse().ok(),
        target: Target::Missing,
        work: EnqueueWork::Refused { kind: TaskKind::IndexDeletion, error },
        details: TaskDetails::Clear { deleted: None },
        custom_metadata: None,
    }))
}

fn attempt(peer: &LocalLedger, number: u64) -> ProposalId {
    ProposalId { life: peer.me(), number }
}

#[tokio::test]
async fn lives_of_a_peer_follow_each_other_and_share_one_state() {
    let cluster = cluster();
    let (one, again, two) = (cluster.start(1), cluster.start(1), cluster.start(2));
    assert_eq!(one.me(), PeerLife { peer: PeerId(1), boot: 1 });
    assert_eq!(again.me(), PeerLife { peer: PeerId(1), boot: 2 });
    assert_eq!(two.leadership().leader, Some(PeerId(1)));
    assert!(again.leadership().is_leader && !two.leadership().is_leader);

    let node = "n1".into();
    let assign = Command::AssignLane { node, peer: Some(PeerId(1)) };
    assert_eq!(two.propose(assign).await, Ok(Outcome::Done));
    let take = |life| Command::TakeLane { node: "n1".into(), life };
    assert!(matches!(again.propose(take(again.me())).await, Ok(Outcome::LaneTaken { .. })));
    assert!(matches!(one.propose(take(one.me())).await, Ok(Outcome::Refused(_))), "a former life is over");
    assert_eq!(one.state(), two.state());
}

#[tokio::test]
async fn a_change_wakes_who_waits_for_it() {
    let cluster = cluster();
    let peer = cluster.start(1);
    let since = peer.state().version();
    let waiting = tokio::spawn({
        let peer = peer.clone();
        async move { peer.changed(since).await.version() }
    });
    let stuck = tokio::time::timeout(Duration::from_millis(20), peer.changed(since)).await;
    assert!(stuck.is_err(), "nothing has changed yet");
    peer.propose(refused(attempt(&peer, 0))).await.expect("the ledger works");
    assert_eq!(waiting.await.expect("no panic"), since + 1);
}

#[tokio::test]
async fn lost_answers_are_settled() {
    let cluster = cluster();
    let peer = cluster.start(1);
    peer.lose([Lost::BeforeApply, Lost::AfterApply]);
    for number in [0, 1] {
        assert_eq!(peer.propose(refused(attempt(&peer, number))).await, Err(ProposeError::Unknown));
    }
    let settle = |number| Command::Settle { proposal: attempt(&peer, number) };
    assert_eq!(peer.propose(settle(0)).await, Ok(Outcome::Settled(Settled::Refused)));
    let accepted = Settled::Accepted { task: TaskUid(0), at: Timestamp(0), replayed: false };
    assert_eq!(peer.propose(settle(1)).await, Ok(Outcome::Settled(accepted)));
}

#[tokio::test]
async fn without_a_leader_and_after_a_stop_nothing_is_proposed() {
    let cluster = cluster();
    let (peer, other) = (cluster.start(1), cluster.start(2));
    let version = cluster.state().version();
    cluster.elect(None);
    assert_eq!(peer.propose(refused(attempt(&peer, 0))).await, Err(ProposeError::NoQuorum));
    assert_eq!(peer.read_barrier().await, Err(BarrierError::NoQuorum));
    cluster.elect(Some(2));
    peer.stop();
    assert_eq!(peer.propose(refused(attempt(&peer, 1))).await, Err(ProposeError::Stopping));
    assert_eq!(peer.read_barrier().await, Err(BarrierError::Stopping));
    assert_eq!(other.read_barrier().await, Ok(()));
    assert_eq!(cluster.state().version(), version);
}

#[tokio::test]
async fn chunks_go_when_the_state_names_them_no_more() {
    let cluster = cluster();
    let peer = cluster.start(1);
    let upload = UploadId { life: peer.me(), number: 0 };
    let chunk = Command::Chunk { upload, seq: 0, bytes: Bytes::from_static(b"documents") };
    assert_eq!(peer.propose(chunk).await, Ok(Outcome::Done));
    let (id, _) = peer.state().chunks().next().expect("the upload has a chunk");
    assert_eq!(peer.payload(id).await, Ok(Bytes::from_static(b"documents")));
    peer.propose(Command::DropUpload { upload }).await.expect("the ledger works");
    assert_eq!(peer.payload(id).await, Err(PayloadError::Gone(id)));
}

#[tokio::test]
async fn finished_tasks_are_rows_stamped_by_the_given_clock() {
    let clock = Arc::new(AtomicI64::new(5));
    let cluster = LocalCluster::new({
        let clock = Arc::clone(&clock);
        move || Timestamp(clock.fetch_add(1, Ordering::SeqCst))
    });
    cluster.found(defaults(1), [adopt("n1", "http://127.0.0.1:1")]);
    let peer = cluster.start(1);
    let stamp = Timestamp(clock.load(Ordering::SeqCst));
    peer.propose(refused(attempt(&peer, 0))).await.expect("the ledger works");
    let (first, last) = task_row_range(TaskUid(0), TaskUid(0));
    let rows = peer.rows().scan((&first, &last), 10, false).expect("rows are in memory");
    let task = task_from_rows(rows.into_iter().map(|(_, value)| value)).expect("whole").expect("there");
    assert_eq!((task.uid, task.enqueued_at, task.finished_at), (TaskUid(0), stamp, Some(stamp)));
}
