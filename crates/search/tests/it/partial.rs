//! No copy of a shard answers, and the policy is to answer with the others.

use std::time::Duration;

use miroir_query::facet_search_from_json;
use miroir_search::{Config, Ids, SearchError};
use serde_json::{Value, json};

use crate::fake::{Answer, Asked, FakeNode, hits, trouble};
use crate::world::{cluster, movies, request, searcher_of, with_movies};

fn film(asked: &Asked) -> Answer {
    match asked.what() {
        "search" => hits(&[json!({"id": 1, "_miroir": ["⋀"], "_rankingScoreDetails": {}})]),
        _ => (
            200,
            json!({"facetHits": [{"value": "a", "count": 1}], "facetQuery": null, "processingTimeMs": 0}),
        ),
    }
}

pub(crate) const PARTIAL: Config = Config {
    hedge: true,
    adaptive: true,
    share: true,
    deadline: Duration::from_secs(4),
    partial: true,
    memory: 64 << 20,
};

/// Two nodes with half of four shards each.
async fn nodes(second: FakeNode) -> (Vec<FakeNode>, miroir_testkit::LocalCluster) {
    let nodes = vec![FakeNode::start(film).await, second];
    let cluster = with_movies(&cluster(&nodes, 4, 1), |index| index.tie_rule = true);
    (nodes, cluster)
}

#[tokio::test]
async fn what_is_left_is_answered_and_says_what_it_lacks() {
    let (_nodes, cluster) = nodes(FakeNode::start(|_| trouble()).await).await;
    let strict = searcher_of(&cluster);
    let refused = strict.search(&movies(), &request(&json!({})), &Ids::new(None)).await;
    assert!(matches!(refused, Err(SearchError::Unavailable { .. })), "{refused:?}");
    let searcher = searcher_of(&cluster).with_config(PARTIAL);
    let found = searcher.search(&movies(), &request(&json!({})), &Ids::new(None)).await.expect("some");
    assert_eq!(found.missing.len(), 2, "{found:?}");
    let answer: Value = serde_json::from_str(&found.answer).expect("JSON");
    assert_eq!(answer["hits"], json!([{"id": 1}]));
    assert!(found.missing.iter().all(|name| name.starts_with("movies/")), "{found:?}");
    assert_eq!(answer["missingShards"], json!(found.missing));
    let values = facet_search_from_json(br#"{"facetName": "genre"}"#).expect("a request");
    let found = searcher.facet_search(&movies(), &values, None).await.expect("some");
    assert!(found.missing.len() == 2 && found.answer.contains("missingShards"), "{found:?}");
}

#[tokio::test]
async fn who_hangs_is_left_out_within_the_deadline() {
    let (hold, held) = tokio::sync::watch::channel(true);
    let (_nodes, cluster) = nodes(FakeNode::held(held, film).await).await;
    let searcher = searcher_of(&cluster).with_config(PARTIAL);
    let began = std::time::Instant::now();
    let found = searcher.search(&movies(), &request(&json!({})), &Ids::new(None)).await.expect("some");
    assert_eq!(found.missing.len(), 2, "{found:?}");
    assert!(began.elapsed() < PARTIAL.deadline, "{:?}", began.elapsed());
    hold.send_replace(false);
    let found = searcher.search(&movies(), &request(&json!({"q": "again"})), &Ids::new(None)).await;
    let found = found.expect("all of it");
    assert!(found.missing.is_empty() && !found.answer.contains("missingShards"), "{found:?}");
}

#[tokio::test]
async fn nothing_at_all_is_an_error_all_the_same() {
    let nodes = [FakeNode::start(|_| trouble()).await];
    let cluster = with_movies(&cluster(&nodes, 2, 1), |_| {});
    let searcher = searcher_of(&cluster).with_config(PARTIAL);
    let refused = searcher.search(&movies(), &request(&json!({})), &Ids::new(None)).await;
    assert!(matches!(refused, Err(SearchError::Unavailable { .. })), "{refused:?}");
}
