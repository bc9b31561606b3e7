//! When an error is no wonder: what the nemesis did, and until when it took to recover.

use std::collections::BTreeSet;

use miroir_testkit::processes::Member;

use crate::chaos::op::At;

/// What is in trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// Killed or stopped.
    Process(Member),
    /// The way from a peer.
    Link(usize, Member),
}

#[derive(Debug, Clone, Copy)]
struct Trouble {
    part: Part,
    from: At,
    until: Option<At>,
}

/// All troubles of a run.
#[derive(Debug, Default)]
pub(crate) struct Excuses(Vec<Trouble>);

impl Excuses {
    /// A trouble begins. Called before it does.
    pub(crate) fn begin(&mut self, part: Part, at: At) {
        self.0.push(Trouble { part, from: at, until: None });
    }

    /// All troubles are over. Called when everything was seen to have recovered.
    pub(crate) fn end(&mut self, at: At) {
        for trouble in &mut self.0 {
            trouble.until.get_or_insert(at);
        }
    }

    fn during(&self, (begun, ended): (At, At)) -> impl Iterator<Item = Part> {
        let overlaps = move |trouble: &&Trouble| {
            trouble.from <= ended && trouble.until.is_none_or(|until| begun <= until)
        };
        self.0.iter().filter(overlaps).map(|trouble| trouble.part)
    }

    /// Whether a peer may fail a search: it was in trouble itself, or some shard was out of its reach, which with two
    /// copies takes two nodes.
    pub(crate) fn search(&self, peer: usize, span: (At, At)) -> bool {
        let mut away = BTreeSet::new();
        for part in self.during(span) {
            match part {
                Part::Process(Member::Node(node)) => drop(away.insert(node)),
                Part::Link(from, Member::Node(node)) if from == peer => drop(away.insert(node)),
                Part::Link(_, Member::Node(_)) => {}
                part if part.touches(peer) => return true,
                _ => {}
            }
        }
        away.len() >= 2
    }

    /// Whether what needs the quorum may fail: some peer was in trouble, so there may have been no leader.
    pub(crate) fn quorum(&self, span: (At, At)) -> bool {
        self.during(span)
            .any(|part| matches!(part, Part::Process(Member::Peer(_)) | Part::Link(_, Member::Peer(_))))
    }
}

impl Part {
    fn touches(self, peer: usize) -> bool {
        match self {
            Self::Process(member) => member == Member::Peer(peer),
            Self::Link(from, to) => from == peer || to == Member::Peer(peer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_needs_a_reason_at_that_peer_and_time() {
        let mut excuses = Excuses::default();
        excuses.begin(Part::Process(Member::Node(1)), 10);
        assert!(!excuses.search(0, (20, 30)), "the other copies are there");
        excuses.begin(Part::Link(0, Member::Node(2)), 15);
        excuses.end(40);
        excuses.begin(Part::Process(Member::Peer(2)), 50);
        assert!(excuses.search(0, (20, 30)) && excuses.search(0, (40, 45)));
        assert!(!excuses.search(1, (20, 30)), "this peer reaches node 2");
        assert!(!excuses.search(0, (41, 45)) && !excuses.search(0, (1, 14)));
        assert!(excuses.search(2, (45, 51)) && !excuses.search(0, (45, 51)));
        assert!(excuses.quorum((45, 51)) && !excuses.quorum((20, 30)));
    }
}
