//! The open indexes. Each lives in a directory with a random name; the store says which name is which directory, so a
//! rename moves no file.

mod documents;
mod embedders;
mod locale;
mod patch;
mod settings;
mod stats;

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use milli::heed::EnvOpenOptions;
use milli::{Index, Result};
use uuid::Uuid;

use crate::payloads::sync_dir;

pub(crate) use documents::{Browse, browse, one, with_vectors};
pub(crate) use embedders::Embedders;
pub(crate) use locale::language;
pub(crate) use patch::SettingsPatch;
pub(crate) use settings::{max_total_hits, read as read_settings};
pub(crate) use stats::{dates, stats};

/// Address space of one index. LMDB maps the whole of it while the file grows with what is stored, so it costs nothing
/// until used; a process has room for about 2,000 of them in the 47 bits of x86-64. An index that outgrows it fails its
/// tasks with `database_size_limit_reached`: this node is for small set-ups, and has no code to grow a map under use.
const MAP_SIZE: usize = 64 << 30;

/// Concurrent read transactions on one index, as Meilisearch allows.
const READERS: u32 = 1024;

pub(crate) struct Indexes {
    dir: PathBuf,
    open: Mutex<HashMap<Uuid, Index>>,
}

impl Indexes {
    /// Opens the directory and removes indexes that have no name: a crash came between their creation and its commit,
    /// or between the commit of a deletion and the removal.
    ///
    /// # Errors
    /// When the directory cannot be written.
    pub(crate) fn open(dir: PathBuf, named: &[Uuid]) -> io::Result<Self> {
        fs::create_dir_all(&dir)?;
        for entry in fs::read_dir(&dir)? {
            let entry = entry?;
            let uuid = entry.file_name().to_str().and_then(|name| Uuid::parse_str(name).ok());
            if uuid.is_none_or(|uuid| !named.contains(&uuid)) {
                fs::remove_dir_all(entry.path())?;
            }
        }
        Ok(Self { dir, open: Mutex::default() })
    }

    /// The index in this directory, opened when it is not.
    ///
    /// # Errors
    /// When LMDB cannot open it.
    pub(crate) fn get(&self, uuid: Uuid) -> Result<Index> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(index) = open.get(&uuid) {
            return Ok(index.clone());
        }
        let path = self.path(uuid);
        let creation = !path.exists();
        if creation {
            fs::create_dir_all(&path)?;
            sync_dir(&self.dir)?;
        }
        let mut options = EnvOpenOptions::new().read_txn_without_tls();
        options.map_size(MAP_SIZE).max_readers(READERS);
        let index = open_index(options, &path, creation)?;
        open.insert(uuid, index.clone());
        Ok(index)
    }

    /// Closes an index that has lost its name, and removes it once no search uses it any longer.
    pub(crate) fn remove(&self, uuid: Uuid) {
        let removed = self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&uuid);
        let path = self.path(uuid);
        let cleanup = move || {
            if let Some(index) = removed {
                index.prepare_for_closing().wait();
            }
            if let Err(error) = fs::remove_dir_all(&path) {
                tracing::warn!(%uuid, %error, "could not remove an index; it goes at the next start");
            }
        };
        if let Err(error) = std::thread::Builder::new().name("index-removal".to_owned()).spawn(cleanup) {
            tracing::warn!(%uuid, %error, "could not remove an index; it goes at the next start");
        }
    }

    /// Closes all indexes, waiting up to `patience` for each.
    pub(crate) fn close(&self, patience: Duration) {
        let open = std::mem::take(&mut *self.open.lock().unwrap_or_else(PoisonError::into_inner));
        for (uuid, index) in open {
            if !index.prepare_for_closing().wait_timeout(patience) {
                tracing::warn!(%uuid, "an index is still in use");
            }
        }
    }

    fn path(&self, uuid: Uuid) -> PathBuf {
        self.dir.join(uuid.to_string())
    }
}

fn open_index(
    options: EnvOpenOptions<milli::heed::WithoutTls>,
    path: &Path,
    creation: bool,
) -> Result<Index> {
    Index::new(options, path, creation)
}
