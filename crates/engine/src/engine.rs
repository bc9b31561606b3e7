//! The engine as a whole: what the routes and the batches share.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;

use milli::update::IndexerConfig;
use milli::{Index, ThreadPoolNoAbortBuilder};
use uuid::Uuid;

use crate::config::Config;
use crate::error::ApiError;
use crate::index::{Embedders, Indexes};
use crate::keys::Keys;
use crate::payloads::Payloads;
use crate::queue::{Content, Queue, Task};
use crate::store::Store;

pub(crate) struct Engine {
    pub(crate) store: Store,
    pub(crate) queue: Queue,
    pub(crate) indexes: Indexes,
    pub(crate) payloads: Payloads,
    pub(crate) keys: Keys,
    pub(crate) embedders: Embedders,
    pub(crate) indexer: IndexerConfig,
    pub(crate) batch_bytes: u64,
    /// Tells the batches that there is work, or that they should stop. Holds one signal: more would say the same.
    wake: SyncSender<()>,
    stopping: AtomicBool,
}

impl Engine {
    /// Opens everything in the directory and cleans up after a crash.
    ///
    /// # Errors
    /// When something cannot be opened.
    pub(crate) fn open(config: Config, wake: SyncSender<()>) -> Result<Self, ApiError> {
        let store = Store::open(&config.db_path.join("store"))?;
        let queue = Queue::open(store.clone())?;
        let (named, needed) = in_use(&store, &queue)?;
        let indexes = Indexes::open(config.db_path.join("indexes"), &named)?;
        let payloads = Payloads::open(config.db_path.join("payloads"), &needed)?;
        let pool = ThreadPoolNoAbortBuilder::new()
            .thread_name(|thread| format!("indexing-{thread}"))
            .num_threads(config.indexing_threads.get())
            .build()
            .map_err(ApiError::internal)?;
        let indexer = IndexerConfig {
            thread_pool: Some(pool),
            max_memory: Some(config.indexing_memory),
            ..IndexerConfig::default()
        };
        let keys = Keys::open(store.clone(), config.master_key)?;
        let engine = Self {
            store,
            queue,
            indexes,
            payloads,
            keys,
            embedders: Embedders::default(),
            indexer,
            batch_bytes: config.batch_bytes,
            wake,
            stopping: AtomicBool::new(false),
        };
        Ok(engine)
    }

    /// Accepts a task and wakes the batches.
    ///
    /// # Errors
    /// When the queue cannot be written; a payload that came with the task is then removed.
    pub(crate) fn enqueue(
        &self,
        index_uid: Option<String>,
        content: Content,
        metadata: Option<String>,
    ) -> Result<Task, ApiError> {
        let payload = content.payload();
        match self.queue.register(index_uid, content, metadata) {
            Ok(task) => {
                self.wake();
                Ok(task)
            }
            Err(error) => {
                if let Some(payload) = payload {
                    self.payloads.remove(payload);
                }
                Err(error)
            }
        }
    }

    /// The index called `uid`.
    ///
    /// # Errors
    /// `index_not_found`, or when it cannot be opened.
    pub(crate) fn index(&self, uid: &str) -> Result<Index, ApiError> {
        let found = self.store.index(&*self.store.read()?, uid)?;
        let directory = found.ok_or_else(|| ApiError::index_not_found(uid))?;
        Ok(self.indexes.get(directory)?)
    }

    /// The names of all indexes, in order.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(crate) fn index_names(&self) -> Result<Vec<String>, ApiError> {
        let txn = self.store.read()?;
        let names = self.store.names.iter(&txn)?.map(|row| row.map(|(name, _)| name.to_owned()));
        Ok(names.collect::<Result<_, _>>()?)
    }

    /// Whether the batch that runs now is about this index.
    pub(crate) fn is_indexing(&self, uid: &str) -> bool {
        let catalogue = self.queue.catalogue();
        catalogue.processing().is_some_and(|batch| batch.index_uid.as_deref() == Some(uid))
    }

    /// Says that there is work.
    pub(crate) fn wake(&self) {
        // Full: a signal is already waiting. Disconnected: the batches have stopped, and what is enqueued stays so.
        let _ = self.wake.try_send(());
    }

    /// Makes the batches stop: the one that runs is abandoned and runs again at the next start.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
        self.wake();
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }
}

/// Directories that have a name, and payloads that a task still needs.
fn in_use(store: &Store, queue: &Queue) -> Result<(Vec<Uuid>, Vec<Uuid>), ApiError> {
    let txn = store.read()?;
    let named = store.names.iter(&txn)?.map(|row| row.map(|(_, uuid)| uuid)).collect::<Result<_, _>>()?;
    let mut needed = Vec::new();
    for uid in queue.catalogue().unfinished() {
        needed.extend(store.tasks.get(&txn, &uid)?.and_then(|task| task.content.payload()));
    }
    Ok((named, needed))
}
