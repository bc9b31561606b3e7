//! Reading what a node holds.

use std::collections::BTreeMap;

use bytes::Bytes;
use miroir_cluster::{Index, Ledger};
use miroir_model::{NodeId, RESERVED_MEMBER, SlotRange, UnitSet};
use miroir_node::NodeError;
use miroir_placement::limiting_filter;
use miroir_search::Searcher;
use miroir_wire::admin::CopyReport;
use serde_json::{Map, Value, json};
use xxhash_rust::xxh3::Xxh3Default;

use crate::canonical;

/// Documents read at once.
const PAGE: usize = 1000;

/// Why a copy could not be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    #[error("it cannot be read: {0}")]
    Node(#[from] NodeError),
    #[error("it cannot be asked: {0}")]
    Client(String),
    #[error("it does not answer as a node does: {0}")]
    Answer(String),
    #[error("it is gone from the cluster")]
    Gone,
}

/// Reads nodes, and says how far it is.
pub(super) struct Reader<'a> {
    pub(super) ledger: &'a dyn Ledger,
    pub(super) searcher: &'a Searcher,
    /// Is told of documents that were read.
    pub(super) progress: &'a (dyn Fn(u64) + Sync),
}

impl Reader<'_> {
    /// How many documents of the index the node holds that are in none of its shards.
    pub(super) async fn foreign(&self, index: &Index, node: &NodeId) -> Result<u64, ReadError> {
        self.count(index, node, &beyond(index, node)).await
    }

    /// How many documents of the index on the node a condition holds for.
    async fn count(&self, index: &Index, node: &NodeId, filter: &str) -> Result<u64, ReadError> {
        let answer = self.fetch(index, node, json!({"limit": 0, "filter": filter})).await?;
        answer["total"].as_u64().ok_or_else(|| ReadError::Answer("no total".to_owned()))
    }

    /// What a node holds of a range of slots.
    pub(super) async fn copy(
        &self,
        index: &Index,
        node: &NodeId,
        range: SlotRange,
    ) -> Result<CopyReport, ReadError> {
        let mut documents: BTreeMap<String, String> = BTreeMap::new();
        let filter = filter(index, node, range);
        let key = index.primary_key.clone().unwrap_or_default();
        let mut offset = 0;
        loop {
            let body = json!({"offset": offset, "limit": PAGE, "filter": filter});
            let mut answer = self.fetch(index, node, body).await?;
            let Value::Array(page) = answer["results"].take() else {
                return Err(ReadError::Answer("no results".to_owned()));
            };
            let read = page.len();
            for document in page {
                let Value::Object(members) = document else { continue };
                documents.insert(id(&members, &key), canonical::text(members));
            }
            offset += read;
            (self.progress)(read as u64);
            if read < PAGE {
                break;
            }
        }
        let mut hash = Xxh3Default::new();
        for (id, text) in &documents {
            hash.update(id.as_bytes());
            hash.update(&[0]);
            hash.update(text.as_bytes());
        }
        let (node, documents) = (node.to_string(), documents.len() as u64);
        Ok(CopyReport { node, documents, hash: format!("{:032x}", hash.digest128()) })
    }

    async fn fetch(&self, index: &Index, node: &NodeId, body: Value) -> Result<Value, ReadError> {
        let state = self.ledger.state();
        // Its name on the node may have changed since.
        let queue = state.indexes.get(&index.id).and_then(|index| index.queues.get(node));
        let (known, queue) = state.nodes.get(node).zip(queue).ok_or(ReadError::Gone)?;
        let client = self.searcher.client(known).map_err(|error| ReadError::Client(error.to_string()))?;
        let name = queue.name(index.id).to_string();
        let answer = client.fetch(&name, Bytes::from(body.to_string()), None).await?;
        serde_json::from_slice(&answer).map_err(|error| ReadError::Answer(error.to_string()))
    }
}

/// The condition for what is in none of the node's shards.
fn beyond(index: &Index, node: &NodeId) -> String {
    match limiting_filter(index.units_of(node), UnitSet::ALL) {
        Some(within) => format!("NOT ({within})"),
        None => format!("{RESERVED_MEMBER} NOT EXISTS"),
    }
}

/// The condition for one shard's documents; none where the node holds nothing else.
fn filter(index: &Index, node: &NodeId, range: SlotRange) -> Option<String> {
    limiting_filter(range.units(), index.units_of(node))
}

/// The id of a document: the primary key may name a nested member.
fn id(members: &Map<String, Value>, key: &str) -> String {
    let direct = members.get(key);
    let value = direct.or_else(|| {
        let (head, rest) = key.split_once('.')?;
        rest.split('.').try_fold(members.get(head)?, |value, part| value.get(part))
    });
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => canonical::text(members.clone()),
    }
}
