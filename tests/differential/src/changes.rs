//! Searches while settings change: each shard's part of an answer is as before or as after, the answer says that a change
//! is under way, and once the change is done it is as after. One node gets the change when the others have it.

use std::collections::{BTreeMap, BTreeSet};

use miroir_model::ShardId;
use reqwest::Method;
use serde_json::Value;

use crate::client::{Answer, Client};
use crate::cluster::Cluster;
use crate::generate::{Change, change};
use crate::order::Stamped;
use crate::profile::CHANGING;
use crate::rounds::{Part, Run};
use crate::world::{NODES, World};

const UID: &str = CHANGING.uid;

/// What a run came to.
#[derive(Debug, Default)]
pub(crate) struct Count {
    pub(crate) changes: usize,
    /// Answers that are marked: a change was under way.
    pub(crate) during: usize,
    /// Of these, those with some shards as before and others as after.
    pub(crate) mixed: usize,
    /// Of these, those that are refused for the settings before or after.
    pub(crate) refused: usize,
}

/// Changes settings so many times.
///
/// # Panics
/// When an answer is neither as before nor as after.
pub(crate) async fn check(world: &World, run: &Run, count: u64) -> Count {
    let mut came = Count::default();
    let part = Part { name: "changes", count };
    if run.rounds_of(&part).is_empty() {
        return came;
    }
    world.load_besides(&CHANGING).await;
    let corpus = world.corpus(&CHANGING);
    let make = |round: u64, choices: &mut _| change(round, choices, corpus);
    let check = async |change: &Change| {
        came.changes += 1;
        let known = Known::of(&world.stamped, change).await;
        // One cluster, and one of its peers: a change takes its time.
        let (turn, clusters) = (change.number as usize, &world.clusters);
        let (cluster, clients) = &clusters[turn % clusters.len()];
        let asked = &clients[turn / clusters.len() % clients.len()];
        Watch { known, change, cluster, peer: &clients[0], asked }.go_through(&mut came).await
    };
    run.rounds(part, make, check).await;
    came
}

/// The ids of all hits, in order; or the code of the error.
type Hits = Result<Vec<String>, String>;

/// What one node with everything answers before the change and after it.
struct Known {
    before: Hits,
    after: Hits,
}

impl Known {
    async fn of(stamped: &Stamped, change: &Change) -> Self {
        let with = async |settings| {
            set(&stamped.peer, settings).await;
            hits(&stamped.ask(UID, &change.search).await)
        };
        Self { before: with(&change.before).await, after: with(&change.after).await }
    }

    /// Whether some shards are as before and others as after, in an answer during the change.
    fn check(&self, cluster: &Cluster, answer: &Answer) -> Result<bool, String> {
        let found = hits(answer);
        if found.is_err() {
            let known = [&self.before, &self.after].contains(&&found);
            return if known { Ok(false) } else { Err(format!("{} {}", answer.status, answer.body)) };
        }
        let parts = [&found, &self.before, &self.after].map(|hits| parts(cluster, hits));
        let shards: BTreeSet<ShardId> = parts.iter().flatten().flat_map(BTreeMap::keys).copied().collect();
        let (mut old, mut new) = (false, false);
        for shard in shards {
            let [found, before, after] =
                parts.each_ref().map(|parts| parts.as_ref().map(|parts| parts.get(&shard)));
            match (found == before, found == after) {
                (false, false) => {
                    return Err(format!("{shard:?}: {found:?}, before {before:?}, after {after:?}"));
                }
                (true, false) => old = true,
                (false, true) => new = true,
                (true, true) => {}
            }
        }
        Ok(old && new)
    }
}

/// A change that is watched.
struct Watch<'a> {
    known: Known,
    change: &'a Change,
    cluster: &'a Cluster,
    /// Who is told to change.
    peer: &'a Client,
    /// Who is searched.
    asked: &'a Client,
}

impl Watch<'_> {
    /// Changes the settings of a cluster, on one node last, and searches it until that is done.
    async fn go_through(&self, came: &mut Count) -> Result<(), String> {
        set(self.peer, &self.change.before).await;
        let late = self.change.number as usize % NODES;
        self.cluster.hold(late, true);
        let task = patch(self.peer, &self.change.after).await;
        let held = self.search_while_held(late, task, came).await;
        self.cluster.hold(late, false);
        held?;
        while self.peer.is_done(task).await.is_none() {
            self.search(task, came).await?;
        }
        let (answer, marked) = self.asked.search_for_mark(UID, &self.change.search).await;
        let (found, expected) = (hits(&answer), &self.known.after);
        if marked || found != *expected {
            return Err(format!("after the change: marked {marked}, {found:?}, expected {expected:?}"));
        }
        Ok(())
    }

    /// Until all nodes but this one have changed, and once more.
    async fn search_while_held(&self, late: usize, task: u64, came: &mut Count) -> Result<(), String> {
        while !self.cluster.is_done_elsewhere(late, UID, task) {
            self.search(task, came).await?;
        }
        self.search(task, came).await
    }

    async fn search(&self, task: u64, came: &mut Count) -> Result<(), String> {
        let (answer, marked) = self.asked.search_for_mark(UID, &self.change.search).await;
        if !marked && self.peer.is_done(task).await.is_none() {
            return Err("an answer during a change is not marked".to_owned());
        }
        let mixed = self.known.check(self.cluster, &answer);
        let mixed = mixed.map_err(|why| format!("during the change: {why}"))?;
        came.during += usize::from(marked);
        came.mixed += usize::from(mixed);
        came.refused += usize::from(answer.status != 200);
        Ok(())
    }
}

/// Changes settings, and waits until that is done.
async fn set(peer: &Client, settings: &Value) {
    let task = patch(peer, settings).await;
    peer.done(task).await;
}

async fn patch(peer: &Client, settings: &Value) -> u64 {
    peer.write(Method::PATCH, &format!("/indexes/{UID}/settings"), settings).await
}

fn hits(answer: &Answer) -> Hits {
    match answer.body["hits"].as_array() {
        Some(hits) => Ok(hits.iter().map(|hit| hit["id"].to_string()).collect()),
        None => Err(answer.body["code"].as_str().unwrap_or_default().to_owned()),
    }
}

/// The hits of each shard, in order; `None` for an error.
fn parts<'a>(cluster: &Cluster, hits: &'a Hits) -> Option<BTreeMap<ShardId, Vec<&'a str>>> {
    let mut parts: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for id in hits.as_ref().ok()? {
        parts.entry(cluster.shard_of(UID, id)).or_default().push(id.as_str());
    }
    Some(parts)
}
