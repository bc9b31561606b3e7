//! Texts and codes of a Meilisearch 1.50.0.

use axum::http::StatusCode;
use miroir_model::TaskUid;
use serde_json::{Value, json};

use crate::Peer;

const DELETE: &str = "/indexes/movies/documents/delete";

fn error(message: &str, code: &str) -> Value {
    json!({
        "message": message,
        "code": code,
        "type": "invalid_request",
        "link": format!("https://docs.meilisearch.com/errors#{code}"),
    })
}

async fn movies() -> Peer {
    let peer = Peer::new();
    let (status, answer) = peer.post("/indexes", &json!({"uid": "movies", "primaryKey": "id"})).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
    let attributes = json!({"filterableAttributes": ["price", "genre"]});
    let (status, answer) = peer.call("PATCH", "/indexes/movies/settings", &attributes).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
    peer
}

#[tokio::test]
async fn a_wrong_filter_is_refused_at_once() {
    let peer = movies().await;
    let before = peer.cluster.state();
    for (filter, message) in [
        (json!("genre = "), "Was expecting a value but instead got nothing.\n9:9 genre = "),
        (
            json!(["genre = a", ["id = 1", "id = 2 id = 3"]]),
            "Found unexpected characters at the end of the filter: `id = 3`. You probably forgot an `OR` or an `AND` \
             rule.\n8:14 id = 2 id = 3",
        ),
        (
            json!(["genre = a", 3]),
            "Invalid syntax for the filter parameter: `expected String, [String], found: 3`.",
        ),
        (json!(null), "Invalid syntax for the filter parameter: `expected String, Array, found: null`."),
        (json!([[], " "]), "Sending an empty filter is forbidden."),
    ] {
        for path in [DELETE, "/indexes/unknown/documents/delete"] {
            let (status, answer) = peer.post(path, &json!({"filter": filter})).await;
            assert_eq!(answer, error(message, "invalid_document_filter"), "{filter}");
            assert_eq!(status, StatusCode::BAD_REQUEST);
        }
    }
    let (status, answer) = peer.post(DELETE, &json!({"filter": "genre CONTAINS x"})).await;
    let message = "Using `CONTAINS` in a filter requires enabling the `contains filter` experimental feature. See \
                   https://github.com/orgs/meilisearch/discussions/763\n7:15 genre CONTAINS x";
    assert_eq!((status, answer), (StatusCode::BAD_REQUEST, error(message, "feature_not_enabled")));
    let (status, answer) = peer.post(DELETE, &json!({})).await;
    let missing = error("Missing field `filter`", "missing_document_filter");
    assert_eq!((status, answer), (StatusCode::BAD_REQUEST, missing));
    assert_eq!(*before, *peer.cluster.state(), "no task was made");
}

#[tokio::test]
async fn a_right_filter_makes_a_task() {
    let peer = movies().await;
    for (path, ordered) in [(DELETE, true), ("/indexes/unknown/documents/delete", false)] {
        let (status, answer) = peer.post(path, &json!({"filter": ["genre = a", "id NOT IN [1, 2]"]})).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
        let uid = TaskUid(answer["taskUid"].as_u64().expect("a uid"));
        let state = peer.cluster.state();
        assert_eq!(state.tasks.get(&uid).is_some_and(|task| task.error.is_none()), ordered);
    }
}

#[tokio::test]
async fn the_reserved_member_is_no_attribute_to_delete_by() {
    let peer = movies().await;
    let filter = json!("genre = a AND NOT _miroir EXISTS");
    let (status, answer) = peer.post(DELETE, &json!({"filter": filter})).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
    let uid = TaskUid(answer["taskUid"].as_u64().expect("a uid"));
    let state = peer.cluster.state();
    let failed = state.tasks.get(&uid).and_then(|task| task.error.clone()).expect("an error");
    assert_eq!(
        serde_json::to_value(failed).expect("JSON"),
        error(
            "Index `movies`: Attribute `_miroir` is not filterable. Available filterable attribute patterns are: \
             `genre`, `price`.\n19:26 genre = a AND NOT _miroir EXISTS",
            "invalid_document_filter"
        )
    );
}

#[tokio::test]
async fn the_reserved_member_is_no_attribute_to_search_by() {
    let mut state = (*movies().await.cluster.state()).clone();
    state.names.served = state.names.ordered.clone();
    let peer = Peer::with_state(state);
    let none = "This index does not have configured filterable attributes.";
    let filter = json!({"filter": ["_miroir.x = 3", "id = 1"]});
    let (status, answer) = peer.post("/indexes/movies/documents/fetch", &filter).await;
    let id = format!("Attribute `id` is not filterable. {none}\n1:3 id = 1");
    assert_eq!((status, answer), (StatusCode::BAD_REQUEST, error(&id, "invalid_document_filter")));
    let filter = json!({"filter": "_miroir.x IN [1,\"a\"] OR _miroir = 3"});
    let (status, answer) = peer.post("/indexes/movies/search", &filter).await;
    let text = format!(
        "Index `movies`: Attribute `_miroir` is not filterable. {none}\n34:41 (\"_miroir.x\" IN [\"1\", \"a\"]) OR \
         (\"_miroir\" = \"3\")"
    );
    assert_eq!((status, answer), (StatusCode::BAD_REQUEST, error(&text, "invalid_search_filter")));
    let (status, answer) = peer.post("/indexes/unknown/search", &filter).await;
    assert_eq!((status, &answer["code"]), (StatusCode::NOT_FOUND, &json!("index_not_found")));
}
