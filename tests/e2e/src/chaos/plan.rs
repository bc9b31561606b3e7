//! What the nemesis will do: a function of the seed.

use miroir_testkit::Dice;

/// Who is to suffer, found out when it is time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Victim {
    /// The peer that leads.
    Leader,
    /// One of the others.
    Follower(usize),
    /// A node.
    Node(usize),
}

/// The moment to wait for before a kill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// A task is being delivered.
    Dispatch,
    /// A change of settings is being delivered.
    Settings,
}

/// What becomes of links.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// Everything vanishes.
    Drop,
    /// What goes out vanishes, answers come.
    DropUp,
    /// What goes out arrives, answers vanish.
    DropDown,
    /// Everything waits.
    Stall,
    /// Connections are reset, new ones refused.
    Refuse,
    /// Everything comes so many milliseconds late.
    Delay(u64),
    /// Each connection is reset after so many bytes more.
    Bytes(u64),
}

/// One thing that the nemesis does, healed after `millis`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// -9, all at once.
    Kill(Vec<Victim>, Moment),
    /// -9 for the leader, and then for a peer while nobody leads.
    Election,
    /// -9 for a peer while it writes a snapshot.
    Snapshot,
    /// SIGSTOP.
    Stop(Vec<Victim>),
    /// All links of one member.
    Isolate(Victim, Cut),
    /// The link from a peer to a node.
    Link(Victim, usize, Cut),
    /// A request to a node is held back, its sender killed or stopped, and the request delivered when another has taken
    /// over.
    Late { node: usize, kill: bool },
    /// A node dies when it has done an edit by function and not said so: it does that again when it is back.
    HalfDone(usize),
    /// A node is dead until tasks are done without it, and comes back while a peer that cannot know of that may ask it.
    Blind(Victim, usize),
}

/// What happens between two quiet intervals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Round {
    pub(crate) fault: Fault,
    /// How long it lasts, once it has begun, in milliseconds.
    pub(crate) millis: u64,
}

/// Rounds of a run: in each stretch of [`STRETCH`] everything comes, in another order.
pub(crate) fn plan(seed: u64, rounds: usize, nodes: usize) -> Vec<Round> {
    let mut dice = Dice::new(seed, 0);
    let mut planned = Vec::new();
    while planned.len() < rounds {
        let mut stretch = stretch(&mut dice, nodes);
        dice.shuffle(&mut stretch);
        planned.extend(stretch);
    }
    planned.truncate(rounds);
    planned
}

/// The length of a stretch.
pub(crate) const STRETCH: usize = 25;

fn stretch(dice: &mut Dice, nodes: usize) -> Vec<Round> {
    let node = dice.below(nodes);
    let [here, there] = [Victim::Node(node), Victim::Node((node + 1) % nodes)];
    let follower = Victim::Follower(dice.below(2));
    let cuts = cuts(dice);
    let killed = |victims: &[Victim], moment| (Fault::Kill(victims.to_vec(), moment), (100, 2500));
    let stopped = |victims: &[Victim]| (Fault::Stop(victims.to_vec()), (1000, 3000));
    let faults = vec![
        killed(&[Victim::Leader], Moment::Dispatch),
        killed(&[Victim::Leader], Moment::Settings),
        killed(&[follower], Moment::Dispatch),
        killed(&[here], Moment::Dispatch),
        killed(&[there], Moment::Settings),
        killed(&[Victim::Leader, there], Moment::Dispatch),
        killed(&[here, there], Moment::Settings),
        killed(&[Victim::Leader, follower], Moment::Dispatch),
        (Fault::Election, (100, 1500)),
        (Fault::Election, (100, 1500)),
        (Fault::Snapshot, (100, 1500)),
        (Fault::Snapshot, (100, 1500)),
        stopped(&[Victim::Leader]),
        stopped(&[follower]),
        stopped(&[here]),
        stopped(&[Victim::Leader, there]),
        (Fault::Isolate(Victim::Leader, cuts[0]), (700, 3000)),
        (Fault::Isolate(follower, cuts[1]), (700, 3000)),
        (Fault::Isolate(here, cuts[2]), (700, 3000)),
        (Fault::Link(follower, node, cuts[3]), (700, 3000)),
        (Fault::Late { node, kill: true }, (100, 500)),
        (Fault::Late { node: (node + 1) % nodes, kill: false }, (100, 500)),
        (Fault::HalfDone(node), (100, 500)),
        (Fault::HalfDone((node + 1) % nodes), (100, 500)),
        (Fault::Blind(follower, node), (1500, 3000)),
    ];
    faults.into_iter().map(|(fault, (low, high))| Round { fault, millis: dice.between(low, high) }).collect()
}

/// Ways to cut, in another order each time.
fn cuts(dice: &mut Dice) -> Vec<Cut> {
    let mut cuts = vec![
        Cut::Drop,
        Cut::DropUp,
        Cut::DropDown,
        Cut::Stall,
        Cut::Refuse,
        Cut::Delay(dice.between(20, 400)),
        Cut::Bytes(dice.between(0, 2000)),
    ];
    dice.shuffle(&mut cuts);
    cuts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_says_it_all() {
        let rounds = plan(7, STRETCH + 5, 3);
        assert_eq!(rounds, plan(7, STRETCH + 5, 3));
        assert_ne!(rounds, plan(8, STRETCH + 5, 3));
        let first = &rounds[..STRETCH];
        let count = |wanted: &Fault| first.iter().filter(|round| round.fault == *wanted).count();
        assert_eq!(
            (count(&Fault::Election), count(&Fault::Snapshot)),
            (2, 2),
            "everything comes in a stretch"
        );
    }
}
