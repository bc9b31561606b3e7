//! Renaming as a fence: what was sent to the old name and comes late does nothing.

use serde_json::{Value, json};

use super::bench::{Bench, add, delete, update};
use super::failure::{ensure, refused, same};
use super::{Check, Failure, check};
use crate::{Node, NodeTaskStatus, Write};

pub(super) const CHECKS: &[Check] = &[
    check!(
        a_rename_keeps_everything,
        "A renamed index has its documents, settings and primary key; the old name is gone."
    ),
    check!(
        a_rename_fences,
        "A request to the old name that arrives after the rename, done or waiting, is accepted; its task fails with `index_not_found`, no index comes back, and the renamed index holds exactly what stood before."
    ),
    check!(
        a_rename_happens_once,
        "A rename of what is gone fails with `index_not_found`, one to a name in use with `index_already_exists`."
    ),
];

fn rename(to: &str) -> Write {
    Write::RenameIndex { to: to.to_owned() }
}

/// The name of the next generation.
fn next(name: &str) -> String {
    let (index, generation) = name.rsplit_once('-').unwrap_or((name, "0"));
    format!("{index}-{}", generation.parse::<u32>().unwrap_or_default() + 1)
}

async fn a_rename_keeps_everything(bench: &Bench<'_>) -> Result<(), Failure> {
    let old =
        bench.index_of(json!({"filterableAttributes": ["n"]}), json!([{"id": 1, "n": 1}, {"id": 2}])).await?;
    let settings = bench.lane.settings(&old).await?;
    let new = next(&old);
    let task = bench.done(&old, rename(&new)).await?;
    let details = task.details.unwrap_or_default();
    same("old name", details.old_index_uid.as_deref(), Some(old.as_str()))?;
    same("new name", details.new_index_uid.as_deref(), Some(new.as_str()))?;
    refused("the old name", bench.lane.index(&old).await, 404, "index_not_found")?;
    same("the primary key", bench.lane.index(&new).await?.primary_key.as_deref(), Some("id"))?;
    same("the settings", bench.lane.settings(&new).await?, settings)?;
    same("the documents", bench.found(&new, json!({"filter": "n = 1"})).await?, [1])?;
    bench.done(&new, add(&json!([{"id": 3}]))).await?;
    same("it can be written to", bench.held(&new).await?, [1, 2, 3])
}

async fn a_rename_fences(bench: &Bench<'_>) -> Result<(), Failure> {
    let busy = bench.index().await?;
    for waiting in [true, false] {
        let old = bench.index().await?;
        let new = next(&old);
        bench.done(&old, add(&json!([{"id": 1}]))).await?;
        if waiting {
            let much: Value =
                (0..2000).map(|id| json!({"id": id, "text": format!("word{id} other{id}")})).collect();
            bench.enqueue(&busy, add(&much)).await?;
        }
        let before = bench.enqueue(&old, add(&json!([{"id": 2}]))).await?;
        let fence = bench.enqueue(&old, rename(&new)).await?;
        if !waiting {
            bench.succeeded(fence).await?;
        }
        let mut late = Vec::new();
        for write in [
            add(&json!([{"id": 3}])),
            update(&json!([{"id": 1, "late": true}])),
            delete(&["1"]),
            Write::DeleteAll,
            Write::Settings(json!({"stopWords": ["late"]}).to_string()),
            Write::DeleteIndex,
        ] {
            late.push(bench.enqueue(&old, write).await?);
        }
        for task in [before, fence] {
            bench.succeeded(task).await?;
        }
        for task in late {
            bench.failed(task, "index_not_found").await?;
        }
        refused("the old name", bench.lane.index(&old).await, 404, "index_not_found")?;
        same("what is there", bench.all(&new).await?, json!([{"id": 1}, {"id": 2}]))?;
        let settings: Value = serde_json::from_slice(&bench.lane.settings(&new).await?)?;
        same("its settings", &settings["stopWords"], &json!([]))?;
    }
    Ok(())
}

async fn a_rename_happens_once(bench: &Bench<'_>) -> Result<(), Failure> {
    let (old, other) = (bench.index().await?, bench.index().await?);
    let new = next(&old);
    bench.fails(&old, rename(&other), "index_already_exists").await?;
    bench.lane.index(&old).await?;
    let first = bench.enqueue(&old, rename(&new)).await?;
    let second = bench.enqueue(&old, rename(&new)).await?;
    bench.succeeded(first).await?;
    let second = bench.failed(second, "index_not_found").await?;
    ensure("it ended as a failure", second.status == NodeTaskStatus::Failed)?;
    bench.lane.index(&new).await.map(drop).map_err(Failure::from)
}
