//! Comparing what copies hold.
//!
//! Each copy of each shard is read from its node, in pages, and hashed: xxh3-128 over `id \0 document` in the order of
//! the ids. Copies of a shard must hash equal, and a node must hold nothing beyond its shards. Writes that are still
//! under way make copies differ for a moment: what differs is read once more when the index has settled.

use std::collections::BTreeMap;

use bytes::Bytes;
use miroir_cluster::{Index, Ledger, State};
use miroir_model::{NodeId, SlotRange};
use miroir_node::NodeError;
use miroir_placement::CopyState;
use miroir_search::Searcher;
use miroir_wire::admin::{CopyReport, ShardReport, VerifyReport, Violation};
use serde_json::{Map, Value, json};
use xxhash_rust::xxh3::Xxh3Default;

use crate::canonical;

/// Documents read at once.
const PAGE: usize = 1000;

/// Why nothing could be compared.
#[derive(Debug, thiserror::Error)]
pub(crate) enum VerifyError {
    #[error("there is no index named `{0}`")]
    NoIndex(String),
    #[error("{0} cannot be read: {1}")]
    Node(NodeId, NodeError),
    #[error("{0} does not answer as a node does: {1}")]
    Answer(NodeId, String),
}

/// Reads and compares everything, or one index.
pub(crate) async fn verify(
    ledger: &dyn Ledger,
    searcher: &Searcher,
    only: Option<&str>,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<VerifyReport, VerifyError> {
    let state = ledger.state();
    let mut report = VerifyReport { ok: true, violations: Vec::new(), shards: Vec::new() };
    for violation in miroir_cluster::invariants::check(&state) {
        report.violations.push(found(violation.kind, &violation.place, &violation.text));
    }
    let mut known = false;
    for (uid, id) in &state.names.served {
        let Some(index) = state.indexes.get(id) else { continue };
        if only.is_some_and(|only| only != uid.as_str()) {
            continue;
        }
        known = true;
        let reader = Reader { searcher, progress };
        reader.index(&state, (uid.as_str(), index), &mut report).await?;
    }
    if let (Some(only), false) = (only, known) {
        return Err(VerifyError::NoIndex(only.to_owned()));
    }
    report.ok = report.violations.is_empty();
    Ok(report)
}

fn found(kind: &str, place: &str, text: &str) -> Violation {
    Violation { kind: kind.to_owned(), r#where: place.to_owned(), text: text.to_owned() }
}

struct Reader<'a> {
    searcher: &'a Searcher,
    progress: &'a (dyn Fn(u64) + Sync),
}

impl Reader<'_> {
    async fn index(
        &self,
        state: &State,
        (uid, index): (&str, &Index),
        report: &mut VerifyReport,
    ) -> Result<(), VerifyError> {
        let mut on_node: BTreeMap<NodeId, u64> = BTreeMap::new();
        for shard in index.shards.shards() {
            let mut copies = Vec::new();
            for node in shard.nodes_in(CopyState::Serving) {
                let copy = self.copy(state, index, (node, shard.range)).await?;
                *on_node.entry(node.clone()).or_default() += copy.documents;
                copies.push(copy);
            }
            if copies.iter().any(|copy| copy.hash != copies[0].hash) {
                let text: Vec<_> = copies
                    .iter()
                    .map(|copy| format!("{} has {} documents", copy.node, copy.documents))
                    .collect();
                let place = format!("{uid}/{}", shard.id);
                report.violations.push(found("copies_differ", &place, &text.join(", ")));
            }
            report.shards.push(ShardReport { index: uid.to_owned(), shard: shard.id.0, copies });
        }
        for (node, counted) in on_node {
            let all = self.count(state, index, &node).await?;
            if all != counted {
                let text = format!("it holds {all} documents, {counted} of them in its shards");
                report.violations.push(found("foreign_documents", &format!("{uid} on {node}"), &text));
            }
        }
        Ok(())
    }

    async fn count(&self, state: &State, index: &Index, node: &NodeId) -> Result<u64, VerifyError> {
        let answer = self.fetch(state, index, node, json!({"limit": 0})).await?;
        answer["total"].as_u64().ok_or_else(|| VerifyError::Answer(node.clone(), "no total".to_owned()))
    }

    async fn copy(
        &self,
        state: &State,
        index: &Index,
        (node, range): (&NodeId, SlotRange),
    ) -> Result<CopyReport, VerifyError> {
        let mut documents: BTreeMap<String, String> = BTreeMap::new();
        let filter = filter(index, node, range);
        let key = index.primary_key.clone().unwrap_or_default();
        loop {
            let body = json!({"offset": documents.len(), "limit": PAGE, "filter": filter});
            let mut answer = self.fetch(state, index, node, body).await?;
            let Value::Array(page) = answer["results"].take() else {
                return Err(VerifyError::Answer(node.clone(), "no results".to_owned()));
            };
            let read = page.len();
            for document in page {
                let Value::Object(members) = document else { continue };
                documents.insert(id(&members, &key), canonical::text(members));
            }
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

    async fn fetch(
        &self,
        state: &State,
        index: &Index,
        node: &NodeId,
        body: Value,
    ) -> Result<Value, VerifyError> {
        let failed = |error| VerifyError::Node(node.clone(), error);
        let unknown = || failed(NodeError::Unreachable("the state does not know it".to_owned()));
        let (known, queue) = state.nodes.get(node).zip(index.queues.get(node)).ok_or_else(unknown)?;
        let client =
            self.searcher.client(known).map_err(|error| failed(NodeError::Unreachable(error.to_string())))?;
        let name = queue.name(index.id).to_string();
        let answer = client.fetch(&name, Bytes::from(body.to_string()), None).await.map_err(failed)?;
        serde_json::from_slice(&answer).map_err(|error| VerifyError::Answer(node.clone(), error.to_string()))
    }
}

/// The condition for one shard's documents; none where the node holds nothing else.
fn filter(index: &Index, node: &NodeId, range: SlotRange) -> Option<String> {
    miroir_placement::cover(range.units(), index.units_of(node)).map(|cover| miroir_query::condition(&cover))
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
