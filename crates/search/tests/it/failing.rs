//! A node fails; another has all that it had.

use std::sync::{Arc, Mutex};

use miroir_search::{Config, Ids, SearchError};
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
        assert_eq!((numbers.documents, numbers.sums.fields), (10, fields), "node-{failing} fails");
    }
}

/// Each node's answer fits, both do not.
#[tokio::test]
async fn answers_that_take_more_memory_than_all_may_are_refused() {
    let film = json!({"id": 1, "title": "a".repeat(40 << 10), "_miroir": ["⋀"], "_rankingScoreDetails": {}});
    let mut nodes = Vec::new();
    for _ in 0..2 {
        let film = film.clone();
        nodes.push(FakeNode::start(move |_| hits(std::slice::from_ref(&film))).await);
    }
    let cluster = with_movies(&cluster(&nodes, 4, 1), |index| index.tie_rule = true);
    let of = |memory| searcher_of(&cluster).with_config(Config { memory, ..Config::default() });
    let (tight, wide) = (of(60 << 10), of(90 << 10));
    for _ in 0..9 {
        let refused = tight.search(&movies(), &request(&json!({})), &Ids::new(None)).await;
        assert!(matches!(refused, Err(SearchError::NoRoom)), "{refused:?}");
        let found = wide.search(&movies(), &request(&json!({})), &Ids::new(None)).await;
        assert!(found.is_ok(), "what is done takes nothing: {found:?}");
    }
    let refused = miroir_api::ResponseError::from(SearchError::NoRoom);
    assert_eq!(refused.code, miroir_api::ErrorCode::MiroirBackpressure);
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
    let answer =
        searcher.search(&movies(), &request(&json!({"limit": 1})), &Ids::new(None)).await.expect("an answer");
    let answer: Value = serde_json::from_str(&answer.answer).expect("JSON");
    assert_eq!(answer["hits"], json!([{"id": 0}]));
    assert!(failed.lock().expect("no test failed here").is_some(), "the slot was asked for");
}

/// Each node has half of everything and fails the first time that it is asked anything, as one that is too slow to take
/// a connection.
#[tokio::test]
async fn the_only_copy_may_fail_once() {
    let fails_once = async || {
        let mut nodes = Vec::new();
        for _ in 0..2 {
            let asked_before = Mutex::new(false);
            nodes.push(
                FakeNode::start(move |asked| {
                    let before =
                        std::mem::replace(&mut *asked_before.lock().expect("no test failed here"), true);
                    match asked.what() {
                        _ if !before => trouble(),
                        "search" => hits(&[]),
                        "stats" => (
                            200,
                            json!({"numberOfDocuments": 0, "isIndexing": false, "fieldDistribution": {}}),
                        ),
                        "documents/fetch" => documents(&[], 0),
                        _ => (200, json!({"id": 1})),
                    }
                })
                .await,
            );
        }
        searcher_of(&with_movies(&cluster(&nodes, 2, 1), |_| {}))
    };
    let searched = fails_once().await.search(&movies(), &request(&json!({})), &Ids::new(None)).await;
    assert!(searched.is_ok(), "{searched:?}");
    let list = miroir_query::list_from_json(b"{}").expect("a request");
    let listed = fails_once().await.list(&movies(), &list, None).await;
    assert!(listed.is_ok(), "{listed:?}");
    let document = fails_once().await.document(&movies(), "1".into(), None).await;
    assert!(document.as_ref().is_ok_and(Option::is_some), "{document:?}");
    let numbers = fails_once().await.numbers(&movies()).await;
    assert!(numbers.is_ok(), "{numbers:?}");
}

#[tokio::test]
async fn who_fails_again_is_not_asked_for_ever() {
    let node = FakeNode::start(|_| trouble()).await;
    let cluster = cluster(std::slice::from_ref(&node), 2, 1);
    let answer = searcher_of(&with_movies(&cluster, |_| {}))
        .search(&movies(), &request(&json!({})), &Ids::new(None))
        .await;
    let error = miroir_api::ResponseError::from(answer.expect_err("nobody answers"));
    assert_eq!(error.code, miroir_api::ErrorCode::MiroirShardUnavailable);
    assert_eq!(node.asked().len(), 2);
}
