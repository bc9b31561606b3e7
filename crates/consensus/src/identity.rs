//! Who this peer is: an id made at random with its data directory, and how often it has started there.
//!
//! A peer whose disk was lost could vote twice if it came back under its old id. Here it cannot: a new directory is a
//! new id, a directory that lost its log is refused, and of two copies of a directory the others hear only one
//! ([`Lives`]).

use std::collections::HashMap;
use std::fs::{File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use miroir_model::{PeerId, PeerLife};
use miroir_wire::{ClusterId, Incarnation};
use serde::{Deserialize, Serialize};

use crate::config::StartError;
use crate::platform::Platform;

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Record {
    peer: u64,
    name: String,
    boot: u64,
    /// 32 hexadecimal digits.
    cluster: Option<String>,
    /// Whether the log ever held something.
    joined: bool,
}

/// The identity of this peer. The data directory is locked while it lives, or a [`lock`](Self::lock) of it.
pub(crate) struct Identity {
    path: PathBuf,
    record: Mutex<Record>,
    nonce: u64,
    lock: Arc<File>,
}

impl Identity {
    /// Locks a data directory, and reads or makes the identity in it. The start is counted, durably.
    pub(crate) fn open(dir: &Path, name: &str, platform: &dyn Platform) -> Result<Self, StartError> {
        let disk = |source| StartError::Disk { dir: dir.to_owned(), source };
        std::fs::create_dir_all(dir).map_err(disk)?;
        let lock = File::create(dir.join("lock")).map_err(disk)?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => StartError::InUse(dir.to_owned()),
            TryLockError::Error(error) => disk(error),
        })?;
        let path = dir.join("identity.json");
        let mut record = read(&path).map_err(disk)?.unwrap_or_else(|| Record {
            // Below 2^48, so that every reader of JSON holds it exactly.
            peer: (platform.random() >> 16).max(1),
            name: name.to_owned(),
            boot: 0,
            cluster: None,
            joined: false,
        });
        if record.name != name {
            let why = format!("it was made for `{}`, and this peer is `{name}`", record.name);
            return Err(StartError::Identity { dir: dir.to_owned(), why });
        }
        record.boot += 1;
        write(&path, &record).map_err(disk)?;
        Ok(Self { path, record: Mutex::new(record), nonce: platform.random(), lock: Arc::new(lock) })
    }

    /// For what must be closed before another may open the data directory.
    pub(crate) fn lock(&self) -> Arc<File> {
        self.lock.clone()
    }

    /// This process life.
    pub(crate) fn incarnation(&self) -> Incarnation {
        let record = self.record();
        let life = PeerLife { peer: PeerId(record.peer), boot: record.boot };
        Incarnation { life, nonce: self.nonce }
    }

    /// The cluster, once the peer belongs to one.
    pub(crate) fn cluster(&self) -> Option<ClusterId> {
        let record = self.record();
        record.cluster.as_ref().and_then(|hex| u128::from_str_radix(hex, 16).ok()).map(ClusterId)
    }

    /// Joins a cluster, durably, unless the peer belongs to one. Answers to which one it belongs.
    pub(crate) fn join(&self, cluster: ClusterId) -> io::Result<ClusterId> {
        match self.cluster() {
            Some(own) => Ok(own),
            None => self.change(|record| record.cluster = Some(cluster.to_string())).map(|()| cluster),
        }
    }

    /// Whether the log ever held something.
    pub(crate) fn joined(&self) -> bool {
        self.record().joined
    }

    /// Remembers, durably, that the log holds something.
    pub(crate) fn set_joined(&self) -> io::Result<()> {
        self.change(|record| record.joined = true)
    }

    fn change(&self, change: impl FnOnce(&mut Record)) -> io::Result<()> {
        let mut record = self.record();
        let mut changed = record.clone();
        change(&mut changed);
        write(&self.path, &changed)?;
        *record = changed;
        Ok(())
    }

    fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read(path: &Path) -> io::Result<Option<Record>> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn write(path: &Path, record: &Record) -> io::Result<()> {
    let partial = path.with_extension("tmp");
    let mut file = File::create(&partial)?;
    let text = serde_json::to_vec_pretty(record)?;
    miroir_fault::write("identity.write", &text, |text| file.write_all(text))?;
    file.sync_all()?;
    miroir_fault::point("identity.written")?;
    std::fs::rename(&partial, path)?;
    path.parent().map_or(Ok(()), |dir| File::open(dir)?.sync_all())?;
    miroir_fault::point("identity.saved")
}

/// The last known life of each other peer. What an earlier one says, or another copy of the same one, is not heard.
#[derive(Default)]
pub(crate) struct Lives(Mutex<HashMap<PeerId, (u64, u64)>>);

impl Lives {
    /// Whether this is the last known life of its peer, or a later one.
    pub(crate) fn admit(&self, Incarnation { life, nonce }: Incarnation) -> bool {
        let mut lives = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = lives.entry(life.peer).or_insert((life.boot, nonce));
        if life.boot > known.0 {
            *known = (life.boot, nonce);
        }
        *known == (life.boot, nonce)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::Os;

    #[test]
    fn an_identity_stays_and_counts_its_starts() {
        let dir = tempfile::tempdir().expect("a directory");
        let first = Identity::open(dir.path(), "a", &Os).expect("opens");
        assert!(matches!(Identity::open(dir.path(), "a", &Os), Err(StartError::InUse(_))));
        first.join(ClusterId(7)).expect("joins");
        let then = first.incarnation();
        drop(first);
        assert!(matches!(Identity::open(dir.path(), "b", &Os), Err(StartError::Identity { .. })));
        let second = Identity::open(dir.path(), "a", &Os).expect("opens again");
        assert_eq!(second.join(ClusterId(8)).ok(), Some(ClusterId(7)));
        let now = second.incarnation();
        assert_eq!((now.life.peer, now.life.boot), (then.life.peer, then.life.boot + 1));
        assert_ne!(now.nonce, then.nonce);
        assert!(now.life.peer.0 < 1 << 48);
    }

    #[test]
    fn a_former_life_and_a_copy_are_not_heard() {
        let life = |boot, nonce| Incarnation { life: PeerLife { peer: PeerId(1), boot }, nonce };
        let lives = Lives::default();
        assert!(lives.admit(life(3, 10)));
        assert!(lives.admit(life(3, 10)));
        assert!(!lives.admit(life(3, 11)), "a copy of the directory");
        assert!(!lives.admit(life(2, 9)), "an earlier life");
        assert!(lives.admit(life(4, 12)));
        assert!(!lives.admit(life(3, 10)), "a late call of an earlier life");
    }
}
