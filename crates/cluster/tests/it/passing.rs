//! What may pass a stopped queue, and what may not.

use bytes::Bytes;
use miroir_cluster::{EnqueueWork, Fault, PayloadSource, Queue, QueueStep, WriteMode};
use miroir_model::{PhysicalId, TaskUid, UnitSet};

use crate::lane;
use crate::world::{Layout, World, documents, edit, node_id};
use miroir_testkit::Dice;

/// One shard on one node.
const ONE: Layout = Layout { nodes: 1, groups: 1, factor: 1, shards: 1 };

/// Two indexes of a node, the queue of the first stopped before documents that it has no room for.
fn stopped() -> (World, PhysicalId, TaskUid) {
    let (mut world, id) = World::with_index(ONE);
    world.enqueue("b", EnqueueWork::CreateIndex, Some("id"));
    world.drain(&mut Dice::from(1));
    let stuck = add(&mut world);
    let fault = Some(Fault { text: "no room".to_owned() });
    world.must(lane::command(&world.state, id, &node_id(0), QueueStep::Fault { fault }));
    (world, id, stuck)
}

fn add(world: &mut World) -> TaskUid {
    world.enqueue("a", documents(WriteMode::Replace, UnitSet::ALL, 1), None)
}

fn delete_ids(world: &mut World, name: &str) -> TaskUid {
    let payload = PayloadSource { frames: 1, inline: vec![Bytes::from_static(b"d")], upload: None };
    world.enqueue(name, EnqueueWork::DeleteIds { payload, units: UnitSet::ALL }, None)
}

fn queue(world: &World, id: PhysicalId) -> &Queue {
    &world.state.indexes[&id].queues[&node_id(0)]
}

/// The task that is sent early, and the one that supersedes what is before it.
fn passing(world: &World, id: PhysicalId) -> [Option<TaskUid>; 2] {
    let (index, queue) = (&world.state.indexes[&id], queue(world, id));
    [world.state.early(index, queue), world.state.superseding(index, queue)]
        .map(|task| task.map(|task| task.uid))
}

/// The function might fail for the document that is deleted behind it.
#[test]
fn a_deletion_by_id_passes_documents_and_no_edit() {
    let (mut world, id, _) = stopped();
    let first = delete_ids(&mut world, "a");
    assert_eq!(passing(&world, id), [Some(first), None]);
    world.enqueue("a", edit(), None);
    delete_ids(&mut world, "a");
    assert_eq!(passing(&world, id), [Some(first), None]);
    let (mut world, id, _) = stopped();
    world.enqueue("a", edit(), None);
    delete_ids(&mut world, "a");
    assert_eq!(passing(&world, id), [None, None]);
}

/// The later one is for what will have that name: the earlier one must not wait for it, or nothing ever passes.
#[test]
fn a_deletion_of_everything_passes_though_another_waits_for_names() {
    let (mut world, id, _) = stopped();
    let clear = world.enqueue("a", EnqueueWork::DeleteAll, None);
    let swap = world.swap("a", "b");
    world.accept(swap);
    world.enqueue("b", EnqueueWork::DeleteAll, None);
    delete_ids(&mut world, "b");
    assert_eq!(queue(&world, id).pending.len(), 4, "it is the same index under its new name");
    assert_eq!(passing(&world, id), [None, Some(clear)]);
}

/// Nothing would ever show that there is room again.
#[test]
fn a_queue_whose_tasks_are_all_canceled_is_not_stopped() {
    let (mut world, id, stuck) = stopped();
    let behind = add(&mut world);
    world.cancel(behind, behind);
    assert!(queue(&world, id).fault.is_some(), "the first one still waits");
    world.cancel(stuck, stuck);
    assert!(queue(&world, id).pending.is_empty() && queue(&world, id).fault.is_none());
}
