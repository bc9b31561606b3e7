//! Payload bytes, beside the state: appended to segment files as commands are applied, read by chunk.
//!
//! - A chunk's bytes are durable in the Raft log until a snapshot lets it go, so appending does not sync;
//!   [`Segments::sync`] does, before a snapshot counts.
//! - A full segment is synced before the next begins, so only the last can be torn by a crash. At opening it is
//!   checked byte by byte and cut at the first bad record; of the others only the headers are read. What was cut is
//!   behind the snapshot, and applying the log again stores it again.
//! - Storing a chunk that is there does nothing: chunk ids are never reused.
//! - A segment goes when no chunk in it is live in the last durable snapshot, nor newer than that
//!   ([`Segments::collect`]).

mod file;

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use miroir_cluster::ChunkId;

use self::file::{Record, Segment};

/// The chunks of one peer. Clones share them.
#[derive(Clone)]
pub(crate) struct Segments {
    inner: Arc<Mutex<Inner>>,
    /// Held while chunks are made durable. Who asks meanwhile must not be told before they are.
    syncing: Arc<Mutex<()>>,
}

struct Inner {
    dir: PathBuf,
    /// A segment takes no further chunk once it is so long, in bytes.
    file_bytes: u64,
    places: HashMap<ChunkId, Place>,
    files: BTreeMap<u64, Segment>,
    /// Whether the last segment may have bytes that are not synced: after a crash too.
    dirty: bool,
}

#[derive(Clone, Copy)]
struct Place {
    segment: u64,
    record: Record,
}

impl Segments {
    /// Opens the segments in a directory, or makes it.
    ///
    /// # Errors
    /// When the directory cannot be used, or a segment that was complete is damaged.
    pub(crate) fn open(dir: &Path, file_bytes: u64) -> io::Result<Self> {
        std::fs::create_dir_all(dir)?;
        let numbers = file::list(dir)?;
        let dir = dir.to_owned();
        let mut inner =
            Inner { dir, file_bytes, places: HashMap::new(), files: BTreeMap::new(), dirty: true };
        for number in &numbers {
            let last = Some(number) == numbers.last();
            let (segment, records) = Segment::open(&inner.dir, *number, last)?;
            let placed = records.into_iter().map(|record| (record.chunk, Place { segment: *number, record }));
            inner.places.extend(placed);
            inner.files.insert(*number, segment);
        }
        Ok(Self { inner: Arc::new(Mutex::new(inner)), syncing: Arc::default() })
    }

    /// Whether the chunk is here.
    pub(crate) fn contains(&self, chunk: ChunkId) -> bool {
        self.inner().places.contains_key(&chunk)
    }

    /// Keeps a chunk, unless it is kept already. It is durable after the next [`sync`](Self::sync).
    ///
    /// # Errors
    /// When the disk fails.
    pub(crate) fn store(&self, chunk: ChunkId, bytes: &Bytes) -> io::Result<()> {
        let mut inner = self.inner();
        if inner.places.contains_key(&chunk) {
            return Ok(());
        }
        let segment = inner.segment_to_write()?;
        let file = inner.files.get_mut(&segment).ok_or_else(|| io::Error::other("the segment is gone"))?;
        let record = file.append(chunk, bytes)?;
        inner.dirty = true;
        inner.places.insert(chunk, Place { segment, record });
        Ok(())
    }

    /// The bytes of a chunk; `None` when it is not here. Blocks.
    ///
    /// # Errors
    /// When the disk fails, or the bytes are not what was written.
    pub(crate) fn read(&self, chunk: ChunkId) -> io::Result<Option<Bytes>> {
        let found = {
            let inner = self.inner();
            let place = inner.places.get(&chunk);
            place.and_then(|place| Some((inner.files.get(&place.segment)?.handle(), place.record)))
        };
        found.map(|(file, record)| record.read(&file)).transpose()
    }

    /// Makes all chunks stored so far durable. Blocks.
    ///
    /// # Errors
    /// When the disk fails: what is durable is unknown then, and the peer must stop.
    pub(crate) fn sync(&self) -> io::Result<()> {
        miroir_fault::point("segments.sync")?;
        self.sync_by(File::sync_data)?;
        miroir_fault::point("segments.synced")
    }

    fn sync_by(&self, sync: impl FnOnce(&File) -> io::Result<()>) -> io::Result<()> {
        let _one_at_a_time = self.syncing.lock().unwrap_or_else(PoisonError::into_inner);
        let last = {
            let mut inner = self.inner();
            let dirty = std::mem::take(&mut inner.dirty);
            inner.files.last_key_value().filter(|_| dirty).map(|(_, segment)| segment.handle())
        };
        last.map_or(Ok(()), |file| sync(&file)).inspect_err(|_| self.inner().dirty = true)
    }

    /// Forgets the chunks that are not `live`, and removes the segments that hold none.
    ///
    /// # Errors
    /// When the disk fails.
    pub(crate) fn collect(&self, live: impl Fn(ChunkId) -> bool) -> io::Result<()> {
        let mut guard = self.inner();
        let inner = &mut *guard;
        inner.places.retain(|chunk, _| live(*chunk));
        let mut empty: Vec<u64> = inner.files.keys().copied().collect();
        let used: std::collections::HashSet<u64> = inner.places.values().map(|place| place.segment).collect();
        empty.retain(|number| !used.contains(number));
        for number in &empty {
            miroir_fault::point("segments.collect")?;
            inner.files.remove(number);
            std::fs::remove_file(file::path(&inner.dir, *number))?;
        }
        if !empty.is_empty() {
            File::open(&inner.dir)?.sync_all()?;
        }
        Ok(())
    }

    // Every change under the lock is one step at its end, so a panic elsewhere leaves nothing half done.
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    fn files(&self) -> Vec<u64> {
        self.inner().files.keys().copied().collect()
    }
}

impl Inner {
    fn segment_to_write(&mut self) -> io::Result<u64> {
        let next = match self.files.last_key_value() {
            Some((number, segment)) if segment.len() < self.file_bytes => return Ok(*number),
            Some((number, full)) => {
                full.handle().sync_data()?;
                miroir_fault::point("segments.roll")?;
                number + 1
            }
            None => 1,
        };
        self.files.insert(next, Segment::create(&self.dir, next)?);
        miroir_fault::point("segments.rolled")?;
        self.dirty = false;
        Ok(next)
    }
}

#[cfg(test)]
mod tests;
