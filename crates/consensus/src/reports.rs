//! Which state the searches of each peer use, told to the leader.
//!
//! A step that makes older states wrong waits until every peer has reported a newer one or was out of touch for
//! [`STALE_LIMIT`]; a peer answers without a mark only for so long after it *sent* its last acknowledged report. For the
//! two to agree whatever happens to peers and leaders:
//!
//! - A report is acknowledged only by a leader that a quorum confirmed after it came. So whoever is elected in its
//!   place is elected later, and its own count, from its start, ends later than the reporter's.
//! - What is noted belongs to one term, and is forgotten with it.
//! - A peer that was out of touch, or that this leader never heard, may use a state that a step has made wrong
//!   meanwhile. Its first report is noted, and holds further steps up, but none of its reports is acknowledged before
//!   one names a state as new as the leader's was at the first: every step that did not wait for it came before.
//! - If that takes longer than [`STALE_LIMIT`], it is out of touch again, and its next try begins when it has got as far
//!   as it should have; so a peer that hangs behind holds nothing up.
//!
//! Peers also say whether their disk is nearly full: it takes a majority that has room to keep payload.
//!
//! Ages count from reception, on a clock that stands still while the machine sleeps: a leader may wait too long, never
//! too short.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use miroir_cluster::{BarrierError, Report, Reports, STALE_LIMIT};
use miroir_model::{PeerId, PeerLife};
use miroir_wire::peer::ReportRequest;
use openraft::async_runtime::WatchReceiver;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::barrier;
use crate::links::Lane;
use crate::node::{Leader, Node};

/// How long a report may be under way. The next one has a younger time of sending, so this one is not repeated.
const WITHIN: Duration = Duration::from_secs(1);

/// What was reported to this peer as the leader.
#[derive(Default)]
pub(crate) struct Desk {
    table: Mutex<Option<Table>>,
    /// How many reports were noted, in all terms.
    noted: watch::Sender<u64>,
}

/// The reports of one term.
struct Table {
    term: u64,
    since: Instant,
    peers: BTreeMap<PeerId, Entry>,
    /// Those whose disk is nearly full.
    low: BTreeSet<PeerId>,
}

struct Entry {
    life: PeerLife,
    version: u64,
    /// When the last report came that was acknowledged, or the one that began the present try.
    received: Instant,
    /// What must be reported before a report is acknowledged.
    owes: Option<u64>,
}

impl Desk {
    /// The table of a term that this peer leads in; none of a term that is over.
    fn at<T>(&self, term: u64, now: Instant, with: impl FnOnce(&mut Table) -> T) -> Option<T> {
        let mut held = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let table = held.get_or_insert_with(|| Table::new(term, now));
        if table.term < term {
            *table = Table::new(term, now);
        }
        (table.term == term).then(|| with(table))
    }

    /// Waits until more than so many reports were noted.
    pub(crate) async fn reported(&self, since: u64) {
        // The sender lives as long as `self`, so waiting cannot fail.
        let _ = self.noted.subscribe().wait_for(|noted| *noted > since).await;
    }

    fn forget(&self) {
        *self.table.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Table {
    fn new(term: u64, since: Instant) -> Self {
        Self { term, since, peers: BTreeMap::new(), low: BTreeSet::new() }
    }

    /// Notes a report, and says whether it is acknowledged. `newest` is the version that this peer has applied.
    fn note(&mut self, life: PeerLife, version: u64, newest: u64, (now, limit): (Instant, Duration)) -> bool {
        let known = self.peers.get_mut(&life.peer).filter(|entry| entry.life == life);
        let owes = match known {
            Some(entry) if now.saturating_duration_since(entry.received) < limit => {
                entry.version = version;
                if entry.owes.is_some_and(|owed| version < owed) {
                    return false;
                }
                None
            }
            Some(entry) if entry.owes.is_some_and(|owed| version < owed) => return false,
            _ => (version < newest).then_some(newest),
        };
        self.peers.insert(life.peer, Entry { life, version, received: now, owes });
        owes.is_none()
    }

    fn note_disk(&mut self, peer: PeerId, low: bool) {
        if low {
            self.low.insert(peer);
        } else {
            self.low.remove(&peer);
        }
    }

    fn seen(&self, now: Instant) -> Reports {
        let report = |(peer, entry): (&PeerId, &Entry)| {
            let age = now.saturating_duration_since(entry.received);
            (*peer, Report { life: entry.life, version: entry.version, age })
        };
        Reports {
            leading_for: Some(now.saturating_duration_since(self.since)),
            noted: 0,
            peers: self.peers.iter().map(report).collect(),
        }
    }
}

/// Reports to the leader, whoever it is.
pub(crate) async fn report(node: &Node, version: u64) -> Result<(), BarrierError> {
    match timeout(WITHIN, tell(node, version)).await {
        Ok(Some(true)) => Ok(()),
        Ok(Some(false) | None) | Err(_) => Err(BarrierError::NoQuorum),
    }
}

async fn tell(node: &Node, version: u64) -> Option<bool> {
    match node.leader()? {
        Leader::Here => Some(take(node, node.identity.incarnation().life, version, node.disk.low()).await),
        Leader::There(leader, address) => {
            let mut client = node.client(&address, Lane::Control)?;
            let envelope = node.links.envelope(leader);
            let message = ReportRequest { envelope, version, disk_low: node.disk.low() };
            Some(client.report(node.links.request(message)).await.ok()?.into_inner().acknowledged)
        }
    }
}

/// As the leader: confirms that it leads, notes a report, and says whether it is acknowledged.
pub(crate) async fn take(node: &Node, life: PeerLife, version: u64, disk_low: bool) -> bool {
    let Some(confirmed) = barrier::confirm(node).await else { return false };
    // All that former leaders have decided is in here.
    node.shared.wait_applied(confirmed.index).await;
    let newest = node.shared.state().version();
    let (now, limit) = (Instant::now(), STALE_LIMIT);
    let note = |table: &mut Table| {
        table.note_disk(life.peer, disk_low);
        table.note(life, version, newest, (now, limit))
    };
    let acknowledged = node.reports.at(confirmed.leader_id.term, now, note).unwrap_or(false);
    node.reports.noted.send_modify(|noted| *noted += 1);
    acknowledged
}

/// As the leader: what was reported.
pub(crate) fn seen(node: &Node) -> Reports {
    // Counted first: a report that comes in between wakes its waiter once too often, and is never missed.
    let (now, noted) = (Instant::now(), *node.reports.noted.borrow());
    let seen = leading(node).and_then(|term| node.reports.at(term, now, |table| table.seen(now)));
    Reports { noted, ..seen.unwrap_or_default() }
}

/// As the leader: the peers that have said that their disk is nearly full.
pub(crate) fn low(node: &Node) -> BTreeSet<PeerId> {
    let low = leading(node).and_then(|term| node.reports.at(term, Instant::now(), |table| table.low.clone()));
    low.unwrap_or_default()
}

/// The term that this peer leads in. What was reported in others is forgotten.
fn leading(node: &Node) -> Option<u64> {
    let metrics = node.raft.server_metrics();
    let metrics = metrics.borrow_watched();
    if metrics.current_leader == Some(node.me().0) {
        return Some(metrics.vote.leader_id.term);
    }
    node.reports.forget();
    None
}

#[cfg(test)]
mod tests;
