use super::*;
use crate::chaos::document::Stored;

fn stored(v: u64, u: Option<u64>, k: u8) -> Option<Stored> {
    Some(Stored { v: Some(v), u, k: Some(k), e: None })
}

/// What a name was in a stretch: its places, and the states of a document there.
type Seen = Vec<(usize, Option<Vec<Option<Stored>>>)>;

fn seen(model: &Model, name: &str, (from, to): (Option<Uid>, Option<Uid>)) -> Seen {
    let stands = model.stands(name, Window { from, to });
    let states = |stand: &Stand<'_>| stand.index.map(|index| index.states(1, stand.window));
    stands.iter().map(|stand| (stand.place, states(stand))).collect()
}

#[test]
fn a_document_has_been_all_that_it_was() {
    let mut model = Model::default();
    let mut apply = |uid, number, op| model.apply(uid, number, ("a", &op));
    assert_eq!(apply(0, 10, Op::DeleteAll), Verdict::Fails("index_not_found"));
    apply(3, 11, Op::Replace(vec![(1, 2), (2, 5)]));
    apply(4, 12, Op::Update(vec![1]));
    assert_eq!(apply(5, 16, Op::DeleteFilter(2)), Verdict::Fails("invalid_document_filter"));
    apply(6, 17, Op::Settings);
    assert_eq!(apply(7, 13, Op::DeleteFilter(2)), Verdict::Succeeds(Some(1)));
    apply(9, 14, Op::Replace(vec![(1, 0)]));
    assert_eq!(apply(10, 15, Op::CreateIndex), Verdict::Fails("index_already_exists"));
    let of = |from, to| seen(&model, "a", (from, to));
    let end = Some(Uid::MAX);
    let all = vec![stored(11, None, 2), stored(11, Some(12), 2), None, stored(14, None, 0)];
    assert_eq!(of(None, end), [(0, None), (1, Some(all.clone()))]);
    assert_eq!(of(Some(3), Some(7)), [(1, Some(all[..3].to_vec()))]);
    assert_eq!(of(Some(8), Some(8)), [(1, Some(vec![None]))]);
    assert_eq!(of(Some(9), Some(5)), [(1, Some(all[3..].to_vec()))], "done is done");
    assert_eq!(of(None, Some(2)), [(0, None)]);
}

#[test]
fn edits_count_from_the_last_replacement_on() {
    let mut model = Model::default();
    let mut apply = |uid, op| model.apply(uid, uid, ("a", &op));
    apply(1, Op::Replace(vec![(1, 2), (2, 5)]));
    assert_eq!(apply(2, Op::Edit(Some(2))), Verdict::Fails("invalid_document_filter"));
    assert_eq!(apply(3, Op::Edit(None)), Verdict::Succeeds(Some(2)));
    apply(4, Op::Settings);
    assert_eq!(apply(5, Op::Edit(Some(2))), Verdict::Succeeds(Some(1)));
    apply(6, Op::Update(vec![1]));
    apply(7, Op::Replace(vec![(2, 5)]));
    let edits = |id| model.of("a").and_then(|index| index.documents().get(&id)).map(|stored| stored.e);
    assert_eq!((edits(1), edits(2)), (Some(Some(2)), Some(None)));
}

#[test]
fn a_second_life_begins_empty() {
    let mut model = Model::default();
    let mut apply = |uid, number, op| model.apply(uid, number, ("a", &op));
    apply(1, 1, Op::CreateIndex);
    apply(2, 2, Op::Settings);
    apply(3, 3, Op::Replace(vec![(1, 2)]));
    assert_eq!(apply(4, 4, Op::DeleteIndex), Verdict::Succeeds(Some(1)));
    assert_eq!(apply(5, 5, Op::DeleteIds(vec![1])), Verdict::Fails("index_not_found"));
    apply(6, 6, Op::Update(vec![1]));
    let second = Some(Stored { u: Some(6), ..Stored::default() });
    let index = model.of("a").expect("it is there");
    assert_eq!((index.documents().get(&1), index.mark()), (second.as_ref(), None));
    let places = seen(&model, "a", (Some(3), Some(Uid::MAX)));
    assert_eq!(places, [(1, Some(vec![stored(3, None, 2)])), (2, None), (3, Some(vec![second]))]);
}

/// Two indexes, exchanged by task 10, and written to before and after.
fn exchanged() -> Model {
    let mut model = Model::default();
    let mut apply = |uid, name, op: &Op| model.apply(uid, uid, (name, op));
    let write = Op::Replace(vec![(1, 0)]);
    apply(1, "a", &write);
    apply(2, "b", &write);
    apply(9, "b", &write);
    assert_eq!(apply(10, "", &Op::Swap(vec![["a", "b"]])), Verdict::Succeeds(None));
    apply(11, "b", &write);
    apply(12, "a", &write);
    model
}

#[test]
fn a_name_shows_one_index_or_the_other() {
    let model = exchanged();
    let of = |from, to| seen(&model, "a", (from, to));
    let of_a = |writes: &[u64]| Some(writes.iter().map(|v| stored(*v, None, 0)).collect::<Vec<_>>());
    // What comes after the exchange under the other name is never seen under this one, nor what is before it.
    assert_eq!(of(Some(1), Some(12)), [(1, of_a(&[1])), (2, of_a(&[9, 12]))]);
    assert_eq!(of(Some(1), Some(9)), [(1, of_a(&[1]))], "nobody has asked for it yet");
    assert_eq!(of(Some(10), Some(11)), [(2, of_a(&[9]))], "it is done");
    assert_eq!([1, 9, 12, 13].map(|number| model.name_of(number)), [Some("b"), Some("a"), Some("a"), None]);
}

#[test]
fn what_is_done_under_one_name_tells_of_the_other() {
    let model = exchanged();
    let done = |name, last| model.done(name, &[("b".to_owned(), last)].into());
    assert_eq!((done("a", 9), done("b", 9)), (None, Some(9)));
    assert_eq!((done("a", 11), done("b", 11), done("c", 11)), (Some(10), Some(11), None));
}

#[test]
fn an_exchange_with_what_is_not_there_fails_whole() {
    let mut model = exchanged();
    let swap = Op::Swap(vec![["a", "b"], ["c", "d"]]);
    assert_eq!(model.apply(13, 13, ("", &swap)), Verdict::Fails("index_not_found"));
    assert_eq!(model.name_of(1), Some("b"));
    let done = [("a".to_owned(), 13)].into();
    assert_eq!((model.done("b", &done), model.done("d", &done)), (Some(13), Some(13)));
}
