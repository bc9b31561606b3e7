//! What is asked besides what must be.

use std::collections::BTreeSet;

use futures::future::{FutureExt, join_all};
use futures::stream::StreamExt;
use miroir_model::NodeId;
use miroir_query::NodeRequest;
use tokio::time::Instant;

use super::{Question, Race, Runner};
use crate::scatter::Route;

impl<Q: Question> Race<'_, Q> {
    /// From now on a look for what is late is due. Only searches are: of other routes nobody knows what is late. Without
    /// the tie rule the order of ties is that of the copy, and pages should come from the same one. And what is left of an
    /// index is not left out since it is late.
    pub(super) fn look_again(&mut self) {
        let tail = &self.searcher.tail;
        let tie_rule = self.scope.index().is_ok_and(|index| index.tie_rule);
        let pause = tail.paces.late(self.index);
        let may_hedge = tail.config.hedge && tie_rule && !self.partial && Q::ROUTE == Route::Search;
        self.look = may_hedge.then(|| (Instant::now() + pause, pause));
    }

    /// Makes a plan around what is late, if there is one and it may be asked so much. If not, it may be so soon.
    pub(super) fn hedge(&mut self) {
        let Some((_, pause)) = self.look.take() else { return };
        let [runner] = self.runners.as_slice() else { return };
        let (tail, now) = (&self.searcher.tail, Instant::now());
        let usual = tail.paces.late(self.index);
        let is_late = |request: &&NodeRequest| {
            let begun = self.sent.to(request).and_then(|begun| begun.get());
            begun.is_some_and(|begun| now - *begun >= usual)
        };
        let late = self.round.answers.lacking(&runner.asks).filter(is_late);
        let late: BTreeSet<NodeId> = late.map(|request| request.node.clone()).collect();
        self.look = Some((now + pause * 2, pause * 2));
        if late.is_empty() {
            return;
        }
        let slow = tail.slow(self.index);
        let plan = self.plan((&(&late | &self.round.failed), &slow), Some(&runner.plan));
        let Ok(plan) = plan else { return };
        if self.refusal_to(&plan).is_some() {
            return;
        }
        let new: Vec<&NodeRequest> = self.sent.lacking(Q::requests(&plan)).collect();
        if new.iter().any(|request| slow.contains(&request.node)) {
            return;
        }
        // A node that has become slow for everybody is left by the searches that wait for it too, which are few: no other
        // goes there any more.
        if !late.is_subset(&slow) && !tail.budget.spend(new.len()) {
            metrics::counter!("miroir_search_hedges_total", "outcome" => "no_budget").increment(1);
            return;
        }
        metrics::counter!("miroir_search_hedge_requests_total").increment(new.len() as u64);
        (self.look, self.hedged) = (None, true);
        self.runners.push(Runner { is_hedge: true, pays: true, ..Runner::new(plan) });
    }

    /// Whether a plan may send what it asks for next. What a hedge asks for first is paid for.
    pub(super) fn pays_for(&self, at: usize, asks: &[NodeRequest]) -> bool {
        let runner = &self.runners[at];
        let new = self.sent.lacking(asks).count();
        let first = runner.asks.is_empty();
        let allowed = first || !runner.pays || self.searcher.tail.budget.spend(new);
        if runner.pays && allowed && !first {
            metrics::counter!("miroir_search_hedge_requests_total").increment(new as u64);
        }
        allowed
    }

    /// A hedge that is left alone is the plan.
    pub(super) fn promote(&mut self) {
        if let [runner] = self.runners.as_mut_slice()
            && runner.pays
        {
            runner.pays = false;
            self.look_again();
        }
    }

    /// A plan has its answer. What is under way goes on, since it tells how slow its node is.
    pub(super) fn won(&mut self, at: usize) {
        if self.hedged {
            let outcome = if self.runners[at].is_hedge { "won" } else { "lost" };
            metrics::counter!("miroir_search_hedges_total", "outcome" => outcome).increment(1);
        }
        let mut flights = std::mem::take(&mut self.flights);
        if !flights.is_empty() {
            tokio::spawn(async move { while flights.next().await.is_some() {} });
        }
    }

    /// Asks a slow node once a second what it would be asked if it were not, to see whether it still is. Nobody waits
    /// for its answer.
    pub(super) fn probe(&self, asked: &[NodeRequest]) {
        let tail = &self.searcher.tail;
        if Q::ROUTE != Route::Search || self.slow.is_empty() || self.partial {
            return;
        }
        let due = tail.paces.take_due(self.index, &self.slow);
        if due.is_empty() {
            return;
        }
        let Ok(plan) = self.plan((&BTreeSet::new(), &(&self.slow - &due)), None) else { return };
        let is_asked = |node: &NodeId| asked.iter().any(|request| request.node == *node);
        let to_due = |request: &&NodeRequest| due.contains(&request.node) && !is_asked(&request.node);
        let requests: Vec<&NodeRequest> = Q::requests(&plan).iter().filter(to_due).collect();
        if requests.is_empty() || !tail.budget.spend(requests.len()) {
            return;
        }
        let state = self.scope.state();
        let mut flights = Vec::new();
        for request in requests {
            metrics::counter!("miroir_search_probes_total", "node" => request.node.to_string()).increment(1);
            flights.push(self.searcher.send(state, (Q::ROUTE, request), None).answer);
        }
        tokio::spawn(join_all(flights).map(drop));
    }
}
