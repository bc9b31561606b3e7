//! The cluster as this peer sees it: the document of `/_miroir/topology`.

use futures::future::join_all;
use miroir_cluster::{Index, Node, State};
use miroir_model::{NodeId, Timestamp};
use miroir_placement::Shard;
use serde_json::{Value, json};

use crate::searcher::Searcher;

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
        let (indexes, nodes) = (join_all(indexes).await, join_all(nodes).await);
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
        let mut documents = Some(0);
        for index in state.indexes.values().filter(|index| index.queues.contains_key(&node.id)) {
            let count = self.count(state, index, (&node.id, index.units_of(&node.id))).await;
            documents = documents.zip(count).map(|(sum, count)| sum + count);
        }
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
            counts.push(self.count(state, index, (node, shard.range.units())));
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
