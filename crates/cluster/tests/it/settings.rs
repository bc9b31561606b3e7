//! Settings: computed once, decided once for all nodes, served in order.

use miroir_cluster::{
    Action, Command, DispatchResult, EnqueueWork, Outcome, QueueStep, Slice, StepRefused, WriteMode,
};
use miroir_model::{PhysicalId, TaskUid, UnitSet};
use miroir_settings::{SettingName, UserSettings};
use miroir_tasks::TaskStatus;

use crate::generate::error;
use crate::lane;
use crate::world::{TWO, World, documents, node_id, patch};
use miroir_testkit::Dice;

fn settings(json: &str) -> EnqueueWork {
    EnqueueWork::Settings { patch: patch(json) }
}

/// An index that both nodes have.
fn world() -> (World, PhysicalId) {
    World::with_index(TWO)
}

fn stop_words(settings: &UserSettings) -> String {
    settings.value_json(SettingName::StopWords)
}

fn served(world: &World, id: PhysicalId) -> String {
    stop_words(&world.state.indexes[&id].settings.served)
}

fn ordered(world: &World, id: PhysicalId) -> String {
    stop_words(&world.state.ordered_settings(&world.state.indexes[&id]))
}

/// Starts the settings task at the head of a queue, and ends it.
fn carry_out(world: &mut World, id: PhysicalId, node: u32, task: TaskUid, result: DispatchResult) {
    let node = node_id(node);
    let start = QueueStep::Start { action: Action::Alone(task), node_task: None };
    world.must(lane::command(&world.state, id, &node, start));
    let open = world.state.indexes[&id].queues[&node].dispatch.clone().expect("it was recorded");
    world.must(lane::command(&world.state, id, &node, lane::finish(&open, result)));
}

#[test]
fn a_change_is_decided_when_every_required_node_has_answered() {
    let (mut world, id) = world();
    let task = world.enqueue("a", settings(r#"{"stopWords":["x"]}"#), None);
    let behind = world.enqueue("a", documents(WriteMode::Replace, UnitSet::ALL, 1), None);
    carry_out(&mut world, id, 0, task, lane::done());
    assert_eq!(world.state.indexes[&id].settings.version, 0);
    // Neither what stands behind it nor the former settings again.
    let slice = Slice { task: behind, from: Default::default(), to: None };
    for action in
        [Action::Send(vec![slice]), Action::Configure { version: 0 }, Action::Configure { version: 1 }]
    {
        let early = QueueStep::Start { action, node_task: None };
        let outcome = world.apply(lane::command(&world.state, id, &node_id(0), early));
        assert_eq!(outcome, Outcome::Lanes(vec![Err(StepRefused::Action)]));
    }
    assert_eq!((served(&world, id), ordered(&world, id)), ("[]".to_owned(), r#"["x"]"#.to_owned()));
    carry_out(&mut world, id, 1, task, lane::done());
    assert_eq!(served(&world, id), r#"["x"]"#);
    assert_eq!(world.ended(task).status, TaskStatus::Succeeded);
    let decided = world.log.len();
    world.drain(&mut Dice::from(0));
    assert_eq!(world.ended(behind).status, TaskStatus::Succeeded);
    let configures =
        world.log[decided..].iter().any(|(_, command)| format!("{command:?}").contains("Configure"));
    assert!(!configures, "whoever took the change has it");
}

/// A refusal rolls back every node by an ordinary dispatch, and what was ordered behind is computed anew.
#[test]
fn a_refused_change_is_rolled_back_everywhere() {
    let (mut world, id) = world();
    let first = world.enqueue("a", settings(r#"{"stopWords":["x"],"sortableAttributes":["s"]}"#), None);
    let second = world.enqueue("a", settings(r#"{"distinctAttribute":"d"}"#), None);
    carry_out(&mut world, id, 0, first, lane::done());
    let refused = DispatchResult::Refused { node_task: Some(2), error: error() };
    carry_out(&mut world, id, 1, first, refused);
    let index = &world.state.indexes[&id];
    assert_eq!((world.ended(first).status, &world.ended(first).error), (TaskStatus::Failed, &Some(error())));
    assert_eq!((index.settings.version, ordered(&world, id)), (2, "[]".to_owned()));
    for node in [0, 1] {
        let next = lane::action(&world.state, index, &node_id(node), &mut Dice::from(0));
        assert_eq!(next, Some(Action::Configure { version: 2 }));
    }
    world.drain(&mut Dice::from(0));
    let settings = &world.state.indexes[&id].settings.served;
    assert_eq!(world.ended(second).status, TaskStatus::Succeeded);
    assert_eq!(settings.value_json(SettingName::DistinctAttribute), r#""d""#);
    assert_eq!(settings.value_json(SettingName::SortableAttributes), "[]");
}

#[test]
fn a_node_is_not_told_what_another_has_refused() {
    let (mut world, id) = world();
    let task = world.enqueue("a", settings(r#"{"stopWords":["x"]}"#), None);
    let refused = DispatchResult::Refused { node_task: None, error: error() };
    carry_out(&mut world, id, 1, task, refused);
    assert_eq!(world.ended(task).status, TaskStatus::Failed);
    assert_eq!(world.model.carried_out(task), 0);
    world.drain(&mut Dice::from(0));
    assert_eq!(served(&world, id), "[]");
}

/// It needs no node, but keeps its place in the order.
#[test]
fn a_change_without_effect_or_sense_is_sent_to_nobody() {
    let (mut world, id) = world();
    let slow = world.enqueue("a", documents(WriteMode::Replace, UnitSet::ALL, 1), None);
    let nothing = world.enqueue("a", settings(r#"{"stopWords":[]}"#), None);
    let wrong =
        world.enqueue("a", settings(r#"{"typoTolerance":{"minWordSizeForTypos":{"twoTypos":3}}}"#), None);
    let real = world.enqueue("a", settings(r#"{"stopWords":["x"]}"#), None);
    world.drain_queue(id, &node_id(0));
    assert!(!world.state.is_done(nothing) && !world.state.is_done(wrong));
    let overtaking = QueueStep::Start { action: Action::Alone(wrong), node_task: None };
    let outcome = world.apply(lane::command(&world.state, id, &node_id(0), overtaking));
    assert_eq!(
        outcome,
        Outcome::Lanes(vec![Err(StepRefused::Action)]),
        "it follows from what is decided before it"
    );
    world.drain(&mut Dice::from(0));
    let status = |uid| world.ended(uid).status;
    assert_eq!([slow, nothing, real].map(status), [TaskStatus::Succeeded; 3]);
    assert_eq!(status(wrong), TaskStatus::Failed);
    assert_eq!([nothing, wrong, real].map(|uid| world.model.carried_out(uid)), [0, 0, 2]);
    assert_eq!((world.state.indexes[&id].settings.version, served(&world, id)), (1, r#"["x"]"#.to_owned()));
}

/// Both nodes would wait for each other for ever if the slow one could not go on to the change.
#[test]
fn a_barrier_before_a_change_that_another_node_has_begun_is_sent() {
    let (mut world, id) = world();
    let filter = world.enqueue("a", EnqueueWork::DeleteFilter { filter: "\"x = 1\"".to_owned() }, None);
    let change = world.enqueue("a", settings(r#"{"stopWords":["x"]}"#), None);
    world.drain_queue(id, &node_id(0));
    assert_eq!(world.state.indexes[&id].settings.change.as_ref().map(|change| change.task), Some(change));
    world.drain_queue(id, &node_id(1));
    world.drain(&mut Dice::from(0));
    assert!(world.state.is_done(filter) && world.state.is_done(change));
}

/// A copy that nobody waits for is brought to what was decided; it is not given the change in its turn, when later
/// ones may hold.
#[test]
fn a_node_that_nobody_waits_for_obeys_the_decision() {
    let (mut world, id) = world();
    let late = node_id(1);
    let mut state = world.state.clone();
    let mut index = state.indexes[&id].clone();
    let queue = &mut index.queues[&late];
    (queue.required, queue.searchable, queue.hidden) = (false, false, Some(world.state.version()));
    state.indexes.insert(id, index);
    world.state = state;
    let first = world.enqueue("a", settings(r#"{"stopWords":["x"]}"#), None);
    let second = world.enqueue("a", settings(r#"{"stopWords":["y"]}"#), None);
    world.drain_queue(id, &node_id(0));
    assert!(world.state.is_done(first) && world.state.is_done(second));
    world.drain_queue(id, &late);
    let index = &world.state.indexes[&id];
    assert_eq!((index.queues[&late].installed, index.settings.version), (Some(2), 2));
    assert_eq!((served(&world, id), world.model.carried_out(first)), (r#"["y"]"#.to_owned(), 1));
    assert!(world.state.tasks.is_empty());
}

/// Two changes are decided, with documents between them, while peers do not yet show what the tasks before them did.
/// What the later one changed is not seen before the documents are reported done.
#[test]
fn each_change_is_served_in_its_turn() {
    let (mut world, id) = world();
    world.shows = false;
    let [before, first] =
        ["x", "y"].map(|word| world.enqueue("a", settings(&format!(r#"{{"stopWords":["{word}"]}}"#)), None));
    let between = world.enqueue("a", documents(WriteMode::Replace, UnitSet::ALL, 1), None);
    let second = world.enqueue("a", settings(r#"{"stopWords":["z"]}"#), None);
    // A node waits for the other with each of the changes.
    for node in [0, 1].repeat(4) {
        world.drain_queue(id, &node_id(node));
    }
    assert_eq!(stop_words(&world.state.indexes[&id].settings.decided), r#"["z"]"#);
    for (task, seen) in [(before, "x"), (first, "y"), (second, "z")] {
        assert_eq!(served(&world, id), format!(r#"["{seen}"]"#));
        assert!(!world.state.is_done(task) && (task == second || !world.state.is_done(between)));
        world.must(Command::Shown { version: world.state.version() });
        assert!(world.state.is_done(task));
    }
}
