//! Adding, reading and deleting documents.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Body, Node, films};

const DOCUMENTS: &str = "/indexes/films/documents";

async fn ids(node: &Node) -> Vec<Value> {
    let page = node.get("/indexes/films/documents?limit=100&fields=id").await;
    page["results"].as_array().expect("results").iter().map(|document| document["id"].clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn formats_replace_update_and_read() {
    let node = Node::start().await;
    let task = node.add("films", films()).await;
    assert_eq!(task["details"], json!({ "receivedDocuments": 6, "indexedDocuments": 6 }));
    assert_eq!(task["type"], "documentAdditionOrUpdate");

    let lines = "{\"id\":7,\"title\":\"Seven\"}\n{\"id\":1,\"title\":\"Carol!\",\"x\":0.10}\n".to_owned();
    node.done(Method::POST, DOCUMENTS, Body::Raw("application/x-ndjson", lines)).await;
    let replaced = node.get("/indexes/films/documents/1").await;
    assert_eq!(replaced, json!({ "id": 1, "title": "Carol!", "x": 0.1 }), "replaced as a whole");

    node.done(Method::PUT, DOCUMENTS, Body::Json(json!({ "id": 2, "year": null, "new": { "a": 1 } }))).await;
    let updated = node.get("/indexes/films/documents/2").await;
    assert_eq!(updated["title"], "Wonder Woman");
    assert_eq!((&updated["year"], &updated["new"]), (&Value::Null, &json!({ "a": 1 })));

    let path = "/indexes/films/documents?csvDelimiter=%3B&customMetadata=from-csv";
    let csv = "id:number;title;seen:boolean\n8;Eight;true\n9;;\n".to_owned();
    let task = node.done(Method::POST, path, Body::Raw("text/csv", csv)).await;
    assert_eq!(task["customMetadata"], "from-csv");
    assert_eq!(node.get("/indexes/films/documents/9").await, json!({ "id": 9, "title": null, "seen": null }));

    assert_eq!(ids(&node).await, [1, 2, 3, 4, 5, 6, 7, 8, 9].map(Value::from));
    let page = node.get("/indexes/films/documents?offset=2&limit=3").await;
    assert_eq!((&page["total"], &page["offset"], &page["limit"]), (&json!(9), &json!(2), &json!(3)));
    assert_eq!(page["results"].as_array().map(Vec::len), Some(3));
    let (status, missing) = node.call(Method::GET, "/indexes/films/documents/404", Body::None).await;
    assert_eq!((status, &missing["code"]), (404, &json!("document_not_found")));
    assert_eq!(missing["message"], "Document `404` not found.");
}

#[tokio::test(flavor = "multi_thread")]
async fn deletions_count_what_was_there() {
    let node = Node::start().await;
    node.done(
        Method::PATCH,
        "/indexes/films/settings",
        Body::Json(json!({ "filterableAttributes": ["genres", "year"] })),
    )
    .await;
    node.add("films", films()).await;

    let task = node
        .done(Method::POST, "/indexes/films/documents/delete-batch", Body::Json(json!([1, "2", 99])))
        .await;
    let details = json!({ "providedIds": 3, "deletedDocuments": 2, "originalFilter": null });
    assert_eq!((&task["type"], &task["details"]), (&json!("documentDeletion"), &details));

    let filter = json!({ "filter": "genres = Drama AND year > 2000" });
    let task = node.done(Method::POST, "/indexes/films/documents/delete", Body::Json(filter)).await;
    assert_eq!(task["details"]["deletedDocuments"], 1);
    assert_eq!(task["details"]["originalFilter"], "\"genres = Drama AND year > 2000\"");
    assert_eq!(ids(&node).await, [4, 5, 6].map(Value::from));

    let fetched =
        json!({ "filter": [["genres = Drama", "genres = Fantasy"]], "fields": ["title"], "limit": 1 });
    let (status, page) = node.call(Method::POST, "/indexes/films/documents/fetch", Body::Json(fetched)).await;
    assert_eq!(status, 200, "{page}");
    assert_eq!(page, json!({ "results": [{ "title": "Moana" }], "offset": 0, "limit": 1, "total": 2 }));

    for (body, code) in [
        (json!({ "filter": "" }), "invalid_document_filter"),
        (json!({ "filter": [] }), "invalid_document_filter"),
        (json!({ "filter": "genres = " }), "invalid_document_filter"),
        (json!({}), "missing_document_filter"),
    ] {
        let (status, error) =
            node.call(Method::POST, "/indexes/films/documents/delete", Body::Json(body)).await;
        assert_eq!((status, error["code"].as_str()), (400, Some(code)), "{error}");
    }
    let unfilterable = json!({ "filter": "title = x" });
    let task = node.run(Method::POST, "/indexes/films/documents/delete", Body::Json(unfilterable)).await;
    assert_eq!(
        (&task["status"], &task["error"]["code"]),
        (&json!("failed"), &json!("invalid_document_filter"))
    );

    node.done(Method::DELETE, "/indexes/films/documents/4", Body::None).await;
    let task = node.done(Method::DELETE, DOCUMENTS, Body::None).await;
    assert_eq!(task["details"], json!({ "deletedDocuments": 2 }));
    assert_eq!(ids(&node).await, Vec::<Value>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_documents_fail_their_task() {
    let node = Node::start().await;
    for (documents, code) in [
        (json!([{ "id": 1.5 }]), "invalid_document_id"),
        (json!([{ "id": "a b" }]), "invalid_document_id"),
        (json!([{ "title": "x" }]), "index_primary_key_no_candidate_found"),
        (json!([{ "aId": 1, "bId": 2 }]), "index_primary_key_multiple_candidates_found"),
    ] {
        let task = node.run(Method::POST, DOCUMENTS, Body::Json(documents)).await;
        assert_eq!(
            (&task["status"], task["error"]["code"].as_str()),
            (&json!("failed"), Some(code)),
            "{task}"
        );
        assert_eq!(task["details"]["indexedDocuments"], 0);
    }
    // The index came into being all the same, without a key.
    assert_eq!(node.get("/indexes/films").await["primaryKey"], Value::Null);

    node.add("films", json!([{ "id": 1 }])).await;
    let task = node.run(Method::POST, DOCUMENTS, Body::Json(json!([{ "id": 2 }, { "x": 1 }]))).await;
    assert_eq!(task["error"]["code"], "missing_document_id");
    let bad_geo = json!([{ "id": 3, "_geo": { "lat": "x", "lng": 1 } }]);
    let settings = json!({ "sortableAttributes": ["_geo"] });
    node.done(Method::PATCH, "/indexes/films/settings", Body::Json(settings)).await;
    let task = node.run(Method::POST, DOCUMENTS, Body::Json(bad_geo)).await;
    assert_eq!(task["error"]["code"], "invalid_document_geo_field", "{task}");
    assert_eq!(ids(&node).await, [json!(1)], "a refused payload is refused as a whole");

    let other_key = "/indexes/films/documents?primaryKey=other";
    let task = node.run(Method::POST, other_key, Body::Json(json!([{ "other": 1 }]))).await;
    assert_eq!(task["error"]["code"], "index_primary_key_already_exists");
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_requests_are_refused_at_once() {
    let node = Node::start().await;
    let json = |text: &str| Body::Raw("application/json", text.to_owned());
    for (body, status, code) in [
        (json("[{\"id\":1"), 400, "malformed_payload"),
        (json("[1]"), 400, "malformed_payload"),
        (json(""), 400, "missing_payload"),
        (Body::Raw("text/plain", "x".to_owned()), 415, "invalid_content_type"),
        (Body::None, 415, "missing_content_type"),
    ] {
        let (found, error) = node.call(Method::POST, DOCUMENTS, body).await;
        assert_eq!((found, error["code"].as_str()), (status, Some(code)), "{error}");
    }
    let (status, error) = node.call(Method::POST, "/indexes/a%20b/documents", json("[]")).await;
    assert_eq!((status, &error["code"]), (400, &json!("invalid_index_uid")));
    assert_eq!(node.get("/tasks").await["total"], 0, "nothing was enqueued");
}

#[tokio::test(flavor = "multi_thread")]
async fn skip_creation_leaves_unknown_documents_out() {
    let node = Node::start().await;
    node.add("films", json!([{ "id": 1, "a": 1 }, { "id": "two", "a": 1 }])).await;
    let path = "/indexes/films/documents?skipCreation=true";
    let documents = json!([{ "id": "1", "a": 2 }, { "id": 3, "a": 2 }, { "id": "two", "a": 2 }]);
    let task = node.done(Method::PUT, path, Body::Json(documents)).await;
    assert_eq!(task["details"], json!({ "receivedDocuments": 3, "indexedDocuments": 3 }));
    let page = node.get(DOCUMENTS).await;
    assert_eq!(page["results"], json!([{ "id": "1", "a": 2 }, { "id": "two", "a": 2 }]));
}
