//! What searches and reads answered during the run.
//!
//! An answer that is not marked as stale shows each document as it was after some task between the last one reported
//! done when the question was asked and the last one that may have been accepted when the answer came. Each document
//! for itself: shards are at different places. The number of documents is bounded in the same way.

use std::collections::BTreeSet;

use super::Violation;
use crate::chaos::model::{History, Window};
use crate::chaos::op::{At, Id, Number, Stored, Uid};

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
    /// The last task of the index that was reported done when it was asked.
    pub(crate) done: Option<Uid>,
    pub(crate) answer: Answer,
}

/// Checks a read. `last` is the last task of the index whose write had been sent when the answer came.
pub(crate) fn check(read: &Read, history: &History, last: Option<Uid>) -> Vec<Violation> {
    let window = Window { from: read.done, to: last.max(read.done) };
    let mut found = Vec::new();
    let mut wrong = |rule, text: String| {
        let (begun, ended) = read.span;
        let place = format!("{:?} of {} at peer {}, {begun} to {ended}", read.ask, read.index, read.peer);
        let text = format!("{place}, tasks {:?} to {:?}: {text}", window.from, window.to);
        found.push(Violation::new(rule, text));
    };
    let existed = history.existed(window);
    let answered = !matches!(read.answer, Answer::NoIndex | Answer::Error(_) | Answer::Stale);
    if answered && !existed.contains(&true) {
        wrong("reads are between what is done and what is accepted", "the index was gone".to_owned());
    }
    match &read.answer {
        Answer::Error(_) | Answer::Stale => {}
        Answer::Strange(text) => wrong("a document is one that was written", text.clone()),
        Answer::NoIndex => {
            if !existed.contains(&false) {
                wrong(
                    "reads are between what is done and what is accepted",
                    "no index, and it was there".to_owned(),
                );
            }
        }
        Answer::Settings(mark) => {
            let states = history.marks(window);
            if !states.contains(mark) {
                wrong(
                    "settings are between what is done and what is accepted",
                    format!("{mark:?} of {states:?}"),
                );
            }
        }
        Answer::Document(stored) => {
            let Ask::Document(id) = read.ask else { return found };
            let states = history.states(id, window);
            if !states.contains(stored) {
                let text = format!("document {id} is {stored:?}, of {states:?}");
                wrong("reads are between what is done and what is accepted", text);
            }
        }
        Answer::Documents { found: hits, total } => {
            let filter = if let Ask::Search(filter) = read.ask { filter } else { None };
            // A list asks for numbers first and for documents then: what is written in between moves its pages.
            let whole = read.ask != Ask::List || window.from == window.to;
            documents((hits, *total, filter), (history, whole), window, &mut wrong);
        }
    }
    found
}

fn documents(
    (hits, total, filter): (&[(Id, Stored)], u64, Option<u8>),
    (history, whole): (&History, bool),
    window: Window,
    wrong: &mut impl FnMut(&'static str, String),
) {
    let between = "reads are between what is done and what is accepted";
    let matches = |state: &Option<Stored>| {
        state.is_some_and(|stored| filter.is_none_or(|wanted| stored.k == Some(wanted)))
    };
    let mut ids = BTreeSet::new();
    for (id, stored) in hits {
        if !ids.insert(*id) {
            wrong("a document is found once", format!("document {id} is there twice"));
        }
        let states = history.states(*id, window);
        if !states.contains(&Some(*stored)) || !matches(&Some(*stored)) {
            wrong(between, format!("document {id} is {stored:?}, of {states:?}"));
        }
    }
    let (mut least, mut most) = (0, 0);
    for id in history.ids() {
        let states = history.states(id, window);
        let (always, ever) = (states.iter().all(matches), states.iter().any(matches));
        (least, most) = (least + u64::from(always), most + u64::from(ever));
        if whole && always && !ids.contains(&id) {
            wrong(between, format!("document {id} is missing, of {states:?}"));
        }
    }
    if !(least..=most).contains(&total) {
        wrong("totals are within the same bounds", format!("{total}, not from {least} to {most}"));
    }
    if whole && total != hits.len() as u64 {
        wrong("a total is how many there are", format!("{total}, and {} were given", hits.len()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chaos::model::Model;
    use crate::chaos::op::Op;

    fn model() -> Model {
        let mut model = Model::default();
        model.apply(1, 1, ("a", &Op::Replace(vec![(1, 3), (2, 4)])));
        model.apply(2, 2, ("a", &Op::Replace(vec![(1, 5)])));
        model.apply(3, 3, ("a", &Op::DeleteIds(vec![2])));
        model
    }

    fn stored(v: u64, k: u8) -> Stored {
        Stored { v: Some(v), u: None, k: Some(k) }
    }

    fn rules(ask: Ask, answer: Answer, (done, last): (Uid, Uid)) -> Vec<&'static str> {
        let (span, index) = ((0, 1), "a".to_owned());
        let read = Read { index, ask, peer: 0, span, done: Some(done), answer };
        let found = check(&read, model().of("a"), Some(last));
        found.iter().map(|violation| violation.rule).collect()
    }

    fn all(found: Vec<(Id, Stored)>) -> Answer {
        Answer::Documents { total: found.len() as u64, found }
    }

    const BETWEEN: &str = "reads are between what is done and what is accepted";

    #[test]
    fn what_is_between_is_right() {
        let both = all(vec![(1, stored(1, 3)), (2, stored(1, 4))]);
        assert!(rules(Ask::List, both.clone(), (1, 1)).is_empty());
        assert!(rules(Ask::Search(None), both.clone(), (1, 1)).is_empty());
        assert!(rules(Ask::List, both, (1, 3)).is_empty());
        // One shard may be ahead of the other.
        assert!(rules(Ask::Search(None), all(vec![(1, stored(1, 3))]), (1, 3)).is_empty());
        assert!(rules(Ask::Search(Some(5)), all(vec![(1, stored(2, 5))]), (1, 2)).is_empty());
        assert!(rules(Ask::Search(Some(5)), all(vec![]), (1, 2)).is_empty());
        assert!(rules(Ask::Document(2), Answer::Document(None), (2, 3)).is_empty());
    }

    #[test]
    fn a_stale_read_is_found() {
        let old = all(vec![(1, stored(1, 3)), (2, stored(1, 4))]);
        assert_eq!(rules(Ask::List, old, (2, 2)), [BETWEEN]);
        assert_eq!(rules(Ask::Document(2), Answer::Document(Some(stored(1, 4))), (3, 3)), [BETWEEN]);
        assert_eq!(rules(Ask::Document(1), Answer::Document(None), (1, 3)), [BETWEEN]);
    }

    #[test]
    fn what_is_not_accepted_yet_is_found() {
        assert_eq!(rules(Ask::Document(1), Answer::Document(Some(stored(2, 5))), (1, 1)), [BETWEEN]);
    }

    #[test]
    fn holes_and_doubles_are_found() {
        let hole = rules(Ask::Search(None), all(vec![(2, stored(1, 4))]), (1, 2));
        assert_eq!(hole, [BETWEEN, "totals are within the same bounds"]);
        let twice = all(vec![(1, stored(2, 5)), (1, stored(2, 5))]);
        let found = rules(Ask::Search(None), twice, (3, 3));
        assert_eq!(found, ["a document is found once", "totals are within the same bounds"]);
    }

    #[test]
    fn an_index_that_is_there_is_found() {
        assert_eq!(rules(Ask::List, Answer::NoIndex, (1, 3)), [BETWEEN]);
        assert_eq!(rules(Ask::Settings, Answer::Settings(Some(9)), (1, 3)).len(), 1);
        assert!(rules(Ask::Settings, Answer::Settings(None), (1, 3)).is_empty());
    }
}
