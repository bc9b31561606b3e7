//! Stopping without making the others wait for an election.

use std::time::Duration;

use openraft::async_runtime::WatchReceiver;

use crate::node::Node;

/// How long a hand-over may take before the peer goes anyway.
const WITHIN: Duration = Duration::from_secs(2);

/// As the leader: hands leadership to the follower that has most of the log, and waits until it leads. Of equal ones
/// any: what keeps one from leading, a full disk say, is not known here, and another try should find another.
pub(crate) async fn hand_over(node: &Node) {
    let me = node.me().0;
    let metrics = node.raft.metrics().borrow_watched().clone();
    if metrics.current_leader != Some(me) {
        return;
    }
    let voters: Vec<u64> = metrics.membership_config.voter_ids().collect();
    let followers = metrics.replication.unwrap_or_default();
    let candidates = followers.into_iter().filter(|(id, _)| *id != me && voters.contains(id));
    let Some((next, _)) = candidates.max_by_key(|(_, matched)| (*matched, rand::random::<u32>())) else {
        return;
    };
    tracing::info!(next, "handing over leadership");
    if node.raft.trigger().transfer_leader(next).await.is_err() {
        return;
    }
    let mut server = node.raft.server_metrics();
    let moved = server.wait_until(|now| now.current_leader.is_some_and(|leader| leader != me));
    if tokio::time::timeout(WITHIN, moved).await.is_err() {
        tracing::warn!(next, "it did not take leadership in time");
    }
}
