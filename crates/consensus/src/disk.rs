//! Watches the free space where the peer keeps its data, and keeps some back.
//!
//! | free, in bytes | |
//! |---|---|
//! | at least `disk_reserve` | all is well |
//! | less | payload is refused; the commands that let payload go are not, and snapshots are made early, so that what is dead is removed |
//! | under 32 MiB | the *ballast* is removed: a file that holds `disk_ballast` bytes of the disk, whatever else fills it |
//! | under 8 MiB, without ballast | the peer stops, before a write fails half-way, and does not start |
//!
//! The ballast comes back when there is room for it beside the reserve. An operator may remove it to start a peer on a
//! full disk.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// With less free, in bytes, the ballast goes.
const BALLAST_GOES: u64 = 32 << 20;
/// With less free, in bytes, and no ballast, nothing goes.
const STOP: u64 = 8 << 20;

/// What a peer says that stops, or does not start, for want of room.
pub(crate) const NO_ROOM: &str = "there is no room left on the disk";

/// The disk of a peer.
pub(crate) struct Disk {
    dir: PathBuf,
    reserve: u64,
    ballast: u64,
    low: AtomicBool,
}

/// How much room there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Room {
    /// Enough.
    Enough,
    /// For small commands only.
    Low,
    /// For nothing.
    None,
}

impl Disk {
    pub(crate) fn new(dir: &Path, reserve: u64, ballast: u64) -> Self {
        Self { dir: dir.to_owned(), reserve, ballast, low: AtomicBool::new(false) }
    }

    /// Whether there was less space than is kept in reserve, when last measured.
    pub(crate) fn low(&self) -> bool {
        self.low.load(Ordering::Relaxed)
    }

    /// Measures, and lays the ballast out or gives it up. Blocks.
    ///
    /// # Errors
    /// When the file system does not answer, or the ballast cannot be changed.
    pub(crate) fn measure(&self) -> io::Result<Room> {
        let mut free = self.free()?;
        let ballast = self.dir.join("ballast");
        let laid = ballast.metadata().map_or(0, |file| file.len());
        if free < BALLAST_GOES && laid > 0 {
            tracing::warn!(free, "the disk is full: giving up the ballast");
            std::fs::remove_file(&ballast)?;
            free = self.free()?;
        } else if free.saturating_sub(self.reserve) > self.ballast && laid < self.ballast {
            lay(&ballast, self.ballast)?;
            free = self.free()?;
        }
        let room = match free {
            free if free < STOP => Room::None,
            free if free < self.reserve => Room::Low,
            _ => Room::Enough,
        };
        self.low.store(room != Room::Enough, Ordering::Relaxed);
        Ok(room)
    }

    fn free(&self) -> io::Result<u64> {
        let stat = rustix::fs::statvfs(&self.dir)?;
        Ok(miroir_fault::measured("disk.free", stat.f_bavail.saturating_mul(stat.f_frsize)))
    }
}

/// Takes the space, where the file system can: zeros that are only written may be stored as nothing.
fn lay(path: &Path, bytes: u64) -> io::Result<()> {
    let file: File = OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
    match rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, bytes) {
        Ok(()) => Ok(()),
        Err(rustix::io::Errno::OPNOTSUPP) => {
            tracing::warn!(path = %path.display(), "this file system reserves no space: there is no ballast");
            // So that it is not tried again and again. It holds nothing.
            file.set_len(bytes)
        }
        Err(error) => {
            drop(file);
            std::fs::remove_file(path)?;
            Err(error.into())
        }
    }
}

const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// When a leader whose disk is low tries to hand over: at once, and then ever less often. It may be elected again, and
/// where all disks are low leadership must not go round and round.
#[derive(Debug, Default)]
pub(crate) struct Attempts(Option<(Instant, Duration)>);

impl Attempts {
    /// Whether it is time for one, which then counts as made.
    pub(crate) fn due(&mut self, now: Instant) -> bool {
        let wait = match self.0 {
            Some((last, wait)) if now < last + wait => return false,
            Some((_, wait)) => (2 * wait).min(LONGEST_WAIT),
            None => FIRST_WAIT,
        };
        self.0 = Some((now, wait));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_go_on_and_become_rare() {
        let begun = Instant::now();
        let mut attempts = Attempts::default();
        let due: Vec<u64> =
            (0..300).filter(|second| attempts.due(begun + Duration::from_secs(*second))).collect();
        assert_eq!(due, [0, 1, 3, 7, 15, 31, 63, 123, 183, 243]);
    }

    #[test]
    fn the_ballast_takes_room_on_the_disk() {
        use std::os::unix::fs::MetadataExt;
        let dir = tempfile::tempdir().expect("a directory");
        let disk = Disk::new(dir.path(), 0, 3 << 20);
        assert_eq!(disk.measure().ok(), Some(Room::Enough));
        let laid = dir.path().join("ballast").metadata().expect("is there");
        assert_eq!(laid.len(), 3 << 20);
        assert!(laid.blocks() * 512 >= 3 << 20, "{} blocks", laid.blocks());
        let low = Disk::new(dir.path(), u64::MAX, 3 << 20);
        assert_eq!(low.measure().ok(), Some(Room::Low));
        assert!(low.low() && !disk.low());
    }
}
