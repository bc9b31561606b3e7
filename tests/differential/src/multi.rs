//! Multi-searches: each answer of one must be what the search gets by itself, and the first error is the error of all.
//!
//! Searches by themselves are held to the single node elsewhere; here a cluster is held to its own. With an official
//! server the single node is held to its own too: the rule is Meilisearch's then, not only ours.

use serde_json::{Value, json};

use crate::client::{Answer, Client};
use crate::generate::{Choices, case};
use crate::rounds::{Part, Run};
use crate::world::World;

/// What is about a search by itself and not about what it found.
const OWN: [&str; 2] = ["processingTimeMs", "requestUid"];

/// What a run came to.
#[derive(Debug, Default)]
pub(crate) struct Multi {
    pub(crate) answered: usize,
    pub(crate) refused: usize,
}

/// Sends so many multi-searches of one to five searches each.
///
/// # Panics
/// When one is not what its searches are by themselves.
pub(crate) async fn check(world: &World, run: &Run, count: u64) -> Multi {
    let mut came = Multi::default();
    let part = Part { name: "multi", count };
    let make = |round, choices: &mut _| queries(world, round, choices);
    run.rounds(part, make, async |queries: &Vec<(String, Value)>| {
        let asked = body(queries);
        for client in world.multi_searched() {
            let (expected, mut answer) =
                tokio::join!(one_by_one(client, queries), client.post("/multi-search", &asked));
            let results = answer.body.get_mut("results").and_then(Value::as_array_mut);
            for result in results.into_iter().flatten() {
                forget_own(result);
            }
            if answer != expected || answer.status >= 500 {
                return Err(format!("{asked}\none by one {}\nat once    {}", expected.body, answer.body));
            }
            *(if answer.status == 200 { &mut came.answered } else { &mut came.refused }) += 1;
        }
        Ok(())
    })
    .await;
    came
}

/// One to five searches, each with its index.
fn queries(world: &World, round: u64, choices: &mut Choices) -> Vec<(String, Value)> {
    let cases = (0..=round % 5).map(|at| case(at, choices, |profile| world.corpus(profile)));
    let sound = cases.filter(|case| !case.request.is_malformed());
    let mut queries: Vec<_> = sound.map(|case| (case.profile.uid.to_owned(), case.request.body())).collect();
    if round % 9 == 8 {
        queries.insert(queries.len() / 2, ("nowhere".to_owned(), json!({})));
    }
    queries
}

fn body(queries: &[(String, Value)]) -> Value {
    let queries = queries.iter().map(|(uid, search)| {
        let mut query = search.clone();
        query["indexUid"] = json!(uid);
        query
    });
    json!({ "queries": queries.collect::<Vec<_>>() })
}

async fn one_by_one(client: &Client, queries: &[(String, Value)]) -> Answer {
    let mut results = Vec::new();
    for (place, (uid, search)) in queries.iter().enumerate() {
        let Answer { status, mut body } = client.ask(uid, "search", search).await;
        if status != 200 {
            let text = body["message"].as_str().unwrap_or_default();
            body["message"] = json!(format!("Inside `.queries[{place}]`: {text}"));
            return Answer { status: if status == 404 { 400 } else { status }, body };
        }
        body["indexUid"] = json!(uid);
        forget_own(&mut body);
        results.push(body);
    }
    Answer { status: 200, body: json!({ "results": results }) }
}

fn forget_own(answer: &mut Value) {
    for own in OWN {
        answer.as_object_mut().map(|answer| answer.shift_remove(own));
    }
}
