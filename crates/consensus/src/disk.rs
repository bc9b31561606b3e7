//! Watches the free space where the peer keeps its data.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// Whether the disk is nearly full, as last measured.
#[derive(Default)]
pub(crate) struct Disk(AtomicBool);

impl Disk {
    /// Whether there was less space than is kept in reserve.
    pub(crate) fn low(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Measures. Answers whether it is low.
    ///
    /// # Errors
    /// When the file system does not answer.
    pub(crate) fn measure(&self, dir: &Path, reserve: u64) -> io::Result<bool> {
        let stat = rustix::fs::statvfs(dir)?;
        let low = stat.f_bavail.saturating_mul(stat.f_frsize) < reserve;
        self.0.store(low, Ordering::Relaxed);
        Ok(low)
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
}
