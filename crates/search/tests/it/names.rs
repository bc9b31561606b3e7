//! Under which names a node is asked.

use miroir_cluster::Index;
use miroir_model::Generation;
use miroir_search::{Ids, SearchError};
use serde_json::json;

use crate::fake::{Answer, Asked, FakeNode, documents, hits, index_not_found};
use crate::world::{cluster, movies, request, searcher_of, with_movies};

/// The state has generation 1.
fn second_generation(index: &mut Index) {
    let nodes: Vec<_> = index.queues.keys().cloned().collect();
    for node in nodes {
        index.queues.get_mut(&node).expect("a queue").generation = Generation(1);
    }
}

/// A node that has the index under a name that ends so only.
fn only(name_end: &'static str) -> impl Fn(&Asked) -> Answer + Send + Sync + 'static {
    move |asked| match asked.what() {
        _ if !asked.index().ends_with(name_end) => index_not_found(asked),
        "search" => hits(&[json!({"id": 1})]),
        "documents/fetch" => documents(&[json!({"id": 1})], 1),
        "stats" => (
            200,
            json!({"numberOfDocuments": 1, "isIndexing": false, "fieldDistribution": {"id": 1, "_miroir": 1}}),
        ),
        _ => (200, json!({"id": 1})),
    }
}

#[tokio::test]
async fn a_lane_may_have_renamed_the_index() {
    let nodes = [FakeNode::start(only("-2")).await];
    let searcher = searcher_of(&with_movies(&cluster(&nodes, 1, 1), second_generation));
    let found = searcher.search(&movies(), &request(&json!({})), &Ids::new(None)).await.expect("an answer");
    assert!(found.answer.contains("\"id\":1"), "{found:?}");
    assert!(searcher.document(&movies(), "1".into(), None).await.expect("an answer").is_some());
    let numbers = searcher.numbers(&movies()).await.expect("numbers");
    assert_eq!((numbers.documents, numbers.sums.fields), (1, [("id".to_owned(), 1)].into()));
    let topology = searcher.topology().await;
    assert_eq!(topology["nodes"][0]["documents"], json!(1));
}

/// The creation of generation 0 was given up and arrived late: that index is empty and stays.
#[tokio::test]
async fn an_index_that_a_late_creation_left_is_no_answer() {
    let nodes = [FakeNode::start(only("-0")).await];
    let searcher = searcher_of(&with_movies(&cluster(&nodes, 1, 1), second_generation));
    let answer = searcher.search(&movies(), &request(&json!({})), &Ids::new(None)).await;
    assert!(matches!(answer, Err(SearchError::Unavailable { .. })), "{answer:?}");
    let answer = searcher.document(&movies(), "1".into(), None).await;
    assert!(matches!(answer, Err(SearchError::NoAnswer(..))), "{answer:?}");
    let answer = searcher.numbers(&movies()).await;
    assert!(matches!(answer, Err(SearchError::Unavailable { .. })), "{answer:?}");
    assert!(nodes[0].asked().iter().all(|asked| !asked.index().ends_with("-0")));
}
