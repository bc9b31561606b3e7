//! From which state a peer answers.

use miroir_cluster::State;
use miroir_search::{Ids, SearchError, Searcher};
use miroir_testkit::LocalCluster;
use serde_json::json;

use crate::fake::{Answer, Asked, FakeNode, documents, hits};
use crate::world::{Lagging, cluster, movies, request, searcher, with_movies};

fn one_film(asked: &Asked) -> Answer {
    let film = json!({"id": 1, "_miroir": ["⋀"]});
    match asked.what() {
        "search" => hits(&[film]),
        "documents/fetch" => documents(&[film], 1),
        _ => (200, film),
    }
}

/// What a searcher says to a search, a list, and a look at one document: `None` for an answer with the film in it.
async fn refusals(searcher: &Searcher) -> [Option<SearchError>; 3] {
    let list = miroir_query::list_from_json(b"{}").expect("a request");
    let answers = [
        searcher.search(&movies(), &request(&json!({})), &Ids::new(None)).await.map(|found| found.answer),
        searcher.list(&movies(), &list, None).await,
        searcher.document(&movies(), "1".into(), None).await.map(|document| document.expect("a document")),
    ];
    answers.map(|answer| {
        let text = answer.as_deref().unwrap_or("\"id\":1");
        assert!(text.contains("\"id\":1") && !text.contains("_miroir"), "{text}");
        answer.err()
    })
}

fn all_no_quorum(refusals: &[Option<SearchError>; 3]) -> bool {
    refusals.iter().all(|refusal| matches!(refusal, Some(SearchError::NoQuorum)))
}

async fn world() -> (LocalCluster, Vec<FakeNode>) {
    let nodes = vec![FakeNode::start(one_film).await];
    let movies = with_movies(&cluster(&nodes, 1, 1), |_| {});
    (movies, nodes)
}

/// A peer comes back. What it remembers is an older life of the index, on a node of which nothing is left.
#[tokio::test]
async fn a_life_answers_from_the_first_barrier_on() {
    let (cluster, nodes) = world().await;
    let mut old = (*cluster.state()).clone();
    old.nodes.clear();
    let searcher = searcher(Lagging::new(&cluster, old));
    cluster.elect(None);
    let before = refusals(&searcher).await;
    assert!(all_no_quorum(&before), "{before:?}");
    assert_eq!(nodes[0].asked(), []);
    cluster.elect(Some(1));
    assert!(refusals(&searcher).await.iter().all(Option::is_none));
    // The quorum is lost: searches go on.
    cluster.elect(None);
    assert!(refusals(&searcher).await.iter().all(Option::is_none));
}

/// Another peer has said that the task is done.
#[tokio::test]
async fn an_index_that_is_new_is_found_at_once() {
    let (cluster, _nodes) = world().await;
    let peer = Lagging::new(&cluster, State::new());
    let searcher = searcher(peer.clone());
    assert!(refusals(&searcher).await.iter().all(Option::is_none));
    for again in 0..3 {
        peer.forget();
        let refused = match again {
            0 => searcher.search(&movies(), &request(&json!({})), &Ids::new(None)).await.err(),
            1 => searcher.document(&movies(), "1".into(), None).await.err(),
            _ => searcher.numbers(&movies()).await.err(),
        };
        assert!(refused.is_none(), "{refused:?}");
    }
    let unknown = "unknown".parse().expect("a name");
    let refused = searcher.search(&unknown, &request(&json!({})), &Ids::new(None)).await;
    assert!(matches!(&refused, Err(SearchError::IndexNotFound(uid)) if uid == "unknown"), "{refused:?}");
    // Nobody can say that it is not there.
    cluster.elect(None);
    let refused = searcher.search(&unknown, &request(&json!({})), &Ids::new(None)).await;
    assert!(matches!(refused, Err(SearchError::NoQuorum)), "{refused:?}");
}
