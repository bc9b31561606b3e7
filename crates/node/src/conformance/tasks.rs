//! Tasks: their numbers, their marks, how they are found again.

use serde_json::json;

use super::bench::{Bench, add, addition, delete, delete_matching};
use super::failure::{ensure, refused, same};
use super::{Check, Failure, check};
use crate::{AddMode, Node, NodeTaskStatus, Origin, TaskQuery, Write};

pub(super) const CHECKS: &[Check] = &[
    check!(uids_are_dense, "The uid of a task is one above the newest task's, over all indexes."),
    check!(
        tasks_say_what_they_are,
        "A task has its index, type and counts; one that has ended has its batch."
    ),
    check!(
        marks_come_back,
        "`customMetadata` of a write of documents is on its task, alone and in lists, from the start."
    ),
    check!(tasks_are_listed, "Tasks are listed by uids, by index, and from a uid on in both directions."),
    check!(tasks_are_forgotten, "Finished tasks can be deleted by uid; their uids are not used again."),
];

async fn newest(bench: &Bench<'_>) -> Result<u32, Failure> {
    let task = bench.lane.newest_task().await?;
    task.map(|task| task.uid).ok_or_else(|| Failure::Broken("a node with an index has no task".to_owned()))
}

async fn uids_are_dense(bench: &Bench<'_>) -> Result<(), Failure> {
    let indexes = [bench.index().await?, bench.index().await?];
    let last = newest(bench).await?;
    for step in 1..=6 {
        let index = &indexes[step % 2];
        let uid = bench.enqueue(index, add(&json!([{"id": step}]))).await?;
        same("the uid", uid, last + step as u32)?;
        same("the newest task", newest(bench).await?, uid)?;
    }
    bench.ended(last + 6).await.map(drop)
}

async fn tasks_say_what_they_are(bench: &Bench<'_>) -> Result<(), Failure> {
    let index = bench.index().await?;
    let task = bench.done(&index, add(&json!([{"id": 1}, {"id": 2}]))).await?;
    same("the index", task.index_uid.as_deref(), Some(index.as_str()))?;
    same("the type", task.kind.as_str(), add(&json!([])).task_type())?;
    ensure("it has a batch", task.batch_uid.is_some())?;
    ensure("it has no error", task.error.is_none())?;
    let details = task.details.unwrap_or_default();
    same(
        "received and indexed",
        (details.received_documents, details.indexed_documents),
        (Some(2), Some(2)),
    )?;
    let task =
        bench.fails(&index, add(&json!([{"id": 3}, {"id": "not an id"}])), "invalid_document_id").await?;
    same("the status", task.status, NodeTaskStatus::Failed)?;
    let details = task.details.unwrap_or_default();
    same(
        "received and indexed",
        (details.received_documents, details.indexed_documents),
        (Some(2), Some(0)),
    )?;
    let unknown = bench.lane.task(u32::MAX).await;
    refused("an unknown task", unknown, 404, "task_not_found")
}

async fn marks_come_back(bench: &Bench<'_>) -> Result<(), Failure> {
    let index = bench
        .index_of(json!({"filterableAttributes": ["id"]}), json!([{"id": 1}, {"id": 2}, {"id": 3}]))
        .await?;
    let writes = [
        add(&json!([{"id": 4}])),
        Write::Add(addition(AddMode::Update, &json!([{"id": 4}]))),
        delete(&["1"]),
        delete_matching(&json!("id = 2")),
        Write::DeleteAll,
        Write::Settings(json!({"stopWords": ["the"]}).to_string()),
    ];
    for (number, write) in writes.iter().enumerate() {
        let mark = format!("miroir:{index}:{number} ü&=+%");
        let origin = Origin { mark: Some(&mark), request_id: Some("conformance") };
        let uid = bench.lane.enqueue(&index, write, origin).await?.task_uid;
        let expected = write.is_marked().then_some(mark.as_str());
        let newest = bench.lane.newest_task().await?;
        let newest = newest.ok_or_else(|| Failure::Broken("no newest task".to_owned()))?;
        same("the newest task", newest.uid, uid)?;
        same("its type", newest.kind.as_str(), write.task_type())?;
        same("the mark in a list", newest.mark.as_deref(), expected)?;
        same("the mark of an ended task", bench.succeeded(uid).await?.mark.as_deref(), expected)?;
    }
    Ok(())
}

async fn tasks_are_listed(bench: &Bench<'_>) -> Result<(), Failure> {
    let (one, other) = (bench.index().await?, bench.index().await?);
    let mut uids = Vec::new();
    for step in 0..6 {
        let index = if step % 2 == 0 { &one } else { &other };
        uids.push(bench.enqueue(index, add(&json!([{"id": step}]))).await?);
    }
    let listed = async |query: TaskQuery| {
        let page = bench.lane.tasks(&query).await?;
        Ok::<_, Failure>((
            page.results.iter().map(|task| task.uid).collect::<Vec<_>>(),
            page.next,
            page.total,
        ))
    };
    let wanted = vec![uids[4], uids[1]];
    let by_uid = listed(TaskQuery { uids: vec![uids[1], uids[4]], ..TaskQuery::default() }).await?;
    same("by uid, newest first", by_uid, (wanted, None, 2))?;
    let index = Some(one.clone());
    let by_index = listed(TaskQuery { index, from: Some(uids[4]), limit: 2, ..TaskQuery::default() }).await?;
    same("by index, newest first", (by_index.0, by_index.1), (vec![uids[4], uids[2]], Some(uids[0])))?;
    let (from, limit) = (Some(uids[1]), 3);
    let onwards = listed(TaskQuery { from, limit, oldest_first: true, ..TaskQuery::default() }).await?;
    same("from a uid on, oldest first", (onwards.0, onwards.1), (uids[1..4].to_vec(), Some(uids[4])))?;
    let both = TaskQuery { index: Some(other), uids: uids.clone(), ..TaskQuery::default() };
    same("by both", listed(both).await?.0, vec![uids[5], uids[3], uids[1]])?;
    bench.ended(uids[5]).await.map(drop)
}

async fn tasks_are_forgotten(bench: &Bench<'_>) -> Result<(), Failure> {
    let index = bench.index().await?;
    let first = bench.done(&index, add(&json!([{"id": 1}]))).await?.uid;
    let second = bench.done(&index, add(&json!([{"id": 2}]))).await?.uid;
    let forgetting = bench.lane.forget_tasks(&[first, u32::MAX]).await?.task_uid;
    same("the uid of the deletion", forgetting, second + 1)?;
    bench.succeeded(forgetting).await?;
    refused("a forgotten task", bench.lane.task(first).await, 404, "task_not_found")?;
    same("the other task", bench.lane.task(second).await?.uid, second)?;
    bench.succeeded(bench.lane.forget_tasks(&[second, forgetting]).await?.task_uid).await?;
    let next = bench.done(&index, add(&json!([{"id": 3}]))).await?.uid;
    same("the uid of the next task", next, forgetting + 2)
}
