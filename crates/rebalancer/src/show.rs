//! When a change of names or settings is done: when no peer searches what was before it.
//!
//! Documents are done when the nodes have them, whoever asks the nodes. Which index a name stands for, and what settings
//! a search goes by, each peer knows from its own state, and that may be a moment behind: a client that was told by one
//! peer that two indexes are swapped would find the old one through another. So such a task is done when every peer
//! searches a state with it, or is out of touch for so long that it says so.

use std::time::Duration;

use miroir_cluster::{Command, Ledger, Reports, STALE_LIMIT, State};
use tokio::time::sleep;
use tracing::debug;

/// At most so long between two looks: what peers do not say ages.
const LOOK: Duration = Duration::from_millis(250);

/// Says what is shown, whenever this peer leads.
pub(crate) async fn run(ledger: &dyn Ledger) {
    loop {
        // First what was reported, then whether this peer leads: who leads after it has asked for all of it anew.
        let reports = ledger.reports();
        let state = ledger.state();
        if let Some(version) = shown(&state, &reports)
            && ledger.read_barrier().await.is_ok()
        {
            match ledger.propose(Command::Shown { version }).await {
                Ok(_) => continue,
                Err(error) => debug!(%error, "not proposed"),
            }
        }
        tokio::select! {
            _ = ledger.changed(state.version()) => {}
            () = ledger.reported(reports.noted) => {}
            () = sleep(LOOK) => {}
        }
    }
}

/// The version that every peer searches, when that brings a task to its end.
fn shown(state: &State, reports: &Reports) -> Option<u64> {
    let first = *state.showing.values().min()?;
    searched_by_all(state, reports).filter(|version| *version >= first)
}

/// The oldest version of the state that searches use, of those peers that are not out of touch for so long that they
/// say so; this state's where there are none. A peer counts from when it sent what was last acknowledged, the leader
/// from when it received it, which is later; what was reported to a former leader it does not know, so it counts from
/// its own start. `None` when some peer may search anything.
pub(crate) fn searched_by_all(state: &State, reports: &Reports) -> Option<u64> {
    let leading_for = reports.leading_for?;
    let mut oldest = state.version();
    for (id, peer) in &state.peers {
        match reports.peers.get(id).filter(|report| report.life.boot == peer.boot) {
            Some(report) if report.age < STALE_LIMIT => oldest = oldest.min(report.version),
            Some(_) => {}
            None if leading_for < STALE_LIMIT => return None,
            None => {}
        }
    }
    Some(oldest)
}

#[cfg(test)]
mod tests {
    use miroir_cluster::Report;
    use miroir_model::{PeerId, PeerLife, TaskUid};
    use miroir_testkit::LocalCluster;
    use miroir_testkit::defaults;

    use super::*;

    /// Two peers, and a task that is seen since the version before the last.
    fn world() -> (State, Reports) {
        let cluster = LocalCluster::founded(defaults(1), []);
        let lives = [1, 2].map(|peer| cluster.start(peer).me());
        let mut state = State::clone(&cluster.state());
        state.showing.insert(TaskUid(0), state.version() - 1);
        let report = |life: PeerLife| Report { life, version: state.version(), age: Duration::ZERO };
        let peers = lives.map(|life| (life.peer, report(life))).into();
        (state, Reports { leading_for: Some(Duration::ZERO), noted: 2, peers })
    }

    #[test]
    fn a_task_is_shown_when_no_peer_searches_what_was_before_it() {
        let (state, mut reports) = world();
        let shown = |reports: &Reports| shown(&state, reports);
        assert_eq!(shown(&reports), Some(state.version()));
        let second = |reports: &mut Reports, version, age| {
            let report = reports.peers.get_mut(&PeerId(2)).expect("it is there");
            (report.version, report.age) = (version, age);
        };
        second(&mut reports, state.version() - 1, Duration::ZERO);
        assert_eq!(shown(&reports), Some(state.version() - 1));
        second(&mut reports, state.version() - 2, STALE_LIMIT - Duration::from_millis(1));
        assert_eq!(shown(&reports), None, "it answers from before the change, and says nothing");
        second(&mut reports, state.version() - 2, STALE_LIMIT);
        assert_eq!(shown(&reports), Some(state.version()), "it says itself that its answers are old");
    }

    #[test]
    fn what_a_peer_never_reported_counts_from_the_start_of_the_leader() {
        let (state, mut reports) = world();
        // A later life than the one that reported.
        reports.peers.get_mut(&PeerId(2)).expect("it is there").life.boot += 1;
        for (leading_for, expected) in
            [(None, None), (Some(Duration::from_secs(4)), None), (Some(STALE_LIMIT), Some(state.version()))]
        {
            let reports = Reports { leading_for, ..reports.clone() };
            assert_eq!(shown(&state, &reports), expected);
        }
    }

    #[test]
    fn nothing_is_proposed_for_nothing() {
        let (mut state, reports) = world();
        state.showing.clear();
        assert_eq!(shown(&state, &reports), None);
    }
}
