//! The log against what clients were told.
//!
//! The list of all tasks is the log: uid after uid. It must hold each accepted write once, under the uid that its
//! client was given, no refused one, and nobody else's; one write that began after another was acknowledged comes after
//! it. Replayed in this order the writes that were not canceled give the [`Model`]: a canceled one has no effect, and
//! any other all of its effect, whoever named it.

mod cancel;
mod task;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde_json::Value;

use super::Violation;
use crate::chaos::model::{Model, Verdict};
use crate::chaos::op::{At, Number, Op, Uid, is_noted, kind};
use crate::chaos::record::{Fate, Record, Write};
use cancel::Canceled;

pub(crate) use task::{End, Task};

/// The log as far as it was read, and what follows from it.
#[derive(Debug, Default)]
pub(crate) struct Log {
    pub(crate) model: Model,
    /// The write of each task: uids are its indexes.
    numbers: Vec<Option<Number>>,
    uids: BTreeMap<Number, Uid>,
    canceled: Canceled,
}

impl Log {
    /// The uid of the next task.
    pub(crate) fn next(&self) -> Uid {
        self.numbers.len() as Uid
    }

    /// Where a write is in the log.
    pub(crate) fn uid_of(&self, number: Number) -> Option<Uid> {
        self.uids.get(&number).copied()
    }

    /// The name that a task is shown with: that of its index now, or the one that its client used.
    pub(crate) fn shown<'a>(&'a self, uid: Uid, record: &'a Record) -> Option<&'a str> {
        let write = record.get(*self.numbers.get(uid as usize)?.as_ref()?)?;
        let called = Some(write.index.as_str()).filter(|name| !name.is_empty());
        self.model.name_of(write.number).or(called)
    }

    /// What a task was to do and how it ended, in a line for people.
    pub(crate) fn line(&self, task: &Value, record: &Record) -> String {
        let number = task["uid"].as_u64().and_then(|uid| *self.numbers.get(uid as usize)?);
        let write = number.and_then(|number| record.get(number));
        let what = write.map(|write| format!("{} {:?} {:?}", write.number, write.names(), write.op));
        let times = format!("{} {} {}", task["enqueuedAt"], task["startedAt"], task["finishedAt"]);
        format!("{}: {what:?} {} {} {times}", task["uid"], task["status"], task["canceledBy"])
    }

    /// Reads on: all tasks from [`next`](Self::next) on, in order, all of them ended.
    pub(crate) fn read(&mut self, tasks: &[Task], record: &Record) -> Vec<Violation> {
        let mut found = Vec::new();
        for task in tasks {
            if task.uid != self.next() {
                let text = format!("after task {} comes task {}", self.next() as i64 - 1, task.uid);
                found.push(Violation::new("uids are dense", text));
                if task.uid < self.next() {
                    continue;
                }
                self.numbers.resize(task.uid as usize, None);
            }
            let write = match task.number {
                Some(number) => record.get(number).filter(|write| is_noted(&write.op)),
                None => record.answered_with(task.uid),
            };
            self.numbers.push(write.map(|write| write.number));
            match write {
                Some(write) => self.take(task, write, &mut found),
                None => {
                    let text = format!("task {}, a {}, is no write of any client", task.uid, task.kind);
                    found.push(Violation::new("nothing that was refused or never sent is there", text));
                }
            }
        }
        found
    }

    fn take(&mut self, task: &Task, write: &Write, found: &mut Vec<Violation>) {
        let place = format!(
            "write {} ({:?} of {:?}), task {}",
            write.number,
            kind(&write.op),
            write.names(),
            task.uid
        );
        let mut wrong = |rule, text: String| found.push(Violation::new(rule, format!("{place}: {text}")));
        if let Some(first) = self.uids.insert(write.number, task.uid) {
            wrong("no write is applied twice", format!("it is task {first} too"));
        }
        match write.fate {
            Fate::Refused => {
                wrong("nothing that was refused or never sent is there", "it was refused".to_owned())
            }
            Fate::Accepted(uid) if uid != task.uid => {
                wrong("a write is the task that its client was told", format!("its client was told {uid}"));
            }
            Fate::Accepted(_) | Fate::Unknown => {}
        }
        if task.kind != kind(&write.op) {
            wrong("a write is the task that its client was told", format!("the task is a {}", task.kind));
        }
        match &task.ended {
            Some(End::Canceled(by)) => {
                self.canceled.add((task.uid, &write.index), *by);
                if task.deleted.is_some_and(|deleted| deleted > 0) {
                    wrong("a task that was canceled has no effect", format!("it says {:?}", task.deleted));
                }
            }
            ended => {
                let verdict = self.model.apply(task.uid, write.number, (&write.index, &write.op));
                judge((task, ended.as_ref()), verdict, &mut wrong);
            }
        }
        if let Op::Cancel(named) = &write.op {
            self.canceled.check((task, named), &mut wrong);
        }
    }

    /// What can be said only when the log was read to its end, and nothing is under way.
    pub(crate) fn complete(&self, record: &Record) -> Vec<Violation> {
        let mut found = Vec::new();
        for write in record.all() {
            if let (Fate::Accepted(uid), None) = (write.fate, self.uid_of(write.number)) {
                let text =
                    format!("write {}, {:?}, acknowledged as task {uid}", write.number, kind(&write.op));
                found.push(Violation::new("no acknowledged write is lost", text));
            }
        }
        found.extend(self.canceled.complete());
        found.extend(self.order(record));
        found
    }

    /// A write that was sent when another had been acknowledged comes after it.
    fn order(&self, record: &Record) -> Option<Violation> {
        // Of the tasks behind the one that is looked at, the one acknowledged first.
        let mut behind: Option<(At, Number)> = None;
        for number in self.numbers.iter().rev().flatten() {
            let write = record.get(*number)?;
            if let Some((acknowledged, other)) = behind.filter(|(acknowledged, _)| *acknowledged < write.sent)
            {
                let text = format!(
                    "write {number}, sent at {}, comes before write {other}, acknowledged at {acknowledged}",
                    write.sent
                );
                return Some(Violation::new("the order of clients is kept", text));
            }
            let mine = write.answered.filter(|_| matches!(write.fate, Fate::Accepted(_)));
            behind = [behind, mine.map(|at| (at, *number))].into_iter().flatten().min();
        }
        None
    }
}

/// How a task that was not canceled has ended.
fn judge(
    (task, ended): (&Task, Option<&End>),
    verdict: Verdict,
    wrong: &mut impl FnMut(&'static str, String),
) {
    let right = match (ended, verdict) {
        (Some(End::Succeeded), Verdict::Succeeds(_)) => true,
        (Some(End::Failed(code)), Verdict::Fails(wanted)) => code == wanted,
        _ => false,
    };
    if !right {
        wrong("tasks end as the log says", format!("expected {verdict:?}, found {ended:?}"));
    }
    // Where a node could not tell, nothing is said.
    if let (Verdict::Succeeds(Some(count)), Some(deleted)) = (verdict, task.deleted)
        && count != deleted
    {
        wrong("a deletion is counted once", format!("it deleted {count} and says {deleted}"));
    }
}
