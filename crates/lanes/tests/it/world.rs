//! A cluster in memory with fake nodes, and what tests ask of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use miroir_cluster::{
    Adopt, Command, CopyChange, CopyStep, Defaults, Edit, Enqueue, EnqueueWork, Ledger, Outcome,
    PayloadSource, ProposalId, Shape, State, Target, WriteMode, task_from_rows, task_row_range,
};
use miroir_documents::payload::PayloadWriter;
use miroir_documents::slot_of_id;
use miroir_lanes::{Config, Connect};
use miroir_model::{IndexUid, NodeId, PeerId, PeerLife, PhysicalId, TaskUid};
use miroir_tasks::{TaskDetails, TaskRecord};
use miroir_testkit::{LocalCluster, LocalLedger, adopt};
use serde_json::Value;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::fake::FakeNode;

/// Who writes: a peer that drives no lanes.
const CLIENT: PeerLife = PeerLife { peer: PeerId(0), boot: 1 };

/// The cluster, its nodes by name.
pub(crate) struct World {
    pub(crate) cluster: LocalCluster,
    /// The nodes that are fakes.
    pub(crate) nodes: BTreeMap<NodeId, FakeNode>,
    pub(crate) config: Config,
    /// How long a task may take.
    patience: Duration,
    connect: Arc<Connect>,
    attempts: u64,
}

/// The lanes of one process life.
pub(crate) struct Peer {
    pub(crate) ledger: LocalLedger,
    pub(crate) lanes: JoinHandle<()>,
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.lanes.abort();
    }
}

impl World {
    /// So many nodes in one group, with this many shards for an index and copies of each.
    pub(crate) fn new(nodes: usize, shards: u16, factor: u16) -> Self {
        let names: Vec<NodeId> = (0..nodes).map(|n| NodeId::new(format!("node-{n}"))).collect();
        let defaults = Defaults { shards: Some(shards), factor, ..Defaults::default() };
        let adopted: Vec<Adopt> = names.iter().map(|name| adopt(name.as_str(), "http://node")).collect();
        let cluster = LocalCluster::founded(defaults, adopted);
        let fakes: BTreeMap<_, _> =
            names.into_iter().zip(1..).map(|(name, seed)| (name, FakeNode::new(seed))).collect();
        let config =
            Config { retry: (Duration::from_millis(20), Duration::from_millis(500)), ..Config::default() };
        let nodes = fakes.clone();
        let connect = Arc::new(move |node: &miroir_cluster::Node| Ok(nodes[&node.id].clients()));
        let patience = Duration::from_secs(3600);
        Self { cluster, nodes: fakes, config, patience, connect, attempts: 0 }
    }

    /// One with an index `movies`, whose nodes are served by one peer.
    pub(crate) async fn with_movies(nodes: usize, shards: u16, factor: u16) -> (Self, Peer, PhysicalId) {
        let mut world = Self::new(nodes, shards, factor);
        let peer = world.start(1);
        world.assign_all(1);
        let index = world.create("movies").await;
        (world, peer, index)
    }

    /// Nodes that are servers.
    pub(crate) fn over(cluster: LocalCluster, connect: Arc<Connect>) -> Self {
        let patience = Duration::from_secs(120);
        let config = Config::default();
        Self { cluster, nodes: BTreeMap::new(), config, patience, connect, attempts: 0 }
    }

    /// Starts a new life of a peer.
    pub(crate) fn start(&self, peer: u64) -> Peer {
        let ledger = self.cluster.start(peer);
        self.run(ledger.clone(), Arc::new(ledger))
    }

    /// Runs lanes over a ledger.
    pub(crate) fn run(&self, ledger: LocalLedger, seen: Arc<dyn Ledger>) -> Peer {
        let lanes =
            miroir_lanes::run(seen, Arc::clone(&self.connect), self.config.clone(), std::future::pending());
        Peer { ledger, lanes: tokio::spawn(lanes) }
    }

    pub(crate) fn assign(&self, node: &NodeId, peer: u64) {
        let assign = Command::AssignLane { node: node.clone(), peer: Some(PeerId(peer)) };
        assert_eq!(self.cluster.apply(&assign), Outcome::Done);
    }

    pub(crate) fn assign_all(&self, peer: u64) {
        self.nodes.keys().for_each(|node| self.assign(node, peer));
    }

    pub(crate) fn state(&self) -> Arc<State> {
        self.cluster.state()
    }

    /// Creates an index and waits until it is everywhere.
    pub(crate) async fn create(&mut self, name: &str) -> PhysicalId {
        let task = self.enqueue(name, EnqueueWork::CreateIndex);
        let index = self.state().ordered(&uid(name)).expect("the index").id;
        self.done(task).await;
        index
    }

    /// Waits until an index that was deleted is gone from its nodes. No search uses it.
    pub(crate) async fn gone(&self, id: PhysicalId) {
        let released = timeout(self.patience, async {
            while let Some(index) = self.state().indexes.get(&id).cloned() {
                let version = self.state().version();
                for (node, queue) in index.queues.iter().filter(|(_, queue)| index.gone && queue.required) {
                    let change = CopyChange::Release { hidden: queue.hidden.expect("it is hidden") };
                    self.cluster.apply(&Command::Copy(CopyStep { index: id, node: node.clone(), change }));
                }
                self.cluster.handle(CLIENT).changed(version).await;
            }
        });
        assert!(released.await.is_ok(), "{:#?}", self.queues());
    }

    /// Accepts a write, as the HTTP side does.
    pub(crate) fn enqueue(&mut self, name: &str, work: EnqueueWork) -> TaskUid {
        self.attempts += 1;
        let state = self.state();
        let key = Some("id".to_owned());
        let target = match state.ordered(&uid(name)) {
            Some(index) => Target::Existing {
                index: index.id,
                settings: index.settings.ordered,
                primary_key: key.filter(|_| matches!(work, EnqueueWork::Documents { .. })),
            },
            None => Target::Creates { primary_key: None, shape: Shape::default() },
        };
        let details = details(&work);
        let enqueue = Enqueue {
            proposal: ProposalId { life: CLIENT, number: self.attempts },
            idempotency: None,
            index_uid: Some(uid(name)),
            target,
            work,
            details,
            custom_metadata: None,
        };
        match self.cluster.apply(&Command::Enqueue(Box::new(enqueue))) {
            Outcome::Enqueued { task, .. } => task,
            other => panic!("not accepted: {other:?}"),
        }
    }

    /// Waits until a task has ended.
    pub(crate) async fn done(&self, task: TaskUid) -> TaskRecord {
        let ended = timeout(self.patience, async {
            loop {
                let state = self.state();
                if let Some(record) = self.record(task) {
                    return record;
                }
                self.cluster.handle(CLIENT).changed(state.version()).await;
            }
        });
        match ended.await {
            Ok(record) => record,
            Err(_) => panic!("task {task} does not end: {:#?}", self.queues()),
        }
    }

    fn record(&self, task: TaskUid) -> Option<TaskRecord> {
        let (first, last) = task_row_range(task, task);
        let rows = self.cluster.handle(CLIENT).rows();
        let rows = rows.scan((&first, &last), usize::MAX, false).expect("rows");
        task_from_rows(rows.into_iter().map(|(_, value)| value)).expect("a task")
    }

    fn queues(&self) -> Vec<String> {
        let state = self.state();
        let queues = state.indexes.values().flat_map(|index| index.queues.iter());
        queues.map(|(node, queue)| format!("{node}: {queue:?}")).collect()
    }

    /// The documents of an index on a node, without the reserved member.
    pub(crate) fn documents(&self, index: PhysicalId, node: &NodeId) -> BTreeMap<String, Value> {
        let name = self.state().indexes[&index].queues[node].name(index).to_string();
        let fake = self.nodes[node].lock();
        let documents = fake.indexes.get(&name).map(|known| known.documents.clone()).unwrap_or_default();
        documents.into_iter().map(|(id, document)| (id, plain(document))).collect()
    }

    /// Which of these documents a node must hold.
    pub(crate) fn share(
        &self,
        index: PhysicalId,
        node: &NodeId,
        all: &BTreeMap<String, Value>,
    ) -> BTreeMap<String, Value> {
        let units = self.state().indexes[&index].units_of(node);
        let here = all.iter().filter(|(id, _)| units.contains(slot_of_id(id).unit()));
        here.map(|(id, document)| (id.clone(), document.clone())).collect()
    }
}

fn plain(mut document: Value) -> Value {
    document.as_object_mut().expect("an object").remove("_miroir");
    document
}

pub(crate) fn uid(name: &str) -> IndexUid {
    name.parse().expect("a name")
}

fn details(work: &EnqueueWork) -> TaskDetails {
    match work {
        EnqueueWork::Documents { payload, .. } => {
            TaskDetails::Addition { received: u64::from(payload.frames), indexed: None }
        }
        EnqueueWork::DeleteIds { payload, .. } => {
            TaskDetails::Deletion { provided: u64::from(payload.frames), deleted: None, filter: None }
        }
        EnqueueWork::DeleteFilter { filter } => {
            TaskDetails::Deletion { provided: 0, deleted: None, filter: Some(filter.clone()) }
        }
        EnqueueWork::DeleteAll => TaskDetails::Clear { deleted: None },
        EnqueueWork::Settings { patch } => TaskDetails::Settings { sent: patch.details() },
        EnqueueWork::DeleteIndex => TaskDetails::Clear { deleted: None },
        EnqueueWork::Edit(edit) => edit.details(),
        _ => TaskDetails::Index { primary_key: None, old_uid: None, new_uid: None },
    }
}

/// Documents, each with its id as `id`.
pub(crate) fn documents(mode: WriteMode, documents: &[Value]) -> EnqueueWork {
    let mut writer = PayloadWriter::new();
    for document in documents {
        writer.push_document(slot_of_id(document["id"].as_str().expect("an id")), &document.to_string());
    }
    let payload = writer.finish();
    let units = payload.units;
    EnqueueWork::Documents { mode, skip_creation: false, payload: source(payload), units }
}

pub(crate) fn delete_ids(ids: &[String]) -> EnqueueWork {
    let mut writer = PayloadWriter::new();
    ids.iter().for_each(|id| writer.push_deletion(slot_of_id(id), id));
    let payload = writer.finish();
    let units = payload.units;
    EnqueueWork::DeleteIds { payload: source(payload), units }
}

fn source(payload: miroir_documents::payload::Payload) -> PayloadSource {
    let inline = payload.blocks.into_iter().map(Into::into).collect();
    PayloadSource { frames: payload.frames as u32, inline, upload: None }
}

/// An edit of the documents that a filter selects, as its JSON text.
pub(crate) fn edit(function: &str, filter: Option<String>) -> EnqueueWork {
    EnqueueWork::Edit(Edit { function: function.to_owned(), context: None, filter })
}

/// How many documents a task says it deleted, or edited.
pub(crate) fn deleted(record: &TaskRecord) -> Option<u64> {
    match &record.details {
        TaskDetails::Deletion { deleted, .. }
        | TaskDetails::Clear { deleted }
        | TaskDetails::Edition { deleted, .. } => *deleted,
        other => panic!("no deletion: {other:?}"),
    }
}
