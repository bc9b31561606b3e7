//! The hits of one node, read as far as the page needs them.
//!
//! A node's hits are in order but for ties, which stand in the order of its own ids; so they are read tie by tie. What
//! turns out to be missing is named: more hits, or the whole of the tie with which they end.

use std::collections::VecDeque;
use std::vec;

use serde_json::value::RawValue;

use super::hit::Hit;
use super::keys::{Key, SortValue};
use super::{Hits, Source};
use crate::plan::NodeRequest;
use crate::plan::near::By;

/// What is left of a node's hits.
pub(super) struct Run<'a> {
    answer: usize,
    rest: vec::IntoIter<&'a RawValue>,
    /// The first tie that is left, by id; in the node's order where that is the only one.
    tie: VecDeque<Hit<'a>>,
    /// The hit after it.
    next: Option<Hit<'a>>,
    /// How many hits the node was asked for, when it gave so many: it may have more.
    full: Option<usize>,
    /// What is to be asked so that the first tie is whole.
    cut: Option<NodeRequest>,
}

impl<'a> Run<'a> {
    /// The run of answer `number`, whose hits are given; or of a later answer with more of them.
    pub(super) fn new<B: AsRef<[u8]>>(
        source: &Source<'a, '_, B>,
        number: usize,
        mut hits: Vec<&'a RawValue>,
    ) -> serde_json::Result<Self> {
        let mut asked = source.plan.window.hits();
        while source.later
            && asked > 0
            && hits.len() >= asked
            && let Some(more) = source.plan.deeper(asked)
            && let Some(answer) = source.to(&source.plan.hits_request(number, more, source.by))
        {
            (hits, asked) = (serde_json::from_slice::<Hits<'a>>(answer)?.hits, more);
        }
        let full = (hits.len() >= asked && asked > 0).then_some(asked);
        let (rest, tie) = (hits.into_iter(), VecDeque::new());
        let mut run = Self { answer: number, rest, tie, next: None, full, cut: None };
        run.next = run.read(source)?;
        run.fill(source)?;
        Ok(run)
    }

    /// The best hit that is left.
    pub(super) fn first(&self) -> Option<&Hit<'a>> {
        self.tie.front()
    }

    /// Whether the node gave as many hits as it was asked for: it may have more.
    pub(super) fn is_full(&self) -> bool {
        self.full.is_some()
    }

    /// What is to be asked before another hit can be compared: all hits are taken, and the node may have more.
    pub(super) fn lacks_hits<B>(&self, source: &Source<'a, '_, B>) -> Option<NodeRequest> {
        let asked = self.full.filter(|_| self.tie.is_empty())?;
        Some(source.plan.hits_request(self.answer, source.plan.deeper(asked)?, source.by))
    }

    /// What is to be asked before the first hit can be taken: the node may have more that tie with it.
    pub(super) fn lacks_ties(&self) -> Option<&NodeRequest> {
        self.cut.as_ref()
    }

    /// Takes the best hit.
    pub(super) fn take<B: AsRef<[u8]>>(
        &mut self,
        source: &Source<'a, '_, B>,
    ) -> serde_json::Result<Option<Hit<'a>>> {
        let hit = self.tie.pop_front();
        if self.tie.is_empty() {
            self.fill(source)?;
        }
        Ok(hit)
    }

    fn read<B>(&mut self, source: &Source<'a, '_, B>) -> serde_json::Result<Option<Hit<'a>>> {
        self.rest.next().map(|raw| self.hit(source, raw)).transpose()
    }

    fn hit<B>(&self, source: &Source<'a, '_, B>, raw: &'a RawValue) -> serde_json::Result<Hit<'a>> {
        let mut hit = Hit::read(raw, source.plan, self.answer)?;
        if matches!(source.by, By::Vector(_)) {
            hit.keys.in_list_by_vectors();
        }
        Ok(hit)
    }

    fn fill<B: AsRef<[u8]>>(&mut self, source: &Source<'a, '_, B>) -> serde_json::Result<()> {
        let Some(first) = self.next.take() else { return Ok(()) };
        let mut tie = vec![first];
        self.next = self.read(source)?;
        while let Some(next) = self.next.take_if(|next| next.ties(&tie[0])) {
            tie.push(next);
            self.next = self.read(source)?;
        }
        // One node's hits stand in its own order, and what comes last in their keys is no slot.
        if !source.plan.in_order {
            if self.full.is_some() && self.next.is_none() {
                self.complete(source, &mut tie)?;
            }
            tie.sort_by(|a, b| a.id.cmp(&b.id));
        }
        self.tie = tie.into();
        Ok(())
    }

    /// Adds what the node's last tie has beyond its hits, when that is there.
    fn complete<B: AsRef<[u8]>>(
        &mut self,
        source: &Source<'a, '_, B>,
        tie: &mut Vec<Hit<'a>>,
    ) -> serde_json::Result<()> {
        let Some(Key::Sort { value: SortValue::Text(slot), .. }) = tie[0].keys.keys.last() else {
            return Ok(());
        };
        let whole = source.plan.slot_request(self.answer, slot, source.by);
        let Some(answer) = source.to(&whole) else {
            self.cut = Some(whole);
            return Ok(());
        };
        for raw in serde_json::from_slice::<Hits<'a>>(answer)?.hits {
            let hit = self.hit(source, raw)?;
            if hit.ties(&tie[0]) && !tie.iter().any(|known| known.id == hit.id) {
                tie.push(hit);
            }
        }
        Ok(())
    }
}
