//! What clients know of their writes.

use std::collections::{BTreeMap, BTreeSet};

use super::op::{At, Number, Op, Uid};

/// What became of a write, as far as its client was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Nothing was said yet, or nothing that tells: it may be there, now or later.
    Unknown,
    /// 202.
    Accepted(Uid),
    /// Any other answer but 504: it is surely not there.
    Refused,
}

/// A write.
#[derive(Debug, Clone)]
pub(crate) struct Write {
    pub(crate) number: Number,
    /// The index that it is about, by its name; nothing where it has none of its own.
    pub(crate) index: String,
    pub(crate) op: Op,
    /// When it was sent first.
    pub(crate) sent: At,
    /// When its fate was known.
    pub(crate) answered: Option<At>,
    pub(crate) fate: Fate,
}

impl Write {
    /// The names that it is about: its task has a place in the order of each.
    pub(crate) fn names(&self) -> Vec<&str> {
        match &self.op {
            Op::Swap(pairs) => pairs.iter().flatten().copied().collect(),
            Op::Cancel(_) => Vec::new(),
            _ => vec![self.index.as_str()],
        }
    }
}

/// All writes, by number.
#[derive(Debug, Default)]
pub(crate) struct Record {
    writes: BTreeMap<Number, Write>,
    /// Accepted, and not known to be done.
    open: BTreeSet<Uid>,
    by_uid: BTreeMap<Uid, Number>,
}

impl Record {
    /// A write is about to be sent.
    pub(crate) fn begin(&mut self, index: &str, at: At, op: impl FnOnce(Number) -> Op) -> Write {
        let number = self.writes.len() as Number;
        let op = op(number);
        let write =
            Write { number, index: index.to_owned(), op, sent: at, answered: None, fate: Fate::Unknown };
        self.writes.insert(number, write.clone());
        write
    }

    /// Its fate is known.
    pub(crate) fn end(&mut self, number: Number, fate: Fate, at: At) {
        if let Some(write) = self.writes.get_mut(&number) {
            (write.fate, write.answered) = (fate, Some(at));
        }
        if let Fate::Accepted(uid) = fate {
            self.by_uid.insert(uid, number);
            self.open.insert(uid);
        }
    }

    /// A task is known to be done.
    pub(crate) fn done(&mut self, uid: Uid) {
        self.open.remove(&uid);
    }

    /// The accepted tasks that are not known to be done.
    pub(crate) fn open(&self) -> &BTreeSet<Uid> {
        &self.open
    }

    pub(crate) fn get(&self, number: Number) -> Option<&Write> {
        self.writes.get(&number)
    }

    /// The write whose answer named this task.
    pub(crate) fn answered_with(&self, uid: Uid) -> Option<&Write> {
        self.by_uid.get(&uid).and_then(|number| self.writes.get(number))
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Write> {
        self.writes.values()
    }
}
