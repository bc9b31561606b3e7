//! Copies that leave and come back, step by step.

use miroir_cluster::{Command, CopyChange, CopyStep, Lost, Outcome, Proof, Queue, Refusal, WriteMode};
use miroir_model::{PeerId, PeerLife, PhysicalId, TaskUid};

use crate::world::{Layout, World, documents, node_id};
use miroir_testkit::Dice;

/// Two nodes with a copy of everything each.
fn world() -> (World, PhysicalId) {
    World::with_index(Layout { nodes: 2, groups: 1, factor: 2, shards: 2 })
}

fn queue(world: &World, id: PhysicalId, node: u32) -> Queue {
    world.state.indexes[&id].queues[&node_id(node)].clone()
}

fn copy(world: &mut World, id: PhysicalId, node: u32, change: CopyChange) -> Outcome {
    world.apply(Command::Copy(CopyStep { index: id, node: node_id(node), change }))
}

fn write(world: &mut World, mode: WriteMode) -> TaskUid {
    world.enqueue("a", documents(mode, miroir_model::UnitSet::ALL, 1), None)
}

/// Node 1 leaves: hidden, and not waited for.
fn leave(world: &mut World, id: PhysicalId) {
    assert_eq!(copy(world, id, 1, CopyChange::Hide), Outcome::Done);
    let hidden = queue(world, id, 1).hidden.expect("it is hidden");
    assert_eq!(copy(world, id, 1, CopyChange::Release { hidden: hidden + 1 }), refused(Refusal::CopyChanged));
    assert_eq!(copy(world, id, 1, CopyChange::Release { hidden }), Outcome::Done);
}

fn refused(refusal: Refusal) -> Outcome {
    Outcome::Refused(refusal)
}

#[test]
fn a_copy_that_comes_back_is_waited_for_first_and_searched_when_it_has_caught_up() {
    let (mut world, id) = world();
    leave(&mut world, id);
    let missed = write(&mut world, WriteMode::Replace);
    world.drain_queue(id, &node_id(0));
    assert!(world.state.is_done(missed), "nobody waits for a copy that left");
    assert_eq!(copy(&mut world, id, 1, CopyChange::Require), Outcome::Done);
    // Of another kind, so that it does not travel with it.
    let later = write(&mut world, WriteMode::Update);
    world.drain_queue(id, &node_id(0));
    let back = queue(&world, id, 1);
    assert!(back.required && !back.searchable, "a search would miss task {missed}");
    assert!(!world.state.is_done(later), "it is waited for from now on");
    // What was ordered before is finished: the rest is waited for anyway.
    let mut steps = 0;
    while queue(&world, id, 1).pending.contains(&missed) {
        assert!(!queue(&world, id, 1).searchable);
        assert!(world.step(id, &node_id(1), &mut Dice::from(steps)));
        steps += 1;
    }
    assert!(queue(&world, id, 1).searchable && !world.state.is_done(later));
    world.drain_queue(id, &node_id(1));
    assert!(world.state.is_done(later));
}

#[test]
fn a_shards_last_copy_never_leaves_but_when_it_is_proved_to_be_another() {
    let (mut world, id) = world();
    leave(&mut world, id);
    for change in [CopyChange::Hide, CopyChange::GiveUp] {
        let answer = copy(&mut world, id, 0, change);
        assert!(matches!(answer, Outcome::Refused(Refusal::LastCopy(_))), "{change:?}: {answer:?}");
    }
    let waiting = write(&mut world, WriteMode::Replace);
    let by = PeerLife { peer: PeerId(1), boot: world.state.peers[&PeerId(1)].boot };
    world.must(Command::NodeProved { node: node_id(0), by, proof: Proof::Older });
    let lost = queue(&world, id, 0);
    assert_eq!(lost.lost, Some(Lost::Proved(Proof::Older)));
    assert!(!lost.searchable && lost.required && lost.pending.contains(&waiting), "an operator decides");
    let hidden = lost.hidden.expect("it is hidden");
    let answer = copy(&mut world, id, 0, CopyChange::Release { hidden });
    assert!(matches!(answer, Outcome::Refused(Refusal::LastCopy(_))), "{answer:?}");
}
