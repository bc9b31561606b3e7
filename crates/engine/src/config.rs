//! What an engine is started with.

use std::num::NonZeroUsize;
use std::path::PathBuf;

/// The settings of one engine.
#[derive(Debug, Clone)]
pub struct Config {
    /// The directory of its data, created when absent. Two engines never share one.
    pub db_path: PathBuf,
    /// The master key; without one every route is open, except those of the API keys, as on Meilisearch.
    pub master_key: Option<String>,
    /// Threads that index. The default is half of the cores, at least one, as on Meilisearch.
    pub indexing_threads: NonZeroUsize,
    /// Bytes that a re-index after a settings change may hold in memory before it spills to disk.
    pub indexing_memory: usize,
    /// Bytes of payload after which a batch takes no further task.
    pub batch_bytes: u64,
}

impl Config {
    /// The defaults for a small machine.
    #[must_use]
    pub fn new(db_path: impl Into<PathBuf>, master_key: Option<String>) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Self {
            db_path: db_path.into(),
            master_key,
            indexing_threads: NonZeroUsize::new(cores / 2).unwrap_or(NonZeroUsize::MIN),
            indexing_memory: 256 << 20,
            batch_bytes: 512 << 20,
        }
    }
}
