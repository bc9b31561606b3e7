use super::*;
use crate::chaos::op::Op;

fn model() -> Model {
    let mut model = Model::default();
    model.apply(1, 1, ("a", &Op::Replace(vec![(1, 3), (2, 4)])));
    model.apply(2, 2, ("a", &Op::Replace(vec![(1, 5)])));
    model.apply(3, 3, ("a", &Op::DeleteIds(vec![2])));
    model.apply(4, 4, ("b", &Op::Replace(vec![(1, 6), (3, 6)])));
    model.apply(5, 5, ("", &Op::Swap(vec![["a", "b"]])));
    model.apply(6, 6, ("b", &Op::Replace(vec![(2, 7)])));
    model
}

fn stored(v: u64, k: u8) -> Stored {
    Stored { v: Some(v), k: Some(k), ..Stored::default() }
}

fn rules(ask: Ask, answer: Answer, (done, last): (Uid, Uid)) -> Vec<&'static str> {
    let (span, index) = ((0, 1), "a".to_owned());
    let done = [(index.clone(), done)].into();
    let read = Read { index, ask, peer: 0, span, done, answer };
    check(&read, &model(), Some(last)).violations.iter().map(|violation| violation.rule).collect()
}

fn all(found: Vec<(Id, Stored)>) -> Answer {
    Answer::Documents { total: found.len() as u64, found }
}

/// A search for everything.
fn found(found: Vec<(Id, Stored)>, tasks: (Uid, Uid)) -> Vec<&'static str> {
    rules(Ask::Search(None), all(found), tasks)
}

const TOTALS: &str = "totals are within the same bounds";

#[test]
fn what_is_between_is_right() {
    let both = all(vec![(1, stored(1, 3)), (2, stored(1, 4))]);
    assert!(rules(Ask::List, both.clone(), (1, 1)).is_empty());
    assert!(rules(Ask::Search(None), both.clone(), (1, 1)).is_empty());
    assert!(rules(Ask::List, both, (1, 3)).is_empty());
    // One shard may be ahead of the other.
    assert!(found(vec![(1, stored(1, 3))], (1, 3)).is_empty());
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
    assert_eq!(found(vec![(2, stored(1, 4))], (1, 2)), [BETWEEN, TOTALS]);
    let twice = found(vec![(1, stored(2, 5)), (1, stored(2, 5))], (3, 3));
    assert_eq!(twice, ["a document is found once", TOTALS]);
}

#[test]
fn an_index_that_is_there_is_found() {
    assert_eq!(rules(Ask::List, Answer::NoIndex, (1, 3)), [BETWEEN]);
    assert_eq!(rules(Ask::Settings, Answer::Settings(Some(9)), (1, 3)).len(), 1);
    assert!(rules(Ask::Settings, Answer::Settings(None), (1, 3)).is_empty());
}

#[test]
fn an_index_can_be_filtered_when_its_settings_say_so() {
    let mut model = Model::default();
    model.apply(1, 1, ("a", &Op::Replace(vec![(1, 3)])));
    model.apply(2, 2, ("a", &Op::Settings));
    let count = |answer: Answer, (done, last)| {
        let done = [("a".to_owned(), done)].into();
        let ask = Ask::Search(Some(3));
        let read = Read { index: "a".to_owned(), ask, peer: 0, span: (0, 1), done, answer };
        check(&read, &model, Some(last)).violations.len()
    };
    let filtered = || all(vec![(1, stored(1, 3))]);
    assert_eq!([(1, 1), (1, 2), (2, 2)].map(|tasks| count(filtered(), tasks)), [1, 0, 0]);
    assert_eq!([(1, 1), (1, 2), (2, 2)].map(|tasks| count(Answer::NoFilter, tasks)), [0, 0, 1]);
}

/// Task 5 gives `a` the documents of `b`.
#[test]
fn one_index_or_the_other_is_right() {
    let (old, new) = (vec![(1, stored(2, 5))], vec![(1, stored(4, 6)), (3, stored(4, 6))]);
    for (tasks, old_is_right, new_is_right) in
        [((3, 4), true, false), ((3, 5), true, true), ((3, 6), true, true), ((5, 6), false, true)]
    {
        assert_eq!(found(old.clone(), tasks).is_empty(), old_is_right, "{tasks:?}");
        assert_eq!(found(new.clone(), tasks).is_empty(), new_is_right, "{tasks:?}");
    }
}

#[test]
fn a_mixture_of_two_indexes_is_found() {
    let mixed = vec![(1, stored(2, 5)), (3, stored(4, 6))];
    assert_eq!(found(mixed, (3, 6)), [BETWEEN]);
    let half = vec![(3, stored(4, 6))];
    assert_eq!(found(half, (3, 6)).len(), 2);
}

/// Task 6 writes to the index that `a` stood for until task 5.
#[test]
fn what_came_to_the_index_under_its_other_name_is_found() {
    let ahead = vec![(1, stored(2, 5)), (2, stored(6, 7))];
    assert_eq!(found(ahead, (3, 6)), [BETWEEN, TOTALS]);
    let done = [("b".to_owned(), 6)].into();
    let answer = all(vec![(1, stored(2, 5))]);
    let read = Read { index: "a".to_owned(), ask: Ask::Search(None), peer: 0, span: (0, 1), done, answer };
    assert_ne!(
        check(&read, &model(), Some(6)).violations,
        [],
        "the other name tells that the exchange is done"
    );
}
