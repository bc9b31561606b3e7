//! History rows in sled 0.34.7, which is safe when used so:
//!
//! - values of at most 4 KiB: sled writes large page fragments to files that it never syncs;
//! - `flush` alone is no fsync on Linux, so [`RowStore::sync`] adds an `fdatasync` of the file that it writes;
//! - the cache is capped (the default is 1 GiB);
//! - what it replaces is garbage until every thread has moved on, and waits with the thread that replaced it until that
//!   has 64 such things: on threads that seldom come here, buffers of half a megabyte among them. So each thread hands
//!   over what it leaves ([`Tidy`]), and sled has no flushing thread of its own.
//!
//! Rows are written beside `apply` and synced before the snapshot that lets the log go. Before that the log brings
//! them again, and writing a row twice writes the same.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use miroir_cluster::{Row, Rows, RowsError, RowsPage, task_row_range};
use miroir_model::TaskUid;

const CACHE_BYTES: u64 = 16 << 20;
const MAX_VALUE: usize = 4 << 10;
const BATCH_ROWS: usize = 512;
/// Beside the rows, in the store's other tree: the entry up to which they were made durable, as 8 bytes, big-endian.
const MARK: &[u8] = b"synced";

/// Hands over the garbage of this thread when it is dropped, so that it is freed when all threads have moved on.
struct Tidy;

impl Drop for Tidy {
    fn drop(&mut self) {
        crossbeam_epoch::pin().flush();
    }
}

/// The rows of one peer.
#[derive(Clone)]
pub(crate) struct RowStore {
    tree: sled::Tree,
    db: sled::Db,
    file: Arc<File>,
    // Let go of after the store.
    _lock: Option<Arc<File>>,
}

impl RowStore {
    /// Opens the rows in a directory, or makes it.
    ///
    /// # Errors
    /// When the directory cannot be used or is damaged.
    pub(crate) fn open(dir: &Path) -> io::Result<Self> {
        let db = sled::Config::new()
            .path(dir)
            .mode(sled::Mode::HighThroughput)
            .cache_capacity(CACHE_BYTES)
            .flush_every_ms(None)
            .open()?;
        let tree = db.open_tree("rows")?;
        let file = Arc::new(File::open(dir.join("db"))?);
        File::open(dir)?.sync_all()?;
        Ok(Self { tree, db, file, _lock: None })
    }

    /// Holds the lock of the data directory for as long as the store is open.
    pub(crate) fn holding(self, lock: Arc<File>) -> Self {
        Self { _lock: Some(lock), ..self }
    }

    /// Writes rows. They are durable after the next [`sync`](Self::sync).
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) fn write(&self, rows: impl IntoIterator<Item = Row>) -> io::Result<()> {
        let mut batch = sled::Batch::default();
        for Row { key, value } in rows {
            match value {
                Some(value) if value.len() > MAX_VALUE => {
                    return Err(io::Error::other(format!("a row of {} bytes", value.len())));
                }
                Some(value) => batch.insert(key, value),
                None => batch.remove(key),
            }
        }
        miroir_fault::point("rows.write")?;
        let _tidy = Tidy;
        self.tree.apply_batch(batch)?;
        miroir_fault::point("rows.written")
    }

    /// Removes the rows of all tasks below this one.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) fn forget(&self, kept: TaskUid) -> io::Result<()> {
        let Some(last) = kept.0.checked_sub(1) else { return Ok(()) };
        let (first, last) = task_row_range(TaskUid(0), TaskUid(last));
        let mut old = self.tree.range(first..=last).keys().fuse();
        loop {
            let batch: Vec<Row> = (old.by_ref().take(BATCH_ROWS))
                .map(|key| Ok(Row { key: key?.to_vec(), value: None }))
                .collect::<io::Result<_>>()?;
            if batch.is_empty() {
                return Ok(());
            }
            self.write(batch)?;
        }
    }

    /// Makes all rows written so far durable, those of the entry `upto` and before, and that they are. Blocks.
    ///
    /// # Errors
    /// When the disk fails: what is durable is unknown then, and the peer must stop.
    pub(crate) fn sync(&self, upto: u64) -> io::Result<()> {
        let _tidy = Tidy;
        // Behind the rows in the store's own log: it never comes back without them.
        let mark = |old: Option<&[u8]>| Some(place(old).max(Some(upto))?.to_be_bytes().to_vec());
        self.db.update_and_fetch(MARK, mark)?;
        miroir_fault::point("rows.sync")?;
        self.db.flush()?;
        self.file.sync_data()?;
        miroir_fault::point("rows.synced")
    }

    /// Up to which entry the rows were made durable: `None` in a new store.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) fn synced_to(&self) -> io::Result<Option<u64>> {
        Ok(place(self.db.get(MARK)?.as_deref()))
    }

    /// All rows, by key. Those written meanwhile may or may not be among them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = io::Result<(sled::IVec, sled::IVec)>> + use<> {
        self.tree.iter().map(|row| row.map_err(io::Error::from))
    }

    /// Makes the rows those of the iterator, which is sorted by key, and no others.
    ///
    /// # Errors
    /// When the iterator or the store fails.
    pub(crate) fn replace(
        &self,
        rows: impl Iterator<Item = io::Result<(Vec<u8>, Vec<u8>)>>,
    ) -> io::Result<()> {
        // Fused: sled's iterator goes on after its end with what was written behind it meanwhile.
        let mut rest = self.tree.iter().keys().fuse();
        let mut held = rest.next().transpose()?;
        let mut batch = Vec::new();
        for row in rows {
            let (key, value) = row?;
            while let Some(old) = held.take_if(|old| old.as_ref() <= key.as_slice()) {
                if old.as_ref() < key.as_slice() {
                    batch.push(Row { key: old.to_vec(), value: None });
                }
                held = rest.next().transpose()?;
            }
            batch.push(Row { key, value: Some(value) });
            if batch.len() >= BATCH_ROWS {
                self.write(std::mem::take(&mut batch))?;
            }
        }
        for old in held.into_iter().map(Ok).chain(rest) {
            batch.push(Row { key: old?.to_vec(), value: None });
        }
        self.write(batch)
    }
}

fn place(bytes: Option<&[u8]>) -> Option<u64> {
    Some(u64::from_be_bytes(bytes?.try_into().ok()?))
}

fn unreadable(error: &sled::Error) -> RowsError {
    RowsError(error.to_string())
}

impl Rows for RowStore {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, RowsError> {
        let _tidy = Tidy;
        Ok(self.tree.get(key).map_err(|error| unreadable(&error))?.map(|value| value.to_vec()))
    }

    fn scan(&self, (first, last): (&[u8], &[u8]), limit: usize, reverse: bool) -> RowsPage {
        if first > last {
            return Ok(Vec::new());
        }
        let _tidy = Tidy;
        let range = self.tree.range(first..=last);
        let rows: Box<dyn Iterator<Item = _>> = if reverse { Box::new(range.rev()) } else { Box::new(range) };
        rows.take(limit)
            .map(|row| row.map(|(key, value)| (key.to_vec(), value.to_vec())))
            .collect::<Result<_, _>>()
            .map_err(|error| unreadable(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(key: &str, value: Option<&str>) -> Row {
        Row { key: key.into(), value: value.map(Into::into) }
    }

    fn keys(store: &RowStore) -> Vec<String> {
        store.iter().map(|row| String::from_utf8(row.expect("a row").0.to_vec()).expect("text")).collect()
    }

    /// A thread writes and then waits for ever: what it replaced is freed all the same, once others come by.
    #[test]
    fn no_thread_keeps_garbage() {
        let dir = tempfile::tempdir().expect("a directory");
        let store = RowStore::open(dir.path()).expect("opens");
        let (left, freed) = std::sync::mpsc::channel();
        let (stay, stayed) = std::sync::mpsc::channel::<()>();
        let writer = store.clone();
        let waits = std::thread::spawn(move || {
            crossbeam_epoch::pin().defer(move || left.send(()));
            writer.write([row("a", Some("new"))]).expect("writes");
            let _ = stayed.recv();
        });
        let started = std::time::Instant::now();
        while freed.try_recv().is_err() {
            assert!(started.elapsed() < std::time::Duration::from_secs(20), "it is still there");
            store.write([row("b", Some("new"))]).expect("writes");
        }
        drop(stay);
        waits.join().expect("it ends");
    }

    #[test]
    fn replacing_leaves_exactly_what_is_given() {
        let dir = tempfile::tempdir().expect("a directory");
        let store = RowStore::open(dir.path()).expect("opens");
        store.write(["a", "b", "d", "x", "y"].map(|key| row(key, Some("old")))).expect("writes");
        let new = ["b", "c", "d", "e"].map(|key| Ok((key.into(), b"new".to_vec())));
        store.replace(new.into_iter()).expect("replaces");
        assert_eq!(keys(&store), ["b", "c", "d", "e"]);
        assert_eq!(store.get(b"d"), Ok(Some(b"new".to_vec())));
    }

    #[test]
    fn what_is_new_behind_all_that_was_there_stays() {
        let dir = tempfile::tempdir().expect("a directory");
        let store = RowStore::open(dir.path()).expect("opens");
        let name = |number: usize| format!("{number:05}");
        store.write((0..10).map(|number| row(&name(number), Some("old")))).expect("writes");
        let all: Vec<String> = (0..3 * BATCH_ROWS).map(name).collect();
        let new = all.iter().map(|key| Ok((key.clone().into_bytes(), b"new".to_vec())));
        store.replace(new).expect("replaces");
        assert_eq!(keys(&store), all);
    }

    #[test]
    fn scans_go_both_ways_and_survive_reopening() {
        let dir = tempfile::tempdir().expect("a directory");
        let store = RowStore::open(dir.path()).expect("opens");
        store.write(["a", "b", "c"].map(|key| row(key, Some(key)))).expect("writes");
        store.write([row("b", None)]).expect("writes");
        store.sync(7).expect("syncs");
        store.sync(5).expect("syncs");
        drop(store);
        let store = RowStore::open(dir.path()).expect("opens again");
        assert_eq!(store.synced_to().ok(), Some(Some(7)));
        let page = |limit, reverse| store.scan((b"a", b"z"), limit, reverse).expect("scans");
        assert_eq!(page(9, false).len(), 2);
        assert_eq!(page(1, true), [(b"c".to_vec(), b"c".to_vec())]);
    }
}
