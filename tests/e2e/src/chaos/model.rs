//! What the log says: accepted writes, replayed in the order of their uids, over a map.
//!
//! The model keeps every state that a document has been in, so that what was read during the run can be compared with
//! all that it may have been then.

use std::collections::{BTreeMap, BTreeSet};

use super::op::{Id, Number, Op, Stored, Uid};

/// How a task has to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// With so many documents deleted, where that is what it does.
    Succeeds(Option<u64>),
    /// With this code.
    Fails(&'static str),
}

/// From a value's first task to its last: what it was after each task that changed it.
type Steps<T> = Vec<(Uid, T)>;

/// Everything that an index name has stood for.
#[derive(Debug, Clone, Default)]
pub(crate) struct History {
    exists: Steps<bool>,
    documents: BTreeMap<Id, Steps<Option<Stored>>>,
    marks: Steps<Option<Number>>,
    now: BTreeMap<Id, Stored>,
}

/// A stretch of the log: the state after `from` and those after each task up to `to`. None is before everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) from: Option<Uid>,
    pub(crate) to: Option<Uid>,
}

impl Window {
    /// The states of a value in this stretch, which before its first step was `T::default()`.
    fn of<T: Copy + Default>(self, steps: &Steps<T>) -> Vec<T> {
        let begin = steps.partition_point(|(uid, _)| self.from.is_some_and(|from| *uid <= from));
        let end = steps.partition_point(|(uid, _)| self.to.is_some_and(|to| *uid <= to)).max(begin);
        let first = begin.checked_sub(1).map_or_else(T::default, |before| steps[before].1);
        std::iter::once(first).chain(steps[begin..end].iter().map(|(_, state)| *state)).collect()
    }
}

impl History {
    pub(crate) fn exists(&self) -> bool {
        self.exists.last().is_some_and(|(_, exists)| *exists)
    }

    /// The documents after the whole log.
    pub(crate) fn documents(&self) -> &BTreeMap<Id, Stored> {
        &self.now
    }

    /// The settings after the whole log.
    pub(crate) fn mark(&self) -> Option<Number> {
        self.marks.last().and_then(|(_, mark)| *mark)
    }

    /// Whether the index existed, in each state of a stretch.
    pub(crate) fn existed(&self, window: Window) -> Vec<bool> {
        window.of(&self.exists)
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
    fn remove(&mut self, uid: Uid, gone: impl Fn(Id, &Stored) -> bool) -> Option<u64> {
        let ids: Vec<Id> =
            self.now.iter().filter(|(id, stored)| gone(**id, stored)).map(|(id, _)| *id).collect();
        for id in &ids {
            self.now.remove(id);
            self.documents.entry(*id).or_default().push((uid, None));
        }
        Some(ids.len() as u64)
    }

    fn set_exists(&mut self, uid: Uid, exists: bool) {
        if self.exists() != exists {
            self.exists.push((uid, exists));
        }
    }

    fn apply(&mut self, uid: Uid, number: Number, op: &Op) -> Verdict {
        match op {
            Op::Replace(_) | Op::Update(_) | Op::Settings => self.set_exists(uid, true),
            Op::CreateIndex if self.exists() => return Verdict::Fails("index_already_exists"),
            Op::CreateIndex => self.set_exists(uid, true),
            _ if !self.exists() => return Verdict::Fails("index_not_found"),
            _ => {}
        }
        Verdict::Succeeds(self.carry_out(uid, number, op))
    }

    /// Gives how many documents were deleted, where that is what it does.
    fn carry_out(&mut self, uid: Uid, number: Number, op: &Op) -> Option<u64> {
        match op {
            Op::Replace(written) => {
                for (id, k) in written {
                    self.put(uid, *id, |_| Stored { v: Some(number), u: None, k: Some(*k) });
                }
            }
            Op::Update(ids) => {
                ids.iter().for_each(|id| self.put(uid, *id, |was| Stored { u: Some(number), ..was }));
            }
            Op::DeleteIds(ids) => {
                let ids: BTreeSet<Id> = ids.iter().copied().collect();
                return self.remove(uid, |id, _| ids.contains(&id));
            }
            Op::DeleteFilter(k) => return self.remove(uid, |_, stored| stored.k == Some(*k)),
            Op::DeleteAll => return self.remove(uid, |_, _| true),
            Op::Settings => self.marks.push((uid, Some(number))),
            Op::CreateIndex => {}
            Op::DeleteIndex => {
                self.marks.push((uid, None));
                self.set_exists(uid, false);
                return self.remove(uid, |_, _| true);
            }
        }
        None
    }
}

/// All index names.
#[derive(Debug, Clone, Default)]
pub(crate) struct Model {
    names: BTreeMap<String, History>,
    nothing: History,
}

impl Model {
    /// The next task of the log.
    pub(crate) fn apply(&mut self, uid: Uid, number: Number, (index, op): (&str, &Op)) -> Verdict {
        self.names.entry(index.to_owned()).or_default().apply(uid, number, op)
    }

    pub(crate) fn of(&self, index: &str) -> &History {
        self.names.get(index).unwrap_or(&self.nothing)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = (&str, &History)> {
        self.names.iter().map(|(name, history)| (name.as_str(), history))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(v: u64, u: Option<u64>, k: u8) -> Option<Stored> {
        Some(Stored { v: Some(v), u, k: Some(k) })
    }

    #[test]
    fn a_document_has_been_all_that_it_was() {
        let mut model = Model::default();
        let mut apply = |uid, number, op| model.apply(uid, number, ("a", &op));
        assert_eq!(apply(0, 10, Op::DeleteAll), Verdict::Fails("index_not_found"));
        apply(3, 11, Op::Replace(vec![(1, 2), (2, 5)]));
        apply(4, 12, Op::Update(vec![1]));
        assert_eq!(apply(7, 13, Op::DeleteFilter(2)), Verdict::Succeeds(Some(1)));
        apply(9, 14, Op::Replace(vec![(1, 0)]));
        assert_eq!(apply(10, 15, Op::CreateIndex), Verdict::Fails("index_already_exists"));
        let of = |from, to| model.of("a").states(1, Window { from, to });
        let end = Some(Uid::MAX);
        assert_eq!(
            of(None, end),
            [None, stored(11, None, 2), stored(11, Some(12), 2), None, stored(14, None, 0)]
        );
        assert_eq!(of(Some(3), Some(7)), [stored(11, None, 2), stored(11, Some(12), 2), None]);
        assert_eq!(of(Some(8), Some(8)), [None]);
        assert_eq!(of(Some(9), Some(5)), [stored(14, None, 0)], "done is done");
        assert_eq!(model.of("a").existed(Window { from: None, to: Some(3) }), [false, true]);
    }

    #[test]
    fn a_second_life_begins_empty() {
        let mut model = Model::default();
        let mut apply = |uid, number, op| model.apply(uid, number, ("a", &op));
        apply(1, 1, Op::CreateIndex);
        apply(2, 2, Op::Settings);
        apply(3, 3, Op::Replace(vec![(1, 2)]));
        apply(4, 4, Op::DeleteIndex);
        assert_eq!(apply(5, 5, Op::DeleteIds(vec![1])), Verdict::Fails("index_not_found"));
        apply(6, 6, Op::Update(vec![1]));
        let a = model.of("a");
        assert_eq!(a.documents().get(&1), Some(&Stored { u: Some(6), ..Stored::default() }));
        let end = Window { from: Some(6), to: Some(6) };
        assert_eq!((a.exists(), a.marks(end)), (true, vec![None]));
        assert_eq!(a.existed(Window { from: Some(3), to: Some(Uid::MAX) }), [true, false, true]);
    }
}
