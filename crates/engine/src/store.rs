//! The LMDB environment that holds everything but the indexes: tasks, the directory of each index name, API keys.
//!
//! One environment, so that a batch's end (its tasks, and the names it created, renamed or deleted) is one commit.

use std::path::Path;

use milli::BEU32;
use milli::heed::types::{SerdeJson, Str};
use milli::heed::{self, Database, Env, EnvOpenOptions, RoTxn, RwTxn, WithoutTls};
use uuid::Uuid;

use crate::keys::Key;
use crate::mapped;
use crate::queue::Task;

/// Address space of the environment. Its file grows with what is stored; a task row is about half a kilobyte, and a
/// deletion by ids or a settings task holds its content.
const MAP_SIZE: usize = 16 << 30;

const LAST_BATCH: &str = "last-batch";
const EDITS: &str = "edit-documents-by-function";

#[derive(Clone)]
pub(crate) struct Store {
    pub(crate) env: Env<WithoutTls>,
    pub(crate) tasks: Database<BEU32, SerdeJson<Task>>,
    /// Index name to the directory that holds it.
    pub(crate) names: Database<Str, SerdeJson<Uuid>>,
    /// API keys by uid, hyphenated.
    pub(crate) keys: Database<Str, SerdeJson<Key>>,
    counters: Database<Str, BEU32>,
}

impl Store {
    /// Opens or creates the environment in `dir`.
    ///
    /// # Errors
    /// When the directory cannot be written or holds something else.
    pub(crate) fn open(dir: &Path) -> heed::Result<Self> {
        std::fs::create_dir_all(dir)?;
        let mut options = EnvOpenOptions::new().read_txn_without_tls();
        options.max_dbs(8).max_readers(1024).map_size(MAP_SIZE);
        let env = mapped::open_env(&options, dir)?;
        let mut txn = env.write_txn()?;
        let tasks = env.create_database(&mut txn, Some("tasks"))?;
        let names = env.create_database(&mut txn, Some("index-names"))?;
        let keys = env.create_database(&mut txn, Some("keys"))?;
        let counters = env.create_database(&mut txn, Some("counters"))?;
        txn.commit()?;
        Ok(Self { env, tasks, names, keys, counters })
    }

    pub(crate) fn read(&self) -> heed::Result<RoTxn<'_, WithoutTls>> {
        self.env.read_txn()
    }

    pub(crate) fn write(&self) -> heed::Result<RwTxn<'_>> {
        self.env.write_txn()
    }

    /// The uid of the next task: the last plus one, as the queue is never empty again once it held a task (a deletion
    /// of tasks is itself a task and never deletes itself).
    pub(crate) fn next_task(&self, txn: &RoTxn<'_>) -> heed::Result<u32> {
        Ok(self
            .tasks
            .remap_data_type::<heed::types::DecodeIgnore>()
            .last(txn)?
            .map_or(0, |(uid, ())| uid + 1))
    }

    /// The uid of the next batch.
    pub(crate) fn next_batch(&self, txn: &RoTxn<'_>) -> heed::Result<u32> {
        Ok(self.counters.get(txn, LAST_BATCH)?.map_or(0, |last| last + 1))
    }

    /// Records that the batch `uid` has ended.
    pub(crate) fn put_batch(&self, txn: &mut RwTxn<'_>, uid: u32) -> heed::Result<()> {
        self.counters.put(txn, LAST_BATCH, &uid)
    }

    /// Whether documents may be edited by functions, the one experimental feature here.
    pub(crate) fn edits(&self, txn: &RoTxn<'_>) -> heed::Result<bool> {
        Ok(self.counters.get(txn, EDITS)? == Some(1))
    }

    /// Switches that.
    pub(crate) fn put_edits(&self, txn: &mut RwTxn<'_>, on: bool) -> heed::Result<()> {
        self.counters.put(txn, EDITS, &u32::from(on))
    }

    /// The directory of an index.
    pub(crate) fn index(&self, txn: &RoTxn<'_>, name: &str) -> heed::Result<Option<Uuid>> {
        self.names.get(txn, name)
    }
}
