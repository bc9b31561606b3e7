//! Documents like one: the single node's answer and each cluster's.

use serde_json::{Map, Value};

use crate::client::Answer;
use crate::compare::{Begun, Expected, compare};
use crate::generate::{Like, like};
use crate::profile::{PROFILES, Profile};
use crate::rounds::{Part, Run};
use crate::world::World;

/// What a run came to.
#[derive(Debug, Default)]
pub(crate) struct Count {
    pub(crate) answered: usize,
    pub(crate) refused: usize,
}

/// Sends so many searches for documents like one.
///
/// # Panics
/// When a cluster's answer is not the single node's.
pub(crate) async fn check(world: &World, run: &Run, count: u64) -> Count {
    let mut came = Count::default();
    // Of several shards, what a rule of the user orders before nearness is 501.
    let compared = |profile: &&Profile| profile.near && profile.is_by_relevance();
    let near: Vec<&Profile> = PROFILES.iter().filter(compared).collect();
    let part = Part { name: "similar", count };
    let make = |round: u64, choices: &mut _| {
        let profile = *near[round as usize % near.len()];
        like(choices, profile, world.corpus(&profile))
    };
    let check = async |Like { profile, body }: &Like| {
        let mut answers = Vec::new();
        for client in world.clients() {
            answers.push(client.ask(profile.uid, "similar", body).await);
        }
        for cluster in &answers[1..] {
            same(body, &answers[0], cluster)
                .map_err(|why| format!("{why}\nsingle  {:?}\ncluster {cluster:?}", answers[0]))?;
            *(if cluster.status == 200 { &mut came.answered } else { &mut came.refused }) += 1;
        }
        Ok(())
    };
    run.rounds(part, make, check).await;
    came
}

fn same(body: &Value, single: &Answer, cluster: &Answer) -> Result<(), String> {
    let number = |name: &str, default: u64| body[name].as_u64().unwrap_or(default) as usize;
    let expected = Expected {
        one_shard: true,
        begins_late: number("offset", 0) > 0,
        full: number("limit", 20),
        threshold: false,
        estimated_totals: None,
        by_count: &|_| false,
        facet_values: 100,
        words: false,
        begun: Begun::No,
        distinct: false,
        distinct_value: &|_: &Map<String, Value>| None,
    };
    compare(&expected, (single, cluster), None).map(drop).map_err(|verdict| format!("{verdict:?}"))
}
