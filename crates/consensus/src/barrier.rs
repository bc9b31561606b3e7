//! Read barriers: one round of asking the leader serves all who wait.
//!
//! A round answers "what is the last entry that may have been committed when the round began?", so a reader may only
//! join a round that begins after it came. One round runs at a time; who comes meanwhile shares the next.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use miroir_cluster::BarrierError;
use miroir_wire::peer::ReadIndexRequest;
use openraft::ReadPolicy;
use tokio::sync::{Notify, oneshot};

use crate::links::Lane;
use crate::node::{Leader, Node};
use crate::types::LogId;

/// How long one attempt may take before the leader is looked up again.
const ATTEMPT: Duration = Duration::from_secs(1);

/// Those who wait for the next round.
#[derive(Default)]
pub(crate) struct Turnstile {
    waiting: Mutex<Vec<oneshot::Sender<()>>>,
    come: Notify,
}

impl Turnstile {
    /// Waits for a round that begins from now on.
    pub(crate) async fn pass(&self, within: Duration) -> Result<(), BarrierError> {
        let (done, passed) = oneshot::channel();
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push(done);
        self.come.notify_one();
        match tokio::time::timeout(within, passed).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(BarrierError::Stopping),
            Err(_) => Err(BarrierError::NoQuorum),
        }
    }

    fn take(&self) -> Vec<oneshot::Sender<()>> {
        std::mem::take(&mut self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Runs rounds for ever.
pub(crate) async fn run(node: Arc<Node>) {
    let applied = |index| {
        let shared = node.shared.clone();
        async move { shared.wait_applied(index).await }
    };
    rounds(&node.barriers, || read_index(&node), || node.leader_may_have_changed(), applied).await
}

/// The rounds: `ask` finds up to where those must have `applied` who came before; where it finds nothing it is asked
/// `again` later.
async fn rounds<A, L, W>(
    turnstile: &Turnstile,
    ask: impl Fn() -> A,
    again: impl Fn() -> L,
    applied: impl Fn(u64) -> W,
) where
    A: Future<Output = Option<u64>>,
    L: Future<Output = ()>,
    W: Future<Output = ()> + Send + 'static,
{
    loop {
        turnstile.come.notified().await;
        let mut readers = Vec::new();
        loop {
            readers.extend(turnstile.take());
            readers.retain(|reader| !reader.is_closed());
            if readers.is_empty() {
                break;
            }
            match tokio::time::timeout(ATTEMPT, ask()).await {
                Ok(Some(index)) => {
                    let readers = std::mem::take(&mut readers);
                    // Applying may take longer than an attempt, and the next round need not wait for it.
                    let reached = applied(index);
                    tokio::spawn(async move {
                        reached.await;
                        for reader in readers {
                            // A reader that has given up is gone.
                            let _ = reader.send(());
                        }
                    });
                }
                Ok(None) => again().await,
                Err(_) => {}
            }
        }
    }
}

/// Asks the leader.
async fn read_index(node: &Node) -> Option<u64> {
    match node.leader()? {
        Leader::Here => confirm(node).await.map(|id| id.index),
        Leader::There(leader, address) => {
            let mut client = node.client(&address, Lane::Control)?;
            let request = node.links.request(ReadIndexRequest { envelope: node.links.envelope(leader) });
            client.read_index(request).await.ok()?.into_inner().index
        }
    }
}

/// As the leader: confirms by a round of heartbeats that it leads, and answers up to where a read must have applied.
/// The entry is of its own term, or of one before it when no newer one is committed.
pub(crate) async fn confirm(node: &Node) -> Option<LogId> {
    let (read, _) = node.raft.get_read_log_id(ReadPolicy::ReadIndex).await.ok()?;
    Some(*read.log_id())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use futures::future::join_all;
    use tokio::time::{Instant, sleep};

    use super::*;

    const ROUND: Duration = Duration::from_millis(100);
    const LONG: Duration = Duration::from_secs(60);

    /// After which times readers have passed who come at these times, and how many rounds that took, when the first
    /// so many find no leader.
    async fn passed(come: &[u64], in_vain: u32) -> (Vec<u64>, u32) {
        let turnstile = Turnstile::default();
        let (asked, begun) = (Cell::new(0), Instant::now());
        let ask = || {
            let number = asked.replace(asked.get() + 1);
            async move {
                sleep(ROUND).await;
                (number >= in_vain).then_some(7)
            }
        };
        let readers = come.iter().map(|at| async {
            sleep(Duration::from_millis(*at)).await;
            turnstile.pass(LONG).await.expect("it passes");
            u64::try_from(begun.elapsed().as_millis()).expect("soon")
        });
        let passed = tokio::select! {
            passed = join_all(readers) => passed,
            () = rounds(&turnstile, ask, || sleep(ROUND), |_| async {}) => unreachable!("it goes on for ever"),
        };
        (passed, asked.get())
    }

    /// A round that began before a reader came may answer from before what the reader must see.
    #[tokio::test(start_paused = true)]
    async fn who_comes_during_a_round_shares_the_next() {
        let mut come = vec![0];
        come.extend([10, 50, 99].repeat(100));
        let (passed, rounds) = passed(&come, 0).await;
        assert_eq!(rounds, 2);
        assert_eq!(passed[0], 100);
        assert!(passed[1..].iter().all(|at| *at == 200), "{passed:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_round_without_a_leader_is_repeated_for_all_who_came_meanwhile() {
        assert_eq!(passed(&[0, 120], 1).await, (vec![300, 300], 2));
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_ever() {
        let turnstile = Turnstile::default();
        let run = rounds(&turnstile, || async { None }, || sleep(ROUND), |_| async {});
        tokio::select! {
            passed = turnstile.pass(Duration::from_secs(3)) => assert_eq!(passed, Err(BarrierError::NoQuorum)),
            () = run => unreachable!("it goes on for ever"),
        }
    }

    /// What is confirmed late is not applied yet; other rounds go on meanwhile.
    #[tokio::test(start_paused = true)]
    async fn a_reader_waits_until_it_is_applied() {
        let turnstile = Turnstile::default();
        let begun = Instant::now();
        let run = rounds(&turnstile, || async { Some(7) }, || sleep(ROUND), |_| sleep(ROUND));
        tokio::select! {
            passed = turnstile.pass(LONG) => passed.expect("it passes"),
            () = run => unreachable!("it goes on for ever"),
        }
        assert_eq!(begun.elapsed(), ROUND);
    }
}
