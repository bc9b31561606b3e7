//! Crashes: what was accepted is done, once in effect.

use serde_json::{Value, json};

use super::bench::{Bench, add, delete, update};
use super::failure::same;
use super::{Check, Failure, check};
use crate::{Node, NodeTaskStatus, Write};

pub(super) const CHECKS: &[Check] = &[
    check!(
        accepted_tasks_survive_a_crash,
        "After `kill -9` in the middle of a batch every accepted task is there under its uid with its mark, runs again and succeeds; keys, indexes and finished tasks are as they were."
    ),
    check!(
        uids_go_on_after_a_crash,
        "The first task after a crash has the uid after the newest one before it."
    ),
];

async fn accepted_tasks_survive_a_crash(bench: &Bench<'_>) -> Result<(), Failure> {
    if !bench.can_crash() {
        return Err(Failure::NotRun);
    }
    let index = bench.index().await?;
    let finished = bench.done(&index, add(&json!([{"id": 1, "old": true}, {"id": "gone"}]))).await?;
    let much: Value =
        (0..20_000).map(|id| json!({"id": id, "text": format!("word{id} and{} more", id % 997)})).collect();
    let origin = crate::Origin { mark: Some("miroir:crash:1"), request_id: None };
    let big = bench.lane.enqueue(&index, &add(&much), origin).await?.task_uid;
    while bench.lane.task(big).await?.status == NodeTaskStatus::Enqueued {
        tokio::task::yield_now().await;
    }
    let waiting = [
        bench.enqueue(&index, update(&json!([{"id": 1, "new": true}]))).await?,
        bench.enqueue(&index, delete(&["gone", "2"])).await?,
        bench.enqueue(&index, Write::Settings(json!({"filterableAttributes": ["new"]}).to_string())).await?,
    ];
    bench.crash().await?;
    same("a finished task", bench.lane.task(finished.uid).await?, finished)?;
    let big = bench.succeeded(big).await?;
    same("its mark", big.mark.as_deref(), Some("miroir:crash:1"))?;
    for task in waiting {
        bench.succeeded(task).await?;
    }
    same("documents", bench.lane.stats(&index).await?.number_of_documents, 19_999)?;
    let found = bench.search(&index, json!({"filter": "new = true"})).await?;
    same("the update", &found["hits"], &json!([{"id": 1, "text": "word1 and1 more", "new": true}]))
}

async fn uids_go_on_after_a_crash(bench: &Bench<'_>) -> Result<(), Failure> {
    if !bench.can_crash() {
        return Err(Failure::NotRun);
    }
    let index = bench.index().await?;
    let last = bench.enqueue(&index, add(&json!([{"id": 1}]))).await?;
    bench.crash().await?;
    let next = bench.enqueue(&index, add(&json!([{"id": 2}]))).await?;
    same("the uid", next, last + 1)?;
    bench.succeeded(next).await?;
    same("what is there", bench.held(&index).await?, [1, 2])
}
