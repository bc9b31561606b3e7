//! The task queue: rows in the store, and in memory which uids have which status, type and index.
//!
//! The memory is rebuilt from the rows when the engine starts and is changed only after the commit it reflects, so a
//! task that a client was told of is listed, and nothing is listed that a crash could take back.

mod catalogue;
mod filter;
mod task;
mod view;

use std::sync::{Mutex, MutexGuard, PoisonError};

use milli::heed;
use roaring::RoaringBitmap;
use time::OffsetDateTime;

use crate::error::ApiError;
use crate::store::Store;

pub(crate) use catalogue::{Catalogue, Processing};
pub(crate) use filter::TaskFilter;
pub(crate) use task::{Content, Counts, Method, Status, Task};
pub(crate) use view::{full, instant, summary};

pub(crate) struct Queue {
    store: Store,
    catalogue: Mutex<Catalogue>,
    /// Held while a task is written and catalogued, so that the batches never see a task before an older one.
    registering: Mutex<()>,
}

/// A page of tasks, newest first unless reversed.
pub(crate) struct Page {
    pub(crate) tasks: Vec<Task>,
    pub(crate) total: u64,
    pub(crate) next: Option<u32>,
}

/// Where a page starts and how long it is.
pub(crate) struct Window {
    pub(crate) from: Option<u32>,
    pub(crate) limit: usize,
    pub(crate) reverse: bool,
}

impl Queue {
    /// Reads the rows once.
    pub(crate) fn open(store: Store) -> heed::Result<Self> {
        let mut catalogue = Catalogue::default();
        let txn = store.read()?;
        for row in store.tasks.iter(&txn)? {
            catalogue.add(&row?.1);
        }
        drop(txn);
        Ok(Self { store, catalogue: Mutex::new(catalogue), registering: Mutex::new(()) })
    }

    pub(crate) fn catalogue(&self) -> MutexGuard<'_, Catalogue> {
        // Its updates cannot panic half-way: a poisoned lock only says that some reader panicked.
        self.catalogue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Accepts a task: durable when this returns.
    ///
    /// # Errors
    /// When the queue cannot be written.
    pub(crate) fn register(
        &self,
        index_uid: Option<String>,
        content: Content,
        custom_metadata: Option<String>,
    ) -> Result<Task, ApiError> {
        let _in_order = self.registering.lock().unwrap_or_else(PoisonError::into_inner);
        let mut txn = self.store.write()?;
        let task = Task {
            uid: self.store.next_task(&txn)?,
            batch_uid: None,
            index_uid,
            status: Status::Enqueued,
            content,
            counts: Counts::default(),
            error: None,
            enqueued_at: OffsetDateTime::now_utc(),
            started_at: None,
            finished_at: None,
            custom_metadata,
        };
        self.store.tasks.put(&mut txn, &task.uid, &task)?;
        txn.commit()?;
        self.catalogue().add(&task);
        Ok(task)
    }

    /// One task as it is now.
    pub(crate) fn get(&self, uid: u32) -> Result<Option<Task>, ApiError> {
        let txn = self.store.read()?;
        Ok(self.store.tasks.get(&txn, &uid)?.map(|task| self.catalogue().overlay(task)))
    }

    /// The uids that match.
    ///
    /// # Errors
    /// When a row cannot be read.
    pub(crate) fn matching(&self, filter: &TaskFilter) -> Result<RoaringBitmap, ApiError> {
        let mut uids = self.catalogue().select(filter);
        if filter.needs_row() {
            let txn = self.store.read()?;
            let candidates = std::mem::take(&mut uids);
            for uid in candidates {
                if let Some(task) = self.store.tasks.get(&txn, &uid)?
                    && filter.matches_row(&self.catalogue().overlay(task))
                {
                    uids.insert(uid);
                }
            }
        }
        Ok(uids)
    }

    /// One page of the tasks among `uids`.
    pub(crate) fn page(&self, uids: &RoaringBitmap, window: &Window) -> Result<Page, ApiError> {
        let mut chosen: Vec<u32> = match (window.reverse, window.from) {
            (false, from) => uids
                .iter()
                .rev()
                .skip_while(|uid| from.is_some_and(|from| *uid > from))
                .take(window.limit + 1)
                .collect(),
            (true, from) => uids.range(from.unwrap_or(0)..).take(window.limit + 1).collect(),
        };
        let next = (chosen.len() > window.limit).then(|| chosen.pop()).flatten();
        let txn = self.store.read()?;
        let mut tasks = Vec::with_capacity(chosen.len());
        for uid in chosen {
            if let Some(task) = self.store.tasks.get(&txn, &uid)? {
                tasks.push(self.catalogue().overlay(task));
            }
        }
        Ok(Page { tasks, total: uids.len(), next })
    }
}
