//! Copies that leave and come back, with lanes and a leader at work. Time is paused.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use miroir_cluster::{Ledger, Lost, Queue, QueueLimits};
use miroir_model::{NodeId, PeerId, PhysicalId, Timestamp};
use miroir_node::Node;
use miroir_rebalancer::{ConfiguredNode, Policy};
use miroir_tasks::TaskStatus;
use miroir_testkit::LocalLedger;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use crate::world::{Peer, World, delete_ids, deleted, documents};

/// Peers live; time is the test's.
struct Leads(BTreeSet<PeerId>, Instant);

#[async_trait]
impl miroir_rebalancer::World for Leads {
    async fn live(&self) -> BTreeSet<PeerId> {
        self.0.clone()
    }

    fn now(&self) -> Timestamp {
        Timestamp::default().plus_millis(self.1.elapsed().as_millis() as i64)
    }

    fn node(&self, _: &ConfiguredNode) -> Result<Arc<dyn Node>, String> {
        Err("every node is adopted".to_owned())
    }
}

/// A world with its leader, peer 1, and peers that report what they search.
struct Led {
    world: World,
    peers: Vec<Peer>,
    running: Vec<JoinHandle<()>>,
}

impl Drop for Led {
    fn drop(&mut self) {
        self.running.iter().for_each(JoinHandle::abort);
    }
}

impl Led {
    fn new(factor: u16, policy: Policy) -> Self {
        Self::of(World::new(2, 4, factor), policy)
    }

    fn of(world: World, policy: Policy) -> Self {
        let peers = vec![world.start(1), world.start(2)];
        let mut led = Self { world, peers, running: Vec::new() };
        led.world.assign_all(1);
        let leads = Leads([PeerId(1), PeerId(2)].into(), Instant::now());
        let leader: Arc<dyn Ledger> = Arc::new(led.peers[0].ledger.clone());
        let (nodes, never) = (Vec::new(), std::future::pending());
        led.running.push(tokio::spawn(miroir_rebalancer::run(
            leader,
            Arc::new(leads),
            (nodes, policy),
            never,
        )));
        led.reports(0);
        led
    }

    /// A peer begins to report the newest state, as one that searches it does.
    fn reports(&mut self, peer: usize) {
        let ledger = self.peers[peer].ledger.clone();
        self.running.push(tokio::spawn(async move {
            loop {
                let _ = ledger.report(ledger.state().version()).await;
                sleep(Duration::from_millis(200)).await;
            }
        }));
    }

    fn queue(&self, index: PhysicalId, node: &NodeId) -> Queue {
        self.world.state().indexes[&index].queues[node].clone()
    }

    async fn until(&self, index: PhysicalId, node: &NodeId, wanted: impl Fn(&Queue) -> bool) {
        let ledger: LocalLedger = self.peers[0].ledger.clone();
        let seen = async {
            while !wanted(&self.queue(index, node)) {
                ledger.changed(ledger.state().version()).await;
            }
        };
        let long = Duration::from_secs(3 * 24 * 3600);
        assert!(timeout(long, seen).await.is_ok(), "{:#?}", self.queue(index, node));
    }
}

fn node(number: usize) -> NodeId {
    NodeId::new(format!("node-{number}"))
}

fn movies(ids: std::ops::Range<u32>, version: u64) -> miroir_cluster::EnqueueWork {
    let all: Vec<Value> = ids.map(|id| json!({ "id": id.to_string(), "v": version })).collect();
    documents(miroir_cluster::WriteMode::Replace, &all)
}

#[tokio::test(start_paused = true)]
async fn tasks_go_on_without_a_node_that_is_gone_and_it_comes_back() {
    let mut led = Led::new(2, Policy::default());
    led.reports(1);
    let index = led.world.create("movies").await;
    let gone = node(1);
    led.world.nodes[&gone].lock().reachable = false;
    let began = Instant::now();
    let first = led.world.enqueue("movies", movies(0..40, 1));
    assert_eq!(led.world.done(first).await.status, TaskStatus::Succeeded);
    assert!(began.elapsed() < Duration::from_secs(5), "it took {:?}", began.elapsed());
    let queue = led.queue(index, &gone);
    assert!(!queue.searchable && !queue.required && queue.pending.contains(&first), "{queue:?}");
    led.world.nodes[&gone].lock().reachable = true;
    led.until(index, &gone, |queue| queue.searchable).await;
    let queue = led.queue(index, &gone);
    assert!(queue.required && queue.pending.is_empty(), "{queue:?}");
    for name in [node(0), gone] {
        assert_eq!(led.world.documents(index, &name).len(), 40, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn tasks_wait_as_long_as_some_peer_may_search_a_copy() {
    let mut led = Led::new(2, Policy::default());
    let index = led.world.create("movies").await;
    let other = led.peers[1].ledger.clone();
    let old = other.state().version();
    // A peer that runs a long search goes on reporting the state that it uses.
    let long_search = tokio::spawn(async move {
        loop {
            let _ = other.report(old).await;
            sleep(Duration::from_millis(200)).await;
        }
    });
    led.world.nodes[&node(1)].lock().reachable = false;
    let task = led.world.enqueue("movies", movies(0..4, 1));
    led.until(index, &node(1), |queue| !queue.searchable).await;
    sleep(Duration::from_secs(600)).await;
    assert!(!led.world.state().is_done(task), "a search would miss it");
    // It falls silent: then it marks its answers.
    long_search.abort();
    let silent = Instant::now();
    led.world.done(task).await;
    let waited = silent.elapsed();
    assert!((4..7).contains(&waited.as_secs()), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn the_last_copy_of_a_shard_is_waited_for() {
    let mut led = Led::new(1, Policy::default());
    led.reports(1);
    let index = led.world.create("movies").await;
    led.world.nodes[&node(1)].lock().reachable = false;
    let task = led.world.enqueue("movies", movies(0..40, 1));
    sleep(Duration::from_secs(3600)).await;
    let queue = led.queue(index, &node(1));
    assert!(queue.searchable && queue.required && !led.world.state().is_done(task), "{queue:?}");
    led.world.nodes[&node(1)].lock().reachable = true;
    assert_eq!(led.world.done(task).await.status, TaskStatus::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_lags_leaves_and_one_beyond_its_limits_is_given_up() {
    let limits = QueueLimits { tasks: 20, ..QueueLimits::default() };
    let mut led = Led::new(2, Policy { queue: limits, ..Policy::default() });
    led.reports(1);
    let index = led.world.create("movies").await;
    // It answers, and does nothing.
    led.world.nodes[&node(1)].lock().running = false;
    let began = Instant::now();
    let first = led.world.enqueue("movies", movies(0..4, 1));
    led.world.done(first).await;
    let waited = began.elapsed();
    assert!(waited >= Duration::from_secs(30), "a copy that is a little behind is waited for: {waited:?}");
    for version in 2..22 {
        led.world.enqueue("movies", movies(0..4, version));
    }
    led.until(index, &node(1), |queue| queue.lost.is_some() && queue.pending.is_empty()).await;
    assert_eq!(led.queue(index, &node(1)).lost, Some(Lost::Behind));
    led.world.nodes[&node(1)].lock().running = true;
    let last = led.world.enqueue("movies", movies(0..4, 99));
    led.world.done(last).await;
    sleep(Duration::from_secs(3600)).await;
    assert!(!led.queue(index, &node(1)).searchable, "it stays out until it is rebuilt");
    assert!(led.world.state().tasks.is_empty(), "nothing is kept for it");
}

#[tokio::test(start_paused = true)]
async fn who_refuses_what_the_other_copy_took_is_wrong() {
    let mut led = Led::new(2, Policy::default());
    led.reports(1);
    let index = led.world.create("movies").await;
    led.world.nodes[&node(1)].lock().adds_fail = Some("invalid_document_geo_field");
    let task = led.world.enqueue("movies", movies(0..4, 1));
    let record = led.world.done(task).await;
    assert_eq!((record.status, record.error), (TaskStatus::Succeeded, None));
    assert_eq!(led.queue(index, &node(1)).lost, Some(Lost::Disagrees(task)));
    assert!(led.queue(index, &node(0)).searchable);
    // What both refuse is the user's error.
    led.world.nodes[&node(0)].lock().adds_fail = Some("invalid_document_geo_field");
    let task = led.world.enqueue("movies", movies(0..4, 2));
    assert_eq!(led.world.done(task).await.status, TaskStatus::Failed);
    assert!(led.queue(index, &node(0)).lost.is_none());
}

#[tokio::test(start_paused = true)]
async fn what_cannot_reorder_passes_a_full_node() {
    let mut led = Led::new(1, Policy::default());
    let index = led.world.create("movies").await;
    let before = led.world.enqueue("movies", movies(0..40, 1));
    led.world.done(before).await;
    for fake in led.world.nodes.values() {
        fake.lock().adds_fail = Some("no_space_left_on_device");
    }
    let stopped = led.world.enqueue("movies", movies(0..40, 2));
    led.until(index, &node(0), |queue| queue.fault.is_some()).await;
    let ids: Vec<String> = (0..30).map(|id| id.to_string()).collect();
    let deletion = led.world.enqueue("movies", delete_ids(&ids));
    // Sent early: there is room again, though nothing is done yet.
    led.until(index, &node(0), |queue| queue.ahead == Some(deletion)).await;
    led.until(index, &node(1), |queue| queue.ahead == Some(deletion)).await;
    let left = || led.world.nodes.keys().map(|name| led.world.documents(index, name).len()).sum::<usize>();
    assert_eq!(left(), 10);
    assert!(!led.world.state().is_done(stopped));
    for fake in led.world.nodes.values() {
        fake.lock().adds_fail = None;
    }
    // And again in its place: the addition before it brings nothing back.
    let record = led.world.done(deletion).await;
    assert_eq!((record.status, deleted(&record)), (TaskStatus::Succeeded, None));
    assert_eq!(left(), 10);
    for name in led.world.nodes.keys() {
        let documents = led.world.documents(index, name);
        assert!(documents.values().all(|document| document["v"] == 2), "{documents:?}");
    }
}

/// Each node may hold 1,000 bytes, 10 documents; half of 40 are too many.
#[tokio::test(start_paused = true)]
async fn a_node_that_is_nearly_full_gets_deletions_and_no_documents() {
    let capacity: BTreeMap<_, _> = [0, 1].map(|n| (node(n), 1000)).into();
    let mut world = World::new(2, 4, 1);
    world.config.capacity = capacity;
    let mut led = Led::of(world, Policy::default());
    let index = led.world.create("movies").await;
    led.world.nodes.values().for_each(|fake| fake.lock().weight = 100);
    let before = led.world.enqueue("movies", movies(0..40, 1));
    led.world.done(before).await;
    sleep(Duration::from_secs(5)).await;
    let stopped = led.world.enqueue("movies", movies(40..80, 1));
    for n in [0, 1] {
        led.until(index, &node(n), |queue| queue.fault.is_some()).await;
        let fault = led.queue(index, &node(n)).fault.expect("it was seen").0.text;
        assert!(fault.contains("90 % of its capacity of 1000 bytes"), "{fault}");
    }
    let version = led.world.state().version();
    sleep(Duration::from_secs(600)).await;
    assert_eq!(led.world.state().version(), version, "it is said once");
    let left =
        |world: &World| world.nodes.keys().map(|name| world.documents(index, name).len()).sum::<usize>();
    assert_eq!(left(&led.world), 40);
    let ids: Vec<String> = (0..40).map(|id| id.to_string()).collect();
    let deletion = led.world.enqueue("movies", delete_ids(&ids));
    assert_eq!(led.world.done(stopped).await.status, TaskStatus::Succeeded);
    led.world.done(deletion).await;
    assert_eq!(left(&led.world), 40);
    assert!([0, 1].iter().all(|n| led.queue(index, &node(*n)).fault.is_none()));
}

#[tokio::test(start_paused = true)]
async fn a_deletion_of_everything_supersedes_what_is_stopped() {
    for whole in [false, true] {
        let mut led = Led::new(1, Policy::default());
        let index = led.world.create("movies").await;
        for fake in led.world.nodes.values() {
            fake.lock().adds_fail = Some("no_space_left_on_device");
        }
        let stopped = led.world.enqueue("movies", movies(0..40, 2));
        led.until(index, &node(0), |queue| queue.fault.is_some()).await;
        let deletion = if whole {
            miroir_cluster::EnqueueWork::DeleteIndex
        } else {
            miroir_cluster::EnqueueWork::DeleteAll
        };
        let deletion = led.world.enqueue("movies", deletion);
        assert_eq!(led.world.done(deletion).await.status, TaskStatus::Succeeded);
        assert_eq!(led.world.done(stopped).await.status, TaskStatus::Succeeded);
        if whole {
            let gone = async {
                while led.world.state().indexes.contains_key(&index) {
                    sleep(Duration::from_millis(100)).await;
                }
            };
            timeout(Duration::from_secs(60), gone).await.expect("no peer searches it any more");
            assert!(led.world.nodes.values().all(|fake| fake.lock().indexes.is_empty()));
        } else {
            let mut names = led.world.nodes.keys();
            assert!(names.all(|name| led.world.documents(index, name).is_empty()));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_embedder_that_fails_for_long_fails_the_task() {
    let mut led = Led::new(1, Policy::default());
    led.world.create("movies").await;
    for fake in led.world.nodes.values() {
        fake.lock().adds_fail = Some("vector_embedding_error");
    }
    let began = Instant::now();
    let first = led.world.enqueue("movies", movies(0..40, 1));
    let record = led.world.done(first).await;
    let error = record.error.expect("it failed");
    assert_eq!((record.status, error.code.as_str()), (TaskStatus::Failed, "vector_embedding_error"));
    let waited = began.elapsed().as_secs();
    assert!((600..640).contains(&waited), "{waited}");
    // The next ones do not wait as long again, as long as it lasts.
    let began = Instant::now();
    let second = led.world.enqueue("movies", movies(0..40, 2));
    assert_eq!(led.world.done(second).await.status, TaskStatus::Failed);
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
    for fake in led.world.nodes.values() {
        fake.lock().adds_fail = None;
    }
    let third = led.world.enqueue("movies", movies(0..40, 3));
    assert_eq!(led.world.done(third).await.status, TaskStatus::Succeeded);
}
