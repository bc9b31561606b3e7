//! What a batch does to names and to the queue itself: decided while it runs, done in the commit that ends it.

use milli::heed::RwTxn;
use roaring::RoaringBitmap;
use uuid::Uuid;

use crate::engine::Engine;
use crate::error::ApiError;
use crate::queue::Catalogue;

#[derive(Debug)]
pub(crate) enum Effect {
    Create {
        name: String,
        directory: Uuid,
    },
    /// Tasks older than `before` go with the name, as on Meilisearch.
    Rename {
        from: String,
        to: String,
        before: u32,
    },
    Delete {
        name: String,
        directory: Uuid,
    },
    ForgetTasks(RoaringBitmap),
}

impl Effect {
    /// Its part of the commit.
    pub(super) fn commit(&self, engine: &Engine, txn: &mut RwTxn<'_>) -> Result<(), ApiError> {
        let store = &engine.store;
        match self {
            Self::Create { name, directory } => store.names.put(txn, name, directory)?,
            Self::Delete { name, .. } => {
                store.names.delete(txn, name)?;
            }
            Self::Rename { from, to, before } => {
                let directory = store.index(txn, from)?.ok_or_else(|| ApiError::index_not_found(from))?;
                store.names.delete(txn, from)?;
                store.names.put(txn, to, &directory)?;
                rename_tasks(engine, txn, (from, to), *before)?;
            }
            Self::ForgetTasks(uids) => {
                for uid in uids {
                    store.tasks.delete(txn, &uid)?;
                }
            }
        }
        Ok(())
    }

    /// Its part of what the queue holds in memory.
    pub(super) fn show(&self, catalogue: &mut Catalogue) {
        match self {
            Self::Rename { from, to, before } => catalogue.exchange(from, to, *before),
            Self::ForgetTasks(uids) => catalogue.forget(uids),
            Self::Create { .. } | Self::Delete { .. } => (),
        }
    }

    /// The batch could not be ended and will run again, with new effects.
    pub(super) fn abandon(&self, engine: &Engine) {
        if let Self::Create { directory, .. } = self {
            engine.indexes.remove(*directory);
        }
    }

    /// What remains to be removed.
    pub(super) fn clean(&self, engine: &Engine) {
        if let Self::Delete { directory, .. } = self {
            engine.indexes.remove(*directory);
        }
    }
}

/// The tasks of both names exchange them: those of an earlier index called `to` must not look like the renamed one's.
fn rename_tasks(
    engine: &Engine,
    txn: &mut RwTxn<'_>,
    (from, to): (&str, &str),
    before: u32,
) -> Result<(), ApiError> {
    for (old, new) in [(from, to), (to, from)] {
        let mut uids = engine.queue.catalogue().of_index(old);
        uids.remove_range(before..);
        for uid in uids {
            if let Some(mut task) = engine.store.tasks.get(txn, &uid)? {
                task.index_uid = Some(new.to_owned());
                engine.store.tasks.put(txn, &uid, &task)?;
            }
        }
    }
    Ok(())
}
