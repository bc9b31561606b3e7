//! Batches of settings, and of deletions of all documents.

use milli::update::{ClearDocuments, Settings};

use super::run::Work;
use crate::error::ApiError;
use crate::index::SettingsPatch;
use crate::queue::{Content, Counts, Task};

/// Removes all documents: earlier additions of the batch are never made, and the first deletion of all counts.
///
/// # Errors
/// What fails the batch.
pub(super) fn clear(work: &Work<'_>, tasks: &mut [Task]) -> Result<(), ApiError> {
    let mut txn = work.index.write_txn()?;
    let deleted = ClearDocuments::new(&mut txn, work.index).execute().map_err(|error| work.error(&error))?;
    txn.commit()?;
    end_cleared(tasks, deleted);
    Ok(())
}

fn end_cleared(tasks: &mut [Task], mut deleted: u64) {
    for task in tasks {
        task.succeed(match task.content {
            Content::Clear => Counts { indexed: None, deleted: Some(std::mem::take(&mut deleted)) },
            Content::Documents { count, .. } => Counts { indexed: Some(count), deleted: None },
            _ => Counts { indexed: None, deleted: Some(0) },
        });
    }
}

/// Applies settings in order, as one change of the index; deletions of all documents among them come first.
///
/// # Errors
/// What fails the batch: all of it or nothing.
pub(super) fn settings(work: &Work<'_>, tasks: &mut [Task]) -> Result<(), ApiError> {
    let mut txn = work.index.write_txn()?;
    let mut deleted = 0;
    if tasks.iter().any(|task| matches!(task.content, Content::Clear)) {
        deleted = ClearDocuments::new(&mut txn, work.index).execute().map_err(|error| work.error(&error))?;
    }
    let mut builder = Settings::new(&mut txn, work.index, &work.engine.indexer);
    for task in tasks.iter() {
        if let Content::Settings { patch, .. } = &task.content {
            SettingsPatch::parse(patch.clone())?.apply(&mut builder);
        }
    }
    builder.execute(|_| (), || work.engine.is_stopping()).map_err(|error| work.error(&error))?;
    txn.commit()?;
    end_cleared(tasks, deleted);
    Ok(())
}
