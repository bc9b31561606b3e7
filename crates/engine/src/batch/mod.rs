//! Running tasks: one batch at a time, over all indexes, oldest task first.
//!
//! A batch has two commits, as on Meilisearch: the index's, then the queue's. A crash between them runs it again on an
//! index that has it already, which changes nothing for documents, deletions and settings. Names (an index created,
//! renamed, deleted) change in the queue's commit, together with the tasks that say so.

mod documents;
mod effects;
mod forgotten;
mod operations;
mod plan;
mod run;
mod skip;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::Receiver;
use std::time::Duration;

use roaring::RoaringBitmap;
use time::OffsetDateTime;

use crate::engine::Engine;
use crate::error::ApiError;
use crate::queue::{Processing, Status, Task};
use effects::Effect;
use plan::Batch;

/// Wait before trying again when the queue itself cannot be read or written, for instance on a full disk.
const PAUSE: Duration = Duration::from_secs(5);

/// Runs batches until the engine stops.
pub(crate) fn run(engine: &Engine, signals: &Receiver<()>) {
    while !engine.is_stopping() {
        match tick(engine) {
            Ok(true) => (),
            // An error is a disconnected channel: the engine is gone.
            Ok(false) => {
                if signals.recv().is_err() {
                    return;
                }
            }
            Err(error) => {
                tracing::error!(%error, "the task queue does not work; trying again");
                let _ = signals.recv_timeout(PAUSE);
            }
        }
    }
}

/// Runs the next batch; false when there is none.
///
/// # Errors
/// When the queue cannot be read or written: the batch then runs again.
fn tick(engine: &Engine) -> Result<bool, ApiError> {
    let Some(batch) = plan::next(engine)? else { return Ok(false) };
    let started_at = OffsetDateTime::now_utc();
    let batch_uid = engine.store.next_batch(&*engine.store.read()?)?;
    let uids: RoaringBitmap = batch.tasks.iter().map(|task| task.uid).collect();
    let index_uid = batch.index_uid.clone();
    engine.queue.catalogue().start(Processing { uids, batch_uid, index_uid, started_at });

    let mut effects = Vec::new();
    let ended = process(engine, &batch, &mut effects);
    if engine.is_stopping() && ended.is_err() {
        // Perhaps it failed because it was told to stop: its tasks are still enqueued on disk.
        engine.queue.catalogue().stop();
        return Ok(false);
    }
    let tasks = match ended {
        Ok(tasks) => tasks,
        Err(error) => failed(batch.tasks, &error),
    };
    let finished = finish(engine, batch_uid, started_at, tasks, &effects);
    if finished.is_err() {
        engine.queue.catalogue().stop();
        effects.iter().for_each(|effect| effect.abandon(engine));
    }
    finished.map(|()| true)
}

/// Runs a batch; a panic in the engine's depth fails the batch, not the node.
fn process(engine: &Engine, batch: &Batch, effects: &mut Vec<Effect>) -> Result<Vec<Task>, ApiError> {
    catch_unwind(AssertUnwindSafe(|| run::run(engine, batch, effects))).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().map(ToString::to_string);
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
        Err(ApiError::internal(format!("the batch panicked: {text}")))
    })
}

/// Every task of a batch fails with the batch's error.
fn failed(tasks: Vec<Task>, error: &ApiError) -> Vec<Task> {
    tracing::info!(%error, tasks = tasks.len(), "a batch failed");
    let fail = |mut task: Task| {
        task.fail(error.clone());
        task
    };
    tasks.into_iter().map(fail).collect()
}

/// Commits the end of a batch, then cleans up what nothing names any longer.
fn finish(
    engine: &Engine,
    batch_uid: u32,
    started_at: OffsetDateTime,
    mut tasks: Vec<Task>,
    effects: &[Effect],
) -> Result<(), ApiError> {
    let finished_at = OffsetDateTime::now_utc();
    let mut txn = engine.store.write()?;
    for task in &mut tasks {
        task.batch_uid = Some(batch_uid);
        task.started_at = Some(started_at);
        task.finished_at = Some(finished_at);
        debug_assert!(
            matches!(task.status, Status::Succeeded | Status::Failed),
            "a batch ends all its tasks"
        );
        engine.store.tasks.put(&mut txn, &task.uid, task)?;
    }
    engine.store.put_batch(&mut txn, batch_uid)?;
    for effect in effects {
        effect.commit(engine, &mut txn)?;
    }
    txn.commit()?;
    let mut catalogue = engine.queue.catalogue();
    catalogue.finish(&tasks);
    effects.iter().for_each(|effect| effect.show(&mut catalogue));
    drop(catalogue);
    effects.iter().for_each(|effect| effect.clean(engine));
    tasks
        .iter()
        .filter_map(|task| task.content.payload())
        .for_each(|payload| engine.payloads.remove(payload));
    Ok(())
}
