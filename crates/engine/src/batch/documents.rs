//! Batches of documents (`index-scheduler/src/scheduler/process_index_operation.rs`).
//!
//! An error that milli finds while it reads a payload (a missing or bad id, no primary key) fails that task alone. Every
//! other error (a bad `_geo`, an embedder, a full disk) fails the whole batch.

use bumpalo::Bump;
use memmap2::Mmap;
use milli::documents::PrimaryKey;
use milli::heed::{RoTxn, RwTxn};
use milli::progress::Progress;
use milli::update::new::indexer::document_changes::DocumentChanges;
use milli::update::new::indexer::{self, DocumentDeletion, DocumentOperation, UpdateByFunction};
use milli::{FieldsIdsMap, Filter, ThreadPoolNoAbort};
use roaring::RoaringBitmap;
use serde_json::Value;

use super::run::Work;
use super::{forgotten, skip};
use crate::error::ApiError;
use crate::queue::{Content, Counts, Method, Status, Task};

/// Adds, updates and deletes documents in the order of the tasks.
///
/// # Errors
/// What fails the batch.
pub(super) fn apply(work: &Work<'_>, tasks: &mut [Task], primary_key: Option<&str>) -> Result<(), ApiError> {
    let payloads = payloads(work, tasks)?;
    let bump = Bump::new();
    let mut operations = DocumentOperation::new();
    for (task, payload) in tasks.iter().zip(&payloads) {
        match (&task.content, payload) {
            (Content::Documents { method: Method::Replace, .. }, Some(payload)) => {
                operations.replace_documents(payload).map_err(|error| work.error(&error))?;
            }
            (Content::Documents { method: Method::Update, .. }, Some(payload)) => {
                operations.update_documents(payload).map_err(|error| work.error(&error))?;
            }
            (Content::DeleteIds { ids }, _) => {
                let ids = bump.alloc_slice_fill_iter(ids.iter().map(|id| &*bump.alloc_str(id)));
                operations.delete_documents(ids);
            }
            _ => return Err(ApiError::internal("a batch of documents holds another kind of task")),
        }
    }

    let mut txn = work.index.write_txn()?;
    let read = work.index.read_txn()?;
    let old_fields = work.index.fields_ids_map(&read)?;
    let mut fields = old_fields.clone();
    let (changes, stats, new_primary_key) = operations
        .into_changes(
            &bump,
            work.index,
            &read,
            primary_key,
            &mut fields,
            &|| work.engine.is_stopping(),
            Progress::default(),
        )
        .map_err(|error| work.error(&error))?;
    for (stats, task) in stats.into_iter().zip(tasks.iter_mut()) {
        match stats.error {
            Some(error) => task.fail(ApiError::from(milli::Error::UserError(error))),
            None => task.succeed(counts(task, stats.document_count)),
        }
    }
    let indexed = match tasks.iter().any(|task| task.status == Status::Succeeded) {
        true => index(work, &mut txn, (&old_fields, fields), new_primary_key, &changes),
        false => Ok(()),
    };
    // SAFETY: they come from a `DocumentOperation`.
    #[allow(unsafe_code)]
    unsafe {
        forgotten::free(changes, pool(work)?);
    }
    indexed?;
    if payloads.iter().any(Option::is_some) {
        miroir_fault::point("engine.documents")?;
    }
    Ok(txn.commit()?)
}

fn counts(task: &Task, documents: u64) -> Counts {
    match task.content {
        // Those left out count as received and indexed, as on 1.50.
        Content::Documents { skip_creation: true, count, .. } => {
            Counts { indexed: Some(count), deleted: None }
        }
        Content::Documents { .. } => Counts { indexed: Some(documents), deleted: None },
        _ => Counts { indexed: None, deleted: Some(documents) },
    }
}

fn payloads(work: &Work<'_>, tasks: &[Task]) -> Result<Vec<Option<Mmap>>, ApiError> {
    let payload = |task: &Task| match &task.content {
        Content::Documents { payload, skip_creation, .. } => {
            let whole = work.engine.payloads.map(*payload)?;
            Ok(Some(if *skip_creation { skip::known_only(work, &whole)? } else { whole }))
        }
        _ => Ok(None),
    };
    tasks.iter().map(payload).collect()
}

/// Writes changes into the index.
fn index<'pl, C: DocumentChanges<'pl>>(
    work: &Work<'_>,
    txn: &mut RwTxn<'_>,
    (old_fields, fields): (&FieldsIdsMap, FieldsIdsMap),
    primary_key: Option<PrimaryKey<'pl>>,
    changes: &C,
) -> Result<(), ApiError> {
    let embedders = work.engine.embedders.of(work.index, txn).map_err(|error| work.error(&error))?;
    indexer::index(
        txn,
        work.index,
        pool(work)?,
        work.engine.indexer.grenad_parameters(),
        old_fields,
        fields,
        primary_key,
        changes,
        embedders,
        &|| work.engine.is_stopping(),
        &Progress::default(),
    )
    .map(|_| ())
    .map_err(|error| work.error(&error))
}

fn pool<'a>(work: &Work<'a>) -> Result<&'a ThreadPoolNoAbort, ApiError> {
    let pool = work.engine.indexer.thread_pool.as_ref();
    pool.ok_or_else(|| ApiError::internal("the engine has no indexing threads"))
}

/// Deletes by ids and by filters: a batch of deletions only, counted exactly.
///
/// # Errors
/// What fails the batch; a filter that cannot be evaluated fails its task alone.
pub(super) fn delete(work: &Work<'_>, tasks: &mut [Task]) -> Result<(), ApiError> {
    let mut txn = work.index.write_txn()?;
    let mut doomed = RoaringBitmap::new();
    for task in tasks.iter_mut() {
        let before = doomed.len();
        match &task.content {
            Content::DeleteIds { ids } => {
                for id in ids {
                    doomed.extend(work.index.external_documents_ids().get(&txn, id)?);
                }
            }
            Content::DeleteByFilter { filter } => match selected(work, &txn, filter) {
                Ok(matching) => doomed |= matching,
                Err(error) => {
                    task.fail(error);
                    continue;
                }
            },
            _ => return Err(ApiError::internal("a batch of deletions holds another kind of task")),
        }
        task.succeed(Counts { indexed: None, deleted: Some(doomed.len() - before) });
    }
    if doomed.is_empty() {
        return Ok(());
    }
    let read = work.index.read_txn()?;
    let old_fields = work.index.fields_ids_map(&read)?;
    let mut fields = old_fields.clone();
    let primary_key = primary_key(work, &read, &mut fields)?;
    let bump = Bump::new();
    let mut deletion = DocumentDeletion::new();
    deletion.delete_documents_by_docids(doomed);
    let changes = deletion.into_changes(&bump, primary_key);
    index(work, &mut txn, (&old_fields, fields), None, &changes)?;
    Ok(txn.commit()?)
}

/// The primary key of an index with documents.
fn primary_key<'t>(
    work: &Work<'_>,
    txn: &'t RoTxn<'_>,
    fields: &mut FieldsIdsMap,
) -> Result<PrimaryKey<'t>, ApiError> {
    let name = work.index.primary_key(txn)?;
    let name = name.ok_or_else(|| ApiError::internal("documents without a primary key"))?;
    Ok(PrimaryKey::new_or_insert(name, fields).map_err(milli::Error::from)?)
}

/// The documents that a filter selects; an empty one selects none.
fn selected(work: &Work<'_>, txn: &RoTxn<'_>, filter: &Value) -> Result<RoaringBitmap, ApiError> {
    let matching = Filter::from_json(filter).and_then(|filter| match filter {
        Some(filter) => filter.evaluate(txn, work.index),
        None => Ok(RoaringBitmap::new()),
    });
    matching.map_err(|error| work.error(&error).filter_as("invalid_document_filter"))
}

/// Edits documents by a function. What it counts is what the filter selects, whatever the function does, as on 1.50.
///
/// # Errors
/// What fails the batch: one document that the function fails for.
pub(super) fn edit(work: &Work<'_>, tasks: &mut [Task]) -> Result<(), ApiError> {
    let [task] = tasks else { return Err(ApiError::internal("an edit goes alone")) };
    let Content::Edit { function, context, filter } = &task.content else {
        return Err(ApiError::internal("a batch of an edit holds another kind of task"));
    };
    let mut txn = work.index.write_txn()?;
    let candidates = match filter {
        Some(filter) => selected(work, &txn, filter)?,
        None => work.index.documents_ids(&txn)?,
    };
    let count = candidates.len();
    if count > 0 {
        let read = work.index.read_txn()?;
        let old_fields = work.index.fields_ids_map(&read)?;
        let mut fields = old_fields.clone();
        let primary_key = primary_key(work, &read, &mut fields)?;
        let update = UpdateByFunction::new(candidates, context.clone(), function.clone());
        let changes = update.into_changes(&primary_key).map_err(|error| work.error(&error))?;
        index(work, &mut txn, (&old_fields, fields), None, &changes)?;
        txn.commit()?;
        // What dies here does it again.
        miroir_fault::point("engine.edited")?;
    }
    task.succeed(Counts { indexed: Some(count), deleted: Some(count) });
    Ok(())
}
