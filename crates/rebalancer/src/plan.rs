//! What the leader proposes: a pure function of the state and of what it observes.

use std::collections::{BTreeMap, BTreeSet};

use miroir_cluster::{Command, Node, Reports, State};
use miroir_model::{PeerId, Timestamp};

use crate::copies::{self, Policy};

/// What the leader sees outside the state.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Observed {
    /// The peers that answer, this one included.
    pub live: BTreeSet<PeerId>,
    /// What they reported.
    pub reports: Reports,
    /// The time.
    pub now: Timestamp,
}

/// What brings the state nearer to what is wanted. Nothing when all is well, and the same again while it is not
/// proposed.
///
/// - Peers are alive or not, as observed.
/// - Each node's lane is some live peer's, as evenly as can be. A lane moves only when its peer is gone, when its peer
///   cannot reach the node and another may, or when a peer has two lanes more than another: a move ends what the lane
///   has in progress, so nothing moves for mere symmetry.
/// - Copies leave and come back ([`Policy`]).
pub fn plan(state: &State, observed: &Observed, policy: &Policy) -> Vec<Command> {
    let mut commands = Vec::new();
    for (id, peer) in &state.peers {
        let alive = observed.live.contains(id);
        if peer.alive != alive {
            commands.push(Command::PeerAlive { peer: *id, alive });
        }
    }
    let live: BTreeSet<PeerId> =
        state.peers.keys().filter(|peer| observed.live.contains(peer)).copied().collect();
    let wanted = assign(state, &live);
    for node in state.nodes.values() {
        let peer = wanted.get(node.id.as_str()).copied();
        if node.lane.assigned != peer {
            commands.push(Command::AssignLane { node: node.id.clone(), peer });
        }
    }
    commands.extend(copies::plan(state, observed, policy));
    commands
}

/// Which peer drives the lane of which node.
fn assign<'a>(state: &'a State, live: &BTreeSet<PeerId>) -> BTreeMap<&'a str, PeerId> {
    let mut load: BTreeMap<PeerId, usize> = live.iter().map(|peer| (*peer, 0)).collect();
    let mut wanted: BTreeMap<&str, PeerId> = BTreeMap::new();
    let mut free = Vec::new();
    for node in state.nodes.values() {
        match node.lane.assigned.filter(|peer| candidates(node, live).contains(peer)) {
            Some(peer) => {
                wanted.insert(node.id.as_str(), peer);
                *load.entry(peer).or_default() += 1;
            }
            None => free.push(node),
        }
    }
    for node in free {
        let candidates = candidates(node, live);
        if let Some(peer) = least(&load, |peer| candidates.contains(&peer)) {
            wanted.insert(node.id.as_str(), peer);
            *load.entry(peer).or_default() += 1;
        }
    }
    level(state, live, &mut load, &mut wanted);
    wanted
}

/// Moves lanes from the busiest peer to the idlest, while that makes a difference.
fn level<'a>(
    state: &'a State,
    live: &BTreeSet<PeerId>,
    load: &mut BTreeMap<PeerId, usize>,
    wanted: &mut BTreeMap<&'a str, PeerId>,
) {
    for node in state.nodes.values() {
        let Some(from) = wanted.get(node.id.as_str()).copied() else { continue };
        let candidates = candidates(node, live);
        let Some(to) = least(load, |peer| candidates.contains(&peer)) else { continue };
        let lanes = |peer: &PeerId| load.get(peer).copied().unwrap_or_default();
        if lanes(&from) < lanes(&to) + 2 {
            continue;
        }
        wanted.insert(node.id.as_str(), to);
        *load.entry(from).or_default() -= 1;
        *load.entry(to).or_default() += 1;
    }
}

/// The live peers that may reach the node; all of them when none does.
fn candidates(node: &Node, live: &BTreeSet<PeerId>) -> BTreeSet<PeerId> {
    let reaching: BTreeSet<PeerId> =
        live.iter().filter(|peer| !node.unreachable_by.contains(*peer)).copied().collect();
    if reaching.is_empty() { live.clone() } else { reaching }
}

/// The peer with the fewest lanes among these; of several the first.
fn least(load: &BTreeMap<PeerId, usize>, among: impl Fn(PeerId) -> bool) -> Option<PeerId> {
    load.iter()
        .filter(|(peer, _)| among(**peer))
        .min_by_key(|(peer, lanes)| (**lanes, **peer))
        .map(|(peer, _)| *peer)
}

#[cfg(test)]
mod tests;
