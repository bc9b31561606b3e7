//! Documents that cannot be taken: accepted all the same, as a task that fails.

use axum::http::StatusCode;
use miroir_model::TaskUid;
use serde_json::json;

use crate::Peer;

#[tokio::test]
async fn a_batch_that_breaks_a_rule_is_a_task_that_fails() {
    for key in [json!("id"), json!(null)] {
        let peer = Peer::new();
        let (status, answer) = peer.post("/indexes", &json!({"uid": "movies", "primaryKey": key})).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
        let (status, answer) = peer.post("/indexes/movies/documents", &json!([{"title": "no id"}])).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
        let uid = TaskUid(answer["taskUid"].as_u64().expect("a uid"));
        let state = peer.cluster.state();
        let error = state.tasks.get(&uid).and_then(|task| task.error.clone()).expect("it has failed");
        let code = if key.is_null() { "index_primary_key_no_candidate_found" } else { "missing_document_id" };
        assert_eq!(json!(error)["code"], code);
    }
}
