//! Which hits score enough for the user.
//!
//! Meilisearch 1.15 goes down the rules and looks no closer at what comes before the page: hits that are equal up to some
//! rule, and that all stand before the page, are counted as they are (`bucket_sort.rs` of milli). So it is the score of
//! the rules *so far* that decides about them, which is no less than that of all rules. With 1.50 all rules decide: a search is a
//! federated one there, which goes from the first hit to the end of the page.

use std::ops::Range;

use super::hit::Hit;
use crate::plan::Plan;

/// What decides, where something does.
#[derive(Debug, Clone, Copy)]
pub(super) struct Threshold {
    least: f64,
    /// So many hits stand before the page.
    before: usize,
    /// So many are there up to its end.
    depth: usize,
}

impl Threshold {
    pub(super) fn of(plan: &Plan) -> Option<Self> {
        // What is like a document ends by a rule of its own.
        let least = plan.request.ranking_score_threshold.filter(|_| !plan.similar)?;
        // What a hybrid search finds is put in pages later.
        let skips = plan.version.traits().skips_before_page && !plan.is_hybrid();
        let before = if skips { plan.window.places.start } else { 0 };
        Some(Self { least, before, depth: plan.window.depth() })
    }

    /// Whether a hit scores too little by all rules.
    pub(super) fn refuses(self, hit: &Hit<'_>) -> bool {
        hit.score().is_some_and(|score| score < self.least)
    }

    /// Whether a hit that scores too little may be counted nonetheless, where so many hits are before it.
    pub(super) fn may_count(self, hits: usize) -> bool {
        hits < self.before
    }

    /// Which of these hits count, the refused ones still among them, up to the end of the page.
    ///
    /// # Errors
    /// When the details of a hit cannot be read: which answer it is from, and why.
    pub(super) fn judge(
        self,
        hits: &[Hit<'_>],
        plan: &Plan,
    ) -> Result<Vec<Verdict>, (usize, serde_json::Error)> {
        let scores = hits.iter().map(|hit| hit.scores_by_rule(plan).map_err(|cause| (hit.answer, cause)));
        let scores = scores.collect::<Result<_, _>>()?;
        let mut judge =
            Judge { threshold: self, hits, scores, verdicts: vec![Verdict::Unseen; hits.len()], kept: 0 };
        judge.go_down(0..hits.len(), 0);
        Ok(judge.verdicts)
    }
}

/// What becomes of a hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Counts,
    ScoresTooLittle,
    /// The page was full before.
    Unseen,
}

struct Judge<'h, 'a> {
    threshold: Threshold,
    hits: &'h [Hit<'a>],
    /// For each hit its score by the rules up to each.
    scores: Vec<Vec<f64>>,
    verdicts: Vec<Verdict>,
    kept: usize,
}

impl Judge<'_, '_> {
    /// Judges hits that are equal by all rules before this one.
    fn go_down(&mut self, equal: Range<usize>, rule: usize) {
        let mut first = equal.start;
        while first < equal.end && self.kept < self.threshold.depth {
            let key = |at: usize| self.hits[at].keys.keys.get(rule);
            let same = |at: &usize| match (key(first), key(*at)) {
                (Some(one), Some(other)) => one.compare(other).is_eq(),
                (one, other) => one.is_none() == other.is_none(),
            };
            let end = (first..equal.end).take_while(same).last().map_or(first, |last| last) + 1;
            let count = end - first;
            let score = self.scores[first].get(rule);
            let verdict = match score {
                Some(score) if *score < self.threshold.least => Some(Verdict::ScoresTooLittle),
                Some(_) if self.kept + count >= self.threshold.before => None,
                _ => Some(Verdict::Counts),
            };
            match verdict {
                None => self.go_down(first..end, rule + 1),
                Some(verdict) => {
                    self.kept += if verdict == Verdict::Counts { count } else { 0 };
                    self.verdicts[first..end].fill(verdict);
                }
            }
            first = end;
        }
    }
}
