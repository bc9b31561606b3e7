//! How large an index is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::future::join_all;
use miroir_cluster::{Index, State};
use miroir_model::{IndexUid, NodeId, PhysicalName, RESERVED_MEMBER, UnitSet};
use miroir_node::IndexStats;
use miroir_query::{NodeRequest, NodeView, PlanError};
use serde_json::{Value, json};

use crate::error::SearchError;
use crate::scatter::{Round, Route, by_name};
use crate::scope::Scope;
use crate::searcher::{Searcher, twice};
use crate::view::Marks;

/// The size of an index over all shards, each counted once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IndexNumbers {
    /// Documents.
    pub documents: u64,
    /// What the documents have.
    pub sums: Sums,
    /// Some task of it is unfinished.
    pub indexing: bool,
}

/// What documents have, each document counted once. Estimated from the other nodes where each group has a node that is
/// silent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sums {
    /// How many documents have each field.
    pub fields: BTreeMap<String, u64>,
    /// Vectors.
    pub embeddings: u64,
    /// Documents with vectors.
    pub embedded_documents: u64,
}

impl Searcher {
    /// The size of an index that is served.
    ///
    /// # Errors
    /// When it is not there, or a shard has no copy that answers.
    pub async fn numbers(&self, uid: &IndexUid) -> Result<IndexNumbers, SearchError> {
        twice(|| self.numbers_once(uid)).await
    }

    async fn numbers_once(&self, uid: &IndexUid) -> Result<IndexNumbers, SearchError> {
        let scope = self.scope(uid).await?;
        let documents = self.documents(&scope).await?;
        let index = scope.index()?;
        let sums = Sums::of(&self.stats(scope.state(), index).await, documents);
        Ok(IndexNumbers { documents, sums, indexing: !index.unfinished.is_empty() })
    }

    /// How many documents an index has.
    async fn documents(&self, scope: &Scope) -> Result<u64, SearchError> {
        let mut round = Round::default();
        // Each turn leaves out a node at least, so this ends.
        loop {
            let requests = counts(scope, &round.failed)?;
            let asked = (Route::Fetch, requests.as_slice());
            let sent = round.send(self, scope.state(), asked, None).await;
            sent.map_err(|halt| halt.told(|refused| SearchError::Node(refused.node, refused.message)))?;
            let Some(answers) = round.answers(&requests) else { continue };
            let total = |(node, answer): (NodeId, _)| {
                total(answer).ok_or_else(|| SearchError::Node(node, "no number of documents".to_owned()))
            };
            return answers.into_iter().map(total).sum();
        }
    }

    /// How many documents a node has of some units; `None` when it does not say.
    pub(crate) async fn count(
        &self,
        state: &State,
        index: &Index,
        (node, units): (&NodeId, UnitSet),
    ) -> Option<u64> {
        let name = index.queues.get(node)?.name(index.id);
        let request = count((node, name), (units, index.units_of(node)));
        total(self.send(state, (Route::Fetch, &request), None).answer.await.ok()?)
    }

    /// What each node that has something of an index says of it, after the node's group.
    async fn stats(&self, state: &State, index: &Index) -> Vec<(u32, Option<IndexStats>)> {
        let mut asked = Vec::new();
        for (node, queue) in &index.queues {
            let Some(node) = state.nodes.get(node) else { continue };
            asked.push(async { (node.group, self.stats_of(node, queue.name(index.id)).await) });
        }
        join_all(asked).await
    }

    async fn stats_of(&self, node: &miroir_cluster::Node, index: PhysicalName) -> Option<IndexStats> {
        let client = self.clients.of(node).ok()?;
        let ask = |name: String| {
            let client = Arc::clone(&client);
            async move { client.stats(&name).await }
        };
        by_name(index, ask).await.ok()
    }
}

/// Requests that together count each document once: each shard where it can be searched, on a node that is not slow if
/// there is one.
fn counts(scope: &Scope, failed: &BTreeSet<NodeId>) -> Result<Vec<NodeRequest>, SearchError> {
    let nodes = scope.nodes(Marks::out(failed))?;
    let mut wanted: BTreeMap<&NodeId, (&NodeView, UnitSet)> = BTreeMap::new();
    for shard in scope.shards(&nodes)? {
        let lost = PlanError::ShardUnavailable { index: scope.uid.to_string(), shard: shard.id };
        let copy = shard.copies.into_iter().min_by_key(|copy| (copy.slow, &copy.id)).ok_or(lost)?;
        let (_, units) = wanted.entry(&copy.id).or_insert((copy, UnitSet::EMPTY));
        *units = units.union(shard.range.units());
    }
    Ok(wanted.into_values().map(|(node, units)| count((&node.id, node.index), (units, node.held))).collect())
}

/// Asks a node how many documents it has of some of the units that it holds.
fn count((node, index): (&NodeId, PhysicalName), (wanted, held): (UnitSet, UnitSet)) -> NodeRequest {
    let filter = miroir_placement::limiting_filter(wanted, held);
    NodeRequest { node: node.clone(), index, body: json!({"limit": 0, "filter": filter}).to_string() }
}

fn total(answer: impl AsRef<[u8]>) -> Option<u64> {
    serde_json::from_slice::<Value>(answer.as_ref()).ok()?["total"].as_u64()
}

impl Sums {
    /// Of what nodes say of an index with so many documents.
    ///
    /// A group of which every node answers has each document equally often, so its sums are in proportion; so are those of
    /// all groups together. Where each has a silent node, the documents of the others stand for all.
    fn of(stats: &[(u32, Option<IndexStats>)], documents: u64) -> Self {
        let gaps: BTreeSet<u32> =
            stats.iter().filter(|(_, stats)| stats.is_none()).map(|(group, _)| *group).collect();
        let no_group = stats.iter().all(|(group, _)| gaps.contains(group));
        let counted = stats.iter().filter(|(group, _)| no_group || !gaps.contains(group));
        let (mut held, mut all) = (0, Self::default());
        for stats in counted.filter_map(|(_, stats)| stats.as_ref()) {
            held += stats.number_of_documents;
            all.embeddings += stats.number_of_embeddings;
            all.embedded_documents += stats.number_of_embedded_documents;
            for (field, count) in &stats.field_distribution {
                *all.fields.entry(field.clone()).or_default() += count;
            }
        }
        all.fields.remove(RESERVED_MEMBER);
        let once = |sum: &mut u64| {
            let share = (u128::from(*sum) * u128::from(documents)).div_ceil(u128::from(held.max(1)));
            *sum = u64::try_from(share).unwrap_or(u64::MAX);
        };
        all.fields.values_mut().for_each(once);
        [&mut all.embeddings, &mut all.embedded_documents].into_iter().for_each(once);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(group: u32, documents: u64, fields: &[(&str, u64)]) -> (u32, Option<IndexStats>) {
        let fields = fields.iter().map(|(name, count)| ((*name).to_owned(), *count));
        let stats = IndexStats {
            number_of_documents: documents,
            is_indexing: false,
            number_of_embeddings: documents,
            number_of_embedded_documents: documents / 2,
            field_distribution: fields.collect(),
        };
        (group, Some(stats))
    }

    /// Ten documents; the third node of each group has them all a second time.
    fn groups() -> Vec<(u32, Option<IndexStats>)> {
        let group = |group| {
            [
                node(group, 6, &[("id", 6), ("title", 3), ("_miroir", 6)]),
                node(group, 4, &[("id", 4), ("year", 1)]),
                node(group, 10, &[("id", 10), ("title", 3), ("year", 1)]),
            ]
        };
        [group(0), group(1)].concat()
    }

    #[test]
    fn each_document_counts_once() {
        let exact = BTreeMap::from([("id".to_owned(), 10), ("title".to_owned(), 3), ("year".to_owned(), 1)]);
        let mut stats = groups();
        let sums = Sums::of(&stats, 10);
        assert_eq!((sums.embeddings, sums.embedded_documents), (10, 5));
        assert_eq!(Sums::of(&stats, 10).fields, exact);
        stats[1].1 = None;
        assert_eq!(Sums::of(&stats, 10).fields, exact, "the other group has everything");
        stats[4].1 = None;
        let estimated = Sums::of(&stats, 10).fields;
        assert_eq!(estimated["id"], 10, "what all documents have all documents have");
        assert_eq!((estimated["title"], estimated["year"]), (4, 1), "6 of 16 and 1 of 16");
        stats.iter_mut().for_each(|(_, stats)| *stats = None);
        assert_eq!(Sums::of(&stats, 10), Sums::default());
    }
}
