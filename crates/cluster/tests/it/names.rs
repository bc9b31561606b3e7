//! Names: what the next task sees, and what searches see.

use miroir_cluster::{EnqueueWork, WriteMode};
use miroir_model::{IndexUid, UnitSet};

use crate::world::{TWO, World, documents, node_id};
use miroir_testkit::Dice;

fn uid(name: &str) -> IndexUid {
    name.parse().expect("a valid name")
}

#[test]
fn a_name_is_served_when_its_task_is_done() {
    let mut world = World::new(TWO);
    world.enqueue("a", EnqueueWork::CreateIndex, Some("id"));
    assert!(world.state.ordered(&uid("a")).is_some() && world.state.served(&uid("a")).is_none());
    world.drain(&mut Dice::from(1));
    let served = world.state.served(&uid("a")).expect("served");
    assert_eq!(served.served_primary_key.as_deref(), Some("id"));
}

/// "Delete, create" without waiting: the second life is there although the first is still being deleted, and the
/// deletion of the first never removes the second.
#[test]
fn two_lives_of_a_name_do_not_touch_each_other() {
    let mut world = World::new(TWO);
    let create = world.enqueue("a", EnqueueWork::CreateIndex, None);
    world.drain(&mut Dice::from(1));
    let first = world.state.served(&uid("a")).expect("served").id;

    let delete = world.enqueue("a", EnqueueWork::DeleteIndex, None);
    let again = world.enqueue("a", EnqueueWork::CreateIndex, Some("id"));
    let second = world.state.ordered(&uid("a")).expect("ordered").id;
    assert_ne!(first, second);
    assert_eq!(
        world.state.served(&uid("a")).map(|index| index.id),
        Some(first),
        "until its deletion is done"
    );

    // The second life is ready on every node; it is served only after the first has gone.
    (0..2).for_each(|node| world.drain_queue(second, &node_id(node)));
    world.drain_queue(first, &node_id(0));
    assert_eq!(world.state.served(&uid("a")).map(|index| index.id), Some(first));
    world.drain_queue(first, &node_id(1));
    assert_eq!(world.state.served(&uid("a")).map(|index| index.id), Some(second));
    // Nobody searches it any more.
    world.drain_queue(first, &node_id(0));
    assert!(!world.state.indexes.contains_key(&first));
    let order: Vec<_> = world.finished.iter().map(|task| task.uid).collect();
    assert_eq!(order, [create, delete, again]);
}

#[test]
fn a_later_task_of_a_quick_node_waits_for_an_earlier_one_of_a_slow_node() {
    let mut world = World::new(TWO);
    world.enqueue("a", EnqueueWork::CreateIndex, Some("id"));
    world.drain(&mut Dice::from(1));
    let index = world.state.ordered(&uid("a")).expect("ordered").clone();
    let units = |node| index.units_of(&node_id(node));
    let slow = world.enqueue("a", documents(WriteMode::Replace, units(1), 1), None);
    let quick = world.enqueue("a", documents(WriteMode::Replace, units(0), 1), None);
    world.drain_queue(index.id, &node_id(0));
    assert!(!world.state.is_done(quick), "a search could still miss the earlier write");
    world.drain_queue(index.id, &node_id(1));
    assert!(world.state.is_done(slow) && world.state.is_done(quick));
}

/// Keys follow Meilisearch: one can be changed while there are no documents. Tasks keep the key that they were
/// ordered with, and nodes hear of a change in its place.
#[test]
fn a_primary_key_changes_only_while_there_are_no_documents() {
    let mut world = World::new(TWO);
    world.enqueue("a", EnqueueWork::CreateIndex, None);
    let set = world.enqueue("a", EnqueueWork::SetPrimaryKey, Some("id"));
    assert!(world.state.tasks[&set].holders.is_empty(), "nodes learn their first key with documents");
    let with_id = world.enqueue("a", documents(WriteMode::Replace, UnitSet::ALL, 1), None);
    let mut changed = world.write("a", EnqueueWork::SetPrimaryKey, Some("key"));
    let stale = miroir_cluster::Refusal::Stale(miroir_cluster::Stale::PrimaryKey);
    let outcome = world.apply(miroir_cluster::Command::Enqueue(Box::new(changed.clone())));
    assert_eq!(outcome, miroir_cluster::Outcome::Refused(stale));

    world.enqueue("a", EnqueueWork::DeleteAll, None);
    changed.proposal = world.attempt();
    world.must(miroir_cluster::Command::Enqueue(Box::new(changed)));
    let with_key = world.enqueue("a", documents(WriteMode::Replace, UnitSet::ALL, 1), None);
    let key = |uid| world.state.tasks[&uid].primary_key.as_deref();
    assert_eq!((key(with_id), key(with_key)), (Some("id"), Some("key")));
    world.drain(&mut Dice::from(3));
    let served = world.state.served(&uid("a")).expect("served");
    assert_eq!(served.served_primary_key.as_deref(), Some("key"));
    world.model.check();
}
