//! How fast the nodes of an index answer its searches.
//!
//! What counts is the middle one of a node's last answers, so that a search that is heavy for every node marks nobody, and
//! how long the second oldest of those that it has not answered yet has waited, so that a node that hangs is seen before
//! it answers. Each index has its own paces: one with large documents is slow on a node where another is quick.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use miroir_cluster::Index;
use miroir_model::{NodeId, PhysicalId};
use tokio::time::Instant;

/// So many answers are remembered, and fewer than a third of it say nothing.
const WINDOW: usize = 15;
const ENOUGH: usize = WINDOW / 3;
/// For so long an answer says something.
const FRESH: Duration = Duration::from_secs(60);
/// A node is slow when it takes so many times as long as the quickest, and longer than this.
const TIMES: u32 = 4;
const NOTICED: Duration = Duration::from_millis(20);
/// A node that just failed is not asked again at once.
const FAILED: Duration = Duration::from_secs(1);
/// How often a slow node is asked, to see whether it still is.
const PROBE: Duration = Duration::from_secs(1);
/// The share of requests that are not late. Of the others all can be asked twice, and something is left for when a node
/// becomes slow ([`Budget`](super::Budget)).
const ON_TIME: f64 = 0.97;
/// What is late: to begin with, and at least.
const LATE: Duration = Duration::from_millis(10);
const SOONEST: Duration = Duration::from_millis(2);
/// How far one answer moves what is late.
const STEP: f64 = 0.05;

/// The paces of all indexes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Paces(Arc<Mutex<BTreeMap<PhysicalId, OfIndex>>>);

#[derive(Debug)]
struct OfIndex {
    nodes: BTreeMap<NodeId, Pace>,
    late: Duration,
}

impl Default for OfIndex {
    fn default() -> Self {
        Self { nodes: BTreeMap::new(), late: LATE }
    }
}

#[derive(Debug, Default)]
struct Pace {
    took: VecDeque<Duration>,
    /// The middle one of them, and when the last one came.
    middle: Option<(Duration, Instant)>,
    under_way: VecDeque<Instant>,
    failed: Option<Instant>,
    probed: Option<Instant>,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Answered,
    Failed,
}

/// A request under way. When it is dropped without an end, that says nothing.
#[derive(Debug)]
pub(crate) struct Timing {
    paces: Paces,
    index: PhysicalId,
    node: NodeId,
    began: Instant,
}

impl Paces {
    fn all(&self) -> MutexGuard<'_, BTreeMap<PhysicalId, OfIndex>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request is sent now.
    pub(crate) fn begin(&self, index: PhysicalId, node: &NodeId) -> Timing {
        let began = Instant::now();
        self.all()
            .entry(index)
            .or_default()
            .nodes
            .entry(node.clone())
            .or_default()
            .under_way
            .push_back(began);
        Timing { paces: self.clone(), index, node: node.clone(), began }
    }

    /// The nodes to avoid for an index.
    pub(crate) fn slow(&self, index: PhysicalId) -> BTreeSet<NodeId> {
        self.all().get(&index).map(|paces| paces.slow(Instant::now())).unwrap_or_default()
    }

    /// Of these slow nodes those that may be asked now, all the same. The next time is a while later.
    pub(crate) fn take_due(&self, index: PhysicalId, slow: &BTreeSet<NodeId>) -> BTreeSet<NodeId> {
        let (mut all, now) = (self.all(), Instant::now());
        let Some(paces) = all.get_mut(&index) else { return BTreeSet::new() };
        let due = paces.nodes.iter_mut().filter(|(node, pace)| slow.contains(*node) && pace.due(now));
        due.map(|(node, pace)| {
            pace.probed = Some(now);
            node.clone()
        })
        .collect()
    }

    /// After how long a request of an index is late.
    pub(crate) fn late(&self, index: PhysicalId) -> Duration {
        self.all().get(&index).map_or(LATE, |paces| paces.late)
    }

    /// Begins to know an index, and forgets those that are gone; and of it the nodes that have nothing of it any more.
    pub(crate) fn know(&self, index: &Index, is_there: impl Fn(PhysicalId) -> bool) {
        let mut all = self.all();
        if !all.contains_key(&index.id) {
            all.retain(|index, _| is_there(*index));
        }
        let nodes = &mut all.entry(index.id).or_default().nodes;
        if nodes.len() > index.queues.len() {
            nodes.retain(|node, _| index.queues.contains_key(node));
        }
    }

    /// For how many indexes each node is slow.
    pub(crate) fn slow_indexes(&self) -> BTreeMap<NodeId, usize> {
        let mut counts = BTreeMap::new();
        for paces in self.all().values() {
            let slow = paces.slow(Instant::now());
            for node in paces.nodes.keys() {
                *counts.entry(node.clone()).or_default() += usize::from(slow.contains(node));
            }
        }
        counts
    }
}

impl OfIndex {
    fn slow(&self, now: Instant) -> BTreeSet<NodeId> {
        let quickest = self.nodes.values().filter_map(|pace| pace.middle(now)).min();
        let is_slow = |pace: &Pace| {
            let slower =
                |(own, quickest): (Duration, Duration)| own > NOTICED && own > quickest.saturating_mul(TIMES);
            pace.just_failed(now) || pace.estimate(now).zip(quickest).is_some_and(slower)
        };
        self.nodes.iter().filter(|(_, pace)| is_slow(pace)).map(|(node, _)| node.clone()).collect()
    }

    /// Follows the time within which [`ON_TIME`] of the requests are answered: it goes up by a large step for each that
    /// takes longer, and down by a small one for each that does not, so that both weigh the same there.
    fn judge(&mut self, took: Duration) {
        let step = if took > self.late { ON_TIME } else { ON_TIME - 1.0 };
        self.late = self.late.mul_f64(1.0 + STEP * step).max(SOONEST);
    }
}

impl Pace {
    fn middle(&self, now: Instant) -> Option<Duration> {
        self.middle.filter(|(_, last)| now - *last < FRESH).map(|(middle, _)| middle)
    }

    fn estimate(&self, now: Instant) -> Option<Duration> {
        self.middle(now).max(self.under_way.get(1).map(|since| now - *since))
    }

    fn just_failed(&self, now: Instant) -> bool {
        self.failed.is_some_and(|at| now - at < FAILED)
    }

    fn due(&self, now: Instant) -> bool {
        !self.just_failed(now) && self.probed.is_none_or(|at| now - at >= PROBE)
    }

    fn add(&mut self, took: Duration, now: Instant) {
        if self.took.len() == WINDOW {
            self.took.pop_front();
        }
        self.took.push_back(took);
        let mut sorted: Vec<Duration> = self.took.iter().copied().collect();
        sorted.sort_unstable();
        self.middle = (sorted.len() >= ENOUGH).then(|| (sorted[sorted.len() / 2], now));
    }
}

impl Timing {
    /// It ended.
    pub(crate) fn end(self, outcome: Outcome) {
        let now = Instant::now();
        let took = now - self.began;
        if let Some(paces) = self.paces.all().get_mut(&self.index) {
            let pace = paces.nodes.entry(self.node.clone()).or_default();
            match outcome {
                Outcome::Answered => {
                    pace.add(took, now);
                    pace.failed = None;
                    // What a slow node takes says nothing about when others are late.
                    if !paces.slow(now).contains(&self.node) {
                        paces.judge(took);
                    }
                }
                Outcome::Failed => pace.failed = Some(now),
            }
        }
    }
}

impl Drop for Timing {
    fn drop(&mut self) {
        let mut all = self.paces.all();
        let pace = all.get_mut(&self.index).and_then(|paces| paces.nodes.get_mut(&self.node));
        if let Some(pace) = pace
            && let Some(place) = pace.under_way.iter().position(|began| *began == self.began)
        {
            pace.under_way.remove(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const INDEX: PhysicalId = PhysicalId(1);

    fn node(number: usize) -> NodeId {
        NodeId::new(format!("node-{number}"))
    }

    async fn answers(paces: &Paces, number: usize, millis: u64) {
        let timing = paces.begin(INDEX, &node(number));
        advance(Duration::from_millis(millis)).await;
        timing.end(Outcome::Answered);
    }

    /// Two nodes that answer within so many milliseconds.
    async fn known(millis: [u64; 2]) -> Paces {
        let paces = Paces::default();
        for _ in 0..WINDOW {
            answers(&paces, 0, millis[0]).await;
            answers(&paces, 1, millis[1]).await;
        }
        paces
    }

    #[tokio::test(start_paused = true)]
    async fn a_node_is_slow_after_half_a_window_and_quick_again_after_as_much() {
        let paces = known([3, 3]).await;
        answers(&paces, 1, 5_000).await;
        assert_eq!(paces.slow(INDEX), BTreeSet::new(), "one heavy search marks nobody");
        for _ in 0..WINDOW / 2 {
            answers(&paces, 1, 200).await;
        }
        assert_eq!(paces.slow(INDEX), [node(1)].into());
        for _ in 0..WINDOW {
            answers(&paces, 1, 3).await;
        }
        assert_eq!(paces.slow(INDEX), BTreeSet::new());
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_slow_where_all_are() {
        let paces = known([300, 900]).await;
        assert_eq!(paces.slow(INDEX), BTreeSet::new());
        assert_eq!(paces.slow(PhysicalId(2)), BTreeSet::new(), "another index has its own");
    }

    #[tokio::test(start_paused = true)]
    async fn a_node_that_hangs_is_seen_before_it_answers() {
        let paces = known([3, 3]).await;
        let first = paces.begin(INDEX, &node(1));
        advance(Duration::from_millis(500)).await;
        assert_eq!(paces.slow(INDEX), BTreeSet::new(), "it may be a heavy search");
        let second = paces.begin(INDEX, &node(1));
        advance(Duration::from_millis(30)).await;
        assert_eq!(paces.slow(INDEX), [node(1)].into());
        drop(first);
        assert_eq!(paces.slow(INDEX), BTreeSet::new());
        drop(second);
        assert!(paces.all()[&INDEX].nodes[&node(1)].under_way.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_node_is_due_once_a_second() {
        let paces = Paces::default();
        let slow = BTreeSet::from([node(1)]);
        paces.begin(INDEX, &node(1)).end(Outcome::Failed);
        assert_eq!(paces.slow(INDEX), slow);
        let none = BTreeSet::new();
        assert_eq!(paces.take_due(INDEX, &slow), none, "it has just failed");
        advance(FAILED).await;
        assert_eq!(paces.slow(INDEX), none);
        for _ in 0..3 {
            assert_eq!(paces.take_due(INDEX, &slow), slow);
            assert_eq!(paces.take_due(INDEX, &slow), none);
            advance(PROBE).await;
        }
        assert_eq!(paces.take_due(INDEX, &none), none);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_long_ago_says_nothing() {
        let paces = Paces::default();
        for _ in 0..WINDOW {
            answers(&paces, 0, 1).await;
        }
        advance(FRESH).await;
        for _ in 0..WINDOW {
            answers(&paces, 1, 50).await;
        }
        assert_eq!(paces.slow(INDEX), BTreeSet::new(), "node-0 was quick with what was there then");
    }

    /// 1 to 1000 ms, all equally often, in a fixed disorder: 970 are within the time.
    #[tokio::test(start_paused = true)]
    async fn late_is_what_three_in_a_hundred_are() {
        let paces = Paces::default();
        for turn in 0..20_000_u64 {
            answers(&paces, 0, turn * 7_919 % 1000 + 1).await;
        }
        let late = paces.late(INDEX).as_millis();
        assert!((940..=995).contains(&late), "{late} ms");
        for _ in 0..9_000 {
            answers(&paces, 0, 0).await;
        }
        assert_eq!(paces.late(INDEX), SOONEST);
    }
}
