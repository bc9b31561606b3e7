//! The Raft log and vote, in the crate `raft-log` (a write-ahead log in chunk files with its own flush thread).
//!
//! What is set here and why:
//!
//! - chunk files of 16 MiB: the open one is held in memory, whole, and a restart reads every chunk that is kept;
//! - a cache of 16 MiB beside it, for followers that are nearly up to date;
//! - the flush thread waits 5 µs for company before it syncs, enough to take what has gathered behind a running sync;
//! - 16 MiB may wait to be written; more blocks the writer;
//! - the vote, entries and purges are synced; the mark of what is committed is only written: it may be old after a
//!   power failure, and then the leader tells.
//!
//! The WAL syncs its directory when a chunk file appears or goes (read in 0.4.6). After a write error it takes
//! nothing more, and [`record::Notify`] turns what it drops into errors, on which openraft stops.

pub(crate) mod record;
mod tail;

use std::fmt::Debug;
use std::fs::File;
use std::io;
use std::ops::{Bound, RangeBounds};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::{Stream, TryStreamExt, stream};
use openraft::storage::{LogState, RaftLogStorage};
use openraft::type_config::TypeConfigExt;
use openraft::{OptionalSend, RaftLogReader};
use raft_log::RaftLog;
use raft_log::api::raft_log_writer::RaftLogWriter;

use self::record::{Notify, Parts, WalId, WalPayload, WalVote, body_len};
use crate::types::{Entry, Flushed, Group, LogId, Vote};

const CACHE_BYTES: usize = 16 << 20;
const QUEUE_BYTES: usize = 16 << 20;
const READ_BUFFER_BYTES: usize = 1 << 20;
/// The most bytes of entries read or sent at once, unless one entry alone is larger.
const BATCH_BYTES: usize = 2 << 20;
/// The most entries read at once.
const BATCH_ENTRIES: u64 = 1024;

/// The log of one peer. Clones share it.
#[derive(Clone)]
pub(crate) struct LogStore {
    wal: Arc<Mutex<RaftLog<Parts>>>,
    // Let go of after the WAL.
    _lock: Option<Arc<File>>,
}

/// Where the log of a peer begins and ends, in bytes since it was made, and by entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Extent {
    /// Each complete file: where it ends, and the last entry up to there.
    pub(crate) files: Vec<(u64, Option<u64>)>,
    /// Where the first file that is kept begins.
    pub(crate) start: u64,
    /// Where the next record goes.
    pub(crate) end: u64,
    /// The last entry.
    pub(crate) last: Option<u64>,
}

impl LogStore {
    /// Opens the log in a directory, or makes one. A tail that a crash tore is cut off.
    ///
    /// # Errors
    /// When the directory cannot be used, or a record that was whole once is damaged.
    pub(crate) fn open(dir: &Path, file_bytes: usize) -> io::Result<Self> {
        std::fs::create_dir_all(dir)?;
        let mut config = raft_log::Config::new(dir.display());
        config.wal.read_buffer_size = Some(READ_BUFFER_BYTES);
        config.wal.chunk_max_size = Some(file_bytes);
        config.wal.flush_batch_wait = Some(Duration::from_micros(5));
        config.wal.flush_queue_max_bytes = Some(QUEUE_BYTES);
        config.log_cache_capacity = Some(CACHE_BYTES);
        let config = Arc::new(config);
        let wal = match RaftLog::open(config.clone()) {
            Err(_) if tail::cut_torn(&config)? => RaftLog::open(config)?,
            opened => opened?,
        };
        sync_files(dir)?;
        Ok(Self { wal: Arc::new(Mutex::new(wal)), _lock: None })
    }

    /// Holds the lock of the data directory for as long as the log is open.
    pub(crate) fn holding(self, lock: Arc<File>) -> Self {
        Self { _lock: Some(lock), ..self }
    }

    /// Whether nothing was ever written: no vote and no entry.
    pub(crate) fn is_empty(&self) -> bool {
        let wal = self.wal();
        wal.log_state().vote().is_none() && wal.log_state().last().is_none()
    }

    /// The last entry that was purged.
    pub(crate) fn purged(&self) -> Option<u64> {
        self.wal().log_state().purged().map(|id| id.0.index)
    }

    /// What there is, in bytes.
    pub(crate) fn extent(&self) -> Extent {
        let wal = self.wal();
        let (stat, last) = (wal.stat(), wal.log_state().last().map(|id| id.0.index));
        let closed = || stat.closed_chunks.iter();
        Extent {
            files: closed()
                .map(|file| (file.global_end, file.log_state.last().map(|id| id.0.index)))
                .collect(),
            start: closed().next().map_or(stat.open_chunk.global_start, |first| first.global_start),
            end: stat.open_chunk.global_end,
            last,
        }
    }

    // A panic while the lock was held can only have come from the WAL, whose own state says what it holds.
    fn wal(&self) -> MutexGuard<'_, RaftLog<Parts>> {
        self.wal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The entries of `start..end`, from the first, up to [`BATCH_BYTES`] (at least one).
    fn read(&self, start: u64, end: u64, max_bytes: usize) -> io::Result<Vec<Entry>> {
        let wal = self.wal();
        let mut entries = Vec::new();
        let mut bytes = 0;
        for item in wal.read(start, end) {
            let (WalId(log_id), WalPayload(payload)) = item?;
            bytes += body_len(&payload);
            if bytes > max_bytes && !entries.is_empty() {
                break;
            }
            entries.push(Entry { log_id, payload });
        }
        Ok(entries)
    }

    /// Writes what is pending, syncs it and waits.
    async fn synced(&self, write: impl FnOnce(&mut RaftLog<Parts>) -> io::Result<()>) -> io::Result<()> {
        let (done, synced) = Group::oneshot();
        {
            let mut wal = self.wal();
            write(&mut wal)?;
            wal.flush(true, Some(Notify::new(Flushed::signal(done))))?;
        }
        synced.await.map_err(io::Error::other)?
    }
}

/// Makes durable what a process wrote that was killed before it could: others are told that it is here, and the WAL
/// syncs only what it writes itself.
fn sync_files(dir: &Path) -> io::Result<()> {
    miroir_fault::point("log.reopen")?;
    for entry in std::fs::read_dir(dir)? {
        File::open(entry?.path())?.sync_all()?;
    }
    File::open(dir)?.sync_all()
}

fn bounds(range: &impl RangeBounds<u64>) -> (u64, u64) {
    let start = match range.start_bound() {
        Bound::Included(start) => *start,
        Bound::Excluded(before) => before.saturating_add(1),
        Bound::Unbounded => 0,
    };
    let end = match range.end_bound() {
        Bound::Included(last) => last.saturating_add(1),
        Bound::Excluded(end) => *end,
        Bound::Unbounded => u64::MAX,
    };
    (start, end.max(start))
}

impl RaftLogReader<Group> for LogStore {
    async fn try_get_log_entries<R: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: R,
    ) -> io::Result<Vec<Entry>> {
        let (start, end) = bounds(&range);
        self.read(start, end, usize::MAX)
    }

    async fn limited_get_log_entries(&mut self, start: u64, end: u64) -> io::Result<Vec<Entry>> {
        self.read(start, end, BATCH_BYTES)
    }

    /// In batches: a peer that is far behind applies gigabytes in one call.
    async fn entries_stream<R: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: R,
    ) -> impl Stream<Item = io::Result<Entry>> + OptionalSend {
        let (start, end) = bounds(&range);
        let log = self.clone();
        stream::try_unfold(start, move |next| {
            let log = log.clone();
            async move {
                if next >= end {
                    return Ok(None);
                }
                let batch = log.read(next, end.min(next + BATCH_ENTRIES), BATCH_BYTES)?;
                let after = batch.last().map(|entry| entry.log_id.index + 1);
                Ok::<_, io::Error>(after.map(|after| (stream::iter(batch.into_iter().map(Ok)), after)))
            }
        })
        .try_flatten()
    }

    async fn read_vote(&mut self) -> io::Result<Option<Vote>> {
        Ok(self.wal().log_state().vote().map(|vote| vote.0))
    }
}

impl RaftLogStorage<Group> for LogStore {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> io::Result<LogState<Group>> {
        let wal = self.wal();
        let state = wal.log_state();
        Ok(LogState {
            last_purged_log_id: state.purged().map(|id| id.0),
            last_log_id: state.last().map(|id| id.0),
        })
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote) -> io::Result<()> {
        let vote = WalVote(*vote);
        miroir_fault::point("log.vote")?;
        self.synced(|wal| wal.save_vote(vote).map(drop)).await?;
        miroir_fault::point("log.voted")
    }

    async fn save_committed(&mut self, committed: Option<LogId>) -> io::Result<()> {
        let mut wal = self.wal();
        // Installing a snapshot commits what the log does not hold; the snapshot itself says so after a restart.
        if let Some(committed) = committed.map(WalId).filter(|id| Some(id) <= wal.log_state().last()) {
            wal.commit(committed)?;
            wal.flush(false, None)?;
        }
        Ok(())
    }

    async fn read_committed(&mut self) -> io::Result<Option<LogId>> {
        Ok(self.wal().log_state().committed().map(|id| id.0))
    }

    async fn append<I>(&mut self, entries: I, callback: Flushed) -> io::Result<()>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        miroir_fault::point("log.append")?;
        let mut wal = self.wal();
        wal.append(entries.into_iter().map(|entry| (WalId(entry.log_id), WalPayload(entry.payload))))?;
        wal.flush(true, Some(Notify::new(callback)))?;
        miroir_fault::point("log.appended")
    }

    async fn truncate_after(&mut self, last: Option<LogId>) -> io::Result<()> {
        let mut wal = self.wal();
        let keep = last.map_or(0, |id| id.index + 1);
        if wal.log_state().last().is_none_or(|held| held.0.index < keep) {
            return Ok(());
        }
        miroir_fault::point("log.truncate")?;
        wal.truncate(keep)?;
        // Not synced: the entries that take their place are, and the file keeps the order.
        wal.flush(false, None)
    }

    async fn purge(&mut self, upto: LogId) -> io::Result<()> {
        miroir_fault::point("log.purge")?;
        self.synced(|wal| wal.purge(WalId(upto)).map(drop)).await?;
        miroir_fault::point("log.purged")
    }
}
