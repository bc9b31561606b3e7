//! What searches and reads answered during the run.
//!
//! An answer that is not marked as stale is of one index, which its name stood for after some task between the last one
//! reported done when the question was asked and the last one that may have been accepted when the answer came. It shows
//! each document as it was in that index after some such task, while the name stood for it. Each document for itself:
//! shards are at different places. The number of documents is bounded in the same way.

mod bounds;
mod early;
mod order;
#[cfg(test)]
mod tests;

use super::Violation;
use crate::chaos::document::{Id, Stored};
use crate::chaos::model::{Done, Model, Stand, Window};
use crate::chaos::op::{At, Number, Uid};

pub(crate) use early::served_too_early;
pub(crate) use order::{Sight, went_back};

/// The rule that most answers which are wrong break.
const BETWEEN: &str = "reads are between what is done and what is accepted";

/// What was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ask {
    /// All documents, or those with this `k`, by a search.
    Search(Option<u8>),
    /// All documents, by the list.
    List,
    /// One document.
    Document(Id),
    /// The settings.
    Settings,
}

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    Documents {
        found: Vec<(Id, Stored)>,
        total: u64,
    },
    Document(Option<Stored>),
    Settings(Option<Number>),
    NoIndex,
    /// The settings do not allow the filter.
    NoFilter,
    /// Any other error.
    Error(String),
    /// It says that it may be stale, which promises nothing.
    Stale,
    /// It cannot be read as what was ever written.
    Strange(String),
}

/// A question and its answer.
#[derive(Debug, Clone)]
pub(crate) struct Read {
    pub(crate) index: String,
    pub(crate) ask: Ask,
    pub(crate) peer: usize,
    pub(crate) span: (At, At),
    /// The last task of each name that was reported done when it was asked.
    pub(crate) done: Done,
    pub(crate) answer: Answer,
}

/// What a read comes to.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    pub(crate) violations: Vec<Violation>,
    /// How many things the name may have stood for.
    pub(crate) possible: usize,
    /// Whether it may have stood for no index.
    pub(crate) gone: bool,
    /// The places of those that the answer is right for.
    pub(crate) right: Vec<usize>,
}

/// Checks a read. `last` is the last task of the name whose write had been sent when the answer came.
pub(crate) fn check(read: &Read, model: &Model, last: Option<Uid>) -> Checked {
    let from = model.done(&read.index, &read.done);
    let stands = model.stands(&read.index, Window { from, to: last.max(from) });
    let gone = stands.iter().any(|stand| stand.index.is_none());
    let mut checked = Checked { possible: stands.len(), gone, ..Checked::default() };
    // When it is right for none, what is told is what is wrong where the least is.
    let mut least: Option<((bool, usize), Vec<Violation>)> = None;
    for stand in &stands {
        let found = check_in(read, stand);
        if found.is_empty() {
            checked.right.push(stand.place);
        }
        let wrong = (stand.index.is_some() == (read.answer == Answer::NoIndex), found.len());
        if least.as_ref().is_none_or(|(least, _)| wrong < *least) {
            least = Some((wrong, found));
        }
    }
    if checked.right.is_empty() {
        checked.violations = least.map(|(_, found)| found).unwrap_or_default();
    }
    checked
}

/// What would be wrong if the name stood for this.
fn check_in(read: &Read, stand: &Stand<'_>) -> Vec<Violation> {
    let mut found = Vec::new();
    let window = stand.window;
    let mut wrong = |rule, text: String| {
        let (begun, ended) = read.span;
        let place = format!("{:?} of {} at peer {}, {begun} to {ended}", read.ask, read.index, read.peer);
        let text = format!("{place}, tasks {:?} to {:?}: {text}", window.from, window.to);
        found.push(Violation::new(rule, text));
    };
    match (&read.answer, stand.index) {
        (Answer::Error(_) | Answer::Stale, _) | (Answer::NoIndex, None) => {}
        (Answer::Strange(text), _) => wrong("a document is one that was written", text.clone()),
        (Answer::NoIndex, Some(_)) => wrong(BETWEEN, "no index, and it was there".to_owned()),
        (_, None) => wrong(BETWEEN, "the index was gone".to_owned()),
        (answer, Some(index)) => bounds::check((&read.ask, answer), (index, window), &mut wrong),
    }
    found
}
