use super::*;

const LIMIT: Duration = Duration::from_secs(5);

fn life(boot: u64) -> PeerLife {
    PeerLife { peer: PeerId(7), boot }
}

/// A table of a leader that has applied more and more, and the seconds that pass.
struct Play {
    table: Table,
    begun: Instant,
}

impl Play {
    fn new() -> Self {
        let begun = Instant::now();
        Self { table: Table::new(1, begun), begun }
    }

    fn at(&self, second: u64) -> Instant {
        self.begun + Duration::from_secs(second)
    }

    fn note(&mut self, second: u64, version: u64, newest: u64) -> bool {
        self.table.note(life(1), version, newest, (self.at(second), LIMIT))
    }

    /// The version and the age, as the leader sees them.
    fn seen(&self, second: u64) -> Option<(u64, u64)> {
        let seen = self.table.seen(self.at(second));
        seen.peers.get(&PeerId(7)).map(|report| (report.version, report.age.as_secs()))
    }
}

#[test]
fn a_peer_that_keeps_in_touch_may_lag() {
    let mut play = Play::new();
    assert!(play.note(0, 10, 10));
    for second in 1..20 {
        assert!(play.note(second, 10 + second, 1000), "second {second}");
        assert_eq!(play.seen(second), Some((10 + second, 0)));
    }
}

/// A step that did not wait for the peer, since it was out of touch, may have made any state before this wrong.
#[test]
fn a_peer_that_comes_back_must_first_be_as_new_as_the_leader_was() {
    let mut play = Play::new();
    assert!(play.note(0, 10, 10));
    assert_eq!(play.seen(5), Some((10, 5)));
    assert!(!play.note(5, 11, 50));
    assert_eq!(play.seen(5), Some((11, 0)), "from now on steps wait for it");
    assert!(!play.note(6, 49, 60));
    assert!(play.note(7, 50, 70), "what it owes does not grow");
    assert!(play.note(8, 50, 80));
}

#[test]
fn so_must_one_that_was_never_heard_and_a_new_life() {
    let mut play = Play::new();
    assert!(!play.note(0, 9, 10));
    assert!(play.note(1, 10, 11));
    assert!(!play.table.note(life(2), 11, 12, (play.at(2), LIMIT)));
    assert!(play.table.note(life(2), 12, 13, (play.at(3), LIMIT)));
}

#[test]
fn a_peer_that_hangs_behind_holds_nothing_up() {
    let mut play = Play::new();
    for second in 0..60 {
        assert!(!play.note(second, second, 1000 + second));
    }
    assert_eq!(play.seen(60), Some((4, 60)), "it is out of touch, though it reports");
    // It has got to where it should have been: a second try.
    assert!(!play.note(61, 1000, 2000));
    assert_eq!(play.seen(61), Some((1000, 0)));
    assert!(play.note(62, 2000, 3000));
}

#[test]
fn what_is_noted_ends_with_the_term() {
    let (desk, begun) = (Desk::default(), Instant::now());
    let at = |second| begun + Duration::from_secs(second);
    let note =
        |term, second| desk.at(term, at(second), |table| table.note(life(1), 1, 1, (at(second), LIMIT)));
    let seen = |term, second| desk.at(term, at(second), |table| table.seen(at(second)));
    assert_eq!(note(3, 0), Some(true));
    let reports = seen(3, 2).expect("its own term");
    assert_eq!((reports.leading_for, reports.peers.len()), (Some(Duration::from_secs(2)), 1));
    let reports = seen(5, 9).expect("a later term");
    assert_eq!((reports.leading_for, reports.peers.len()), (Some(Duration::ZERO), 0));
    assert_eq!(note(3, 10), None, "confirmed in a term that is over");
    assert_eq!(seen(3, 10), None);
}
