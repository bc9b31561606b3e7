//! A node fails; another has all that it had.

use std::sync::{Arc, Mutex};

use miroir_testkit::LocalCluster;
use serde_json::{Value, json};

use crate::fake::{Answer, Asked, FakeNode, documents, hits, trouble};
use crate::world::{cluster, movies, request, searcher_of, with_movies};

/// Two nodes with everything.
async fn two(answer: impl Fn(usize, &Asked) -> Answer + Clone + Send + Sync + 'static) -> LocalCluster {
    let mut nodes = Vec::new();
    for node in 0..2 {
        let answer = answer.clone();
        nodes.push(FakeNode::start(move |asked| answer(node, asked)).await);
    }
    with_movies(&cluster(&nodes, 4, 2), |_| {})
}

#[tokio::test]
async fn numbers_come_from_the_other_copy() {
    for failing in 0..2 {
        let cluster = two(move |node, asked| match asked.what() {
            _ if node == failing => trouble(),
            "stats" => (
                200,
                json!({"numberOfDocuments": 10, "isIndexing": false, "fieldDistribution": {"id": 10, "year": 5}}),
            ),
            _ => documents(&[], 10),
        });
        let numbers = searcher_of(&cluster.await).numbers(&movies()).await.expect("numbers");
        let fields = [("id".to_owned(), 10), ("year".to_owned(), 5)].into();
        assert_eq!((numbers.documents, numbers.fields), (10, fields), "node-{failing} fails");
    }
}

/// Three documents of one slot; the node gives them in the order in which it got them.
fn film(id: u32) -> Value {
    json!({"id": id, "_rankingScoreDetails": {"_miroir:asc": {"order": 0, "value": "⋀⋀⋀"}}})
}

/// The node that is asked for the slot in which the page's last tie lies fails from then on.
#[tokio::test]
async fn a_page_that_ends_in_a_tie_comes_from_the_other_copy() {
    let failed = Arc::new(Mutex::new(None));
    let seen = Arc::clone(&failed);
    let cluster = two(move |node, asked| {
        let films = [film(2), film(1), film(0)];
        let mut failed = seen.lock().expect("no test failed here");
        if asked.body.get("filter").is_some() && failed.is_none() {
            *failed = Some(node);
        }
        match *failed {
            Some(failed) if failed == node => trouble(),
            _ => hits(&films[..asked.body["limit"].as_u64().expect("a limit").min(3) as usize]),
        }
    });
    let searcher = searcher_of(&cluster.await);
    let answer = searcher.search(&movies(), &request(&json!({"limit": 1})), None).await.expect("an answer");
    let answer: Value = serde_json::from_str(&answer).expect("JSON");
    assert_eq!(answer["hits"], json!([{"id": 0}]));
    assert!(failed.lock().expect("no test failed here").is_some(), "the slot was asked for");
}
