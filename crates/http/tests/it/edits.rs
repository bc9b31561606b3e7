//! Edits by function and the switch for them: what Meilisearch 1.50.0 was recorded to answer, word for word.

use axum::http::StatusCode;
use miroir_cluster::Work;
use serde_json::{Value, json};

use crate::Peer;

const EDIT: &str = "/indexes/m/documents/edit";

async fn switch(peer: &Peer, body: &Value) -> (StatusCode, Value) {
    peer.call("PATCH", "/experimental-features", body).await
}

#[tokio::test]
async fn a_feature_is_off_until_it_is_switched_on() {
    let peer = Peer::new();
    let (status, features) = peer.call("GET", "/experimental-features", &Value::Null).await;
    assert_eq!(status, StatusCode::OK);
    let members = features.as_object().expect("an object");
    assert!(members.len() == 15 && members.values().all(|on| *on == false), "{features}");

    let (status, answer) = peer.post(EDIT, &json!({"function": "doc.n += 1"})).await;
    let message = "Using the documents edit route requires enabling the `edit documents by function` experimental \
                   feature. See https://github.com/orgs/meilisearch/discussions/762";
    assert_eq!((status, &answer["message"]), (StatusCode::BAD_REQUEST, &json!(message)));
    assert_eq!(answer["code"], "feature_not_enabled");

    let (status, features) = switch(&peer, &json!({"editDocumentsByFunction": true})).await;
    assert_eq!((status, &features["editDocumentsByFunction"]), (StatusCode::OK, &json!(true)));
    let (_, features) = switch(&peer, &json!({"editDocumentsByFunction": null, "metrics": false})).await;
    assert_eq!((&features["editDocumentsByFunction"], &features["metrics"]), (&json!(true), &json!(false)));
    let (status, _) = peer.post(EDIT, &json!({"function": "doc.n += 1"})).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    switch(&peer, &json!({"editDocumentsByFunction": false})).await;
    let (status, _) = peer.post(EDIT, &json!({"function": "doc.n += 1"})).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn what_is_no_switch_is_refused() {
    let peer = Peer::new();
    let known = "`metrics`, `logsRoute`, `editDocumentsByFunction`, `containsFilter`, `dynamicSearchRules`, `network`, \
                 `getTaskDocumentsRoute`, `taskQueueCompactionRoute`, `compositeEmbedders`, `chatCompletions`, \
                 `multimodal`, `foreignKeys`, `disableDocumentsFetchQueue`, `legacySearch`, `renderRoute`";
    for (body, message) in [
        (
            json!({"editDocumentsByFunction": 1}),
            "Invalid value type at `.editDocumentsByFunction`: expected a boolean, but found a positive integer: `1`"
                .to_owned(),
        ),
        (json!({"nope": true}), format!("Unknown field `nope`: expected one of {known}")),
        (json!([]), "Invalid value type: expected an object, but found an array: `[]`".to_owned()),
    ] {
        let (status, answer) = switch(&peer, &body).await;
        assert_eq!((status, &answer["code"]), (StatusCode::BAD_REQUEST, &json!("bad_request")));
        assert_eq!(answer["message"], json!(message));
    }
    // What is not there yet is not said to be on.
    let (status, answer) =
        switch(&peer, &json!({"containsFilter": true, "editDocumentsByFunction": true})).await;
    assert_eq!(status, StatusCode::NOT_IMPLEMENTED, "{answer}");
    assert!(!peer.cluster.state().features.edit_documents, "all of it or nothing");
}

/// Bodies with the code and the message that each is refused with.
fn no_edits() -> Vec<(Value, &'static str, &'static str)> {
    let function = "invalid_document_edition_function_filter";
    let filter = "invalid_document_filter";
    vec![
        (json!({}), "missing_document_edition_function", "Missing field `function`"),
        (
            json!({"function": 5}),
            function,
            "Invalid value type at `.function`: expected a string, but found a positive integer: `5`",
        ),
        (
            json!({"function": null}),
            function,
            "Invalid value type at `.function`: expected a string, but found null",
        ),
        (json!({"function": "doc.n = ;"}), "bad_request", "Unexpected ';' (line 1, position 9)"),
        (
            json!({"function": "doc.n = 1", "context": 5}),
            "invalid_document_edition_context",
            "The context must be an object",
        ),
        (json!({"function": "doc.n = 1", "filter": ""}), filter, "Sending an empty filter is forbidden."),
        (json!({"function": "doc.n = 1", "filter": []}), filter, "Sending an empty filter is forbidden."),
        (
            json!({"function": "doc.n = 1", "what": 3}),
            "bad_request",
            "Unknown field `what`: expected one of `filter`, `context`, `function`",
        ),
    ]
}

#[tokio::test]
async fn what_is_no_edit_is_refused_in_its_words() {
    let peer = Peer::new();
    switch(&peer, &json!({"editDocumentsByFunction": true})).await;
    for (body, code, message) in no_edits() {
        let (status, answer) = peer.post(EDIT, &body).await;
        assert_eq!(
            (status, &answer["code"], &answer["message"]),
            (StatusCode::BAD_REQUEST, &json!(code), &json!(message)),
            "{body}"
        );
    }
    let (status, answer) = peer.post(EDIT, &json!({"function": "doc._miroir = ()"})).await;
    assert_eq!((status, &answer["code"]), (StatusCode::BAD_REQUEST, &json!("bad_request")), "{answer}");
    assert_eq!(peer.cluster.state().next_task.0, 0, "none of it is a task");
}

#[tokio::test]
async fn an_edit_is_a_task_with_its_details() {
    let peer = Peer::new();
    switch(&peer, &json!({"editDocumentsByFunction": true})).await;
    let (_, missing) = peer.post(EDIT, &json!({"function": "doc.n += 1"})).await;
    let (_, task) = peer.call("GET", &format!("/tasks/{}", missing["taskUid"]), &Value::Null).await;
    assert_eq!((&task["status"], &task["error"]["code"]), (&json!("failed"), &json!("index_not_found")));
    assert_eq!(
        task["details"],
        json!({"editedDocuments": 0, "deletedDocuments": null, "originalFilter": null, "context": null,
               "function": "doc.n += 1"})
    );

    peer.post("/indexes", &json!({"uid": "m", "primaryKey": "id"})).await;
    let body = json!({"function": "doc.n += context.by", "context": {"by": 1.5}, "filter": ["n > 0"]});
    let (status, accepted) = peer.post(&format!("{EDIT}?customMetadata=hey"), &body).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    assert_eq!((&accepted["type"], &accepted["customMetadata"]), (&json!("documentEdition"), &json!("hey")));
    let (_, task) = peer.call("GET", &format!("/tasks/{}", accepted["taskUid"]), &Value::Null).await;
    assert_eq!(
        task["details"],
        json!({"editedDocuments": null, "deletedDocuments": null, "originalFilter": "[\"n > 0\"]",
               "context": {"by": 1.5}, "function": "doc.n += context.by"})
    );
    let (_, listed) = peer.call("GET", "/tasks?types=documentEdition", &Value::Null).await;
    assert_eq!(listed["total"], 2);
    let state = peer.cluster.state();
    let works: Vec<&Work> = state.tasks.values().map(|task| &task.work).collect();
    assert!(works.iter().any(|work| matches!(work, Work::Edit(_))), "{works:?}");
}
