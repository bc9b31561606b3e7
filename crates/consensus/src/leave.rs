//! Stopping without making the others wait for an election.

use std::time::Duration;

use miroir_model::PeerId;
use openraft::async_runtime::WatchReceiver;

use crate::node::Node;
use crate::reports;

/// How long a hand-over may take before the peer goes anyway.
const WITHIN: Duration = Duration::from_secs(2);

/// As the leader: hands leadership to a follower and waits until it leads: to one whose disk has room if there is one,
/// and of those to the one that has most of the log. Of equal ones any: what else keeps one from leading is not known
/// here, and another try should find another.
pub(crate) async fn hand_over(node: &Node) {
    let me = node.me().0;
    let metrics = node.raft.metrics().borrow_watched().clone();
    if metrics.current_leader != Some(me) {
        return;
    }
    let voters: Vec<u64> = metrics.membership_config.voter_ids().collect();
    let followers = metrics.replication.unwrap_or_default();
    let candidates = followers.into_iter().filter(|(id, _)| *id != me && voters.contains(id));
    let low = reports::low(node);
    let merit =
        |(id, matched): &(u64, _)| (!low.contains(&PeerId(*id)), *matched, node.config.platform.random());
    let Some((next, _)) = candidates.max_by_key(merit) else {
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
