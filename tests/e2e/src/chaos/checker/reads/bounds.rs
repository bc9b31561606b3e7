//! An answer against what an index was in a stretch of the log.

use std::collections::BTreeSet;

use super::{Answer, Ask, BETWEEN};
use crate::chaos::document::{Id, Stored};
use crate::chaos::model::{History, Window};

pub(super) fn check(
    (ask, answer): (&Ask, &Answer),
    (index, window): (&History, Window),
    wrong: &mut impl FnMut(&'static str, String),
) {
    let marks = index.marks(window);
    match (answer, ask) {
        (Answer::Settings(mark), _) if !marks.contains(mark) => {
            wrong("settings are between what is done and what is accepted", format!("{mark:?} of {marks:?}"));
        }
        // All settings that are ever set allow it.
        (Answer::NoFilter, _) if !marks.contains(&None) => {
            wrong(BETWEEN, format!("it cannot be filtered, under settings {marks:?}"));
        }
        (Answer::Document(stored), Ask::Document(id)) => {
            let states = index.states(*id, window);
            if !states.contains(stored) {
                wrong(BETWEEN, format!("document {id} is {stored:?}, of {states:?}"));
            }
        }
        (Answer::Documents { found: hits, total }, ask) => {
            let filter = if let Ask::Search(filter) = ask { *filter } else { None };
            if filter.is_some() && marks.iter().all(Option::is_none) {
                wrong(BETWEEN, format!("it can be filtered, under settings {marks:?}"));
            }
            // A list asks for numbers first and for documents then: what is written in between moves its pages.
            let whole = *ask != Ask::List || window.from == window.to;
            documents((hits, *total, filter), (index, whole), window, wrong);
        }
        _ => {}
    }
}

fn documents(
    (hits, total, filter): (&[(Id, Stored)], u64, Option<u8>),
    (history, whole): (&History, bool),
    window: Window,
    wrong: &mut impl FnMut(&'static str, String),
) {
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
            wrong(BETWEEN, format!("document {id} is {stored:?}, of {states:?}"));
        }
    }
    let (mut least, mut most) = (0, 0);
    for id in history.ids() {
        let states = history.states(id, window);
        let (always, ever) = (states.iter().all(matches), states.iter().any(matches));
        (least, most) = (least + u64::from(always), most + u64::from(ever));
        if whole && always && !ids.contains(&id) {
            wrong(BETWEEN, format!("document {id} is missing, of {states:?}"));
        }
    }
    if !(least..=most).contains(&total) {
        wrong("totals are within the same bounds", format!("{total}, not from {least} to {most}"));
    }
    if whole && total != hits.len() as u64 {
        wrong("a total is how many there are", format!("{total}, and {} were given", hits.len()));
    }
}
