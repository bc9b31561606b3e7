//! When a peer that does not answer is gone.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use miroir_cluster::State;
use miroir_model::PeerId;
use tokio::time::Instant;

/// A peer is gone when every look for so long was in vain: about 2 s after its last answer, since the first look in
/// vain comes up to one pause between looks after that.
const GONE: Duration = Duration::from_millis(1500);

/// Since when peers have been asked in vain, by one leader. It begins anew with each leadership: what a leader did not
/// see itself it does not count, so a peer is never gone for the time in which nobody asked it.
#[derive(Debug, Default)]
pub(crate) struct Patience {
    silent: BTreeMap<PeerId, Instant>,
}

impl Patience {
    /// The peers that live, by who answered at this look. One that was gone before stays so until it answers.
    pub(crate) fn live(
        &mut self,
        state: &State,
        answered: &BTreeSet<PeerId>,
        now: Instant,
    ) -> BTreeSet<PeerId> {
        self.silent.retain(|peer, _| !answered.contains(peer));
        let mut live = answered.clone();
        for (id, peer) in state.peers.iter().filter(|(id, _)| !answered.contains(*id)) {
            let since = *self.silent.entry(*id).or_insert(now);
            if peer.alive && now.duration_since(since) < GONE {
                live.insert(*id);
            }
        }
        live
    }
}
