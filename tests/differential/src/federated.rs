//! Federated multi-searches: the single node's one list and each cluster's.
//!
//! Searches are those of the main run, several at once, over any indexes, weighted. What hits are compared by is their
//! details, as there, with what is said about their place in the list.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::client::Answer;
use crate::compare::{Begun, Class, Expected, Same, Verdict, compare};
use crate::generate::{Case, Federated, federated};
use crate::profile::PROFILES;
use crate::rounds::{Part, Run};
use crate::server::Program;
use crate::world::World;

/// Whether rules, and orders of facets, can be compared: the embedded node is asked nothing where that is not so.
const UNCHECKED: [&str; 2] = ["invalid_multi_search_query_ranking_rules", "invalid_multi_search_facet_order"];

/// What a run came to.
#[derive(Debug, Default)]
pub(crate) struct Count {
    pub(crate) answered: usize,
    pub(crate) refused: usize,
    /// Refused for what the embedded node does not look at.
    pub(crate) unchecked: usize,
    pub(crate) classes: BTreeMap<Class, usize>,
}

/// Sends the requests of these rounds to all.
///
/// # Panics
/// When a cluster's answer is not the single node's.
pub(crate) async fn check(world: &World, run: &Run, count: u64) -> Count {
    let mut came = Count::default();
    let part = Part { name: "federated", count };
    let make = |_, choices: &mut _| federated(choices, |profile| world.corpus(profile));
    run.rounds(part, make, async |request: &Federated| {
        let mut answers = Vec::new();
        for client in world.clients() {
            answers.push(told(client.post("/multi-search", &request.body).await));
        }
        let single = answers.remove(0);
        for cluster in answers {
            let code = cluster.body["code"].as_str().unwrap_or_default();
            if UNCHECKED.contains(&code) && matches!(Program::from_env(), Program::Embedded) {
                came.unchecked += 1;
                continue;
            }
            let same = same(world, request, (&single, &cluster)).await.map_err(|why| {
                let (asked, single, cluster) = (&request.body, &single, &cluster);
                format!(
                    "{why}\nPOST /multi-search {asked}\nsingle  {}: {}\ncluster {}: {}",
                    single.status, single.body, cluster.status, cluster.body
                )
            })?;
            same.classes.iter().for_each(|class| *came.classes.entry(*class).or_default() += 1);
            *(if cluster.status == 200 { &mut came.answered } else { &mut came.refused }) += 1;
        }
        Ok(())
    })
    .await;
    came
}

async fn same(
    world: &World,
    request: &Federated,
    (single, cluster): (&Answer, &Answer),
) -> Result<Same, String> {
    let distinct = request.body["federation"]["distinct"].as_str();
    let distinct_value = |hit: &Map<String, Value>| {
        let place = &hit["_rankingScoreDetails"]["_federation"]["place"];
        let case = request.cases.get(place["queriesPosition"].as_u64()? as usize)?;
        let attribute = distinct.or(case.request.text("distinct")).or(case.profile.distinct)?;
        crate::world::value_of(world.corpus(&case.profile), hit, attribute)
    };
    let federation = &request.body["federation"];
    let number = |name: &str| federation[name].as_u64().map(|number| number as usize);
    let (offset, limit) =
        (number("offset").unwrap_or(0), number("limit").or(number("hitsPerPage")).unwrap_or(20));
    let profile_of = |uid: &str| PROFILES.iter().find(|profile| profile.uid == uid);
    let by_count = |facet: &str| {
        let (uid, facet) = facet.split_once('/').unwrap_or(("", facet));
        match profile_of(uid) {
            Some(profile) => profile.is_by_count(facet),
            None => request.cases.iter().any(|case| case.profile.is_by_count(facet)),
        }
    };
    let threshold = request.cases.iter().any(|case| case.request.has("rankingScoreThreshold"));
    let is_distinct = distinct.is_some() || request.cases.iter().any(Case::is_distinct);
    let paged = number("page").or(number("hitsPerPage")).is_some();
    let expected = Expected {
        one_shard: false,
        begins_late: offset > 0 || number("page").is_some_and(|page| page > 1),
        full: limit,
        threshold,
        estimated_totals: match is_distinct {
            true => Some(Class::DistinctCounts),
            // Searches of one index are counted together without it.
            false => {
                (threshold && (paged || share_an_index(&request.cases))).then_some(Class::ThresholdCounts)
            }
        },
        by_count: &by_count,
        facet_values: least_values(request),
        begun: request.cases.iter().map(|case| world.begun(case)).max().unwrap_or(Begun::No),
        words: true,
        distinct: is_distinct,
        distinct_value: &distinct_value,
    };
    let verdict = match compare(&expected, (single, cluster), None) {
        Err(Verdict::NeedsWhole) => {
            let mut whole = request.body.clone();
            // All that each index gives, and each gives a thousand at most.
            whole["federation"] = json!({ "limit": 10_000, "distinct": distinct });
            let whole = told(world.single().post("/multi-search", &whole).await);
            compare(&expected, (single, cluster), Some(&whole.body["hits"]))
        }
        verdict => verdict,
    };
    verdict.map_err(|verdict| match verdict {
        Verdict::Different(why) => why,
        Verdict::NeedsWhole => "the single node's whole answer is not enough".to_owned(),
    })
}

/// So many values of a facet are given at most, where that is least.
fn least_values(request: &Federated) -> usize {
    let merged = request.body["federation"]["mergeFacets"]["maxValuesPerFacet"].as_u64();
    let of_index = request.cases.iter().map(|case| case.profile.facet_values());
    of_index.chain(merged.map(|most| most as usize)).min().unwrap_or(100)
}

fn share_an_index(cases: &[Case]) -> bool {
    let uids: BTreeSet<&str> = cases.iter().map(|case| case.profile.uid).collect();
    uids.len() < cases.len()
}

/// The answer with each hit's place in the list among its details, and the facets of each index as facets of their own
/// names.
fn told(mut answer: Answer) -> Answer {
    for hit in answer.body["hits"].as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        let place = hit.shift_remove("_federation").unwrap_or_default();
        if let Some(details) = hit.get_mut("_rankingScoreDetails").and_then(Value::as_object_mut) {
            details.insert("_federation".to_owned(), json!({ "order": 1000, "place": place }));
        }
    }
    let Some(body) = answer.body.as_object_mut() else { return answer };
    if matches!(Program::from_env(), Program::Embedded) {
        // The embedded node does not tell those of several searches.
        body.shift_remove("queryVectors");
    }
    if let Some(Value::Object(indexes)) = body.shift_remove("facetsByIndex") {
        let mut all = [Map::new(), Map::new()];
        for (uid, facets) in indexes {
            for (all, part) in all.iter_mut().zip(["distribution", "stats"]) {
                let named = facets[part].as_object().cloned().into_iter().flatten();
                all.extend(named.map(|(facet, values)| (format!("{uid}/{facet}"), values)));
            }
        }
        let [distribution, stats] = all.map(Value::from);
        body.insert("facetDistribution".to_owned(), distribution);
        body.insert("facetStats".to_owned(), stats);
    }
    answer
}
