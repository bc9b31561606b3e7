//! Which tasks run together (`index-scheduler/src/scheduler/autobatcher.rs`; the table is its).

use crate::engine::Engine;
use crate::error::ApiError;
use crate::queue::{Content, Task};

/// Tasks that run as one, in the order of their uids.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) kind: Kind,
    pub(crate) index_uid: Option<String>,
    pub(crate) tasks: Vec<Task>,
    /// The index does not exist, and the first task may create it.
    pub(crate) creates: bool,
}

/// What a batch does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Additions, updates, and deletions by id.
    Documents {
        primary_key: Option<String>,
        may_create: bool,
    },
    /// Deletions only.
    Deletion {
        by_filter: bool,
    },
    Clear,
    Edit,
    Settings {
        may_create: bool,
    },
    ClearAndSettings {
        may_create: bool,
    },
    IndexDeletion,
    IndexCreation,
    IndexUpdate,
    TaskDeletion,
}

/// What is known of the index before the batch.
struct Target<'a> {
    exists: bool,
    primary_key: Option<&'a str>,
}

/// A task that begins a batch, or joins one: go on, or take no more.
enum Grown {
    More(Kind),
    Last(Kind),
}

/// The next batch: all deletions of tasks, else what can run with the oldest task.
///
/// # Errors
/// When the queue or the index cannot be read.
pub(super) fn next(engine: &Engine) -> Result<Option<Batch>, ApiError> {
    let (enqueued, deletions) = {
        let catalogue = engine.queue.catalogue();
        let enqueued = catalogue.unfinished();
        let deletions = catalogue.of_kind("taskDeletion") & &enqueued;
        (enqueued, deletions)
    };
    let txn = engine.store.read()?;
    let task = |uid: u32| -> Result<Task, ApiError> {
        let found = engine.store.tasks.get(&txn, &uid)?;
        found.ok_or_else(|| ApiError::internal(format!("task {uid} is listed but not stored")))
    };
    if !deletions.is_empty() {
        let tasks = deletions.iter().map(task).collect::<Result<_, _>>()?;
        return Ok(Some(Batch { kind: Kind::TaskDeletion, index_uid: None, tasks, creates: false }));
    }
    let Some(oldest) = enqueued.min().map(task).transpose()? else { return Ok(None) };
    let index_uid = oldest.index_uid.clone().unwrap_or_default();
    let directory = engine.store.index(&txn, &index_uid)?;
    let primary_key = match directory {
        Some(directory) => {
            let index = engine.indexes.get(directory)?;
            let txn = index.read_txn()?;
            index.primary_key(&txn)?.map(str::to_owned)
        }
        None => None,
    };
    let target = Target { exists: directory.is_some(), primary_key: primary_key.as_deref() };
    let followers = engine.queue.catalogue().of_index(&index_uid) & enqueued;
    let first = oldest.uid;
    let followers = followers.into_iter().filter(|uid| *uid != first).map(task);
    join(oldest, followers, &target, engine.batch_bytes).map(Some)
}

fn join(
    oldest: Task,
    followers: impl Iterator<Item = Result<Task, ApiError>>,
    target: &Target<'_>,
    batch_bytes: u64,
) -> Result<Batch, ApiError> {
    let index_uid = oldest.index_uid.clone();
    let (mut kind, mut full) = match begin(&oldest.content, target) {
        Grown::More(kind) => (kind, false),
        Grown::Last(kind) => (kind, true),
    };
    let creates = !target.exists && may_create(&kind) == Some(true);
    let target = Target { exists: target.exists || creates, ..*target };
    let mut bytes = size(&oldest.content);
    let mut tasks = vec![oldest];
    for task in followers {
        if full {
            break;
        }
        let task = task?;
        bytes += size(&task.content);
        if bytes > batch_bytes {
            break;
        }
        match grow(&kind, &task.content, &target) {
            None => break,
            Some(Grown::More(grown)) => kind = grown,
            Some(Grown::Last(grown)) => (kind, full) = (grown, true),
        }
        tasks.push(task);
    }
    Ok(Batch { kind, index_uid, tasks, creates })
}

fn size(content: &Content) -> u64 {
    match content {
        Content::Documents { bytes, .. } => *bytes,
        _ => 0,
    }
}

fn may_create(kind: &Kind) -> Option<bool> {
    match kind {
        Kind::Documents { may_create, .. }
        | Kind::Settings { may_create }
        | Kind::ClearAndSettings { may_create } => Some(*may_create),
        _ => None,
    }
}

fn begin(content: &Content, target: &Target<'_>) -> Grown {
    match content {
        Content::Documents { primary_key, may_create, skip_creation, .. } => {
            let kind = Kind::Documents { primary_key: primary_key.clone(), may_create: *may_create };
            let disagrees =
                primary_key.as_deref().is_some_and(|key| target.primary_key.is_some_and(|set| set != key));
            // A key that disagrees fails, so alone. Leaving out unknown documents is decided against the index as it
            // is before the batch, so alone too (Meilisearch 1.50 joins these).
            if disagrees || *skip_creation { Grown::Last(kind) } else { Grown::More(kind) }
        }
        Content::DeleteIds { .. } => Grown::More(Kind::Deletion { by_filter: false }),
        Content::DeleteByFilter { .. } => Grown::More(Kind::Deletion { by_filter: true }),
        Content::Clear => Grown::More(Kind::Clear),
        Content::Edit { .. } => Grown::Last(Kind::Edit),
        Content::Settings { may_create, .. } => Grown::More(Kind::Settings { may_create: *may_create }),
        Content::IndexDeletion => Grown::Last(Kind::IndexDeletion),
        Content::IndexCreation { .. } => Grown::Last(Kind::IndexCreation),
        Content::IndexUpdate { .. } => Grown::Last(Kind::IndexUpdate),
        Content::TaskDeletion { .. } => Grown::Last(Kind::TaskDeletion),
    }
}

/// The batch with one more task, nothing when they do not go together.
fn grow(kind: &Kind, content: &Content, target: &Target<'_>) -> Option<Grown> {
    let next_creates = match content {
        Content::Documents { may_create, .. } | Content::Settings { may_create, .. } => Some(*may_create),
        _ => None,
    };
    if !target.exists && may_create(kind) == Some(false) && next_creates == Some(true) {
        return None;
    }
    match (kind, content) {
        (
            Kind::Clear
            | Kind::Deletion { .. }
            | Kind::Documents { .. }
            | Kind::Settings { .. }
            | Kind::ClearAndSettings { .. },
            Content::IndexDeletion,
        ) => Some(Grown::Last(Kind::IndexDeletion)),
        (Kind::Clear, Content::Clear | Content::DeleteIds { .. } | Content::DeleteByFilter { .. })
        | (Kind::Documents { .. } | Kind::Deletion { .. }, Content::Clear) => Some(Grown::More(Kind::Clear)),
        (Kind::Documents { .. }, Content::DeleteIds { .. }) => Some(Grown::More(kind.clone())),
        (Kind::Documents { .. } | Kind::Deletion { by_filter: false }, Content::Documents { .. }) => {
            add_documents(kind, content, target)
        }
        (Kind::Deletion { by_filter }, Content::DeleteIds { .. }) => {
            Some(Grown::More(Kind::Deletion { by_filter: *by_filter }))
        }
        (Kind::Deletion { .. }, Content::DeleteByFilter { .. }) => {
            Some(Grown::More(Kind::Deletion { by_filter: true }))
        }
        (Kind::Settings { may_create } | Kind::ClearAndSettings { may_create }, Content::Clear) => {
            Some(Grown::More(Kind::ClearAndSettings { may_create: *may_create }))
        }
        (Kind::Settings { .. } | Kind::ClearAndSettings { .. }, Content::Settings { .. }) => {
            Some(Grown::More(kind.clone()))
        }
        _ => None,
    }
}

/// An addition joins when the primary keys agree: one that names a key does not follow one that leaves it to be guessed.
fn add_documents(kind: &Kind, content: &Content, target: &Target<'_>) -> Option<Grown> {
    let Content::Documents { primary_key, may_create, skip_creation, .. } = content else { return None };
    if *skip_creation {
        return None;
    }
    let (batch_key, batch_creates) = match kind {
        Kind::Documents { primary_key, may_create } => (Some(primary_key.as_deref()), *may_create),
        // Deletions alone: on an index that does not exist they fail, and the addition must not be dragged along.
        _ if target.exists || !may_create => (None, *may_create),
        _ => return None,
    };
    let joined = match (primary_key.as_deref(), target.primary_key) {
        (None, _) => batch_key.flatten(),
        (Some(key), Some(set)) => (key == set).then_some(Some(key))?,
        (Some(key), None) => match batch_key {
            None => Some(key),
            Some(batch_key) => (batch_key == Some(key)).then_some(Some(key))?,
        },
    };
    Some(Grown::More(Kind::Documents { primary_key: joined.map(str::to_owned), may_create: batch_creates }))
}

#[cfg(test)]
mod tests;
