//! Several searches become one list, and nodes fail or hang.

use std::time::{Duration, Instant};

use miroir_query::multi_from_json;
use miroir_search::{FederatedError, Found, Ids, SearchError, Searcher};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::fake::{Answer, Asked, FakeNode, hits, trouble};
use crate::partial::PARTIAL;
use crate::world::{cluster, searcher_of, with_movies};

fn film(asked: &Asked) -> Answer {
    let found = hits(&[json!({"id": 1, "_miroir": ["⋀"], "_rankingScoreDetails": {}})]);
    if asked.body["q"] == "nothing" { hits(&[]) } else { found }
}

async fn federated(searcher: &Searcher, searches: &[&str]) -> Result<Found, FederatedError> {
    let queries: Vec<Value> = searches.iter().map(|q| json!({"indexUid": "movies", "q": q})).collect();
    let body = json!({"queries": queries, "federation": {}}).to_string();
    let request = multi_from_json(body.as_bytes()).expect("a request");
    let federation = request.federation.expect("it is federated");
    searcher.federated(request.queries, &federation, &Ids::new(None), &mut |_| Ok(())).await
}

/// Two nodes with half of four shards each, and whoever keeps them alive.
async fn with(second: FakeNode) -> (Vec<FakeNode>, miroir_testkit::LocalCluster) {
    let nodes = vec![FakeNode::start(film).await, second];
    let cluster = with_movies(&cluster(&nodes, 4, 1), |index| index.tie_rule = true);
    (nodes, cluster)
}

#[tokio::test]
async fn the_first_search_that_lacks_a_shard_has_no_answer() {
    let second = FakeNode::start(|asked| if asked.body["q"] == "b" { trouble() } else { hits(&[]) }).await;
    let (_nodes, cluster) = with(second).await;
    let refused = federated(&searcher_of(&cluster), &["a", "b", "b"]).await.expect_err("one node lacks");
    assert_eq!(refused.place, Some(1), "{refused:?}");
    assert!(matches!(refused.error, SearchError::Unavailable { .. }), "{refused:?}");
}

#[tokio::test]
async fn one_list_says_once_what_it_lacks() {
    let (_nodes, cluster) = with(FakeNode::start(|_| trouble()).await).await;
    let searcher = searcher_of(&cluster).with_config(PARTIAL);
    let found = federated(&searcher, &["a", "nothing"]).await.expect("what the other node has");
    assert_eq!(found.missing.len(), 2, "{found:?}");
    let answer: Value = serde_json::from_str(&found.answer).expect("JSON");
    assert_eq!(answer["missingShards"], json!(found.missing));
    assert_eq!(answer["hits"][0]["id"], 1, "{answer}");
}

/// More searches than run at once: those that come last have no more time than the request.
#[tokio::test]
async fn it_ends_at_its_deadline_however_many_searches_it_has() {
    let (_hold, held) = watch::channel(true);
    let (_nodes, cluster) = with(FakeNode::held(held, film).await).await;
    let config = miroir_search::Config { partial: false, deadline: Duration::from_secs(1), ..PARTIAL };
    let searcher = searcher_of(&cluster).with_config(config);
    let began = Instant::now();
    let refused = federated(&searcher, &["a"; 40]).await.expect_err("a node hangs");
    assert!(matches!(refused.error, SearchError::Late { .. }), "{refused:?}");
    assert!(began.elapsed() < 2 * config.deadline, "{:?}", began.elapsed());
}

#[tokio::test]
async fn who_hangs_is_left_out_of_all_searches() {
    let (_hold, held) = watch::channel(true);
    let (_nodes, cluster) = with(FakeNode::held(held, film).await).await;
    let searcher = searcher_of(&cluster).with_config(PARTIAL);
    let began = Instant::now();
    let found = federated(&searcher, &["a"; 40]).await.expect("what the other node has");
    assert_eq!(found.missing.len(), 2, "{found:?}");
    assert!(began.elapsed() < PARTIAL.deadline, "{:?}", began.elapsed());
}
