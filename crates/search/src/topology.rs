//! The cluster as this peer sees it: the document of `/_miroir/topology`.

use std::time::Duration;

use futures::future::{OptionFuture, join, join_all};
use miroir_cluster::{Index, Node, NodeState, State};
use miroir_model::{NodeId, Timestamp, UnitSet};
use miroir_placement::Shard;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::searcher::Searcher;

/// How long a node may take to say how many documents it has. Who looks at a cluster has trouble with one of its nodes,
/// and should not wait for it.
const PATIENCE: Duration = Duration::from_secs(2);

impl Searcher {
    /// The document. Numbers of documents are asked of the nodes; `null` where one does not answer.
    pub async fn topology(&self) -> Value {
        let state = self.ledger.state();
        let leadership = self.ledger.leadership();
        let (mut indexes, mut nodes) = (Vec::new(), Vec::new());
        for (uid, id) in &state.names.served {
            if let Some(index) = state.indexes.get(id) {
                indexes.push(self.index(&state, uid.as_str(), index));
            }
        }
        for node in state.nodes.values() {
            nodes.push(self.node(&state, node));
        }
        let (indexes, nodes) = join(join_all(indexes), join_all(nodes)).await;
        json!({
            "cluster": state.cluster.as_ref().map(|(id, _)| id),
            "leader": leadership.leader.map(|peer| peer.0),
            "term": leadership.term,
            "commit": leadership.committed,
            "peers": self.peers(&state),
            "nodes": nodes,
            "indexes": indexes,
            "tasks": {
                "last": state.next_task.0.checked_sub(1),
                "undelivered": state.tasks.values().filter(|task| !task.holders.is_empty()).count(),
                "undelivered_bytes": state.undelivered_bytes(),
            },
        })
    }

    fn peers(&self, state: &State) -> Vec<Value> {
        let members = self.ledger.members();
        (state.peers.iter())
            .map(|(id, peer)| {
                let member = members.iter().find(|member| member.peer == *id);
                let role = if member.is_none_or(|member| member.voter) { "voter" } else { "learner" };
                json!({
                    "id": id.0, "name": peer.name, "http": peer.http, "grpc": peer.grpc, "role": role,
                    "alive": peer.alive, "applied": member.and_then(|member| member.applied),
                })
            })
            .collect()
    }

    async fn node(&self, state: &State, node: &Node) -> Value {
        let indexes = state.indexes.values().filter(|index| index.queues.contains_key(&node.id));
        let counts = indexes.map(|index| self.counted(state, index, (&node.id, index.units_of(&node.id))));
        let documents: Option<u64> = join_all(counts).await.into_iter().sum();
        let lag = state.lag(&node.id);
        json!({
            "id": node.id, "url": node.url, "group": node.group, "state": node.state.as_str(),
            "version": node.version,
            "lane": {
                "owner": node.lane.owner.map(|life| life.peer.0),
                "epoch": node.lane.epoch.0,
                "lag_tasks": lag.tasks,
                "lag_seconds": lag.oldest.map_or(0, |oldest| self.now(state).millis_since(oldest) / 1000),
            },
            "documents": documents,
        })
    }

    /// How many documents a node has of some units, where it is up and says so soon.
    async fn counted(&self, state: &State, index: &Index, of: (&NodeId, UnitSet)) -> Option<u64> {
        let is_up = state.nodes.get(of.0).is_some_and(|node| node.state == NodeState::Up);
        let count: OptionFuture<_> = is_up.then(|| timeout(PATIENCE, self.count(state, index, of))).into();
        count.await?.ok()?
    }

    /// This peer's clock, since the log's stands still while nobody writes; but what the log has stamped has been.
    fn now(&self, state: &State) -> Timestamp {
        state.stamp.max(self.ledger.now())
    }

    async fn index(&self, state: &State, uid: &str, index: &Index) -> Value {
        let mut shards = Vec::new();
        for shard in index.shards.shards() {
            shards.push(self.shard(state, index, shard));
        }
        json!({"uid": uid, "shards": join_all(shards).await})
    }

    async fn shard(&self, state: &State, index: &Index, shard: &Shard) -> Value {
        let mut counts = Vec::new();
        for node in shard.copies.keys() {
            counts.push(self.counted(state, index, (node, shard.range.units())));
        }
        let copies: Vec<Value> = (shard.copies.iter().zip(join_all(counts).await))
            .map(|((node, copy), documents)| {
                copy_view((node, copy.as_str()), index.queues.get(node), documents)
            })
            .collect();
        json!({"id": shard.id.0, "slots": [shard.range.first(), shard.range.last()], "copies": copies})
    }
}

fn copy_view(
    (node, copy): (&NodeId, &str),
    queue: Option<&miroir_cluster::Queue>,
    documents: Option<u64>,
) -> Value {
    json!({
        "node": node, "state": copy,
        "searchable": queue.is_some_and(|queue| queue.searchable),
        "required": queue.is_some_and(|queue| queue.required),
        "fault": queue.and_then(|queue| queue.fault.as_ref()).map(|(fault, _)| fault.text.clone()),
        "lost": queue.and_then(|queue| queue.lost.as_ref()).map(ToString::to_string),
        "documents": documents,
    })
}
