//! Pages through thousands of hits that are equal in every rule: together they are all documents, each once, whichever
//! copies answer each page, after deletions too.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use crate::client::Client;
use crate::corpus::Corpus;
use crate::profile::PAGED;
use crate::world::World;

const UID: &str = PAGED.uid;

/// So many hits, asked for by `offset` and `limit` or by number.
const PAGES: [(usize, bool); 3] = [(113, false), (20, true), (7, false)];

/// Goes through all pages of each cluster; how many these were.
///
/// # Panics
/// When pages together are not all documents, each once, or their size decides about the order.
pub(crate) async fn check(world: &World) -> usize {
    world.load_besides(&PAGED).await;
    let corpus = world.corpus(&PAGED);
    let all: BTreeSet<String> = corpus.documents.iter().map(|document| document["id"].to_string()).collect();
    let mut pages = 0;
    for (number, (_, clients)) in world.clusters.iter().enumerate() {
        churn(&clients[0], corpus).await;
        for search in [json!({}), json!({ "sort": ["country:desc"] })] {
            let mut orders = BTreeSet::new();
            for form in PAGES {
                let of = format!("cluster {number}, pages of {}: {search}", form.0);
                let count = all.len() / form.0 + 1;
                let ids = walk(clients, &search, form, count).await;
                assert_eq!(ids.len(), all.len(), "{of}");
                assert_eq!(ids.iter().cloned().collect::<BTreeSet<_>>(), all, "{of}");
                orders.insert(ids);
                pages += count;
            }
            assert_eq!(orders.len(), 1, "cluster {number}: {search}");
        }
    }
    pages
}

/// The ids on so many pages. Each is asked of another peer; where all is there twice, to each of these another node is
/// dead.
async fn walk(
    clients: &[Client],
    search: &Value,
    (size, numbered): (usize, bool),
    count: usize,
) -> Vec<String> {
    let mut ids = Vec::new();
    for page in 0..count {
        let place = match numbered {
            true => json!({ "page": page + 1, "hitsPerPage": size }),
            false => json!({ "offset": page * size, "limit": size }),
        };
        let mut body = search.clone();
        body.as_object_mut().unwrap().extend(place.as_object().unwrap().clone());
        body["attributesToRetrieve"] = json!(["id"]);
        let found = clients[page % clients.len()].ask(UID, "search", &body).await;
        let hits = found.body["hits"].as_array().unwrap_or_else(|| panic!("{found:?}"));
        ids.extend(hits.iter().map(|hit| hit["id"].to_string()));
    }
    ids
}

/// Deletes every third document, and adds them again from the last to the first: what nodes number documents by is not
/// their order any more.
async fn churn(peer: &Client, corpus: &Corpus) {
    let third = (0..corpus.documents.len()).step_by(3);
    let ids: Vec<&Value> = third.clone().map(|place| &corpus.documents[place]["id"]).collect();
    let path = format!("/indexes/{UID}/documents/delete-batch");
    let task = peer.write(Method::POST, &path, &json!(ids)).await;
    peer.done(task).await;
    let lines: String = third.rev().map(|place| corpus.lines(place..place + 1)).collect();
    let task = peer.load(UID, lines).await;
    peer.done(task).await;
}
