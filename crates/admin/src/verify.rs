//! Comparing what copies hold.
//!
//! Each copy of each shard is read from its node, in pages, and hashed: xxh3-128 over `id \0 document` in the order of
//! the ids. Copies of a shard must hash equal, and a node must hold nothing beyond its shards. Writes that are still
//! under way make copies differ for a moment: what differs is read again when the index is at rest, or after a while.
//! Of a copy that is not read nobody knows whether it is equal, so that is a violation too: a copy that searches leave
//! out (it is behind, or lost), and one whose node does not answer.

mod reader;

use std::collections::BTreeMap;
use std::time::Duration;

use miroir_cluster::{Index, Ledger, NodeState, State};
use miroir_model::{NodeId, ShardId};
use miroir_placement::{CopyState, Shard};
use miroir_search::Searcher;
use miroir_wire::admin::{CopyReport, ShardReport, VerifyReport, Violation};

use reader::Reader;

/// How often a shard is read whose copies differ.
const READINGS: usize = 4;

/// How long to wait for the writes of an index before one of them.
const SETTLE: Duration = Duration::from_secs(5);

/// Why nothing could be compared.
#[derive(Debug, thiserror::Error)]
pub(crate) enum VerifyError {
    #[error("there is no index named `{0}`")]
    NoIndex(String),
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
    let reader = Reader { ledger, searcher, progress };
    let mut known = false;
    for (uid, id) in &state.names.served {
        let Some(index) = state.indexes.get(id) else { continue };
        if only.is_some_and(|only| only != uid.as_str()) {
            continue;
        }
        known = true;
        let mut comparison = Comparison {
            reader: &reader,
            uid: uid.as_str(),
            index,
            unread: BTreeMap::new(),
            report: &mut report,
        };
        comparison.all().await;
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

/// Copies of an index on one node that are not read.
struct Unread {
    why: String,
    shards: Vec<ShardId>,
}

/// The comparison of one index.
struct Comparison<'a> {
    reader: &'a Reader<'a>,
    uid: &'a str,
    index: &'a Index,
    unread: BTreeMap<NodeId, Unread>,
    report: &'a mut VerifyReport,
}

impl Comparison<'_> {
    async fn all(&mut self) {
        let mut shards = Vec::new();
        let mut violations = Vec::new();
        for shard in self.index.shards.shards() {
            let mut copies = self.copies(shard).await;
            for _ in 1..READINGS {
                if alike(&copies) {
                    break;
                }
                self.at_rest().await;
                copies = self.copies(shard).await;
            }
            if !alike(&copies) {
                let place = format!("{}/{}", self.uid, shard.id);
                violations.push(found("copies_differ", &place, &self.difference(&copies)));
            }
            shards.push(ShardReport { index: self.uid.to_owned(), shard: shard.id.0, copies });
        }
        violations.extend(self.foreign().await);
        // What is deleted while it is read is not compared.
        let state = self.reader.ledger.state();
        if state.indexes.get(&self.index.id).is_some_and(|index| !index.gone) {
            self.report.shards.extend(shards);
            self.report.violations.extend(violations);
            self.report.violations.extend(self.not_read());
        }
    }

    /// What every copy of a shard holds, of those that can be read.
    async fn copies(&mut self, shard: &Shard) -> Vec<CopyReport> {
        let mut copies = Vec::new();
        for node in shard.nodes_in(CopyState::Serving) {
            match self.copy(node, shard).await {
                Ok(copy) => copies.push(copy),
                Err(why) => {
                    let unread = self.unread.entry(node.clone());
                    let unread = unread.or_insert_with(|| Unread { why, shards: Vec::new() });
                    if unread.shards.last() != Some(&shard.id) {
                        unread.shards.push(shard.id);
                    }
                }
            }
        }
        copies
    }

    /// What one copy holds, or why it is not read. A node that once did not answer is not waited for again.
    async fn copy(&self, node: &NodeId, shard: &Shard) -> Result<CopyReport, String> {
        if let Some(unread) = self.unread.get(node) {
            return Err(unread.why.clone());
        }
        if let Some(why) = self.why_not_searched(node) {
            return Err(why);
        }
        if let Ok(copy) = self.reader.copy(self.index, node, shard.range).await {
            return Ok(copy);
        }
        // Its index may have had another name for a moment, or the node is gone and is known to be by then.
        self.at_rest().await;
        let read = self.reader.copy(self.index, node, shard.range).await;
        read.map_err(|error| self.why_not_searched(node).unwrap_or_else(|| error.to_string()))
    }

    /// Why searches leave a node's copies out, when they do: such copies may differ.
    fn why_not_searched(&self, node: &NodeId) -> Option<String> {
        // As it is now, which may be long after the beginning.
        let state = self.reader.ledger.state();
        let queue = state.indexes.get(&self.index.id)?.queues.get(node).filter(|queue| !queue.searchable)?;
        let down = state.nodes.get(node).filter(|node| node.state != NodeState::Up);
        Some(match (&queue.lost, &queue.fault, down) {
            (Some(lost), ..) => format!("they are lost: {lost}"),
            (None, _, Some(node)) => {
                format!("the node is {}, and searches leave it out", node.state.as_str())
            }
            (None, Some((fault, _)), None) => {
                format!("searches leave them out, and delivery is stopped: {}", fault.text)
            }
            (None, None, None) => "they are behind, and searches leave them out".to_owned(),
        })
    }

    /// A node holds what is in its shards, and nothing else.
    async fn foreign(&self) -> Vec<Violation> {
        let mut violations = Vec::new();
        let read = self.index.queues.keys().filter(|node| !self.unread.contains_key(*node));
        for node in read.filter(|node| self.why_not_searched(node).is_none()) {
            let (kind, text) = match self.reader.foreign(self.index, node).await {
                Ok(0) => continue,
                Ok(foreign) => (
                    "foreign_documents",
                    format!("it holds {foreign} documents that are in none of its shards"),
                ),
                Err(error) => {
                    ("copy_not_read", format!("what it holds beyond its shards is not known: {error}"))
                }
            };
            violations.push(found(kind, &self.on(node), &text));
        }
        violations
    }

    fn not_read(&self) -> Vec<Violation> {
        let violation = |(node, unread): (&NodeId, &Unread)| {
            let shards: Vec<String> = unread.shards.iter().map(ToString::to_string).collect();
            let text = format!("its copies of shards {} were not read: {}", shards.join(", "), unread.why);
            found("copy_not_read", &self.on(node), &text)
        };
        self.unread.iter().map(violation).collect()
    }

    fn on(&self, node: &NodeId) -> String {
        format!("{} on {node}", self.uid)
    }

    /// Waits until nothing is on its way to the index's nodes, for a while.
    async fn at_rest(&self) {
        let ledger = self.reader.ledger;
        let rest = async {
            let mut state = ledger.state();
            while under_way(&state, self.index) {
                state = ledger.changed(state.version()).await;
            }
        };
        // An index that is never at rest is read all the same.
        let _ = tokio::time::timeout(SETTLE, rest).await;
    }

    fn difference(&self, copies: &[CopyReport]) -> String {
        let held = copies.iter().map(|copy| format!("{} has {} documents", copy.node, copy.documents));
        let mut text = held.collect::<Vec<_>>().join(", ");
        if under_way(&self.reader.ledger.state(), self.index) {
            text.push_str("; writes were under way all the time, so verify again when there are none");
        }
        text
    }
}

fn alike(copies: &[CopyReport]) -> bool {
    copies.iter().all(|copy| copy.hash == copies[0].hash)
}

/// Whether something waits for a node of the index, or is in progress there.
fn under_way(state: &State, index: &Index) -> bool {
    let queues = state.indexes.get(&index.id).into_iter().flat_map(|index| index.queues.values());
    queues.into_iter().any(|queue| !queue.pending.is_empty() || queue.dispatch.is_some())
}
