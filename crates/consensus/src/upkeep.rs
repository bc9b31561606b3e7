//! What a peer looks after by itself, now and then: failures, who leads, free space, snapshots, the length of the log.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use miroir_model::PeerId;
use openraft::async_runtime::WatchReceiver;
use openraft::error::Fatal;
use tokio::time::{Instant, MissedTickBehavior};

use crate::config::Limits;
use crate::disk::{Attempts, NO_ROOM, Room};
use crate::log::Extent;
use crate::node::{Failure, Leader, Node};

/// While the disk is nearly full, a snapshot is made so often: what it makes dead is removed.
const EARLY: Duration = Duration::from_secs(5);

/// Looks for ever.
pub(crate) async fn run(node: Arc<Node>) {
    let mut ticks = tokio::time::interval(node.config.timing.upkeep);
    let mut hand_overs = Attempts::default();
    let mut early = tokio::time::interval(EARLY);
    early.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut leader = None;
    loop {
        ticks.tick().await;
        say_who_leads(&node, &mut leader);
        if node.links.superseded() {
            node.fail(Failure::Identity("another peer knows a later life, or a copy".to_owned()));
        }
        watch_disk(&node, &mut hand_overs).await;
        let early = node.disk.low() && early.tick().now_or_never().is_some();
        if keep_log_short(&node, early).await.is_none() {
            return;
        }
    }
}

/// Says who leads, when that is not whom it `told` last.
fn say_who_leads(node: &Node, told: &mut Option<PeerId>) {
    let leader = node.leader().map(|leader| match leader {
        Leader::Here => node.me(),
        Leader::There(peer, _) => peer,
    });
    if leader == *told {
        return;
    }
    *told = leader;
    match leader {
        Some(peer) => {
            let name = node.members().remove(&peer).map(|(member, _)| member.name).unwrap_or_default();
            tracing::info!(%name, "there is a leader");
        }
        None => tracing::warn!("no leader is known: most peers must be up, and reach each other"),
    }
}

/// Waits until Raft stops, and says so.
pub(crate) async fn watch_raft(node: Arc<Node>) {
    let mut metrics = node.raft.metrics();
    loop {
        let running = metrics.borrow_and_update().running_state.clone();
        // A peer that is stopping has stopped Raft itself.
        if node.running().is_err() {
            return;
        }
        if let Err(fatal) = running {
            return node.fail(Failure::of_raft(fatal));
        }
        if metrics.changed().await.is_err() {
            return node.fail(Failure::of_raft(Fatal::Stopped));
        }
    }
}

/// A leader whose disk is low hands over; it goes on with what frees space. Where there is none, the peer stops.
async fn watch_disk(node: &Node, hand_overs: &mut Attempts) {
    let (was, disk) = (node.disk.low(), node.disk.clone());
    match tokio::task::spawn_blocking(move || disk.measure()).await.map_err(io::Error::other).flatten() {
        Ok(Room::None) => node.fail(Failure::Disk(NO_ROOM.to_owned())),
        Ok(Room::Low) => {
            if !was {
                tracing::warn!("the disk is nearly full: no payload is taken");
            }
            if matches!(node.leader(), Some(Leader::Here)) && hand_overs.due(Instant::now()) {
                crate::leave::hand_over(node).await;
            }
        }
        Ok(Room::Enough) => *hand_overs = Attempts::default(),
        Err(error) => tracing::warn!(%error, "the free space is not known"),
    }
}

/// Has a snapshot made when there is enough log behind the last one, or `early`, and purges what it replaces. `None`
/// when Raft has stopped.
async fn keep_log_short(node: &Node, early: bool) -> Option<()> {
    let extent = node.log.extent();
    let metrics = node.raft.metrics().borrow_watched().clone();
    let snapshot = metrics.snapshot.map(|id| id.index);
    let applied = metrics.last_applied.map(|id| id.index);
    if applied > snapshot && (early || extent.behind(snapshot) >= node.config.limits.snapshot) {
        node.raft.trigger().snapshot().await.ok()?;
    }
    let slowest =
        metrics.replication.and_then(|followers| followers.values().map(|id| id.map(|id| id.index)).min());
    let tail = if node.disk.low() { 0 } else { node.config.limits.snapshot };
    let limits = Limits { snapshot: tail, ..node.config.limits.clone() };
    if let Some(upto) = purge_upto(&extent, snapshot, slowest, &limits)
        && Some(upto) > metrics.purged.map(|id| id.index)
    {
        node.raft.trigger().purge_log(upto).await.ok()?;
    }
    Some(())
}

/// An entry counts as so many bytes at least: however short it is on disk, a peer has some 300 bytes about it in memory
/// as long as it is in the log.
const SHORTEST: u64 = 512;

impl Extent {
    /// How much of the log is not surely in a snapshot that ends at an entry, in bytes.
    fn behind(&self, snapshot: Option<u64>) -> u64 {
        let covered = self.files.iter().take_while(|(_, last)| *last <= snapshot).last();
        self.after(*covered.unwrap_or(&(self.start, None)), snapshot)
    }

    /// How much comes after a file of the log, and after an entry, in bytes.
    fn after(&self, (end, last): (u64, Option<u64>), entry: Option<u64>) -> u64 {
        let count = |last: Option<u64>| last.map_or(0, |last| last + 1);
        let entries = count(self.last).saturating_sub(count(last.max(entry)));
        (self.end - end).max(entries * SHORTEST)
    }
}

/// Up to which entry the log may go: what the snapshot holds, less a tail for followers that are a little behind, and
/// a longer one while a follower (`slowest`, on the leader) still needs it.
fn purge_upto(
    extent: &Extent,
    snapshot: Option<u64>,
    slowest: Option<Option<u64>>,
    limits: &Limits,
) -> Option<u64> {
    let purgeable = |file: &&(u64, Option<u64>)| {
        let ((_, last), kept) = (*file, extent.after(**file, None));
        let needed = slowest.is_some_and(|slowest| slowest < *last);
        *last <= snapshot && kept >= if needed { limits.log } else { limits.snapshot }
    };
    extent.files.iter().take_while(purgeable).last().and_then(|(_, last)| *last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extent() -> Extent {
        // Ten files of 10,000 bytes; entry 10 ends in the first, entry 20 in the second …
        let files = (1..=10).map(|n| ((100 + n * 10) * 1000, Some(n * 10))).collect();
        Extent { files, start: 100_000, end: 205_000, last: Some(104) }
    }

    fn limits(snapshot: u64, log: u64) -> Limits {
        Limits { snapshot, log, ..Limits::default() }
    }

    #[test]
    fn what_is_behind_a_snapshot_is_counted_by_files() {
        assert_eq!(extent().behind(None), 105_000);
        assert_eq!(extent().behind(Some(10)), 95_000);
        assert_eq!(extent().behind(Some(19)), 95_000);
        assert_eq!(extent().behind(Some(100)), 5_000);
    }

    /// 100,000 entries of 30 bytes.
    #[test]
    fn short_entries_count_for_what_they_take_in_memory() {
        let files = (1..=10).map(|n| (n * 300_000, Some(n * 10_000 - 1))).collect();
        let extent = Extent { files, start: 0, end: 3_000_000, last: Some(99_999) };
        assert_eq!(extent.behind(None), 100_000 * SHORTEST);
        assert_eq!(extent.behind(Some(59_999)), 40_000 * SHORTEST);
        assert_eq!(extent.behind(Some(65_000)), 34_999 * SHORTEST, "those after the snapshot alone");
        let limits = limits(40_000 * SHORTEST, 40_000 * SHORTEST);
        assert_eq!(purge_upto(&extent, Some(99_999), None, &limits), Some(59_999));
    }

    #[test]
    fn nothing_goes_that_no_snapshot_holds() {
        assert_eq!(purge_upto(&extent(), None, None, &limits(0, 0)), None);
        assert_eq!(purge_upto(&extent(), Some(9), None, &limits(0, 0)), None);
        assert_eq!(purge_upto(&extent(), Some(35), None, &limits(0, 0)), Some(30));
    }

    #[test]
    fn a_tail_stays_and_a_longer_one_for_who_is_behind() {
        assert_eq!(purge_upto(&extent(), Some(100), None, &limits(40_000, 70_000)), Some(60));
        assert_eq!(purge_upto(&extent(), Some(100), Some(Some(95)), &limits(40_000, 70_000)), Some(60));
        assert_eq!(purge_upto(&extent(), Some(100), Some(Some(25)), &limits(40_000, 70_000)), Some(30));
        assert_eq!(purge_upto(&extent(), Some(100), Some(None), &limits(40_000, 70_000)), Some(30));
        assert_eq!(purge_upto(&extent(), Some(100), Some(Some(45)), &limits(40_000, 70_000)), Some(40));
    }
}
