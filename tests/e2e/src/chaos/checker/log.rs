//! The log against what clients were told.
//!
//! The list of all tasks is the log: uid after uid. It must hold each accepted write once, under the uid that its
//! client was given, no refused one, and nobody else's; one write that began after another was acknowledged comes after
//! it. Replayed in this order the writes give the [`Model`].

use std::collections::BTreeMap;

use super::Violation;
use crate::chaos::model::{Model, Verdict};
use crate::chaos::op::{At, Number, Uid, is_noted, kind};
use crate::chaos::record::{Fate, Record, Write};

/// A task of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Task {
    pub(crate) uid: Uid,
    /// The note that its client gave it.
    pub(crate) number: Option<Number>,
    pub(crate) kind: String,
    /// Whether it has ended, and then with which error.
    pub(crate) ended: Option<Result<(), String>>,
    /// How many documents it says that it deleted.
    pub(crate) deleted: Option<u64>,
}

/// The log as far as it was read, and what follows from it.
#[derive(Debug, Default)]
pub(crate) struct Log {
    pub(crate) model: Model,
    /// The write of each task: uids are its indexes.
    numbers: Vec<Option<Number>>,
    uids: BTreeMap<Number, Uid>,
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
        let place =
            format!("write {} ({:?} of {}), task {}", write.number, kind(&write.op), write.index, task.uid);
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
        let verdict = self.model.apply(task.uid, write.number, (&write.index, &write.op));
        let right = match (&task.ended, verdict) {
            (Some(Ok(())), Verdict::Succeeds(_)) => true,
            (Some(Err(code)), Verdict::Fails(wanted)) => code == wanted,
            _ => false,
        };
        if !right {
            wrong("tasks end as the log says", format!("expected {verdict:?}, found {:?}", task.ended));
        }
        // Where a node could not tell, nothing is said.
        if let (Verdict::Succeeds(Some(count)), Some(deleted)) = (verdict, task.deleted)
            && count != deleted
        {
            wrong("a deletion is counted once", format!("it deleted {count} and says {deleted}"));
        }
    }

    /// What can be said only when the log was read to its end, and nothing is under way.
    pub(crate) fn complete(&self, record: &Record) -> Vec<Violation> {
        let mut found = Vec::new();
        for write in record.all() {
            if let (Fate::Accepted(uid), None) = (write.fate, self.uid_of(write.number)) {
                let text = format!("write {} to {}, acknowledged as task {uid}", write.number, write.index);
                found.push(Violation::new("no acknowledged write is lost", text));
            }
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chaos::op::Op;

    /// Three writes by one client, one after the other, each acknowledged as the task of its number.
    fn record() -> Record {
        let mut record = Record::default();
        for at in 0..3 {
            let write = record.begin("a", at * 10, |_| Op::Replace(vec![(1, 1)]));
            record.end(write.number, Fate::Accepted(at), at * 10 + 5);
        }
        record
    }

    fn task(uid: Uid, number: Number) -> Task {
        let kind = "documentAdditionOrUpdate".to_owned();
        Task { uid, number: Some(number), kind, ended: Some(Ok(())), deleted: None }
    }

    fn rules(record: &Record, tasks: &[Task]) -> Vec<&'static str> {
        let mut log = Log::default();
        let mut found = log.read(tasks, record);
        found.extend(log.complete(record));
        found.iter().map(|violation| violation.rule).collect()
    }

    #[test]
    fn what_was_acknowledged_is_there_in_order() {
        assert!(rules(&record(), &[task(0, 0), task(1, 1), task(2, 2)]).is_empty());
    }

    #[test]
    fn a_lost_write_is_found() {
        let found = rules(&record(), &[task(0, 0), task(1, 1)]);
        assert_eq!(found, ["no acknowledged write is lost"]);
    }

    #[test]
    fn reordered_writes_are_found() {
        let mut record = Record::default();
        for at in 0..2 {
            let write = record.begin("a", at * 10, |_| Op::DeleteAll);
            // The client of the first was told nothing of its place but that it has one.
            record.end(write.number, Fate::Accepted(1 - at), at * 10 + 5);
        }
        let task = |uid, number| Task {
            kind: "documentDeletion".to_owned(),
            ended: Some(Err("index_not_found".to_owned())),
            ..task(uid, number)
        };
        assert_eq!(rules(&record, &[task(0, 1), task(1, 0)]), ["the order of clients is kept"]);
    }

    #[test]
    fn a_doubled_write_is_found() {
        let found = rules(&record(), &[task(0, 0), task(1, 1), task(2, 2), task(3, 1)]);
        assert!(found.contains(&"no write is applied twice"), "{found:?}");
    }

    #[test]
    fn a_gap_in_the_uids_is_found() {
        let mut record = Record::default();
        for (at, uid) in [(0, 0), (1, 2)] {
            let write = record.begin("a", at * 10, |_| Op::Replace(vec![(1, 1)]));
            record.end(write.number, Fate::Accepted(uid), at * 10 + 5);
        }
        assert_eq!(rules(&record, &[task(0, 0), task(2, 1)]), ["uids are dense"]);
    }

    #[test]
    fn a_refused_write_that_is_there_is_found() {
        let mut record = Record::default();
        let write = record.begin("a", 0, |_| Op::Replace(vec![(1, 1)]));
        record.end(write.number, Fate::Refused, 5);
        assert_eq!(rules(&record, &[task(0, 0)]), ["nothing that was refused or never sent is there"]);
    }

    #[test]
    fn one_that_nobody_knows_of_may_be_there_or_not() {
        let mut record = Record::default();
        record.begin("a", 0, |_| Op::Replace(vec![(1, 1)]));
        assert!(rules(&record, &[task(0, 0)]).is_empty());
        assert!(rules(&record, &[]).is_empty());
    }

    #[test]
    fn a_deletion_that_is_counted_twice_is_found() {
        let mut record = record();
        let write = record.begin("a", 100, |_| Op::DeleteAll);
        record.end(write.number, Fate::Accepted(3), 105);
        let deletion = |deleted| Task { kind: "documentDeletion".to_owned(), deleted, ..task(3, 3) };
        let all = |deleted| [task(0, 0), task(1, 1), task(2, 2), deletion(deleted)];
        assert!(rules(&record, &all(Some(1))).is_empty());
        assert!(rules(&record, &all(None)).is_empty());
        for wrong in [0, 2] {
            assert_eq!(rules(&record, &all(Some(wrong))), ["a deletion is counted once"]);
        }
    }

    #[test]
    fn a_task_that_should_have_failed_is_found() {
        let mut record = Record::default();
        let write = record.begin("a", 0, |_| Op::DeleteAll);
        record.end(write.number, Fate::Accepted(0), 5);
        let task = Task { kind: "documentDeletion".to_owned(), ..task(0, 0) };
        assert_eq!(rules(&record, &[task]), ["tasks end as the log says"]);
    }
}
