//! Who canceled what: each task by one that came later and named it, and each cancelation as many as it says.

use std::collections::BTreeMap;

use super::Task;
use crate::chaos::checker::Violation;
use crate::chaos::op::{Named, Uid};

const BY_ITS_CANCELER: &str = "a task is canceled by a later one that names it";

/// The tasks that were canceled and their indexes, by what canceled them, as far as that was not read yet.
#[derive(Debug, Default)]
pub(super) struct Canceled(BTreeMap<Option<Uid>, BTreeMap<Uid, String>>);

impl Canceled {
    /// This task says that that one canceled it.
    pub(super) fn add(&mut self, (uid, index): (Uid, &str), by: Option<Uid>) {
        self.0.entry(by).or_default().insert(uid, index.to_owned());
    }

    /// The task of a cancelation has come.
    pub(super) fn check(
        &mut self,
        (task, named): (&Task, &Named),
        wrong: &mut impl FnMut(&'static str, String),
    ) {
        let mine = self.0.remove(&Some(task.uid)).unwrap_or_default();
        if task.canceled != Some(mine.len() as u64) {
            wrong(
                "a cancelation says how many it canceled",
                format!("{:?}, and it did {mine:?}", task.canceled),
            );
        }
        let is_named = |(uid, index): (&Uid, &String)| match named {
            Named::Uids(uids) => uids.contains(uid),
            Named::Enqueued(name) => index == name,
        };
        if !mine.iter().all(is_named) {
            wrong(BY_ITS_CANCELER, format!("it named {named:?}, and canceled {mine:?}"));
        }
        let found = match named {
            Named::Uids(uids) => task.matched == Some(uids.len() as u64),
            Named::Enqueued(_) => task.matched >= task.canceled,
        };
        if !found {
            wrong("a cancelation finds what it names", format!("{:?} of {named:?}", task.matched));
        }
    }

    /// At the end of the log everything has been taken by its canceler.
    pub(super) fn complete(&self) -> Option<Violation> {
        (!self.0.is_empty())
            .then(|| Violation::new(BY_ITS_CANCELER, format!("by no such task: {:?}", self.0)))
    }
}
