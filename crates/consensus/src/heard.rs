//! When each peer was last heard as a leader.
//!
//! A peer that is cut off goes on taking the last leader for one, since it asks the others whether it might win an
//! election before it gives its leader up. What it sent there would neither arrive nor surely not arrive.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use miroir_model::PeerId;
use tokio::time::Instant;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Heard(Mutex<BTreeMap<PeerId, Instant>>);

impl Heard {
    /// A peer sends entries or a heartbeat, as only leaders do.
    pub(crate) fn note(&self, peer: PeerId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(peer, Instant::now());
    }

    /// Whether it did so lately.
    pub(crate) fn within(&self, peer: PeerId, time: Duration) -> bool {
        let heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        heard.get(&peer).is_some_and(|at| at.elapsed() < time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn each_is_heard_for_itself() {
        let (heard, within) = (Heard::default(), Duration::from_secs(1));
        heard.note(PeerId(1));
        tokio::time::advance(Duration::from_millis(900)).await;
        heard.note(PeerId(2));
        assert!(heard.within(PeerId(1), within) && heard.within(PeerId(2), within));
        tokio::time::advance(Duration::from_millis(200)).await;
        assert!(!heard.within(PeerId(1), within) && heard.within(PeerId(2), within));
        assert!(!heard.within(PeerId(3), within));
    }
}
