//! Which hits are on the page, in their order.

use std::collections::BTreeSet;

use super::facets::FacetValue;
use super::hit::Hit;
use super::keys::Key;
use super::run::Run;
use super::threshold::{Threshold, Verdict};
use super::{Source, Stop};
use crate::plan::{NodeRequest, Plan};
use crate::request::Paging;

/// The hits up to the end of the page.
#[derive(Default)]
pub(super) struct Page<'a> {
    pub(super) hits: Vec<Hit<'a>>,
    /// How many documents that count in the nodes' totals are no hits of their own: seen twice, or shadowed by a better
    /// hit with the same distinct value.
    pub(super) shadowed: u64,
    /// How many were left out since they score less than the user wants to see.
    pub(super) below: u64,
    /// There are no more hits than these.
    pub(super) ended: bool,
    /// What the last hits that were taken, left out or not, have in common before the typo rule, and the most typos of
    /// them.
    typos: Option<(Vec<Key<'a>>, u64)>,
}

/// Which documents count when the user wants to see none below a score. Meilisearch leaves out those that it comes to:
/// when it looks for hits and finds no more, and (1.50) when totals must be exact.
pub(super) enum Counted {
    /// All that match, but for those that were left out on the way.
    All,
    /// The hits, which are so many.
    Hits(u64),
    /// Those above the score, which only nodes can count.
    Above,
}

impl<'a> Page<'a> {
    /// The hits that the user asked for.
    pub(super) fn into_window(mut self, plan: &Plan) -> Vec<Hit<'a>> {
        let places = &plan.window.places;
        self.hits.truncate(places.end);
        self.hits.split_off(places.start.min(self.hits.len()))
    }

    /// Whether it ends with what scores less than the user wants to see.
    pub(super) fn is_cut(&self) -> bool {
        self.ended && self.below > 0
    }

    pub(super) fn counted(&self, plan: &Plan) -> Counted {
        let paged = matches!(plan.window.paging, Paging::Page { .. });
        if plan.request.ranking_score_threshold.is_none() {
            Counted::All
        } else if self.ended {
            // Nothing was left out: the nodes' own counts are right.
            if self.below == 0 { Counted::All } else { Counted::Hits(self.hits.len() as u64) }
        } else if paged && plan.version.traits().pages_count_above_threshold {
            Counted::Above
        } else {
            Counted::All
        }
    }

    /// Leaves out what scores too little, where it was not left out on the way: these, that `refused` says how many are.
    fn judge(&mut self, threshold: Threshold, refused: u64, plan: &Plan) -> Result<(), Stop> {
        let hits = std::mem::take(&mut self.hits);
        if self.ended && threshold.may_count(hits.len() + self.shadowed as usize) {
            // One Meilisearch judges nothing where the page is behind all that matches.
            self.below = 0;
            return Ok(());
        }
        let verdicts = threshold.judge(&hits, plan);
        let verdicts = verdicts.map_err(|(number, cause)| Stop::Unreadable { number, cause })?;
        let of = |verdict| verdicts.iter().filter(|is| **is == verdict).count();
        // Where the page is full, a hit after it ended nothing.
        self.ended &= of(Verdict::Counts) < plan.window.depth();
        let last = if self.ended { self.below - refused } else { 0 };
        self.below = of(Verdict::ScoresTooLittle) as u64 + last;
        let judged = hits.into_iter().zip(verdicts);
        self.hits = judged.filter(|(_, verdict)| *verdict == Verdict::Counts).map(|(hit, _)| hit).collect();
        Ok(())
    }

    /// Gives a hit the most typos that any candidate could have, over all nodes: hits that are equal in the rules before
    /// share it, and a node that has more such hits than were taken has one of them first.
    fn share_typos(&mut self, hit: &mut Hit<'a>, runs: &[Run<'a>]) {
        let Some(head) = hit.before_typos() else {
            self.typos = None;
            return;
        };
        if self.typos.as_ref().is_none_or(|(taken, _)| taken != head) {
            self.typos = Some((head.to_vec(), 0));
        }
        let taken = self.typos.as_ref().map_or(0, |(_, most)| *most);
        let firsts = runs.iter().filter_map(Run::first).filter(|first| first.before_typos() == Some(head));
        let left = firsts.map(|first| first.common_typos).max().unwrap_or(0);
        let most = taken.max(left).max(hit.common_typos);
        if let Some((_, known)) = &mut self.typos {
            *known = most;
        }
        hit.common_typos = most;
    }
}

/// Takes the hits up to the end of the page, the best first. A document that two nodes gave counts once; of a distinct
/// value the best hit stays.
pub(super) fn take<'a, B: AsRef<[u8]>>(
    source: &Source<'a, '_, B>,
    runs: &mut [Run<'a>],
) -> Result<Page<'a>, Stop> {
    let mut page = Page::default();
    let mut seen: BTreeSet<FacetValue> = BTreeSet::new();
    let threshold = Threshold::of(source.plan);
    // How many of the hits score too little, and may count nonetheless.
    let mut refused = 0;
    while page.hits.len() - refused < source.plan.window.depth() {
        let lacking: Vec<NodeRequest> = runs.iter().filter_map(|run| run.lacks_hits(source)).collect();
        if !lacking.is_empty() {
            return Err(Stop::Lacks(lacking));
        }
        let firsts = runs.iter().enumerate().filter_map(|(number, run)| Some((number, run.first()?)));
        let Some((number, _)) = firsts.min_by(|(_, a), (_, b)| a.order(b)) else {
            // A node that has given all that it may give can have more.
            page.ended = runs.iter().all(|run| !run.is_full());
            break;
        };
        if let Some(whole) = runs[number].lacks_ties() {
            return Err(Stop::Lacks(vec![whole.clone()]));
        }
        let taken = runs[number].take(source).map_err(|cause| Stop::Unreadable { number, cause })?;
        let Some(mut hit) = taken else { break };
        page.share_typos(&mut hit, runs);
        let twice = page
            .hits
            .last()
            .is_some_and(|last| last.answer != number && last.id == hit.id && last.ties(&hit));
        let values = source
            .plan
            .distinct
            .as_deref()
            .map(|attribute| hit.distinct_values(attribute))
            .unwrap_or_default();
        if twice || values.iter().any(|value| seen.contains(value)) {
            page.shadowed += 1;
        } else if let Some(threshold) = threshold.filter(|threshold| threshold.refuses(&hit)) {
            page.below += 1;
            page.ended = hit.scores_fall() && !threshold.may_count(page.hits.len());
            if page.ended {
                break;
            }
            if threshold.may_count(0) {
                refused += 1;
                page.hits.push(hit);
            }
        } else {
            seen.extend(values);
            page.hits.push(hit);
        }
    }
    share_on_page(&mut page.hits, runs);
    if let Some(threshold) = threshold.filter(|_| refused > 0) {
        page.judge(threshold, refused as u64, source.plan)?;
    }
    Ok(page)
}

/// Gives each hit the most typos that hits after it on the page brought.
fn share_on_page<'a>(hits: &mut [Hit<'a>], runs: &[Run<'a>]) {
    let mut first = 0;
    while first < hits.len() {
        let Some(head) = hits[first].before_typos() else {
            first += 1;
            continue;
        };
        let same = |hit: &&Hit<'a>| hit.before_typos() == Some(head);
        let end = first + hits[first..].iter().take_while(same).count();
        let left = runs.iter().filter_map(Run::first).filter(same);
        let common = hits[first..end].iter().chain(left).map(|hit| hit.common_typos).max().unwrap_or(0);
        hits[first..end].iter_mut().for_each(|hit| hit.common_typos = common);
        first = end;
    }
}
