//! The hits of one answer, read as far as the page needs them.
//!
//! A node's hits are in order but for ties, which stand in the order of its own ids; so they are read tie by tie.

use std::collections::VecDeque;
use std::vec;

use serde_json::value::RawValue;

use super::hit::Hit;
use super::{Hits, Plan};

/// What is left of an answer.
pub(super) struct Run<'a> {
    answer: usize,
    rest: vec::IntoIter<&'a RawValue>,
    /// The first tie that is left, by id.
    tie: VecDeque<Hit<'a>>,
    /// The hit after it.
    next: Option<Hit<'a>>,
    /// The node gave as many hits as it was asked for, so it may have more.
    full: bool,
    /// The tie may go on beyond what the node gave.
    cut: bool,
    /// The hits of a whole slot, in which a cut tie is whole.
    slot: Option<&'a [u8]>,
}

impl<'a> Run<'a> {
    pub(super) fn new(
        plan: &Plan,
        answer: usize,
        hits: Vec<&'a RawValue>,
        slot: Option<&'a [u8]>,
    ) -> serde_json::Result<Self> {
        let full = hits.len() > plan.window.depth();
        let mut run =
            Self { answer, rest: hits.into_iter(), tie: VecDeque::new(), next: None, full, cut: false, slot };
        run.next = run.read(plan)?;
        run.fill(plan)?;
        Ok(run)
    }

    /// The best hit that is left.
    pub(super) fn first(&self) -> Option<&Hit<'a>> {
        self.tie.front()
    }

    /// Whether the first hit is of a tie that may have more hits than are here.
    pub(super) fn is_cut(&self) -> bool {
        self.cut
    }

    /// Takes the best hit.
    pub(super) fn take(&mut self, plan: &Plan) -> serde_json::Result<Option<Hit<'a>>> {
        let hit = self.tie.pop_front();
        if self.tie.is_empty() {
            self.fill(plan)?;
        }
        Ok(hit)
    }

    fn read(&mut self, plan: &Plan) -> serde_json::Result<Option<Hit<'a>>> {
        self.rest.next().map(|raw| Hit::read(raw, plan, self.answer)).transpose()
    }

    fn fill(&mut self, plan: &Plan) -> serde_json::Result<()> {
        let Some(first) = self.next.take() else { return Ok(()) };
        let mut tie = vec![first];
        self.next = self.read(plan)?;
        while let Some(next) = self.next.take_if(|next| next.ties(&tie[0])) {
            tie.push(next);
            self.next = self.read(plan)?;
        }
        self.cut = self.full && self.next.is_none();
        if let (true, Some(slot)) = (self.cut, self.slot) {
            for raw in serde_json::from_slice::<Hits<'a>>(slot)?.hits {
                let hit = Hit::read(raw, plan, self.answer)?;
                if hit.ties(&tie[0]) && !tie.iter().any(|known| known.id == hit.id) {
                    tie.push(hit);
                }
            }
            self.cut = false;
        }
        tie.sort_by(|a, b| a.id.cmp(&b.id));
        self.tie = tie.into();
        Ok(())
    }
}
