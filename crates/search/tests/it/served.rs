//! What a search sees of an index whose tasks are not done.

use miroir_search::Ids;
use serde_json::json;

use crate::fake::{FakeNode, hits};
use crate::world::{cluster, movies, request, searcher_of, with_movies};

/// The attributes that a merge over several shards asks for besides the title: the primary key.
async fn key(served: Option<&str>, ordered: Option<&str>) -> Vec<String> {
    let nodes = [FakeNode::start(|_| hits(&[])).await];
    let (served, ordered) = (served.map(str::to_owned), ordered.map(str::to_owned));
    let cluster = with_movies(&cluster(&nodes, 2, 1), |index| {
        (index.served_primary_key, index.primary_key) = (served, ordered);
    });
    let title = request(&json!({"attributesToRetrieve": ["title"]}));
    searcher_of(&cluster).search(&movies(), &title, &Ids::new(None)).await.expect("an answer");
    let asked = nodes[0].asked().pop().expect("a search");
    serde_json::from_value(asked.body["attributesToRetrieve"].clone()).expect("names")
}

#[tokio::test]
async fn the_primary_key_is_the_one_that_is_served() {
    assert_eq!(key(Some("id"), Some("isbn")).await, ["title", "id"]);
    assert_eq!(key(None, Some("isbn")).await, ["title", "isbn"], "the first documents are on their way");
    assert_eq!(key(None, None).await, ["title"]);
}
