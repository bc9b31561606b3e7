//! Searches among the values of a facet: the single node's answer and each cluster's.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::client::Answer;
use crate::generate::{AmongValues, among_values};
use crate::profile::Profile;
use crate::rounds::{Part, Run};
use crate::world::World;

/// What makes two answers the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Same {
    /// They are equal.
    Equal,
    /// Both refuse, in the same words.
    Refused,
    /// Texts that facets take for one value are shown as another document has them, and ordered by that in a tie.
    Label,
    /// With a distinct attribute counts are estimates, on one node too.
    Estimate,
}

/// How often answers were the same, by what made them so.
pub(crate) type Count = BTreeMap<Same, usize>;

/// Sends so many searches among values.
///
/// # Panics
/// When a cluster's answer is not the single node's.
pub(crate) async fn check(world: &World, run: &Run, count: u64) -> Count {
    let mut came = Count::new();
    let part = Part { name: "values", count };
    let make = |_, choices: &mut _| among_values(choices, |profile| world.corpus(profile));
    let check = async |AmongValues { profile, body }: &AmongValues| {
        let facet = body["facetName"].as_str().unwrap_or_default();
        let mut answers = Vec::new();
        for client in world.clients() {
            let mut answer = client.ask(profile.uid, "facet-search", body).await;
            answer.body.as_object_mut().map(|answer| answer.shift_remove("processingTimeMs"));
            answers.push(answer);
        }
        for cluster in &answers[1..] {
            let same = compare(profile, facet, &answers[0], cluster);
            let same = same.ok_or_else(|| format!("single  {:?}\ncluster {cluster:?}", answers[0]))?;
            *came.entry(same).or_default() += 1;
        }
        Ok(())
    };
    run.rounds(part, make, check).await;
    came
}

fn compare(profile: &Profile, facet: &str, single: &Answer, cluster: &Answer) -> Option<Same> {
    if single == cluster {
        return Some(if single.status == 200 { Same::Equal } else { Same::Refused });
    }
    if single.status != 200 || cluster.status != 200 || profile.one_shard {
        return None;
    }
    let (mut single, mut cluster) = (folded(single), folded(cluster));
    if profile.distinct.is_some() {
        // Each node leaves out what its own hits shadow: where all is shown, a cluster finds no less than one node, but
        // for what a single hit has of which another one stands for the distinct value.
        let (ours, theirs) = (&single, &cluster);
        let found = |value: &str| theirs.iter().any(|(other, _)| other == value);
        let alike = ours.iter().all(|(value, count)| *count == 1 || found(value))
            || ours.len() >= profile.facet_values();
        return (alike || profile.is_by_count(facet)).then_some(Same::Estimate);
    }
    // Values of one count are ordered by their labels.
    if profile.is_by_count(facet) {
        single.sort();
        cluster.sort();
    }
    (single == cluster).then_some(Same::Label)
}

/// The values as facets compare them, with their counts.
fn folded(answer: &Answer) -> Vec<(String, u64)> {
    let hits = answer.body["facetHits"].as_array().into_iter().flatten();
    let folded = |hit: &Value| Some((hit["value"].as_str()?.trim().to_lowercase(), hit["count"].as_u64()?));
    hits.filter_map(folded).collect()
}
