//! Snapshots: the state at one place of the log, in a file.
//!
//! The file is small, since payload bytes and history are not in it: it names the chunks that are live (they are part
//! of the state, with length and hash), and a transfer sends the history beside it. It is written as
//! `snap-<index>.tmp`, synced, renamed and its directory synced; only then the older one goes. The file:
//! `MSN1`, the length of the meta data as 4 bytes, the meta data in postcard, the state's own encoding, and xxh3-128 of
//! all before it. Numbers are little-endian.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use miroir_cluster::State;
use xxhash_rust::xxh3::xxh3_128;

use crate::types::SnapshotMeta;

const MAGIC: &[u8; 4] = b"MSN1";
const HASH: usize = 16;

/// What openraft hands around as a snapshot's data.
#[derive(Debug, Clone)]
pub(crate) struct SnapshotData {
    /// The state.
    pub(crate) state: Arc<State>,
    /// The history that came with it, when it came from another peer.
    pub(crate) rows: Option<Arc<Spool>>,
}

/// A file of rows that goes when nobody needs it any more. Each row: the lengths of key and value as 4 bytes each, key,
/// value. Sorted by key.
#[derive(Debug)]
pub(crate) struct Spool(pub(crate) PathBuf);

impl Drop for Spool {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.0) {
            tracing::warn!(path = %self.0.display(), %error, "a temporary file stays");
        }
    }
}

/// A snapshot that is on disk.
type Saved = (SnapshotMeta, Arc<State>);

/// The snapshots of one peer. Clones share them.
#[derive(Clone)]
pub(crate) struct Snapshots {
    dir: Arc<Path>,
    current: Arc<Mutex<Option<Saved>>>,
    /// The states of those that were handed out, while somebody holds them.
    handed_out: Arc<Mutex<Vec<Weak<State>>>>,
    /// Held while one is saved. openraft has one made here while another comes from the leader.
    saving: Arc<Mutex<()>>,
}

impl Snapshots {
    /// Opens the snapshots in a directory, or makes it.
    ///
    /// # Errors
    /// When the directory cannot be used, or the snapshot in it is damaged.
    pub(crate) fn open(dir: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(dir)?;
        let mut found = Vec::new();
        for entry in std::fs::read_dir(dir)? {
            let path = entry?.path();
            match path.extension().and_then(|extension| extension.to_str()) {
                Some("snap") => found.push(path),
                // What a crash left half written.
                _ => std::fs::remove_file(path)?,
            }
        }
        // A snapshot that was renamed and no more must stay, now that the log may be purged for it.
        File::open(dir)?.sync_all()?;
        found.sort();
        let current = found.last().map(|path| read(path)).transpose()?;
        Ok(Self {
            dir: dir.into(),
            current: Arc::new(Mutex::new(current)),
            handed_out: Arc::default(),
            saving: Arc::default(),
        })
    }

    /// The last one.
    pub(crate) fn current(&self) -> Option<Saved> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The last one, for another peer. As long as its state is held it is among [`held`](Self::held): who fetches the
    /// chunks that it names must find them, however many snapshots are made meanwhile.
    pub(crate) fn hand_out(&self) -> Option<Saved> {
        // Held over both steps: what a later snapshot makes dead is looked for here when that one is current.
        let mut handed_out = self.handed_out.lock().unwrap_or_else(PoisonError::into_inner);
        let current = self.current()?;
        handed_out.push(Arc::downgrade(&current.1));
        Some(current)
    }

    /// The states that were handed out and are still held.
    pub(crate) fn held(&self) -> Vec<Arc<State>> {
        let mut handed_out = self.handed_out.lock().unwrap_or_else(PoisonError::into_inner);
        handed_out.retain(|state| state.strong_count() > 0);
        handed_out.iter().filter_map(Weak::upgrade).collect()
    }

    /// Writes one, durably, in place of the older; nothing when a later one is there. Blocks.
    ///
    /// # Errors
    /// When the disk fails.
    pub(crate) fn save(&self, meta: &SnapshotMeta, state: &Arc<State>) -> io::Result<()> {
        let _one_at_a_time = self.saving.lock().unwrap_or_else(PoisonError::into_inner);
        // The log may be gone up to the later one: the older would lose what lies between.
        if self.current().is_some_and(|(current, _)| current.last_log_id > meta.last_log_id) {
            return Ok(());
        }
        let index = meta.last_log_id.map_or(0, |id| id.index);
        let path = self.dir.join(format!("{index:020}.snap"));
        let partial = path.with_extension("tmp");
        write(&partial, meta, state)?;
        miroir_fault::point("snapshot.written")?;
        std::fs::rename(&partial, &path)?;
        miroir_fault::point("snapshot.renamed")?;
        File::open(&self.dir)?.sync_all()?;
        miroir_fault::point("snapshot.saved")?;
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Some((meta.clone(), state.clone()));
        for entry in std::fs::read_dir(&self.dir)? {
            let other = entry?.path();
            // The names sort as their indexes do.
            if other < path && other.extension().is_some_and(|extension| extension == "snap") {
                std::fs::remove_file(other)?;
            }
        }
        Ok(())
    }

    /// Where rows that arrive can be put.
    pub(crate) fn spool(&self, number: u64) -> PathBuf {
        self.dir.join(format!("{number}.rows"))
    }
}

fn write(path: &Path, meta: &SnapshotMeta, state: &State) -> io::Result<()> {
    let meta = postcard::to_stdvec(meta).map_err(io::Error::other)?;
    let len = u32::try_from(meta.len()).map_err(io::Error::other)?;
    let mut bytes = [MAGIC.as_slice(), &len.to_le_bytes(), &meta, &state.encode()].concat();
    bytes.extend_from_slice(&xxh3_128(&bytes).to_le_bytes());
    let mut file = File::create(path)?;
    miroir_fault::write("snapshot.write", &bytes, |bytes| file.write_all(bytes))?;
    file.sync_all()
}

fn read(path: &Path) -> io::Result<Saved> {
    let bytes = std::fs::read(path)?;
    parse(&bytes).map_err(|error| {
        io::Error::new(io::ErrorKind::InvalidData, format!("{} is damaged: {error}", path.display()))
    })
}

fn parse(bytes: &[u8]) -> Result<Saved, String> {
    let short = || "it is too short".to_owned();
    let (body, hash) = bytes.split_last_chunk::<HASH>().ok_or_else(short)?;
    if xxh3_128(body) != u128::from_le_bytes(*hash) {
        return Err("its hash is another".to_owned());
    }
    let rest = body.strip_prefix(MAGIC).ok_or_else(|| "another program wrote it".to_owned())?;
    let (len, rest) = rest.split_first_chunk::<4>().ok_or_else(short)?;
    let (meta, state) = rest.split_at_checked(u32::from_le_bytes(*len) as usize).ok_or_else(short)?;
    let meta = postcard::from_bytes(meta).map_err(|error| error.to_string())?;
    let state = State::decode(state).map_err(|error| error.to_string())?;
    Ok((meta, Arc::new(state)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{LeaderId, LogId};

    fn meta(index: u64) -> SnapshotMeta {
        let last_log_id = Some(LogId { leader_id: LeaderId { term: 3, node_id: 5 }, index });
        SnapshotMeta { last_log_id, ..SnapshotMeta::default() }
    }

    #[test]
    fn the_last_one_is_found_again_and_is_the_only_one() {
        let dir = tempfile::tempdir().expect("a directory");
        let snapshots = Snapshots::open(dir.path()).expect("opens");
        assert!(snapshots.current().is_none());
        let state = Arc::new(State::new());
        snapshots.save(&meta(9), &state).expect("saves");
        snapshots.save(&meta(10), &state).expect("saves");
        std::fs::write(dir.path().join("x.tmp"), b"half").expect("writes");
        let again = Snapshots::open(dir.path()).expect("opens again");
        assert_eq!(again.current().map(|(meta, _)| meta), Some(meta(10)));
        assert_eq!(std::fs::read_dir(dir.path()).expect("lists").count(), 1);
    }

    #[test]
    fn of_two_that_end_together_the_later_stays() {
        let state = Arc::new(State::new());
        for _ in 0..100 {
            let dir = tempfile::tempdir().expect("a directory");
            let snapshots = Snapshots::open(dir.path()).expect("opens");
            let together = std::sync::Barrier::new(2);
            std::thread::scope(|scope| {
                for index in [100, 200] {
                    let (snapshots, together, state) = (&snapshots, &together, &state);
                    scope.spawn(move || {
                        together.wait();
                        snapshots.save(&meta(index), state).expect("saves");
                    });
                }
            });
            let again = Snapshots::open(dir.path()).expect("opens again");
            for snapshots in [snapshots, again] {
                assert_eq!(snapshots.current().map(|(meta, _)| meta), Some(meta(200)));
            }
        }
    }

    #[test]
    fn any_damage_is_refused() {
        let dir = tempfile::tempdir().expect("a directory");
        let snapshots = Snapshots::open(dir.path()).expect("opens");
        snapshots.save(&meta(9), &Arc::new(State::new())).expect("saves");
        let path = dir.path().join(format!("{:020}.snap", 9));
        let whole = std::fs::read(&path).expect("reads");
        for at in 0..whole.len() {
            let mut flipped = whole.clone();
            flipped[at] ^= 1;
            assert!(parse(&flipped).is_err(), "byte {at}");
            assert!(parse(&whole[..at]).is_err(), "cut at {at}");
        }
        assert!(parse(&whole).is_ok());
    }
}
