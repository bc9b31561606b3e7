//! How large an index is.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::join_all;
use miroir_cluster::{Index, State};
use miroir_model::{IndexUid, NodeId, RESERVED_MEMBER, UnitSet};
use miroir_node::Node;
use miroir_placement::CopyState;
use serde_json::{Value, json};

use crate::error::SearchError;
use crate::searcher::Searcher;

/// The size of an index over all shards, each counted once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IndexNumbers {
    /// Documents.
    pub documents: u64,
    /// How many documents have each field.
    pub fields: BTreeMap<String, u64>,
    /// Some task of it is unfinished.
    pub indexing: bool,
}

impl Searcher {
    /// The size of an index that is served.
    ///
    /// # Errors
    /// When it is not there, or a shard has no copy that answers.
    pub async fn numbers(&self, uid: &IndexUid) -> Result<IndexNumbers, SearchError> {
        let scope = self.scope(uid).await?;
        let index = scope.index()?;
        let mut numbers = IndexNumbers { indexing: !index.unfinished.is_empty(), ..IndexNumbers::default() };
        let wanted: Vec<(NodeId, UnitSet)> = cover(index, &scope.state)?.into_iter().collect();
        let mut counts = Vec::new();
        for (node, units) in &wanted {
            counts.push(self.count(&scope.state, index, (node, *units)));
        }
        for ((node, _), count) in wanted.iter().zip(join_all(counts).await) {
            let missing = || SearchError::Node(node.clone(), "no number of documents".to_owned());
            numbers.documents += count.ok_or_else(missing)?;
        }
        numbers.fields = self.fields(&scope.state, index).await;
        Ok(numbers)
    }

    /// How many documents a node has of some units; `None` when it does not say.
    pub(crate) async fn count(
        &self,
        state: &State,
        index: &Index,
        (node, units): (&NodeId, UnitSet),
    ) -> Option<u64> {
        let (known, queue) = state.nodes.get(node).zip(index.queues.get(node))?;
        let filter =
            miroir_placement::cover(units, index.units_of(node)).map(|cover| miroir_query::condition(&cover));
        let body = json!({"limit": 0, "filter": filter}).to_string();
        let client = self.clients.of(known).ok()?;
        let answer = client.fetch(&queue.name(index.id).to_string(), Bytes::from(body), None).await.ok()?;
        serde_json::from_slice::<Value>(&answer).ok()?["total"].as_u64()
    }

    /// Sums over nodes, divided by how often each document is held. Exact when every shard has as many copies as any
    /// other, as it has while nothing moves.
    async fn fields(&self, state: &State, index: &Index) -> BTreeMap<String, u64> {
        let mut asked = Vec::new();
        for (node, queue) in &index.queues {
            if let Some(client) = state.nodes.get(node).and_then(|node| self.clients.of(node).ok()) {
                asked.push(fields_of(client, queue.name(index.id).to_string()));
            }
        }
        let answers: Vec<_> = join_all(asked).await.into_iter().flatten().collect();
        let copies =
            index.shards.shards().iter().map(|shard| shard.copies.len() as u64).max().unwrap_or(1).max(1);
        let mut fields: BTreeMap<String, u64> = BTreeMap::new();
        for (field, count) in answers.into_iter().flatten() {
            *fields.entry(field).or_default() += count;
        }
        fields.remove(RESERVED_MEMBER);
        fields.values_mut().for_each(|count| *count = count.div_ceil(copies));
        fields
    }
}

async fn fields_of(client: Arc<dyn Node>, index: String) -> Option<BTreeMap<String, u64>> {
    Some(client.stats(&index).await.ok()?.field_distribution)
}

/// One searchable copy of each shard, by node.
fn cover(index: &Index, state: &State) -> Result<BTreeMap<NodeId, UnitSet>, SearchError> {
    let mut chosen: BTreeMap<NodeId, UnitSet> = BTreeMap::new();
    for shard in index.shards.shards() {
        let usable = |node: &&NodeId| {
            let up = state.nodes.get(*node).is_some_and(|node| node.state == miroir_cluster::NodeState::Up);
            up && index.queues.get(*node).is_some_and(|queue| queue.searchable)
        };
        let node = shard.nodes_in(CopyState::Serving).find(usable);
        let lost = miroir_query::PlanError::ShardUnavailable { index: index.id.to_string(), shard: shard.id };
        let entry = chosen.entry(node.ok_or(lost)?.clone()).or_default();
        *entry = entry.union(shard.range.units());
    }
    Ok(chosen)
}
