//! The order of ties: each cluster against one node that holds the same stamped documents, with the rule that orders equal
//! hits by their slot.
//!
//! The node is that of a cluster of its own, and is asked past the peer. Hits of one slot that are equal in every rule stand
//! on it in the order of its own ids; a cluster puts them in that of theirs, and so does this before it compares.

use miroir_cluster::Defaults;
use serde_json::{Value, json};

use crate::client::{Answer, Client};
use crate::cluster::Cluster;
use crate::generate::Case;
use crate::server::{MASTER_KEY, Program};

/// What decides which hits there are, and in which order.
const DECIDES: [&str; 9] = [
    "q",
    "filter",
    "sort",
    "matchingStrategy",
    "attributesToSearchOn",
    "locales",
    "distinct",
    "hybrid",
    "vector",
];
const PAGING: [&str; 4] = ["offset", "limit", "page", "hitsPerPage"];
/// A slot has so many documents at most.
const OF_A_SLOT: usize = 100;

/// One node with everything, filled as nodes of clusters are.
pub(crate) struct Stamped {
    cluster: Cluster,
    pub(crate) peer: Client,
    node: Client,
}

impl Stamped {
    pub(crate) async fn start(program: &Program) -> Self {
        let defaults = Defaults { shards: Some(2), factor: 1, ..Defaults::default() };
        let cluster = Cluster::start(program, 1, defaults).await;
        let peer = Client::new(&cluster.url, None);
        let node = Client::new(cluster.node_url(0), Some(MASTER_KEY));
        Self { cluster, peer, node }
    }

    /// The ids of the hits of a request, in the order of this node; `None` when a cluster's hits do not show which documents
    /// they are, or there are fewer than two.
    pub(crate) async fn order(&self, case: &Case) -> Option<Vec<String>> {
        let (profile, request) = (&case.profile, &case.request);
        if profile.one_shard || !profile.shows_ids() || request.number("page") == Some(0) {
            return None;
        }
        let (first, count) = request.window();
        let most = profile.max_total_hits;
        let (first, end) = (first.min(most), first.saturating_add(count).min(most));
        let mut whole = request.only(&DECIDES);
        whole.insert("attributesToRetrieve".to_owned(), json!(["id"]));
        // How much a hybrid search looks at follows from where its page ends; nothing ties there.
        let more = if profile.near { 0 } else { OF_A_SLOT };
        whole.insert("limit".to_owned(), json!(end + more));
        whole.insert("showRankingScoreDetails".to_owned(), json!(true));
        let node = self.ask(profile.uid, &whole.into()).await;
        let ids: Vec<String> = in_order(&node).into_iter().take(end).skip(first).collect();
        (node.status == 200 && ids.len() >= 2).then_some(ids)
    }

    /// The node's answer to a search.
    pub(crate) async fn ask(&self, index: &str, body: &Value) -> Answer {
        self.node.ask(&self.cluster.name_on_nodes(index), "search", body).await
    }
}

/// Compares the order of a cluster's hits.
pub(crate) async fn compare(case: &Case, client: &Client, expected: &[String]) -> Result<(), String> {
    let mut asked = case.request.only(&[&DECIDES[..], &PAGING[..]].concat());
    asked.insert("attributesToRetrieve".to_owned(), json!(["id"]));
    let asked = Value::from(asked);
    let cluster = client.ask(case.profile.uid, "search", &asked).await;
    let ids: Vec<String> = hits(&cluster).iter().map(|hit| hit["id"].to_string()).collect();
    if ids == expected {
        return Ok(());
    }
    Err(format!("the order of ties: {asked}\nexpected {expected:?}\ncluster  {ids:?}"))
}

/// The ids of a node's hits; of those that are equal in every rule, the slot among them, in their own order.
fn in_order(answer: &Answer) -> Vec<String> {
    let equal = |a: &Value, b: &Value| a["_rankingScoreDetails"] == b["_rankingScoreDetails"];
    let ties = hits(answer).chunk_by(equal).map(|tie| {
        let mut ids: Vec<String> = tie.iter().map(|hit| hit["id"].to_string()).collect();
        ids.sort();
        ids
    });
    ties.flatten().collect()
}

fn hits(answer: &Answer) -> &[Value] {
    answer.body["hits"].as_array().map(Vec::as_slice).unwrap_or_default()
}
