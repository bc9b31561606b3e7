//! Documents and lists of them: the single node's and each cluster's.
//!
//! Without a sort, and where a sort leaves documents equal, an index of several shards has an order of its own. Each list
//! must be what the whole list of the same documents has at this place, and that must be the single node's in some order.

use serde_json::{Map, Value, json};

use crate::client::{Answer, Client};
use crate::generate::{self, Documents};
use crate::rounds::{Part, Run};
use crate::server::Program;
use crate::world::World;

/// What a run came to.
#[derive(Debug, Default)]
pub(crate) struct Count {
    /// The same documents at the same places.
    pub(crate) equal: usize,
    /// The same documents, where the order is the cluster's own.
    pub(crate) own_order: usize,
    pub(crate) refused: usize,
}

/// Sends so many requests for lists of documents.
///
/// # Panics
/// When a cluster's answer is not the single node's.
pub(crate) async fn check(world: &World, run: &Run, count: u64) -> Count {
    let mut came = Count::default();
    let part = Part { name: "documents", count };
    let make = |_, choices: &mut _| {
        let mut list = generate::documents(choices, |profile| world.corpus(profile));
        if matches!(Program::from_env(), Program::Embedded) {
            // The engine of 1.15 does not sort documents.
            list.body.shift_remove("sort");
        }
        list
    };
    run.rounds(part, make, async |list: &Documents| {
        let single = world.single().list(list).await;
        let mut whole = None;
        for cluster in world.clients().skip(1) {
            let answer = cluster.list(list).await;
            let told = |why: &str| format!("{why}\nsingle  {single:?}\ncluster {answer:?}");
            if answer == single {
                *(if answer.status == 200 { &mut came.equal } else { &mut came.refused }) += 1;
                continue;
            }
            if list.profile.one_shard || list.one.is_some() || single.status != 200 || answer.status != 200 {
                return Err(told("the answers differ"));
            }
            let whole = match &whole {
                Some(whole) => whole,
                None => whole.insert(whole_list(world.single(), list).await),
            };
            of_own_order(list, (&single, whole), (&answer, &whole_list(cluster, list).await))
                .map_err(|why| told(&why))?;
            came.own_order += 1;
        }
        Ok(())
    })
    .await;
    came
}

/// All that a list has.
async fn whole_list(client: &Client, list: &Documents) -> Vec<Value> {
    let mut list = list.clone();
    list.body.insert("offset".to_owned(), 0.into());
    list.body.insert("limit".to_owned(), 100_000.into());
    client.list(&list).await.body["results"].as_array().cloned().unwrap_or_default()
}

type Lists<'a> = (&'a Answer, &'a Vec<Value>);

fn of_own_order(list: &Documents, single: Lists<'_>, cluster: Lists<'_>) -> Result<(), String> {
    let about = |answer: &Answer| {
        let mut about: Map<String, Value> = answer.body.as_object().cloned().unwrap_or_default();
        about.shift_remove("results");
        about
    };
    if about(single.0) != about(cluster.0) {
        return Err("what is said of the list differs".to_owned());
    }
    let number = |name: &str, default: u64| list.body.get(name).and_then(Value::as_u64).unwrap_or(default);
    let (offset, limit) = (number("offset", 0) as usize, number("limit", 20) as usize);
    let page: Vec<&Value> = cluster.1.iter().skip(offset).take(limit).collect();
    if cluster.0.body["results"] != json!(page) {
        return Err("the list is not that part of the whole one".to_owned());
    }
    let sorted = |documents: &[Value]| {
        let mut texts: Vec<String> = documents.iter().map(Value::to_string).collect();
        texts.sort();
        texts
    };
    if sorted(single.1) != sorted(cluster.1) {
        return Err("the whole lists have other documents".to_owned());
    }
    match list.body.get("sort") {
        Some(sort) if sort.to_string().contains("id:") => Err("the order is given".to_owned()),
        _ => Ok(()),
    }
}
