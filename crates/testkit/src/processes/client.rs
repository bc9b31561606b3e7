//! A client that knows only the Meilisearch API.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::PATIENCE;

/// A JSON answer; none when the server does not answer.
pub async fn get(url: &str) -> Option<Value> {
    reqwest::get(url).await.ok()?.json().await.ok()
}

/// Posts JSON and gives status and answer.
pub async fn post(url: &str, body: &Value) -> (u16, Value) {
    let answer = reqwest::Client::new().post(url).json(body).send().await.expect("the peer answers");
    let status = answer.status().as_u16();
    (status, answer.json().await.unwrap_or_default())
}

/// Waits until a task has ended, and gives it.
pub async fn ended(peer: &str, task: &Value) -> Value {
    let uid = &task["taskUid"];
    assert!(uid.is_u64(), "no task: {task}");
    let started = Instant::now();
    loop {
        let task = get(&format!("{peer}/tasks/{uid}")).await.unwrap_or_default();
        if matches!(task["status"].as_str(), Some("succeeded" | "failed" | "canceled")) {
            return task;
        }
        assert!(started.elapsed() < PATIENCE, "task {uid} does not end: {task}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
