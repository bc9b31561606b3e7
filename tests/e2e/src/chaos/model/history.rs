//! One index from its creation to its deletion, whatever it is called meanwhile.

use std::collections::{BTreeMap, BTreeSet};

use crate::chaos::document::{Id, Stored};
use crate::chaos::op::{Number, Op, Uid};

/// From a value's first task to its last: what it was after each task that changed it.
pub(super) type Steps<T> = Vec<(Uid, T)>;

/// A stretch of the log: the state after `from` and those after each task up to `to`. None is before everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) from: Option<Uid>,
    pub(crate) to: Option<Uid>,
}

impl Window {
    /// Where the steps of this stretch begin and end.
    pub(super) fn within<T>(self, steps: &Steps<T>) -> (usize, usize) {
        let begin = steps.partition_point(|(uid, _)| self.from.is_some_and(|from| *uid <= from));
        let end = steps.partition_point(|(uid, _)| self.to.is_some_and(|to| *uid <= to)).max(begin);
        (begin, end)
    }

    /// The states of a value in this stretch, which before its first step was `T::default()`.
    fn of<T: Copy + Default>(self, steps: &Steps<T>) -> Vec<T> {
        let (begin, end) = self.within(steps);
        let first = begin.checked_sub(1).map_or_else(T::default, |before| steps[before].1);
        std::iter::once(first).chain(steps[begin..end].iter().map(|(_, state)| *state)).collect()
    }
}

/// How a task has to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// With so many documents deleted or edited, where that is what it does.
    Succeeds(Option<u64>),
    /// With this code.
    Fails(&'static str),
}

/// Everything that an index has held.
#[derive(Debug, Clone, Default)]
pub(crate) struct History {
    documents: BTreeMap<Id, Steps<Option<Stored>>>,
    marks: Steps<Option<Number>>,
    now: BTreeMap<Id, Stored>,
}

impl History {
    /// The documents after the whole log.
    pub(crate) fn documents(&self) -> &BTreeMap<Id, Stored> {
        &self.now
    }

    /// The settings after the whole log.
    pub(crate) fn mark(&self) -> Option<Number> {
        self.marks.last().and_then(|(_, mark)| *mark)
    }

    pub(crate) fn marks(&self, window: Window) -> Vec<Option<Number>> {
        window.of(&self.marks)
    }

    /// The states of a document in a stretch.
    pub(crate) fn states(&self, id: Id, window: Window) -> Vec<Option<Stored>> {
        self.documents.get(&id).map_or_else(|| vec![None], |steps| window.of(steps))
    }

    /// Every id that was ever written.
    pub(crate) fn ids(&self) -> impl Iterator<Item = Id> {
        self.documents.keys().copied()
    }

    fn put(&mut self, uid: Uid, id: Id, change: impl FnOnce(Stored) -> Stored) {
        let stored = change(self.now.get(&id).copied().unwrap_or_default());
        self.now.insert(id, stored);
        self.documents.entry(id).or_default().push((uid, Some(stored)));
    }

    /// Gives how many went.
    fn remove(&mut self, uid: Uid, gone: impl Fn(Id, &Stored) -> bool) -> Verdict {
        let ids: Vec<Id> =
            self.now.iter().filter(|(id, stored)| gone(**id, stored)).map(|(id, _)| *id).collect();
        for id in &ids {
            self.now.remove(id);
            self.documents.entry(*id).or_default().push((uid, None));
        }
        Verdict::Succeeds(Some(ids.len() as u64))
    }

    /// Gives how many were selected.
    fn edit(&mut self, uid: Uid, k: Option<u8>) -> Verdict {
        let selected = |stored: &Stored| k.is_none_or(|k| stored.k == Some(k));
        let ids: Vec<Id> =
            self.now.iter().filter(|(_, stored)| selected(stored)).map(|(id, _)| *id).collect();
        for id in &ids {
            self.put(uid, *id, |was| Stored { e: Some(was.e.unwrap_or_default() + 1), ..was });
        }
        Verdict::Succeeds(Some(ids.len() as u64))
    }

    /// What a task does to an index that is there.
    pub(super) fn apply(&mut self, uid: Uid, number: Number, op: &Op) -> Verdict {
        match op {
            Op::Replace(written) => {
                for (id, k) in written {
                    self.put(uid, *id, |_| Stored { v: Some(number), k: Some(*k), ..Stored::default() });
                }
            }
            Op::Update(ids) => {
                ids.iter().for_each(|id| self.put(uid, *id, |was| Stored { u: Some(number), ..was }));
            }
            Op::DeleteIds(ids) => {
                let ids: BTreeSet<Id> = ids.iter().copied().collect();
                return self.remove(uid, |id, _| ids.contains(&id));
            }
            // All settings that are ever set allow it.
            Op::DeleteFilter(_) | Op::Edit(Some(_)) if self.mark().is_none() => {
                return Verdict::Fails("invalid_document_filter");
            }
            Op::DeleteFilter(k) => return self.remove(uid, |_, stored| stored.k == Some(*k)),
            Op::Edit(k) => return self.edit(uid, *k),
            Op::DeleteAll | Op::DeleteIndex => return self.remove(uid, |_, _| true),
            Op::Settings => self.marks.push((uid, Some(number))),
            Op::CreateIndex | Op::Swap(_) | Op::Cancel(_) => {}
        }
        Verdict::Succeeds(None)
    }
}
