//! Which states this peer's searches use, and for how long it has been out of touch.
//!
//! A copy may be left out of what tasks wait for only when no search uses a state in which it is searched, and a change
//! of names or settings is done only when no search uses a state before it. So every peer reports the oldest state that
//! its searches use to the leader, and a peer that cannot says itself that its answers may be old. It counts from when
//! it *sent* the last report that was acknowledged, and the leader from when it received it, which is later: whatever
//! happens to messages, the peer knows first. The clock runs while the machine sleeps.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use miroir_cluster::{Ledger, Queue, STALE_LIMIT, State};
use tokio::time::{sleep, timeout};
use tracing::debug;

/// How often this peer reports, when nothing changes for searches.
const PAUSE: Duration = Duration::from_secs(1);
/// And when some copy is about to leave, or the last report was in vain.
const SOON: Duration = Duration::from_millis(50);
/// A report that takes longer is not waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// A time on a clock that runs while the machine sleeps.
pub type Clock = Arc<dyn Fn() -> Duration + Send + Sync>;

/// See the module.
pub(crate) struct Touch {
    clock: Clock,
    began: Duration,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    /// How many searches use which version of the state.
    running: BTreeMap<u64, usize>,
    /// When the last report that was acknowledged was sent.
    acknowledged: Option<Duration>,
}

/// A state in use. It is not, once this is dropped.
pub(crate) struct InUse {
    touch: Arc<Touch>,
    pub(crate) state: Arc<State>,
}

impl Drop for InUse {
    fn drop(&mut self) {
        let mut seen = self.touch.seen();
        let version = self.state.version();
        if let Some(count) = seen.running.get_mut(&version) {
            *count -= 1;
            if *count == 0 {
                seen.running.remove(&version);
            }
        }
    }
}

impl Touch {
    pub(crate) fn new(clock: Clock) -> Arc<Self> {
        Arc::new(Self { began: clock(), clock, seen: Mutex::default() })
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The present state, in use from now on.
    pub(crate) fn take(self: &Arc<Self>, ledger: &dyn Ledger) -> InUse {
        // Under the lock, so that no report calls a version unused between reading it and using it.
        let mut seen = self.seen();
        let state = ledger.state();
        *seen.running.entry(state.version()).or_default() += 1;
        InUse { touch: Arc::clone(self), state }
    }

    /// The oldest version in use, or else the present one.
    fn oldest(&self, ledger: &dyn Ledger) -> u64 {
        let seen = self.seen();
        let oldest = seen.running.keys().next().copied();
        oldest.unwrap_or_else(|| ledger.state().version())
    }

    /// For how long this peer has been out of touch, when it is too long.
    pub(crate) fn stale(&self) -> Option<Duration> {
        let since = self.seen().acknowledged;
        let age = (self.clock)().saturating_sub(since.unwrap_or(self.began));
        (since.is_none() || age >= STALE_LIMIT).then_some(age)
    }

    /// Reports, again and again.
    pub(crate) async fn report(&self, ledger: &dyn Ledger) {
        loop {
            let (version, sent) = (self.oldest(ledger), (self.clock)());
            let answer = timeout(PATIENCE, ledger.report(version)).await;
            let acknowledged = matches!(answer, Ok(Ok(())));
            if acknowledged {
                let mut seen = self.seen();
                seen.acknowledged = seen.acknowledged.max(Some(sent));
            } else {
                debug!(?answer, "the leader does not acknowledge which state is searched");
            }
            if !acknowledged || is_awaited(&ledger.state(), version) {
                sleep(SOON).await;
                continue;
            }
            // Until somebody waits for this peer, or it is time.
            let awaited = async {
                let mut state = ledger.state();
                while !is_awaited(&state, version) {
                    state = ledger.changed(state.version()).await;
                }
            };
            let _ = timeout(PAUSE, awaited).await;
        }
    }
}

/// Whether some copy leaves, or some task is done, as soon as this peer searches a later version than this.
fn is_awaited(state: &State, version: u64) -> bool {
    let mut queues = state.indexes.values().flat_map(|index| index.queues.values());
    let leaves = |queue: &Queue| queue.required && queue.hidden.is_some_and(|hidden| hidden > version);
    state.showing.values().any(|since| *since > version) || queues.any(leaves)
}

/// The system's clock.
pub(crate) fn clock() -> Clock {
    Arc::new(|| {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        Duration::new(
            u64::try_from(now.tv_sec).unwrap_or_default(),
            u32::try_from(now.tv_nsec).unwrap_or_default(),
        )
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use miroir_cluster::Command;
    use miroir_model::PeerId;
    use miroir_testkit::{LocalCluster, LocalLedger, adopt, defaults};

    use super::*;

    fn peer() -> (LocalCluster, LocalLedger) {
        let cluster = LocalCluster::founded(defaults(1), [adopt("node-0", "http://127.0.0.1:9")]);
        let ledger = cluster.start(1);
        (cluster, ledger)
    }

    fn reported(ledger: &LocalLedger) -> Option<u64> {
        ledger.reports().peers.get(&ledger.me().peer).map(|report| report.version)
    }

    #[tokio::test(start_paused = true)]
    async fn a_search_that_runs_keeps_its_state_in_use() {
        let (cluster, ledger) = peer();
        let touch = Touch::new(clock());
        let old = touch.take(&ledger);
        let again = touch.take(&ledger);
        cluster.apply(&Command::PeerAlive { peer: PeerId(1), alive: true });
        let new = touch.take(&ledger);
        assert!(new.state.version() > old.state.version());
        for (running, expected) in [(old, again.state.version()), (again, new.state.version())] {
            let oldest = running.state.version();
            assert_eq!(touch.oldest(&ledger), oldest);
            let reports = touch.report(&ledger);
            assert!(timeout(Duration::from_secs(2), reports).await.is_err(), "it goes on for ever");
            assert_eq!(reported(&ledger), Some(oldest));
            drop(running);
            assert_eq!(touch.oldest(&ledger), expected);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_not_heard_is_stale_since_it_last_sent_what_was_acknowledged() {
        let (cluster, ledger) = peer();
        let time = Arc::new(AtomicU64::new(100));
        let now = Arc::clone(&time);
        let touch = Touch::new(Arc::new(move || Duration::from_secs(now.load(Ordering::SeqCst))));
        assert_eq!(touch.stale(), Some(Duration::ZERO), "nothing was acknowledged in this life");
        assert!(timeout(Duration::from_millis(10), touch.report(&ledger)).await.is_err());
        assert_eq!(touch.stale(), None);
        // Nobody leads, and the machine sleeps: its clock goes on.
        cluster.elect(None);
        time.fetch_add(4, Ordering::SeqCst);
        assert!(timeout(Duration::from_secs(60), touch.report(&ledger)).await.is_err());
        assert_eq!(touch.stale(), None, "4 s are not too long");
        time.fetch_add(1, Ordering::SeqCst);
        assert_eq!(touch.stale(), Some(Duration::from_secs(5)));
        cluster.elect(Some(1));
        assert!(timeout(Duration::from_secs(60), touch.report(&ledger)).await.is_err());
        assert_eq!(touch.stale(), None);
    }

    /// The leader noted it when it came, and waits no longer than that for this peer.
    #[tokio::test(start_paused = true)]
    async fn the_way_of_an_answer_counts_for_nothing() {
        let (cluster, ledger) = peer();
        let began = tokio::time::Instant::now();
        let touch = Touch::new(Arc::new(move || began.elapsed()));
        ledger.delay_answers(Duration::from_millis(1900));
        assert!(timeout(Duration::from_secs(2), touch.report(&ledger)).await.is_err());
        assert_eq!(touch.stale(), None);
        cluster.elect(None);
        let goes_on = timeout(Duration::from_millis(2_999), touch.report(&ledger));
        assert!(goes_on.await.is_err());
        assert_eq!(touch.stale(), None);
        sleep(Duration::from_millis(1)).await;
        assert_eq!(touch.stale(), Some(STALE_LIMIT));
    }
}
