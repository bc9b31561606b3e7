//! A node is late, or slow, or hangs; another has all that it had.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use miroir_search::{Config, Ids, SearchError, Searcher};
use miroir_testkit::LocalCluster;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::fake::{Answer, Asked, FakeNode, hits, trouble};
use crate::world::{cluster, movies, request, searcher_of, with_movies};

/// Nodes that answer a search with one hit, and can be made to hold their answers back.
struct World {
    nodes: Vec<FakeNode>,
    held: Vec<watch::Sender<bool>>,
    cluster: LocalCluster,
}

impl World {
    async fn new(
        nodes: usize,
        factor: u16,
        answer: impl Fn(&Asked) -> Answer + Clone + Send + Sync + 'static,
    ) -> Self {
        let (mut all, mut held) = (Vec::new(), Vec::new());
        for _ in 0..nodes {
            let (hold, holds) = watch::channel(false);
            all.push(FakeNode::held(holds, answer.clone()).await);
            held.push(hold);
        }
        let cluster = with_movies(&cluster(&all, 4, factor), |index| index.tie_rule = true);
        Self { nodes: all, held, cluster }
    }

    fn searcher(&self, config: Config) -> Searcher {
        searcher_of(&self.cluster).with_config(config)
    }

    fn asked(&self, node: usize) -> usize {
        self.nodes[node].asked().len()
    }

    /// Searches until the searcher knows how fast nodes are, and may hedge.
    async fn warm(&self, searcher: &Searcher) {
        for turn in 0..150 {
            search(searcher, &turn.to_string()).await.expect("an answer");
        }
    }
}

fn film(_: &Asked) -> Answer {
    hits(&[json!({"id": 1, "_miroir": ["⋀"], "_rankingScoreDetails": {}})])
}

async fn search(searcher: &Searcher, q: &str) -> Result<Value, SearchError> {
    let found = searcher.search(&movies(), &request(&json!({ "q": q })), &Ids::new(None)).await?;
    Ok(serde_json::from_str(&found.answer).expect("JSON"))
}

const PATIENCE: Duration = Duration::from_secs(10);

#[tokio::test]
async fn what_is_late_comes_from_the_other_copy() {
    let world = World::new(2, 2, film).await;
    let searcher = world.searcher(Config { adaptive: false, ..Config::default() });
    world.warm(&searcher).await;
    // By their hash searches begin at either node.
    for (turn, node) in (0..8).zip([0, 1].into_iter().cycle()) {
        world.held[node].send_replace(true);
        let before = world.asked(1 - node);
        let answer = timeout(PATIENCE, search(&searcher, &format!("late {turn}"))).await;
        let answer = answer.expect("nobody waits for a node that hangs").expect("an answer");
        assert_eq!(answer["hits"], json!([{"id": 1}]));
        assert!(world.asked(1 - node) > before, "the other one has answered");
        world.held[node].send_replace(false);
        world.warm(&searcher).await;
    }
}

#[tokio::test]
async fn nothing_is_asked_twice_where_that_is_switched_off() {
    let world = World::new(2, 2, film).await;
    let searcher = world.searcher(Config { hedge: false, adaptive: false, ..Config::default() });
    world.warm(&searcher).await;
    for hold in &world.held {
        hold.send_replace(true);
    }
    let before = world.asked(0) + world.asked(1);
    let hangs = timeout(Duration::from_millis(300), search(&searcher, "late")).await;
    assert!(hangs.is_err(), "{hangs:?}");
    assert_eq!(world.asked(0) + world.asked(1), before + 1);
}

#[tokio::test]
async fn a_search_that_nobody_answers_ends_with_the_names_of_the_nodes() {
    let world = World::new(2, 1, film).await;
    let searcher = world.searcher(Config { deadline: Duration::from_millis(300), ..Config::default() });
    world.warm(&searcher).await;
    world.held[1].send_replace(true);
    let error = search(&searcher, "late").await.expect_err("one node hangs");
    assert!(error.to_string().ends_with(" Without an answer: node-1."), "{error}");
    let error = miroir_api::ResponseError::from(error);
    assert_eq!(error.code, miroir_api::ErrorCode::MiroirShardUnavailable);
}

/// What the user asks is wrong, whoever else fails.
#[tokio::test]
async fn a_refusal_that_comes_after_a_failure_is_told() {
    let wrong = |_: &Asked| {
        let refusal = json!({"message": "wrong", "code": "invalid_search_filter", "type": "", "link": ""});
        (400, refusal)
    };
    let (hold, held) = watch::channel(true);
    let nodes = [FakeNode::start(|_| trouble()).await, FakeNode::held(held, wrong).await];
    let cluster = with_movies(&cluster(&nodes, 4, 1), |index| index.tie_rule = true);
    let searcher = searcher_of(&cluster);
    let searches = timeout(PATIENCE, search(&searcher, ""));
    let release = async {
        while searcher.slow().get(&"node-0".into()) != Some(&1) || nodes[1].asked().is_empty() {
            tokio::task::yield_now().await;
        }
        hold.send_replace(false);
    };
    let (answer, ()) = futures::future::join(searches, release).await;
    let refused = answer.expect("nobody waits for what has ended").expect_err("it is wrong");
    assert!(matches!(&refused, SearchError::Refused(error) if error.message == "wrong"), "{refused:?}");
}

/// The node that was asked first refuses when another one is asked too, and that one never answers: nobody is left to say
/// more.
#[tokio::test]
async fn a_refusal_is_told_when_who_was_asked_besides_fails() {
    let answers = Arc::new(AtomicUsize::new(0));
    let world = World::new(2, 2, move |request| match request.body["q"].as_str() {
        Some("wrong") if answers.fetch_add(1, Ordering::SeqCst) == 0 => {
            (400, json!({"message": "wrong", "code": "invalid_search_filter", "type": "", "link": ""}))
        }
        _ => film(request),
    });
    let world = world.await;
    let deadline = Duration::from_secs(2);
    let searcher = world.searcher(Config { adaptive: false, deadline, ..Config::default() });
    world.warm(&searcher).await;
    for hold in &world.held {
        hold.send_replace(true);
    }
    let before = [world.asked(0), world.asked(1)];
    let is_asked = |node: usize| world.asked(node) > before[node];
    let release = async {
        while !is_asked(0) && !is_asked(1) {
            tokio::task::yield_now().await;
        }
        let first = usize::from(!is_asked(0));
        while !is_asked(1 - first) {
            tokio::task::yield_now().await;
        }
        world.held[first].send_replace(false);
    };
    let (answer, ()) = futures::future::join(search(&searcher, "wrong"), release).await;
    let refused = answer.expect_err("it is wrong");
    assert!(matches!(&refused, SearchError::Refused(error) if error.message == "wrong"), "{refused:?}");
}

#[tokio::test]
async fn a_slow_node_is_left_alone_and_found_again() {
    let world = World::new(2, 2, film).await;
    let searcher = world.searcher(Config::default());
    world.warm(&searcher).await;
    assert!(searcher.slow().values().all(|slow| *slow == 0), "{:?}", searcher.slow());
    world.held[0].send_replace(true);
    let mut turns = 0;
    while searcher.slow().get(&"node-0".into()) != Some(&1) {
        turns += 1;
        assert!(turns < 1000, "node-0 hangs, and nobody notices");
        let answer = timeout(PATIENCE, search(&searcher, &format!("slow {turns}"))).await;
        assert!(matches!(answer, Ok(Ok(_))), "{answer:?}");
    }
    let (before, since) = (world.asked(0), Instant::now());
    for turn in 0..100 {
        search(&searcher, &format!("after {turn}")).await.expect("an answer");
    }
    let probes = world.asked(0) - before;
    assert!(probes <= 1 + since.elapsed().as_secs() as usize, "a slow node is asked once a second: {probes}");
    world.held[0].send_replace(false);
    let found = async {
        for turn in 0.. {
            search(&searcher, &format!("again {turn}")).await.expect("an answer");
            if searcher.slow().get(&"node-0".into()) == Some(&0) {
                break;
            }
        }
    };
    timeout(6 * PATIENCE, found).await.expect("it is found again");
}

/// The second search of two equal ones must see what was written before it began, though the first is under way.
#[tokio::test]
async fn equal_searches_share_a_request_that_was_sent_after_they_began() {
    let year = Arc::new(AtomicUsize::new(1999));
    let reads = Arc::clone(&year);
    let world = World::new(1, 1, move |_| {
        let year = reads.load(Ordering::SeqCst);
        hits(&[json!({"id": 1, "year": year, "_miroir": ["⋀"], "_rankingScoreDetails": {}})])
    });
    let world = world.await;
    let searcher = world.searcher(Config { hedge: false, ..Config::default() });
    search(&searcher, "").await.expect("an answer");
    world.held[0].send_replace(true);
    let first = search(&searcher, "");
    let others = async {
        while world.asked(0) < 2 {
            tokio::task::yield_now().await;
        }
        // The node has read its documents, and now there are others.
        year.store(2024, Ordering::SeqCst);
        let others = futures::future::join_all((0..10).map(|_| search(&searcher, "")));
        let release = async { world.held[0].send_replace(false) };
        futures::future::join(others, release).await.0
    };
    let (first, others) = futures::future::join(first, others).await;
    assert_eq!(first.expect("an answer")["hits"][0]["year"], 1999);
    for other in others {
        assert_eq!(other.expect("an answer")["hits"][0]["year"], 2024);
    }
    assert_eq!(world.asked(0), 3, "one, the first of two, and one for all others");
}
