//! Comparing what copies hold.
//!
//! Each copy of each shard is read from its node, in pages, and hashed: xxh3-128 over `id \0 document` in the order of
//! the ids. Copies of a shard must hash equal, and a node must hold nothing beyond its shards. Writes that are still
//! under way make copies differ for a moment: what differs is read again when the index is at rest, or after a while.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use miroir_cluster::{Index, Ledger, State};
use miroir_model::{NodeId, RESERVED_MEMBER, SlotRange, UnitSet};
use miroir_node::NodeError;
use miroir_placement::{CopyState, Shard};
use miroir_search::Searcher;
use miroir_wire::admin::{CopyReport, ShardReport, VerifyReport, Violation};
use serde_json::{Map, Value, json};
use xxhash_rust::xxh3::Xxh3Default;

use crate::canonical;

/// Documents read at once.
const PAGE: usize = 1000;

/// How often a shard is read whose copies differ.
const READINGS: usize = 4;

/// How long to wait for the writes of an index before one of them.
const SETTLE: Duration = Duration::from_secs(5);

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
        let reader = Reader { ledger, searcher, progress };
        reader.index(uid.as_str(), index, &mut report).await?;
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
    ledger: &'a dyn Ledger,
    searcher: &'a Searcher,
    progress: &'a (dyn Fn(u64) + Sync),
}

impl Reader<'_> {
    async fn index(&self, uid: &str, index: &Index, report: &mut VerifyReport) -> Result<(), VerifyError> {
        for shard in index.shards.shards() {
            let mut copies = self.copies(index, shard).await?;
            for _ in 1..READINGS {
                if alike(&copies) {
                    break;
                }
                self.at_rest(index).await;
                copies = self.copies(index, shard).await?;
            }
            if !alike(&copies) {
                let place = format!("{uid}/{}", shard.id);
                report.violations.push(found("copies_differ", &place, &self.difference(index, &copies)));
            }
            report.shards.push(ShardReport { index: uid.to_owned(), shard: shard.id.0, copies });
        }
        self.nothing_foreign(uid, index, report).await
    }

    /// A node holds what is in its shards, and nothing else.
    async fn nothing_foreign(
        &self,
        uid: &str,
        index: &Index,
        report: &mut VerifyReport,
    ) -> Result<(), VerifyError> {
        for node in index.queues.keys().filter(|node| is_searched(index, node)) {
            let foreign = self.count(index, node, &beyond(index, node)).await?;
            if foreign > 0 {
                let text = format!("it holds {foreign} documents that are in none of its shards");
                report.violations.push(found("foreign_documents", &format!("{uid} on {node}"), &text));
            }
        }
        Ok(())
    }

    /// What every copy of a shard holds.
    async fn copies(&self, index: &Index, shard: &Shard) -> Result<Vec<CopyReport>, VerifyError> {
        let mut copies = Vec::new();
        for node in shard.nodes_in(CopyState::Serving).filter(|node| is_searched(index, node)) {
            copies.push(self.copy(index, node, shard.range).await?);
        }
        Ok(copies)
    }

    /// Waits until nothing is on its way to the index's nodes, for a while.
    async fn at_rest(&self, index: &Index) {
        let rest = async {
            let mut state = self.ledger.state();
            while under_way(&state, index) {
                state = self.ledger.changed(state.version()).await;
            }
        };
        // An index that is never at rest is read all the same.
        let _ = tokio::time::timeout(SETTLE, rest).await;
    }

    fn difference(&self, index: &Index, copies: &[CopyReport]) -> String {
        let held = copies.iter().map(|copy| format!("{} has {} documents", copy.node, copy.documents));
        let mut text = held.collect::<Vec<_>>().join(", ");
        if under_way(&self.ledger.state(), index) {
            text.push_str("; writes were under way all the time, so verify again when there are none");
        }
        text
    }

    async fn count(&self, index: &Index, node: &NodeId, filter: &str) -> Result<u64, VerifyError> {
        let answer = self.fetch(index, node, json!({"limit": 0, "filter": filter})).await?;
        answer["total"].as_u64().ok_or_else(|| VerifyError::Answer(node.clone(), "no total".to_owned()))
    }

    async fn copy(&self, index: &Index, node: &NodeId, range: SlotRange) -> Result<CopyReport, VerifyError> {
        let mut documents: BTreeMap<String, String> = BTreeMap::new();
        let filter = filter(index, node, range);
        let key = index.primary_key.clone().unwrap_or_default();
        let mut offset = 0;
        loop {
            let body = json!({"offset": offset, "limit": PAGE, "filter": filter});
            let mut answer = self.fetch(index, node, body).await?;
            let Value::Array(page) = answer["results"].take() else {
                return Err(VerifyError::Answer(node.clone(), "no results".to_owned()));
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

    async fn fetch(&self, index: &Index, node: &NodeId, body: Value) -> Result<Value, VerifyError> {
        let state = self.ledger.state();
        let failed = |error| VerifyError::Node(node.clone(), error);
        let unknown = || failed(NodeError::Unreachable("the state does not know it".to_owned()));
        // Its name on the node may have changed since.
        let queue = state.indexes.get(&index.id).and_then(|index| index.queues.get(node));
        let (known, queue) = state.nodes.get(node).zip(queue).ok_or_else(unknown)?;
        let client =
            self.searcher.client(known).map_err(|error| failed(NodeError::Unreachable(error.to_string())))?;
        let name = queue.name(index.id).to_string();
        let answer = client.fetch(&name, Bytes::from(body.to_string()), None).await.map_err(failed)?;
        serde_json::from_slice(&answer).map_err(|error| VerifyError::Answer(node.clone(), error.to_string()))
    }
}

/// Copies that are behind or lost are known to differ; `status` says so.
fn is_searched(index: &Index, node: &NodeId) -> bool {
    index.queues.get(node).is_some_and(|queue| queue.searchable)
}

fn alike(copies: &[CopyReport]) -> bool {
    copies.iter().all(|copy| copy.hash == copies[0].hash)
}

/// Whether something waits for a node of the index, or is in progress there.
fn under_way(state: &State, index: &Index) -> bool {
    let queues = state.indexes.get(&index.id).into_iter().flat_map(|index| index.queues.values());
    queues.into_iter().any(|queue| !queue.pending.is_empty() || queue.dispatch.is_some())
}

/// The condition for what is in none of the node's shards.
fn beyond(index: &Index, node: &NodeId) -> String {
    match miroir_placement::cover(index.units_of(node), UnitSet::ALL) {
        Some(cover) => format!("NOT ({})", miroir_query::condition(&cover)),
        None => format!("{RESERVED_MEMBER} NOT EXISTS"),
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
