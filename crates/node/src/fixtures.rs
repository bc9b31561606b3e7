//! Answers that official Meilisearch 1.50 gave, and a node held to them.
//!
//! What is compared: hits in their order with everything in them, totals and paging, facets in their order. What is
//! not: times and request ids, and the order of an answer's own members, which a check of the contract covers.

use std::collections::BTreeMap;

use miroir_model::{Slot, reserved};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::conformance::{Bench, Failure, Target};

/// Documents and settings to ask an index about.
#[derive(Debug, Deserialize)]
pub struct Profile {
    /// The name by which exchanges refer to it.
    pub name: String,
    corpus: Corpus,
    stamped: bool,
    settings: Value,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Corpus {
    Movies,
    Cities,
}

/// A request and its answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Exchange {
    /// The profile of the index that was asked.
    pub profile: String,
    /// How it was asked.
    pub route: Route,
    /// The body of the request.
    pub request: Value,
    /// The answer, without what [`comparable`] leaves out.
    #[serde(default)]
    pub answer: Value,
}

/// How an index is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Route {
    /// A search.
    Search,
    /// A fetch of documents.
    Fetch,
}

/// An answer that is not the recorded one.
#[derive(Debug)]
pub struct Difference {
    /// The request with the recorded answer.
    pub recorded: Exchange,
    /// What the node answered.
    pub answer: Value,
}

/// The profiles.
///
/// # Errors
/// When the file is no JSON of this form.
pub fn profiles() -> Result<Vec<Profile>, serde_json::Error> {
    serde_json::from_str(include_str!("../fixtures/profiles.json"))
}

/// The recorded exchanges.
///
/// # Errors
/// When a line of the file is no JSON of this form.
pub fn recorded() -> Result<Vec<Exchange>, serde_json::Error> {
    include_str!("../fixtures/answers.jsonl").lines().map(serde_json::from_str).collect()
}

impl Profile {
    /// The documents of its index.
    ///
    /// # Errors
    /// When a line of the file is no JSON.
    pub fn documents(&self) -> Result<Vec<Value>, serde_json::Error> {
        let text = match self.corpus {
            Corpus::Movies => include_str!("../fixtures/movies.ndjson"),
            Corpus::Cities => include_str!("../fixtures/cities.ndjson"),
        };
        let mut documents = text.lines().map(serde_json::from_str).collect::<Result<Vec<Value>, _>>()?;
        if self.stamped {
            for document in &mut documents {
                // Any spreading does; this one is not the cluster's.
                let hash = document["id"].as_u64().unwrap_or_default().wrapping_mul(0x9e37_79b9_7f4a_7c15);
                document["_miroir"] = reserved::values(Slot::of_hash(hash)).to_vec().into();
            }
        }
        Ok(documents)
    }
}

/// The answer without what differs from one time to the next.
pub fn comparable(mut answer: Value) -> Value {
    if let Some(members) = answer.as_object_mut() {
        members.retain(|member, _| !["processingTimeMs", "requestUid"].contains(&member.as_str()));
    }
    answer
}

/// Ask a node everything in `exchanges`, each in an index of its profile, and return the answers in their order.
///
/// # Errors
/// When the node cannot be adopted or loaded, or refuses a request.
pub async fn ask(target: &Target<'_>, exchanges: &[Exchange]) -> Result<Vec<Value>, Failure> {
    let bench = Bench::adopt(target).await?;
    let mut indexes = Map::new();
    for profile in profiles()? {
        let index = bench.index_of(profile.settings.clone(), profile.documents()?.into()).await?;
        indexes.insert(profile.name, index.into());
    }
    let mut answers = Vec::new();
    for Exchange { profile, route, request, .. } in exchanges {
        let index = indexes.get(profile).and_then(Value::as_str);
        let index = index.ok_or_else(|| Failure::Broken(format!("there is no profile {profile}")))?;
        let answer = match route {
            Route::Search => bench.search(index, request.clone()).await,
            Route::Fetch => bench.fetch(index, request.clone()).await,
        };
        answers.push(comparable(answer.map_err(|error| Failure::Broken(format!("{request}: {error}")))?));
    }
    Ok(answers)
}

/// Where a node answers otherwise than recorded.
///
/// # Errors
/// As [`ask`].
pub async fn check(target: &Target<'_>) -> Result<Vec<Difference>, Failure> {
    let recorded = recorded()?;
    let answers = ask(target, &recorded).await?;
    let pairs = recorded.into_iter().zip(answers);
    let other = pairs.filter(|(recorded, answer)| !agree(&recorded.answer, answer));
    Ok(other.map(|(recorded, answer)| Difference { recorded, answer }).collect())
}

/// Whether two answers say the same: each member as text, since the order inside them counts.
fn agree(one: &Value, other: &Value) -> bool {
    let members = |answer: &Value| -> BTreeMap<String, String> {
        let members = answer.as_object().into_iter().flatten();
        members.map(|(name, value)| (name.clone(), value.to_string())).collect()
    };
    members(one) == members(other)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn there_is_enough_recorded_and_it_is_varied() {
        let recorded = recorded().unwrap();
        assert!(recorded.len() >= 300);
        for profile in profiles().unwrap() {
            assert!(recorded.iter().filter(|exchange| exchange.profile == profile.name).count() >= 50);
        }
        let some = |test: fn(&Value) -> bool, least: usize| {
            let found = recorded.iter().filter(|exchange| test(&exchange.answer)).count();
            assert!(found >= least, "{found} of at least {least}");
        };
        some(|answer| answer["hits"].as_array().is_some_and(|hits| hits.len() > 1), 150);
        some(|answer| answer["hits"][0]["_rankingScoreDetails"]["typo"]["typoCount"].as_u64() > Some(0), 15);
        some(|answer| !answer["facetDistribution"].is_null(), 40);
        some(|answer| !answer["hits"][0]["_formatted"].is_null(), 20);
        some(|answer| !answer["hits"][0]["_geoDistance"].is_null(), 10);
        some(|answer| !answer["totalHits"].is_null(), 30);
        some(|answer| !answer["results"].is_null(), 30);
    }

    #[test]
    fn order_counts_inside_members_and_not_among_them() {
        let a: Value =
            serde_json::from_str(r#"{"hits":[{"a":1,"b":2}],"limit":1,"requestUid":"x"}"#).unwrap();
        let b: Value = serde_json::from_str(r#"{"limit":1,"hits":[{"a":1,"b":2}]}"#).unwrap();
        let c: Value = serde_json::from_str(r#"{"limit":1,"hits":[{"b":2,"a":1}]}"#).unwrap();
        assert!(agree(&comparable(a), &b));
        assert!(!agree(&b, &c));
        assert!(!agree(&b, &json!({"limit": 1})));
    }
}
