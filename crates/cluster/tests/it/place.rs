//! Where a new index goes, and what is told to one that finds too few nodes.

use miroir_cluster::{Adopt, Command, EnqueueWork, Outcome, Refusal, Shape, Target};

use crate::world::{Layout, World, adopt};

/// Creates an index with as many copies of each shard as said, or as the cluster's defaults say.
fn create(world: &mut World, name: &str, factor: Option<u16>) -> Outcome {
    let mut enqueue = world.write(name, EnqueueWork::CreateIndex, None);
    enqueue.target = Target::Creates { primary_key: None, shape: Shape { shards: None, factor } };
    world.apply(Command::Enqueue(Box::new(enqueue)))
}

fn join(world: &mut World, node: u32, weight: u32) {
    world.must(Command::Adopt(Box::new(Adopt { weight, ..adopt(node, 1) })));
}

#[test]
fn who_finds_too_few_nodes_for_the_defaults_is_to_come_back() {
    let mut world = World::new(Layout { nodes: 1, groups: 1, factor: 2, shards: 1 });
    let too_few = Outcome::Refused(Refusal::NoNodes);
    assert_eq!(create(&mut world, "a", None), too_few);
    assert_eq!(create(&mut world, "a", Some(2)), too_few, "what the defaults promise may be asked for");
    join(&mut world, 1, 0);
    assert_eq!(create(&mut world, "a", None), too_few, "a node without weight holds nothing");
    assert!(matches!(create(&mut world, "one", Some(1)), Outcome::Enqueued { .. }));
    join(&mut world, 2, 1);
    assert!(matches!(create(&mut world, "a", None), Outcome::Enqueued { .. }));
    let many = create(&mut world, "many", Some(3));
    assert!(matches!(many, Outcome::Refused(Refusal::Shape(_))), "nobody promised three: {many:?}");
}

#[test]
fn a_group_that_is_not_there_yet_is_waited_for() {
    let mut world = World::new(Layout { nodes: 1, groups: 2, factor: 1, shards: 1 });
    assert_eq!(create(&mut world, "a", None), Outcome::Refused(Refusal::NoNodes));
    world.must(Command::Adopt(Box::new(adopt(1, 2))));
    assert!(matches!(create(&mut world, "a", None), Outcome::Enqueued { .. }));
}
