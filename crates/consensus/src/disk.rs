//! Watches the free space where the peer keeps its data.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the disk is nearly full, as last measured.
#[derive(Default)]
pub(crate) struct Disk(AtomicBool);

impl Disk {
    /// Whether there was less space than is kept in reserve.
    pub(crate) fn low(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Measures. Answers whether it became low.
    ///
    /// # Errors
    /// When the file system does not answer.
    pub(crate) fn measure(&self, dir: &Path, reserve: u64) -> io::Result<bool> {
        let stat = rustix::fs::statvfs(dir)?;
        let low = stat.f_bavail.saturating_mul(stat.f_frsize) < reserve;
        let was = self.0.swap(low, Ordering::Relaxed);
        Ok(low && !was)
    }
}
