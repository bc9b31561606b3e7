//! Running one batch.

use milli::Index;
use milli::update::Settings;
use roaring::RoaringBitmap;
use uuid::Uuid;

use super::documents;
use super::effects::Effect;
use super::operations;
use super::plan::{Batch, Kind};
use crate::engine::Engine;
use crate::error::ApiError;
use crate::queue::{Content, Counts, Task};

/// Does the batch's work and ends its tasks. What it does to names is added to `effects`, which hold even when it fails:
/// an index is created for a batch whose documents are refused, as on Meilisearch.
///
/// # Errors
/// What fails the whole batch.
pub(super) fn run(engine: &Engine, batch: &Batch, effects: &mut Vec<Effect>) -> Result<Vec<Task>, ApiError> {
    let uid = batch.index_uid.as_deref().unwrap_or_default();
    match &batch.kind {
        Kind::TaskDeletion => delete_tasks(engine, batch, effects),
        Kind::IndexCreation => create_index(engine, uid, batch, effects),
        Kind::IndexUpdate => update_index(engine, uid, batch, effects),
        Kind::IndexDeletion => delete_index(engine, uid, batch, effects),
        kind => {
            let index = match batch.creates {
                true => new_index(engine, uid, effects)?,
                false => engine.index(uid)?,
            };
            let mut tasks = batch.tasks.clone();
            let work = Work { engine, uid, index: &index };
            match kind {
                Kind::Documents { primary_key, .. } => {
                    documents::apply(&work, &mut tasks, primary_key.as_deref())?
                }
                Kind::Deletion { .. } => documents::delete(&work, &mut tasks)?,
                Kind::Clear => operations::clear(&work, &mut tasks)?,
                Kind::Edit => documents::edit(&work, &mut tasks)?,
                _ => operations::settings(&work, &mut tasks)?,
            }
            Ok(tasks)
        }
    }
}

/// An index that a batch works on.
pub(super) struct Work<'a> {
    pub(super) engine: &'a Engine,
    pub(super) uid: &'a str,
    pub(super) index: &'a Index,
}

impl Work<'_> {
    /// The error of this index.
    pub(super) fn error(&self, error: &milli::Error) -> ApiError {
        ApiError::in_index(error, self.uid)
    }
}

/// A new index in a new directory. Its name comes with the commit that ends the batch.
fn new_index(engine: &Engine, uid: &str, effects: &mut Vec<Effect>) -> Result<Index, ApiError> {
    let directory = Uuid::new_v4();
    let index = engine.indexes.get(directory)?;
    effects.push(Effect::Create { name: uid.to_owned(), directory });
    Ok(index)
}

fn create_index(
    engine: &Engine,
    uid: &str,
    batch: &Batch,
    effects: &mut Vec<Effect>,
) -> Result<Vec<Task>, ApiError> {
    if engine.store.index(&*engine.store.read()?, uid)?.is_some() {
        return Err(ApiError::index_already_exists(uid));
    }
    let index = new_index(engine, uid, effects)?;
    let mut tasks = batch.tasks.clone();
    for task in &mut tasks {
        if let Content::IndexCreation { primary_key: Some(key) } = &task.content {
            set_primary_key(&Work { engine, uid, index: &index }, key)?;
        }
        task.succeed(Counts::default());
    }
    Ok(tasks)
}

fn update_index(
    engine: &Engine,
    uid: &str,
    batch: &Batch,
    effects: &mut Vec<Effect>,
) -> Result<Vec<Task>, ApiError> {
    let index = engine.index(uid)?;
    let mut tasks = batch.tasks.clone();
    for task in &mut tasks {
        let Content::IndexUpdate { primary_key, new_uid } = &task.content else { continue };
        if let Some(new_uid) = new_uid.as_ref().filter(|new_uid| *new_uid != uid) {
            if engine.store.index(&*engine.store.read()?, new_uid)?.is_some() {
                return Err(ApiError::index_already_exists(new_uid));
            }
            effects.push(Effect::Rename { from: uid.to_owned(), to: new_uid.clone(), before: task.uid });
        }
        if let Some(key) = primary_key {
            let set = set_primary_key(&Work { engine, uid, index: &index }, key);
            set.inspect_err(|_| effects.clear())?;
        }
        task.succeed(Counts::default());
    }
    Ok(tasks)
}

fn set_primary_key(work: &Work<'_>, key: &str) -> Result<(), ApiError> {
    let mut txn = work.index.write_txn()?;
    let mut settings = Settings::new(&mut txn, work.index, &work.engine.indexer);
    settings.set_primary_key(key.to_owned());
    settings.execute(|_| (), || work.engine.is_stopping()).map_err(|error| work.error(&error))?;
    Ok(txn.commit()?)
}

fn delete_index(
    engine: &Engine,
    uid: &str,
    batch: &Batch,
    effects: &mut Vec<Effect>,
) -> Result<Vec<Task>, ApiError> {
    let directory = engine.store.index(&*engine.store.read()?, uid)?;
    let mut documents = 0;
    match directory {
        Some(directory) => {
            let index = engine.indexes.get(directory)?;
            documents = index.number_of_documents(&*index.read_txn()?)?;
            effects.push(Effect::Delete { name: uid.to_owned(), directory });
        }
        // Tasks of the batch would have created it.
        None if batch.creates => (),
        None => return Err(ApiError::index_not_found(uid)),
    }
    let mut tasks = batch.tasks.clone();
    for task in &mut tasks {
        let deleted = matches!(task.content, Content::IndexDeletion).then_some(documents);
        task.succeed(Counts { indexed: Some(0), deleted: deleted.or(Some(0)) });
    }
    Ok(tasks)
}

/// Only tasks that have ended go; the others stay and are not counted.
fn delete_tasks(engine: &Engine, batch: &Batch, effects: &mut Vec<Effect>) -> Result<Vec<Task>, ApiError> {
    let mut tasks = batch.tasks.clone();
    let mut gone = RoaringBitmap::new();
    let unfinished = engine.queue.catalogue().unfinished();
    let txn = engine.store.read()?;
    for task in &mut tasks {
        let Content::TaskDeletion { uids, .. } = &task.content else { continue };
        let mut deleted = 0;
        for uid in uids {
            if !unfinished.contains(*uid) && engine.store.tasks.get(&txn, uid)?.is_some() && gone.insert(*uid)
            {
                deleted += 1;
            }
        }
        task.succeed(Counts { indexed: None, deleted: Some(deleted) });
    }
    effects.push(Effect::ForgetTasks(gone));
    Ok(tasks)
}
