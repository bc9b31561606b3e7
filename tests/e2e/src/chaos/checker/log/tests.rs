use super::*;
use crate::chaos::op::{Named, Op};

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
    Task {
        uid,
        number: Some(number),
        kind,
        ended: Some(End::Succeeded),
        deleted: None,
        matched: None,
        canceled: None,
    }
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
        ended: Some(End::Failed("index_not_found".to_owned())),
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

/// Two writes, a cancelation that names tasks, and how the writes and the count of the cancelation end.
fn canceled(named: Vec<Uid>, ends: [End; 2], count: u64) -> (Log, Vec<&'static str>) {
    let mut record = Record::default();
    let named = Op::Cancel(Named::Uids(named));
    for (at, op) in
        [Op::Replace(vec![(1, 1)]), Op::Replace(vec![(2, 2)]), named.clone()].into_iter().enumerate()
    {
        let write = record.begin("a", at as u64 * 10, |_| op);
        record.end(write.number, Fate::Accepted(at as u64), at as u64 * 10 + 5);
    }
    let Op::Cancel(Named::Uids(uids)) = &named else { unreachable!("it is one") };
    let [first, second] = ends;
    let cancelation = Task {
        kind: "taskCancelation".to_owned(),
        number: None,
        matched: Some(uids.len() as u64),
        canceled: Some(count),
        ..task(2, 2)
    };
    let tasks =
        [Task { ended: Some(first), ..task(0, 0) }, Task { ended: Some(second), ..task(1, 1) }, cancelation];
    let mut log = Log::default();
    let mut found = log.read(&tasks, &record);
    found.extend(log.complete(&record));
    (log, found.iter().map(|violation| violation.rule).collect())
}

#[test]
fn what_is_canceled_has_no_effect_and_what_is_not_has_its_own() {
    let (log, found) = canceled(vec![0, 1], [End::Succeeded, End::Canceled(Some(2))], 1);
    assert!(found.is_empty(), "{found:?}");
    let documents = log.model.of("a").expect("it is there").documents();
    assert_eq!(documents.keys().collect::<Vec<_>>(), [&1]);
}

#[test]
fn what_nobody_canceled_is_found() {
    const NAMED: &str = "a task is canceled by a later one that names it";
    const COUNT: &str = "a cancelation says how many it canceled";
    let rules =
        |named: &[Uid], by, count| canceled(named.to_vec(), [End::Succeeded, End::Canceled(by)], count).1;
    assert_eq!(rules(&[0], Some(2), 1), [NAMED]);
    assert_eq!(rules(&[1], Some(0), 0), [NAMED]);
    assert_eq!(rules(&[1], None, 0), [NAMED]);
    assert_eq!(rules(&[1], Some(2), 0), [COUNT]);
    assert_eq!(rules(&[1], Some(2), 2), [COUNT]);
}

#[test]
fn a_task_that_must_fail_for_what_was_canceled_is_found() {
    let mut record = Record::default();
    for (at, op) in [Op::CreateIndex, Op::DeleteAll, Op::Cancel(Named::Uids(vec![0]))].into_iter().enumerate()
    {
        let write = record.begin("a", at as u64 * 10, |_| op);
        record.end(write.number, Fate::Accepted(at as u64), at as u64 * 10 + 5);
    }
    let of = |uid, number, kind: &str, ended| Task {
        kind: kind.to_owned(),
        number,
        ended: Some(ended),
        ..task(uid, 0)
    };
    let cancelation = of(2, None, "taskCancelation", End::Succeeded);
    let tasks = [
        of(0, None, "indexCreation", End::Canceled(Some(2))),
        of(1, Some(1), "documentDeletion", End::Succeeded),
        Task { matched: Some(1), canceled: Some(1), ..cancelation },
    ];
    assert_eq!(rules(&record, &tasks), ["tasks end as the log says"]);
}
