//! What the log says: accepted writes, replayed in the order of their uids, over maps.
//!
//! The model keeps every state that a document has been in, and every index that a name has stood for, so that what was
//! read during the run can be compared with all that it may have been then. A task that was canceled is no part of it.

mod history;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use super::op::{Name, Number, Op, Uid};
use history::Steps;

pub(crate) use history::{History, Verdict, Window};

/// Which index, in the order of their creation.
type Life = usize;

/// For each name, the last task that is known to be done.
pub(crate) type Done = BTreeMap<String, Uid>;

/// What a name stood for, for a part of a stretch of the log.
#[derive(Debug)]
pub(crate) struct Stand<'a> {
    /// The how many-th thing it is that the name has stood for.
    pub(crate) place: usize,
    /// The index, or none.
    pub(crate) index: Option<&'a History>,
    /// That part. The states of the index in it are all that the name has ever shown of it in this stretch: what was
    /// written to it before and after, under other names, is not.
    pub(crate) window: Window,
}

/// All indexes and their names.
#[derive(Debug, Clone, Default)]
pub(crate) struct Model {
    lives: Vec<History>,
    names: BTreeMap<String, Steps<Option<Life>>>,
    /// The exchanges of names, also those that failed: in the order of each of these names they have a place.
    swaps: Vec<(Uid, BTreeSet<Name>)>,
    /// Where each write went that found its index.
    written: BTreeMap<Number, Life>,
}

impl Model {
    /// The next task of the log that was not canceled.
    pub(crate) fn apply(&mut self, uid: Uid, number: Number, (index, op): (&str, &Op)) -> Verdict {
        match op {
            Op::Swap(pairs) => return self.swap(uid, pairs),
            Op::Cancel(_) => return Verdict::Succeeds(None),
            _ => {}
        }
        let life = match (self.now(index), op) {
            (Some(life), Op::CreateIndex) => {
                self.written.insert(number, life);
                return Verdict::Fails("index_already_exists");
            }
            (Some(life), _) => life,
            (None, Op::CreateIndex | Op::Replace(_) | Op::Update(_) | Op::Settings) => {
                self.lives.push(History::default());
                self.stands_for(uid, index, Some(self.lives.len() - 1));
                self.lives.len() - 1
            }
            (None, _) => return Verdict::Fails("index_not_found"),
        };
        if *op == Op::DeleteIndex {
            self.stands_for(uid, index, None);
        }
        self.written.insert(number, life);
        self.lives[life].apply(uid, number, op)
    }

    fn swap(&mut self, uid: Uid, pairs: &[[Name; 2]]) -> Verdict {
        self.swaps.push((uid, pairs.iter().flatten().copied().collect()));
        let lives: Option<Vec<_>> =
            pairs.iter().map(|[one, other]| Some((self.now(one)?, self.now(other)?))).collect();
        let Some(lives) = lives else { return Verdict::Fails("index_not_found") };
        for ([one, other], (first, second)) in pairs.iter().zip(lives) {
            self.stands_for(uid, one, Some(second));
            self.stands_for(uid, other, Some(first));
        }
        Verdict::Succeeds(None)
    }

    fn stands_for(&mut self, uid: Uid, name: &str, life: Option<Life>) {
        self.names.entry(name.to_owned()).or_default().push((uid, life));
    }

    fn now(&self, name: &str) -> Option<Life> {
        self.names.get(name)?.last()?.1
    }

    /// The index that a name stands for after the whole log.
    pub(crate) fn of(&self, name: &str) -> Option<&History> {
        self.now(name).map(|life| &self.lives[life])
    }

    /// The names that stand for an index after the whole log.
    pub(crate) fn names(&self) -> impl Iterator<Item = (&str, &History)> {
        self.names.keys().filter_map(|name| Some((name.as_str(), self.of(name)?)))
    }

    /// The name, after the whole log, of the index that a write went to, if it has one.
    pub(crate) fn name_of(&self, number: Number) -> Option<&str> {
        let life = *self.written.get(&number)?;
        self.names.keys().map(String::as_str).find(|name| self.now(name) == Some(life))
    }

    /// What a name may have stood for in a stretch, one after the other.
    pub(crate) fn stands(&self, name: &str, window: Window) -> Vec<Stand<'_>> {
        let none = Steps::new();
        let steps = self.names.get(name).unwrap_or(&none);
        let (begin, end) = window.within(steps);
        let stand = |place: usize| {
            let since = place.checked_sub(1).map(|before| steps[before]);
            let until = steps.get(place).map(|(uid, _)| uid.saturating_sub(1));
            let from = window.from.max(since.map(|(uid, _)| uid));
            let to = window.to.map(|to| until.map_or(to, |until| until.min(to)));
            let index = since.and_then(|(_, life)| life).map(|life| &self.lives[life]);
            Stand { place, index, window: Window { from, to } }
        };
        (begin..=end).map(stand).collect()
    }

    /// The last task of a name that must be done when these are: before a task is, all earlier ones of its names are, so
    /// an exchange of names carries from one to the other.
    pub(crate) fn done(&self, name: &str, known: &Done) -> Option<Uid> {
        let mut done: BTreeMap<&str, Uid> = known.iter().map(|(name, uid)| (name.as_str(), *uid)).collect();
        for (uid, names) in self.swaps.iter().rev() {
            if names.iter().any(|name| done.get(*name).is_some_and(|last| last >= uid)) {
                names.iter().for_each(|name| {
                    let last = done.entry(*name).or_default();
                    *last = (*uid).max(*last);
                });
            }
        }
        done.get(name).copied()
    }
}
