//! What readers are told of tasks, finished or not.

use std::collections::BTreeMap;

use miroir_cluster::{EnqueueWork, Rows, RowsError, RowsPage, State, WriteMode, finished_tasks};
use miroir_model::{TaskUid, Timestamp, UnitSet};

use crate::world::{TWO, World, documents, node_id};
use miroir_testkit::Dice;

/// Rows in memory, as `apply` gave them.
#[derive(Default)]
struct Memory(BTreeMap<Vec<u8>, Vec<u8>>);

impl Rows for Memory {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, RowsError> {
        Ok(self.0.get(key).cloned())
    }

    fn scan(&self, (first, last): (&[u8], &[u8]), limit: usize, reverse: bool) -> RowsPage {
        let range = self.0.range(first.to_vec()..=last.to_vec()).map(|(k, v)| (k.clone(), v.clone()));
        Ok(if reverse { range.rev().take(limit).collect() } else { range.take(limit).collect() })
    }
}

/// What a log wrote.
fn rows_of(world: &World) -> Memory {
    let (mut state, mut rows) = (State::new(), Memory::default());
    for (stamp, command) in &world.log {
        for row in state.apply(*stamp, command).rows {
            assert!(
                row.value.as_ref().is_none_or(|value| value.len() <= 4_096),
                "the store keeps small values only"
            );
            rows.0.insert(row.key, row.value.expect("a finished task"));
        }
    }
    rows
}

/// Tasks of all lengths, one that ends exactly at a row's border included.
fn long_tasks() -> World {
    let mut world = World::new(TWO);
    for length in (3_800..4_100).chain([0, 1, 8_000, 12_345, 70_000]) {
        let mut write = world.write("a", EnqueueWork::CreateIndex, None);
        if write.index_uid.as_ref().is_some_and(|uid| world.state.ordered(uid).is_some()) {
            write.work = EnqueueWork::DeleteAll;
        }
        write.custom_metadata = Some("m".repeat(length));
        world.must(miroir_cluster::Command::Enqueue(Box::new(write)));
    }
    world.drain(&mut Dice::from(1));
    world
}

#[test]
fn finished_tasks_are_read_newest_first_whatever_their_length() {
    let world = long_tasks();
    let rows = rows_of(&world);
    assert!(rows.0.values().any(Vec::is_empty), "some task fills its rows to the last byte");
    let read = |first, last| {
        finished_tasks(&rows, TaskUid(first)..=TaskUid(last)).collect::<Result<Vec<_>, _>>().expect("whole")
    };
    let mut newest_first = world.finished.clone();
    newest_first.sort_by_key(|task| std::cmp::Reverse(task.uid));
    assert_eq!(read(0, u64::MAX), newest_first);
    let some: Vec<_> = newest_first.iter().filter(|task| (3..=17).contains(&task.uid.0)).cloned().collect();
    assert_eq!(read(3, 17), some);
    assert_eq!(read(9_000, 9_001), []);
    let none = finished_tasks(&rows, TaskUid(5)..=TaskUid(4)).count();
    assert_eq!(none, 0);
}

#[test]
fn a_damaged_task_is_an_error_once() {
    let world = long_tasks();
    let mut rows = rows_of(&world);
    let (first, last) = miroir_cluster::task_row_range(TaskUid(7), TaskUid(7));
    let piece = rows.0.range(first..=last).next().map(|(key, _)| key.clone()).expect("it has rows");
    rows.0.insert(piece, vec![1, 2, 3]);
    let read: Vec<_> = finished_tasks(&rows, TaskUid(6)..=TaskUid(8)).collect();
    assert!(matches!(read.as_slice(), [Ok(newest), Err(_)] if newest.uid == TaskUid(8)), "{read:?}");
}

#[test]
fn lag_is_what_a_node_has_not_finished() {
    let mut world = World::new(TWO);
    world.enqueue("a", EnqueueWork::CreateIndex, Some("id"));
    world.drain(&mut Dice::from(1));
    let index = world.state.ordered(&"a".parse().expect("a name")).expect("ordered").clone();
    let here = index.units_of(&node_id(0));
    world.clock = Timestamp(5_000);
    let one = world.enqueue("a", documents(WriteMode::Replace, here, 7), None);
    world.clock = Timestamp(6_000);
    let both = world.enqueue("a", documents(WriteMode::Replace, UnitSet::ALL, 11), None);

    let lag = |world: &World, node| world.state.lag(&node_id(node));
    assert_eq!((lag(&world, 0).tasks, lag(&world, 0).oldest), (2, Some(Timestamp(5_000))));
    assert_eq!((lag(&world, 1).tasks, lag(&world, 1).oldest), (1, Some(Timestamp(6_000))));
    let bytes = |world: &World, node| world.state.indexes[&index.id].queues[&node_id(node)].pending_bytes;
    assert_eq!((bytes(&world, 0), bytes(&world, 1), world.state.undelivered_bytes()), (18, 11, 18));
    let unfinished: Vec<_> = world.state.unfinished().map(|task| task.uid).collect();
    assert_eq!(unfinished, [both, one]);

    world.drain_queue(index.id, &node_id(0));
    assert_eq!((lag(&world, 0).tasks, lag(&world, 0).oldest), (0, None));
    assert_eq!((bytes(&world, 0), bytes(&world, 1), world.state.undelivered_bytes()), (0, 11, 11));
    assert!(world.state.is_done(one) && !world.state.is_done(both) && !world.state.is_done(both.next()));
    assert_eq!(world.state.record(one), None, "it is history");
    world.drain(&mut Dice::from(1));
    assert_eq!((world.state.undelivered_bytes(), world.state.unfinished().count()), (0, 0));
}
