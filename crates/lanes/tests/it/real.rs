//! The whole path over real nodes: adoption, lanes, deletions, settings, a fence.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use miroir_cluster::{
    Action, Command, Defaults, EnqueueWork, LaneStep, Ledger, Outcome, Progress, QueueStep, Slice, WriteMode,
};
use miroir_documents::slot_of_id;
use miroir_model::{Generation, NodeId, PeerId, PhysicalId, TaskUid, Timestamp};
use miroir_node::{ApiKey, HttpNode, Node, Origin, Pace, Pools, Write, wait_for_task};
use miroir_rebalancer::{AdoptError, ConfiguredNode, Policy, adopt};
use miroir_settings::{Features, Rules, SettingsPatch};
use miroir_tasks::TaskStatus;
use miroir_testkit::LocalCluster;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::servers::{MASTER_KEY, Server, connections};
use crate::world::{World, delete_ids, deleted, documents};

/// Peers 1 and 2 live.
struct Both;

#[async_trait]
impl miroir_rebalancer::World for Both {
    async fn live(&self) -> BTreeSet<PeerId> {
        [PeerId(1), PeerId(2)].into()
    }

    fn now(&self) -> Timestamp {
        Timestamp::default()
    }

    fn node(&self, configured: &ConfiguredNode) -> Result<Arc<dyn Node>, String> {
        let node = HttpNode::new(&connections(), &configured.url, ApiKey::new(&configured.master_key));
        Ok(Arc::new(node.map_err(|error| error.to_string())?))
    }
}

fn configured(servers: &[Server]) -> Vec<ConfiguredNode> {
    let node = |(n, server): (usize, &Server)| ConfiguredNode {
        id: NodeId::new(format!("node-{n}")),
        url: server.url.clone(),
        group: 0,
        weight: 1,
        master_key: MASTER_KEY.to_owned(),
    };
    servers.iter().enumerate().map(node).collect()
}

fn city(id: u32, version: u64) -> Value {
    json!({ "id": id.to_string(), "v": version, "name": format!("city number {id}"), "country": (id % 7).to_string() })
}

fn cities(ids: std::ops::Range<u32>, version: u64) -> EnqueueWork {
    documents(WriteMode::Replace, &ids.map(|id| city(id, version)).collect::<Vec<_>>())
}

struct Real {
    world: World,
    servers: BTreeMap<NodeId, HttpNode>,
    index: PhysicalId,
}

impl Real {
    /// How many documents each node must hold, out of those with these ids, holds.
    async fn check(&self, ids: impl Iterator<Item = u32> + Clone) {
        let state = self.world.state();
        let index = &state.indexes[&self.index];
        for (node, client) in &self.servers {
            let units = index.units_of(node);
            let wanted = ids.clone().filter(|id| units.contains(slot_of_id(&id.to_string()).unit())).count();
            let name = index.queues[node].name(self.index).to_string();
            let held = client.stats(&name).await.unwrap();
            assert_eq!(held.number_of_documents, wanted as u64, "{node}");
            assert_eq!(held.field_distribution.get("_miroir"), Some(&(wanted as u64)), "{node}");
        }
    }

    async fn succeeds(&mut self, work: EnqueueWork) -> miroir_tasks::TaskRecord {
        let task = self.world.enqueue("cities", work);
        let record = self.world.done(task).await;
        assert_eq!(record.status, TaskStatus::Succeeded, "{record:?}");
        record
    }
}

async fn whole_path(servers: Vec<Server>) {
    let mut clients = BTreeMap::new();
    for (configured, server) in configured(&servers).iter().zip(&servers) {
        clients.insert(configured.id.clone(), server.node());
    }
    let cluster = LocalCluster::new(Timestamp::default);
    cluster.found(Defaults { shards: Some(6), factor: 2, ..Defaults::default() }, []);
    let mut world = World::over(cluster, miroir_lanes::http(Pools::open(connections())));
    let peers = [world.start(1), world.start(2)];
    let leader: Arc<dyn Ledger> = Arc::new(peers[0].ledger.clone());
    let rebalancer = tokio::spawn(miroir_rebalancer::run(
        Arc::clone(&leader),
        Arc::new(Both),
        (configured(&servers), Policy::default()),
        std::future::pending(),
    ));
    let adopted = async {
        while world.state().nodes.values().filter(|node| node.lane.owner.is_some()).count() < 3 {
            leader.changed(world.state().version()).await;
        }
    };
    timeout(Duration::from_secs(30), adopted).await.expect("three nodes are adopted");
    rebalancer.abort();
    let index = world.create("cities").await;
    let mut real = Real { world, servers: clients, index };

    let started = Instant::now();
    let tasks: Vec<TaskUid> =
        (0..10).map(|n| real.world.enqueue("cities", cities(n * 1000..(n + 1) * 1000, 1))).collect();
    for task in tasks {
        assert_eq!(real.world.done(task).await.status, TaskStatus::Succeeded);
    }
    eprintln!("10000 documents on two copies each: {:.0} documents/s", 1e4 / started.elapsed().as_secs_f64());
    real.check(0..10_000).await;

    let rules = Rules { version: real.world.state().api_version(), features: Features::default() };
    let patch = SettingsPatch::parse(&json!({ "filterableAttributes": ["country"] }), rules).unwrap();
    real.succeeds(EnqueueWork::Settings { patch }).await;
    let ids: Vec<String> = (0..100).chain(20_000..20_010).map(|id| id.to_string()).collect();
    assert_eq!(deleted(&real.succeeds(delete_ids(&ids)).await), Some(100));
    let filter = EnqueueWork::DeleteFilter { filter: r#""country = 3""#.to_owned() };
    let threes = (100..10_000).filter(|id| id % 7 == 3).count() as u64;
    assert_eq!(deleted(&real.succeeds(filter).await), Some(threes));
    real.check((100..10_000).filter(|id| id % 7 != 3)).await;

    refused_filter(&mut real).await;
    fenced(&mut real).await;
    real.check((0..200).chain((200..10_000).filter(|id| id % 7 != 3))).await;

    let left = (0..200).chain((200..10_000).filter(|id| id % 7 != 3)).count() as u64;
    assert_eq!(deleted(&real.succeeds(EnqueueWork::DeleteAll).await), Some(left));
    real.succeeds(cities(0..50, 3)).await;
    assert_eq!(deleted(&real.succeeds(EnqueueWork::DeleteIndex).await), Some(50));
    real.world.gone(real.index).await;
    for client in real.servers.values() {
        assert_eq!(client.indexes(0, 10).await.unwrap().total, 0);
    }
}

/// A verdict in the user's words.
async fn refused_filter(real: &mut Real) {
    let filter = EnqueueWork::DeleteFilter { filter: r#""name = x""#.to_owned() };
    let task = real.world.enqueue("cities", filter);
    let record = real.world.done(task).await;
    assert_eq!(record.status, TaskStatus::Failed);
    let error = record.error.unwrap();
    assert_eq!(error.code.as_str(), "invalid_document_filter");
    assert!(!error.message.contains("_miroir") && !error.message.contains("i0-"), "{}", error.message);
}

/// An owner recorded a request and was never heard of again: the next one renames the index, then sends it.
async fn fenced(real: &mut Real) {
    let lost = real.world.cluster.start(3).me();
    let nodes: Vec<NodeId> = real.servers.keys().cloned().collect();
    let mut epochs = BTreeMap::new();
    for node in &nodes {
        let assign = |peer| Command::AssignLane { node: node.clone(), peer: Some(PeerId(peer)) };
        real.world.cluster.apply(&assign(3));
        let taken = real.world.cluster.apply(&Command::TakeLane { node: node.clone(), life: lost });
        let Outcome::LaneTaken { epoch } = taken else { panic!("{taken:?}") };
        epochs.insert(node, epoch);
    }
    let task = real.world.enqueue("cities", cities(0..200, 2));
    for node in &nodes {
        let slice = Slice { task, from: Progress::default(), to: None };
        let step = QueueStep::Start { action: Action::Send(vec![slice]), node_task: None };
        let step = LaneStep { node: node.clone(), index: real.index, epoch: epochs[node], step };
        assert_eq!(real.world.cluster.apply(&Command::Lanes(vec![step])), Outcome::Lanes(vec![Ok(())]));
        let back = Command::AssignLane { node: node.clone(), peer: Some(PeerId(2)) };
        real.world.cluster.apply(&back);
    }
    assert_eq!(real.world.done(task).await.status, TaskStatus::Succeeded);
    let state = real.world.state();
    for (node, queue) in &state.indexes[&real.index].queues {
        assert_eq!(queue.generation, Generation(1), "{node}");
    }
}

/// Only an empty node is adopted, and only with its master key.
async fn refuses(server: &Server) {
    let node = server.node();
    let configured = &configured(std::slice::from_ref(server))[0];
    let wrong = node.with_key(ApiKey::new("another key"));
    let error = adopt(configured, &wrong, None).await.unwrap_err();
    assert!(matches!(error, AdoptError::Unauthorized(_)), "{error}");
    for write in [Write::CreateIndex { primary_key: None }, Write::SetPrimaryKey("sku".to_owned())] {
        let receipt = node.enqueue("theirs", &write, Origin::default()).await.unwrap();
        let task = wait_for_task(&node, receipt.task_uid, Pace::default()).await.unwrap();
        assert_eq!(task.error, None);
    }
    assert_eq!(node.index("theirs").await.unwrap().primary_key.as_deref(), Some("sku"));
    let error = adopt(configured, &node, None).await.unwrap_err();
    assert!(matches!(&error, AdoptError::NotEmpty { count: 1, first } if first == "theirs"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_path_over_official_meilisearch() {
    let mut servers = Vec::new();
    for _ in 0..3 {
        let Some(server) = Server::official().await else { return };
        servers.push(server);
    }
    let Some(foreign) = Server::official().await else { return };
    refuses(&foreign).await;
    whole_path(servers).await;
}
