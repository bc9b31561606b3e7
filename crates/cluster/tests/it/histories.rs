//! Arbitrary histories.

use miroir_cluster::State;
use miroir_tasks::{TaskKind, TaskStatus};
use proptest::prelude::*;

use crate::generate::is_at_rest;
use crate::world::{Layout, World};
use miroir_testkit::Dice;

fn layouts() -> impl Strategy<Value = Layout> {
    (1..4u32, 1..3u32, 1..6u16).prop_flat_map(|(per_group, groups, shards)| {
        (1..=per_group.min(3) as u16).prop_map(move |factor| Layout {
            nodes: per_group * groups,
            groups,
            factor,
            shards,
        })
    })
}

/// Each number decides one command, so that a history shrinks by leaving commands out.
fn seeds() -> impl Strategy<Value = Vec<u64>> {
    prop::collection::vec(any::<u64>(), 1..250)
}

fn play(layout: Layout, seeds: &[u64]) -> World {
    let mut world = World::new(layout);
    world.shows = false;
    for seed in seeds {
        let command = world.generate(&mut Dice::from(*seed));
        world.apply(command);
    }
    world
}

/// The tasks of a name, and of an index, end in their order.
fn assert_in_order(world: &World) {
    let mut of_name = std::collections::BTreeMap::new();
    let mut of_index = std::collections::BTreeMap::new();
    for task in &world.finished {
        assert!(task.status.is_terminal());
        // Those leave their places without waiting for them.
        if task.status == TaskStatus::Canceled {
            continue;
        }
        if let Some(name) = &task.index_uid {
            let before = of_name.insert(name.clone(), task.uid);
            assert!(before < Some(task.uid), "{} ended after {before:?}", task.uid);
        }
        if let Some(index) = task.index {
            let before = of_index.insert(index, task.uid);
            assert!(before < Some(task.uid), "{} ended after {before:?}", task.uid);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Invariants hold after every command ([`World::apply`] looks); what is accepted ends as soon as the lanes may
    /// go on, and every node is given what it must have, once and in order.
    #[test]
    fn every_history_ends_well(layout in layouts(), seeds in seeds(), last: u64) {
        let mut world = play(layout, &seeds);
        world.drain(&mut Dice::from(last));
        prop_assert!(is_at_rest(&world.state), "{:#?}", world.state);
        let mut uids: Vec<u64> = world.finished.iter().map(|task| task.uid.0).collect();
        uids.sort_unstable();
        prop_assert_eq!(uids, (0..world.state.next_task.0).collect::<Vec<_>>(), "each task ends once");
        assert_in_order(&world);
        world.model.check();
    }

    /// A peer that starts from a snapshot taken at any point holds the same state as one that applied everything.
    #[test]
    fn apply_is_deterministic_through_snapshots(
        layout in layouts(), seeds in seeds(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
    ) {
        let world = play(layout, &seeds);
        let cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(world.log.len())).collect();
        let (mut one, mut other) = (State::new(), State::new());
        for (at, (stamp, command)) in world.log.iter().enumerate() {
            if cuts.contains(&at) {
                other = State::decode(&other.encode()).expect("a snapshot reads back");
            }
            let command_again = miroir_cluster::Command::decode(&command.encode()).expect("a command reads back");
            prop_assert_eq!(&command_again, command);
            prop_assert_eq!(one.apply(*stamp, command), other.apply(*stamp, &command_again));
        }
        prop_assert!(one == other && one.encode() == other.encode());
        prop_assert_eq!(one.encode(), world.state.encode());
    }
}

/// The histories would prove little if most of their commands were refused, or if some kind of task never ended.
#[test]
fn histories_are_mostly_accepted_and_reach_everything() {
    let layout = Layout { nodes: 4, groups: 2, factor: 2, shards: 3 };
    let (mut tried, mut accepted, mut failed, mut long, mut canceled) = (0, 0, 0, 0, 0);
    let mut kinds = std::collections::BTreeMap::new();
    for history in 0..20u64 {
        let seeds: Vec<u64> = (0..400).map(|at| history * 1_000 + at).collect();
        let mut world = play(layout, &seeds);
        (tried, accepted) = (tried + world.log.len(), accepted + world.accepted);
        world.drain(&mut Dice::from(history));
        for task in &world.finished {
            *kinds.entry(task.kind).or_insert(0) += 1;
            failed += usize::from(task.status == TaskStatus::Failed);
            canceled += usize::from(task.status == TaskStatus::Canceled);
            long += usize::from(task.custom_metadata.as_ref().is_some_and(|text| text.len() > 4_096));
        }
    }
    assert!(accepted * 2 >= tried, "{accepted} of {tried} were accepted");
    assert!(kinds.len() == TaskKind::ALL.len() && kinds.values().all(|count| *count > 20), "{kinds:?}");
    assert!(failed > 20 && long > 20, "{failed} failed, {long} were long");
    assert!(canceled > 20, "{canceled} were canceled");
}
