//! The reserved member is no attribute, by the state that the answer is made from.

use miroir_cluster::State;
use miroir_search::{Ids, SearchError};
use serde_json::json;

use crate::fake::{FakeNode, trouble};
use crate::world::{Lagging, cluster, movies, request, searcher, with_movies};

/// The index is so new that this peer has not heard of it: nothing can be refused before the second look.
#[tokio::test]
async fn it_is_refused_before_any_node_is_asked() {
    let nodes = [FakeNode::start(|_| trouble()).await];
    let cluster = with_movies(&cluster(&nodes, 4, 1), |_| {});
    let peer = Lagging::new(&cluster, State::new());
    let searcher = searcher(peer.clone());
    for (body, code) in [
        (json!({"distinct": "_miroir"}), "invalid_search_distinct"),
        (json!({"filter": "_miroir = a"}), "invalid_search_filter"),
        (json!({"facets": ["_mir*"]}), "invalid_search_facets"),
    ] {
        peer.forget();
        let refused = searcher.search(&movies(), &request(&body), &Ids::new(None)).await;
        let Err(SearchError::Refused(error)) = refused else { panic!("{body}: {refused:?}") };
        assert_eq!(error.code.as_str(), code);
    }
    peer.forget();
    let list = miroir_query::list_from_json(br#"{"filter": "_miroir EXISTS"}"#).expect("a request");
    let refused = searcher.list(&movies(), &list, None).await;
    assert!(matches!(refused, Err(SearchError::Refused(_))), "{refused:?}");
    assert_eq!(nodes[0].asked(), []);
}
