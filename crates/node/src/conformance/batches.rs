//! Batches: what waits together runs together, and nothing overtakes within an index.

use serde_json::{Value, json};

use super::bench::{Bench, add, delete, update};
use super::failure::same;
use super::{Check, Failure, check};
use crate::{Node, NodeTask, Write};

pub(super) const CHECKS: &[Check] = &[
    check!(
        waiting_additions_are_joined,
        "Additions to one index that wait behind another index's task run in one batch; a bad id fails its own task only."
    ),
    check!(
        settings_are_a_barrier,
        "Additions, settings and deletions of one index take effect in the order in which they were sent."
    ),
];

/// What became of the writes, sent while the node was busy with another index and would not start them.
async fn behind_a_slow_task(
    bench: &Bench<'_>,
    index: &str,
    writes: impl Fn() -> Vec<Write>,
) -> Result<Vec<NodeTask>, Failure> {
    let busy = bench.index().await?;
    for size in [4_000, 16_000, 64_000] {
        let much: Value =
            (0..size).map(|id| json!({"id": id, "text": format!("word{id} other{id}")})).collect();
        let slow = bench.enqueue(&busy, add(&much)).await?;
        let mut waiting = Vec::new();
        for write in writes() {
            waiting.push(bench.enqueue(index, write).await?);
        }
        let was_slow = !bench.lane.task(slow).await?.status.is_terminal();
        let mut ended = Vec::new();
        for task in waiting {
            ended.push(bench.ended(task).await?);
        }
        if was_slow {
            return Ok(ended);
        }
    }
    Err(Failure::Broken("no task was slow enough to let others wait".to_owned()))
}

async fn waiting_additions_are_joined(bench: &Bench<'_>) -> Result<(), Failure> {
    let index = bench.index().await?;
    let writes = || {
        vec![
            add(&json!([{"id": 1}])),
            add(&json!([{"id": "not an id"}])),
            update(&json!([{"id": 1, "n": 2}])),
        ]
    };
    let ended = behind_a_slow_task(bench, &index, writes).await?;
    same("one batch", ended[0].batch_uid, ended[2].batch_uid)?;
    let errors: Vec<_> =
        ended.iter().map(|task| task.error.as_ref().map(|error| error.code.as_str())).collect();
    same("the errors", errors, [None, Some("invalid_document_id"), None])?;
    same("what is there", bench.all(&index).await?, json!([{"id": 1, "n": 2}]))
}

async fn settings_are_a_barrier(bench: &Bench<'_>) -> Result<(), Failure> {
    let index = bench.index().await?;
    let writes = || {
        vec![
            add(&json!([{"id": 1, "n": 1}, {"id": 2, "n": 1}])),
            delete(&["1"]),
            update(&json!([{"id": 1, "n": 3}])),
            Write::DeleteMatching(json!("n = 1").to_string()),
            Write::Settings(json!({"filterableAttributes": ["n"]}).to_string()),
            Write::DeleteMatching(json!("n = 1").to_string()),
            add(&json!([{"id": 4, "n": 1}])),
            Write::Settings(json!({"filterableAttributes": null}).to_string()),
        ]
    };
    let ended = behind_a_slow_task(bench, &index, writes).await?;
    let errors: Vec<_> =
        ended.iter().map(|task| task.error.as_ref().map(|error| error.code.as_str())).collect();
    let mut expected = [None; 8];
    expected[3] = Some("invalid_document_filter");
    same("the errors", errors, expected)?;
    same("what is there", bench.all(&index).await?, json!([{"id": 1, "n": 3}, {"id": 4, "n": 1}]))
}
