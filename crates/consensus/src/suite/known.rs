//! What the parent of a [`worker`](super::worker) knows.

use std::fmt::Write;
use std::path::Path;

/// What was said before the last kill. A file of numbers takes it to the next life.
#[derive(Default, Debug)]
pub(super) struct Known {
    /// A vote was begun, and made durable.
    pub(super) voting: u64,
    pub(super) voted: u64,
    /// So far entries are surely there.
    pub(super) sure: u64,
    /// So far entries were, perhaps or surely, applied.
    pub(super) committing: u64,
    pub(super) committed: u64,
    /// Up to where the log of the last life was durable, in bytes since it was made: all of it when that is not known.
    pub(super) synced: u64,
    /// The snapshot whose rows are kept aside.
    pub(super) copied: Option<u64>,
    /// The last entry and the term of each run of entries.
    terms: Vec<(u64, u64)>,
}

impl Known {
    /// The term of an entry that is surely there.
    pub(super) fn term_of(&self, index: u64) -> Option<u64> {
        let run = self.terms.partition_point(|(last, _)| *last < index);
        self.terms.get(run).filter(|_| index <= self.sure).map(|(_, term)| *term)
    }

    /// Takes note of a line.
    pub(super) fn note(&mut self, line: &str) {
        let mut words = line.split_whitespace();
        let verb = words.next();
        let numbers: Vec<u64> = words.map_while(|word| word.parse().ok()).collect();
        match (verb, numbers.as_slice()) {
            (Some("voting"), [term]) => self.voting = *term,
            (Some("voted"), [term, end]) => (self.voted, self.synced) = (*term, *end),
            (Some("appended"), [_, last, term, end]) => {
                (self.sure, self.synced) = (*last, *end);
                match self.terms.last_mut() {
                    Some((end, known)) if known == term => *end = *last,
                    _ => self.terms.push((*last, *term)),
                }
            }
            (Some("truncating"), [keep]) => {
                self.sure = *keep;
                while self.terms.last().is_some_and(|(_, _)| self.runs_behind(*keep)) {
                    self.terms.pop();
                }
                if let Some((end, _)) = self.terms.last_mut() {
                    *end = (*end).min(*keep);
                }
            }
            (Some("committing"), [index]) => self.committing = self.committing.max(*index),
            (Some("committed"), [index]) => self.committed = self.committed.max(*index),
            (Some("synced"), [end]) => self.synced = *end,
            (Some("purging"), []) => self.synced = u64::MAX,
            (Some("copying"), []) => self.copied = None,
            (Some("copied"), [index]) => self.copied = Some(*index),
            _ => {}
        }
    }

    /// Whether the last run begins behind an entry.
    fn runs_behind(&self, keep: u64) -> bool {
        let before = self.terms.len().checked_sub(2).and_then(|run| self.terms.get(run));
        before.map_or(keep == 0, |(end, _)| *end >= keep)
    }

    pub(super) fn write(&self, path: &Path) {
        let Self { voting, voted, sure, committing, committed, .. } = self;
        let mut text = format!("{voting} {voted} {sure} {committing} {committed}");
        for (last, term) in &self.terms {
            let _ = write!(text, " {last} {term}");
        }
        std::fs::write(path, text).expect("writes");
    }

    pub(super) fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).expect("reads");
        let mut numbers = text.split_whitespace().map(|number| number.parse().expect("a number"));
        let mut next = || numbers.next();
        let mut number = || next().unwrap_or(0);
        let mut known = Self {
            voting: number(),
            voted: number(),
            sure: number(),
            committing: number(),
            committed: number(),
            ..Self::default()
        };
        while let (Some(last), Some(term)) = (next(), next()) {
            known.terms.push((last, term));
        }
        known
    }
}
