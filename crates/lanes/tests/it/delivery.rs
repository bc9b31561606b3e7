//! What lanes do while nothing fails, or one thing does.

use miroir_cluster::{EnqueueWork, Stage, WriteMode};
use miroir_model::NodeId;
use miroir_node::Write;
use miroir_settings::{Features, Rules, SettingsPatch};
use miroir_tasks::TaskStatus;
use serde_json::{Value, json};

use crate::world::{World, delete_ids, deleted, documents, edit};

fn movie(id: u32, version: u64) -> Value {
    json!({ "id": id.to_string(), "v": version, "genre": if id.is_multiple_of(3) { "drama" } else { "comedy" } })
}

fn movies(ids: impl IntoIterator<Item = u32>, version: u64) -> EnqueueWork {
    let all: Vec<Value> = ids.into_iter().map(|id| movie(id, version)).collect();
    documents(WriteMode::Replace, &all)
}

fn settings(sent: &Value) -> EnqueueWork {
    let rules = Rules { version: miroir_api::ApiVersion::V1_50, features: Features::default() };
    EnqueueWork::Settings { patch: SettingsPatch::parse(sent, rules).unwrap() }
}

fn synonyms(word: &str) -> EnqueueWork {
    settings(&json!({ "synonyms": { word: ["other"] } }))
}

/// The documents requests that a node carried out, as pairs of the versions in them.
fn additions(world: &World, node: &NodeId) -> Vec<Vec<u64>> {
    let fake = world.nodes[node].lock();
    let of = |write: &Write| match write {
        Write::Add(add) => {
            let documents = serde_json::Deserializer::from_slice(&add.payload).into_iter::<Value>();
            Some(documents.map(|document| document.unwrap()["v"].as_u64().unwrap()).collect())
        }
        _ => None,
    };
    fake.applied.iter().filter_map(|(_, _, write)| of(write)).collect()
}

fn only(world: &World) -> NodeId {
    world.nodes.keys().next().unwrap().clone()
}

#[tokio::test(start_paused = true)]
async fn every_copy_gets_its_documents_and_deletions_are_counted_once() {
    let (mut world, _peer, index) = World::with_movies(3, 6, 2).await;
    let task = world.enqueue("movies", movies(0..300, 1));
    assert_eq!(world.done(task).await.status, TaskStatus::Succeeded);
    let all = (0..300).map(|id| (id.to_string(), movie(id, 1))).collect();
    for node in world.nodes.keys() {
        let held = world.documents(index, node);
        assert_eq!(held, world.share(index, node, &all));
        assert!(held.len() > 100 && held.len() < 300, "{node} holds {}", held.len());
    }
    let ids: Vec<String> = (0..50).chain(1000..1010).map(|id| id.to_string()).collect();
    let by_ids = world.enqueue("movies", delete_ids(&ids));
    let by_filter =
        world.enqueue("movies", EnqueueWork::DeleteFilter { filter: r#""genre = drama""#.to_owned() });
    let again =
        world.enqueue("movies", EnqueueWork::DeleteFilter { filter: r#"["genre = drama"]"#.to_owned() });
    assert_eq!(deleted(&world.done(by_ids).await), Some(50));
    assert_eq!(
        deleted(&world.done(by_filter).await),
        Some((50..300).filter(|id| id % 3 == 0).count() as u64)
    );
    assert_eq!(deleted(&world.done(again).await), Some(0));
    let left = (50..300).filter(|id| id % 3 != 0).count() as u64;
    let all = world.enqueue("movies", EnqueueWork::DeleteAll);
    assert_eq!(deleted(&world.done(all).await), Some(left));
    let task = world.enqueue("movies", movies(0..10, 2));
    world.done(task).await;
    let gone = world.enqueue("movies", EnqueueWork::DeleteIndex);
    assert_eq!(deleted(&world.done(gone).await), Some(10));
    assert!(world.nodes.values().all(|node| !node.lock().indexes.is_empty()), "a search may still use it");
    world.gone(index).await;
    assert!(world.nodes.values().all(|node| node.lock().indexes.is_empty()));
}

/// One document that the function fails for fails the whole task, on whatever node it is.
#[tokio::test(start_paused = true)]
async fn an_edit_is_carried_out_everywhere_or_nowhere() {
    let (mut world, _peer, index) = World::with_movies(3, 6, 2).await;
    world.enqueue("movies", movies(0..100, 1));
    let count = world.enqueue("movies", edit("doc.v += 1;", None));
    assert_eq!(deleted(&world.done(count).await), Some(100));
    let fails = world.enqueue("movies", edit("doc.v += 1;\nif doc.id == \"42\" { doc.v += missing; }", None));
    let record = world.done(fails).await;
    assert_eq!(record.status, TaskStatus::Failed);
    assert_eq!(
        record.error.unwrap().message,
        "Index `movies`: Document edition runtime error encountered while running the function: Variable not found: \
         missing (line 2, position 30)"
    );
    let filter = Some(r#""genre = drama""#.to_owned());
    let some = world.enqueue("movies", edit("doc = ();", filter));
    assert_eq!(deleted(&world.done(some).await), Some(34));
    let left = (0..100).filter(|id| id % 3 != 0).map(|id| (id.to_string(), movie(id, 2))).collect();
    for node in world.nodes.keys() {
        assert_eq!(world.documents(index, node), world.share(index, node, &left), "{node}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_waits_behind_a_slow_request_is_joined_into_the_next() {
    let (mut world, _peer, _) = World::with_movies(1, 1, 1).await;
    let node = only(&world);
    world.nodes[&node].lock().running = false;
    let first = world.enqueue("movies", movies([1], 1));
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    let joined: Vec<_> = (2..8).map(|version| world.enqueue("movies", movies([1], version))).collect();
    let update = world.enqueue("movies", documents(WriteMode::Update, &[movie(2, 8)]));
    world.nodes[&node].lock().running = true;
    for task in [&[first, update], &joined[..]].concat() {
        assert_eq!(world.done(task).await.status, TaskStatus::Succeeded);
    }
    assert_eq!(additions(&world, &node), [vec![1], (2..8).collect(), vec![8]]);
}

#[tokio::test(start_paused = true)]
async fn only_the_task_with_the_bad_document_fails() {
    let (mut world, _peer, index) = World::with_movies(1, 1, 1).await;
    let node = only(&world);
    world.nodes[&node].lock().running = false;
    let first = world.enqueue("movies", movies([1], 1));
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    let good = world.enqueue("movies", movies([2], 2));
    let bad = documents(WriteMode::Replace, &[json!({ "id": "3", "v": 3, "bad": true })]);
    let bad = world.enqueue("movies", bad);
    let after = world.enqueue("movies", movies([4], 4));
    world.nodes[&node].lock().running = true;
    for task in [first, good, after] {
        assert_eq!(world.done(task).await.status, TaskStatus::Succeeded);
    }
    let record = world.done(bad).await;
    assert_eq!(record.status, TaskStatus::Failed);
    assert_eq!(record.error.unwrap().message, "Index `movies`: bad");
    assert_eq!(additions(&world, &node), [vec![1], vec![2], vec![4]]);
    assert_eq!(world.documents(index, &node).into_keys().collect::<Vec<_>>(), ["1", "2", "4"]);
}

#[tokio::test(start_paused = true)]
async fn a_big_task_goes_in_parts_and_its_rest_is_joined() {
    let mut world = World::new(2, 4, 1);
    world.config.request_bytes = 4000;
    let _peer = world.start(1);
    world.assign_all(1);
    let index = world.create("movies").await;
    let many = |version: u64| -> Vec<Value> {
        let text = "x".repeat(100);
        (0..200u32)
            .map(|id| json!({ "id": id.to_string(), "v": version * 1000 + u64::from(id), "text": text }))
            .collect()
    };
    let tasks = [1, 2].map(|version| world.enqueue("movies", documents(WriteMode::Replace, &many(version))));
    for task in tasks {
        assert_eq!(world.done(task).await.status, TaskStatus::Succeeded);
    }
    let all = many(2).into_iter().map(|movie| (movie["id"].as_str().unwrap().to_owned(), movie)).collect();
    for node in world.nodes.keys() {
        let share = world.share(index, node, &all);
        assert_eq!(world.documents(index, node), share);
        let sent = additions(&world, node);
        assert!(sent.len() >= 2 * share.len() * 180 / 4000 && sent.iter().all(|request| request.len() < 30));
        let versions: Vec<u64> = sent.into_iter().flatten().collect();
        assert_eq!(versions.len(), 2 * share.len(), "each document once");
        assert!(versions.is_sorted(), "in the order of the payloads");
    }
}

#[tokio::test(start_paused = true)]
async fn settings_are_taken_by_all_or_rolled_back() {
    let (mut world, _peer, index) = World::with_movies(2, 2, 1).await;
    let good = world.enqueue("movies", synonyms("good"));
    assert_eq!(world.done(good).await.status, TaskStatus::Succeeded);
    let second = world.nodes.keys().nth(1).unwrap().clone();
    world.nodes[&second].lock().refuses = Some("bad".to_owned());
    let bad = world.enqueue("movies", synonyms("bad"));
    let after = world.enqueue("movies", movies(0..20, 1));
    let record = world.done(bad).await;
    assert_eq!(record.status, TaskStatus::Failed);
    assert_eq!(record.error.unwrap().message, "Index `movies`: refused");
    assert_eq!(world.done(after).await.status, TaskStatus::Succeeded);
    for (node, fake) in &world.nodes {
        let name = world.state().indexes[&index].queues[node].name(index).to_string();
        let settings = fake.lock().indexes[&name].settings.clone().unwrap();
        assert!(settings.contains("good") && !settings.contains("bad"), "{node}: {settings}");
        assert!(settings.contains("_miroir:asc"), "{settings}");
    }
}

/// Documents that were accepted by settings which never came to be are looked at again, whole, before any is sent.
#[tokio::test(start_paused = true)]
async fn what_settings_were_rolled_back_for_is_validated_again() {
    let (mut world, _peer, index) = World::with_movies(2, 4, 2).await;
    let geo = world.enqueue("movies", settings(&json!({ "filterableAttributes": ["_geo"] })));
    assert_eq!(world.done(geo).await.status, TaskStatus::Succeeded);
    for node in world.nodes.values() {
        node.lock().refuses = Some("forbidden".to_owned());
    }
    let without = json!({ "filterableAttributes": ["x"], "stopWords": ["forbidden"] });
    let failing = world.enqueue("movies", settings(&without));
    // As ordered, `_geo` is a member like any other.
    let nowhere = json!([{ "id": "1", "_geo": "nowhere" }, { "id": "2" }]);
    let wrong = world.enqueue("movies", documents(WriteMode::Replace, nowhere.as_array().unwrap()));
    let right = world.enqueue("movies", documents(WriteMode::Replace, &[json!({ "id": "3", "v": 1 })]));
    assert_eq!(world.done(failing).await.status, TaskStatus::Failed);
    let record = world.done(wrong).await;
    let code = record.error.map(|error| error.code.as_str().to_owned());
    assert_eq!((record.status, code.as_deref()), (TaskStatus::Failed, Some("invalid_document_geo_field")));
    assert_eq!(world.done(right).await.status, TaskStatus::Succeeded);
    for node in world.nodes.keys() {
        let held = world.documents(index, node);
        assert!(held.keys().eq(["3"]), "{node} was sent {held:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn nodes_forget_what_is_recorded_and_never_what_they_are_known_by() {
    let mut world = World::new(1, 1, 1);
    (world.config.history, world.config.prune) = (50, std::time::Duration::from_secs(1));
    let _peer = world.start(1);
    world.assign_all(1);
    let node = only(&world);
    let quiet = world.create("quiet").await;
    let last_of_quiet = world.state().indexes[&quiet].queues[&node].node_task.expect("it has tasks");
    world.create("movies").await;
    for version in 1..2000 {
        let task = world.enqueue("movies", movies([1], version));
        world.done(task).await;
        // Whatever was forgotten, the next is found again.
        if version % 500 == 0 {
            world.assign(&node, 1);
        }
    }
    tokio::time::sleep(std::time::Duration::from_secs(10)).await;
    let fake = world.nodes[&node].lock();
    let kept = fake.tasks.len() - fake.forgotten.len();
    assert!(kept < 50 + 2 * 500, "{kept} of {}", fake.tasks.len());
    assert!(fake.forgotten.len() > 500 && !fake.forgotten.contains(&last_of_quiet));
    let newest = world.state().newest_on(&node).expect("it is known").0;
    assert!(!fake.forgotten.contains(&newest));
}

#[tokio::test(start_paused = true)]
async fn a_fault_stops_one_queue_says_so_and_is_no_verdict() {
    let (mut world, _peer, index) = World::with_movies(1, 1, 1).await;
    let node = only(&world);
    world.nodes[&node].lock().plan.fault = 100;
    let task = world.enqueue("movies", movies([1], 1));
    tokio::time::sleep(std::time::Duration::from_secs(60)).await;
    let state = world.state();
    let queue = &state.indexes[&index].queues[&node];
    assert_eq!(queue.fault.as_ref().map(|(fault, _)| fault.text.as_str()), Some("internal: planned"));
    assert_eq!((queue.stage, queue.generation.0), (Stage::Present, 0), "a known failure needs no fence");
    let version = state.version();
    tokio::time::sleep(std::time::Duration::from_secs(60)).await;
    assert_eq!(world.state().version(), version, "a fault is recorded once");
    world.nodes[&node].lock().plan.fault = 0;
    assert_eq!(world.done(task).await.status, TaskStatus::Succeeded);
    assert!(world.state().indexes[&index].queues[&node].fault.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_node_that_does_not_answer_is_down_until_it_does() {
    let (mut world, _peer, _) = World::with_movies(1, 1, 1).await;
    let node = only(&world);
    world.nodes[&node].lock().reachable = false;
    let task = world.enqueue("movies", movies([1], 1));
    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    assert_eq!(world.state().nodes[&node].state, miroir_cluster::NodeState::Down);
    world.nodes[&node].lock().reachable = true;
    world.done(task).await;
    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    assert_eq!(world.state().nodes[&node].state, miroir_cluster::NodeState::Up);
}
