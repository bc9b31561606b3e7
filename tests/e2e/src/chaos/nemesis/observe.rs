//! What the nemesis sees of the cluster.

use std::time::Duration;

use reqwest::Client;
use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::LOOK;
use crate::chaos::http::{self, Answered, Reply};
use crate::chaos::stage::{FIXED, PATIENCE, Stage};

/// Asks peers, past all proxies.
pub(super) struct Observer<'a> {
    stage: &'a Stage,
    client: Client,
    quick: Client,
}

impl<'a> Observer<'a> {
    pub(super) fn new(stage: &'a Stage) -> Self {
        let quick = http::client(Duration::from_millis(300));
        Self { stage, client: http::client(Duration::from_secs(8)), quick }
    }

    /// The peer that says it leads, in the newest term.
    pub(super) async fn leader(&self) -> Option<usize> {
        let mut newest: Option<(u64, usize)> = None;
        for peer in 0..self.stage.peers {
            let Some((term, true)) = self.term(peer).await else { continue };
            newest = newest.max(Some((term, peer)));
        }
        newest.map(|(_, peer)| peer)
    }

    /// The leader, as soon as there is one.
    pub(super) async fn leader_awaited(&self) -> usize {
        let started = Instant::now();
        loop {
            if let Some(leader) = self.leader().await {
                return leader;
            }
            if started.elapsed() > PATIENCE {
                return 0;
            }
            sleep(LOOK).await;
        }
    }

    async fn term(&self, peer: usize) -> Option<(u64, bool)> {
        let answer = self.quick.get(self.stage.url(peer, "/_miroir/metrics")).send().await.ok()?;
        let text = answer.text().await.ok()?;
        let value =
            |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<f64>().ok());
        Some((value("miroir_raft_term ")? as u64, value("miroir_raft_is_leader ")? > 0.0))
    }

    /// Whether a peer is ready, as it says at once.
    pub(super) async fn ready(&self, peer: usize) -> bool {
        let reply = http::send(self.quick.get(self.stage.url(peer, "/_miroir/ready"))).await;
        matches!(reply, Reply::Answered(Answered { status: 200, .. }))
    }

    /// The first of these peers that knows no leader. One that knows a leader asks it before it answers, so the next
    /// question does not wait for the answer to the one before.
    pub(super) async fn first_leaderless(&self, peers: &[usize]) -> usize {
        let mut asked = JoinSet::new();
        let mut ticks = tokio::time::interval(LOOK);
        loop {
            tokio::select! {
                _ = ticks.tick() => for peer in peers {
                    let (peer, request) = (*peer, self.quick.get(self.stage.url(*peer, "/_miroir/ready")));
                    asked.spawn(async move { says_leaderless(http::send(request).await).then_some(peer) });
                },
                Some(Ok(Some(peer))) = asked.join_next() => return peer,
            }
        }
    }

    /// What a peer says of the cluster.
    pub(super) async fn topology(&self, peer: usize) -> Option<Value> {
        http::get(&self.client, &self.stage.url(peer, "/_miroir/topology")).await
    }

    /// Which peer drives the lane of a node, as a peer sees it, and its epoch.
    pub(super) async fn owner(&self, node: usize, seen_by: usize) -> Option<(usize, u64)> {
        let topology = self.topology(seen_by).await?;
        let name = format!("node-{node}");
        let node = topology["nodes"].as_array()?.iter().find(|found| found["id"] == name.as_str())?.clone();
        let owner = &node["lane"]["owner"];
        let peer = topology["peers"].as_array()?.iter().find(|peer| peer["id"] == *owner)?;
        let number = peer["name"].as_str()?.strip_prefix("peer-")?.parse().ok()?;
        Some((number, node["lane"]["epoch"].as_u64()?))
    }

    /// Waits until tasks of those indexes that stay wait no longer for a node, as a peer sees it.
    pub(super) async fn done_without(&self, node: usize, seen_by: usize) {
        let name = format!("node-{node}");
        loop {
            if self.topology(seen_by).await.is_some_and(|topology| waits_for_none(&topology, &name)) {
                return;
            }
            sleep(LOOK).await;
        }
    }

    /// What is missing before the cluster is whole. Every peer must be ready and reach the nodes; what it is ready with
    /// is the state of all, so one of them says how that stands.
    pub(super) async fn lacking(&self) -> Option<String> {
        for peer in 0..self.stage.peers {
            match http::send(self.client.get(self.stage.url(peer, "/_miroir/ready"))).await {
                Reply::Answered(Answered { status: 200, .. }) => {}
                other => return Some(format!("peer {peer} is not ready: {other:?}")),
            }
        }
        let Some(topology) = self.topology(0).await else { return Some("peer 0 says nothing".to_owned()) };
        if let Some(lacking) = lacks(&topology, self.stage) {
            return Some(lacking);
        }
        for node in 0..self.stage.nodes {
            let url = format!("{}/health", self.stage.mesh.node_url(node));
            if http::get(&self.client, &url).await.is_none() {
                return Some(format!("node {node} does not answer"));
            }
        }
        // Connections that broke are found out by using them.
        for peer in 0..self.stage.peers {
            for index in FIXED {
                let url = self.stage.url(peer, &format!("/indexes/{index}/search?limit=0"));
                match http::send(self.client.get(url)).await {
                    Reply::Answered(Answered { status: 200 | 404, .. }) => {}
                    other => return Some(format!("peer {peer} does not search {index}: {other:?}")),
                }
            }
        }
        None
    }
}

fn says_leaderless(reply: Reply) -> bool {
    matches!(reply, Reply::Answered(Answered { status: 503, body, .. }) if body["reason"] == "no_leader")
}

fn waits_for_none(topology: &Value, node: &str) -> bool {
    let array = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let stays = |index: &Value| FIXED.iter().any(|name| index["uid"] == *name);
    let indexes = array(&topology["indexes"]).into_iter().filter(stays);
    let copies = indexes.flat_map(|index| array(&index["shards"])).flat_map(|shard| array(&shard["copies"]));
    let mut on_node = copies.filter(|copy| copy["node"] == node).peekable();
    on_node.peek().is_some() && on_node.all(|copy| copy["required"] == false)
}

fn lacks(topology: &Value, stage: &Stage) -> Option<String> {
    let array = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let nodes = array(&topology["nodes"]);
    if nodes.len() < stage.nodes {
        return Some(format!("{} nodes", nodes.len()));
    }
    if let Some(node) = nodes.iter().find(|node| node["state"] != "up") {
        return Some(node.to_string());
    }
    if let Some(peer) = array(&topology["peers"]).iter().find(|peer| peer["alive"] != true) {
        return Some(peer.to_string());
    }
    // Those that come and go may be on their way.
    let stays = |index: &&Value| FIXED.iter().any(|name| index["uid"] == *name);
    for index in array(&topology["indexes"]).iter().filter(stays) {
        for shard in array(&index["shards"]) {
            let unusable = |copy: &&Value| copy["searchable"] != true || copy["required"] != true;
            if let Some(copy) = array(&shard["copies"]).iter().find(unusable) {
                return Some(format!("{} of {}", copy, index["uid"]));
            }
        }
    }
    None
}
