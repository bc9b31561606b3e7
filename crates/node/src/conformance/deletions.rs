//! Deletions of documents and what they count.

use miroir_model::{Slot, reserved};
use serde_json::json;

use super::bench::{Bench, add, delete, delete_matching};
use super::failure::same;
use super::{Check, Failure, check};
use crate::{NodeTask, Write};

pub(super) const CHECKS: &[Check] = &[
    check!(deletions_by_ids_count, "A deletion by ids passes over what is not there and counts what went."),
    check!(deletions_by_filter_count, "A deletion by filter counts what went; it can be limited to slots."),
    check!(deletions_of_all_count, "A deletion of all documents counts them; the settings stay."),
    check!(
        a_filter_is_judged_by_the_task,
        "Syntax of a filter is judged at once, its attributes by the task; both as `invalid_document_filter`."
    ),
];

/// Ids that were named and documents that went.
fn counts(task: NodeTask) -> (Option<u64>, Option<u64>) {
    let details = task.details.unwrap_or_default();
    (details.provided_ids, details.deleted_documents)
}

async fn deletions_by_ids_count(bench: &Bench<'_>) -> Result<(), Failure> {
    let index = bench.index().await?;
    bench.done(&index, add(&json!([{"id": 1}, {"id": 2}, {"id": 3}, {"id": "a"}]))).await?;
    let task = bench.done(&index, delete(&["1", "a", "not-there", "not an id"])).await?;
    same("provided and deleted", counts(task), (Some(4), Some(2)))?;
    same("what is there", bench.held(&index).await?, [2, 3])?;
    let task = bench.done(&index, delete(&["1"])).await?;
    same("provided and deleted", counts(task), (Some(1), Some(0)))?;
    let task = bench.done(&index, delete(&[])).await?;
    same("provided and deleted", counts(task), (Some(0), Some(0)))
}

async fn deletions_by_filter_count(bench: &Bench<'_>) -> Result<(), Failure> {
    let settings = json!({"filterableAttributes": [
        {"attributePatterns": ["_miroir"],
         "features": {"facetSearch": false, "filter": {"equality": true, "comparison": false}}},
        "n",
    ]});
    let slot = |slot: u16| Slot::of_hash(u64::from(slot) << 50);
    let document = |id: u16| json!({"id": id, "n": id, "_miroir": reserved::values(slot(id))});
    let index = bench.index_of(settings, (0..8).map(document).collect()).await?;
    let all: Vec<i64> = (0..8).collect();
    same("what is there", bench.held(&index).await?, all)?;
    let values: Vec<_> = [1, 2, 3, 7].map(|id| format!("\"{}\"", reserved::slot_value(slot(id)))).to_vec();
    let slots = format!("_miroir IN [{}]", values.join(", "));
    let task = bench.done(&index, delete_matching(&json!(["n < 4", slots]))).await?;
    same("provided and deleted", counts(task), (Some(0), Some(3)))?;
    same("what is there", bench.held(&index).await?, [0, 4, 5, 6, 7])?;
    let task = bench.done(&index, delete_matching(&json!([["n = 0", "n = 4"]]))).await?;
    same("provided and deleted", counts(task), (Some(0), Some(2)))?;
    let task = bench.done(&index, delete_matching(&json!("n = 0"))).await?;
    same("provided and deleted", counts(task), (Some(0), Some(0)))
}

async fn deletions_of_all_count(bench: &Bench<'_>) -> Result<(), Failure> {
    let index =
        bench.index_of(json!({"filterableAttributes": ["n"]}), json!([{"id": 1, "n": 1}, {"id": 2}])).await?;
    let task = bench.done(&index, Write::DeleteAll).await?;
    same("documents that went", task.details.unwrap_or_default().deleted_documents, Some(2))?;
    same("what is there", bench.held(&index).await?, [0_i64; 0])?;
    bench.done(&index, add(&json!([{"id": 3, "n": 1}]))).await?;
    same("the settings are there", bench.found(&index, json!({"filter": "n = 1"})).await?, [3])
}

async fn a_filter_is_judged_by_the_task(bench: &Bench<'_>) -> Result<(), Failure> {
    let index = bench.index().await?;
    bench.done(&index, add(&json!([{"id": 1, "n": 1}]))).await?;
    bench.fails(&index, delete_matching(&json!("n = 1")), "invalid_document_filter").await?;
    for filter in [json!("n = "), json!(""), json!([])] {
        let answer = bench.enqueue(&index, delete_matching(&filter)).await;
        match answer {
            Err(Failure::Node(error)) => same("the code", error.code(), Some("invalid_document_filter"))?,
            other => return Err(Failure::Broken(format!("{filter}: {other:?} should be refused"))),
        }
    }
    same("what is there", bench.held(&index).await?, [1])
}
