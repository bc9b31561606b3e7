//! Carries out the plan: hurts, waits, heals, and waits until all has recovered.

mod late;
mod links;
mod observe;
mod processes;

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use miroir_testkit::processes::Member;
use tokio::time::{Instant, sleep};

use super::checker::Violation;
use super::checker::excuses::Part;
use super::plan::{Fault, Round, Victim};
use super::report::Kill;
use super::stage::{PATIENCE, Stage};
use observe::Observer;

/// Between two looks at a condition.
const LOOK: Duration = Duration::from_millis(20);

/// What hurts the cluster of a stage.
pub(crate) struct Nemesis<'a> {
    stage: &'a Stage,
    observer: Observer<'a>,
    /// What is dead, and what is stopped, now.
    dead: BTreeSet<Member>,
    stopped: BTreeSet<Member>,
    /// Links with a fault on them.
    cut: BTreeSet<(usize, Member)>,
}

impl<'a> Nemesis<'a> {
    pub(crate) fn new(stage: &'a Stage) -> Self {
        let observer = Observer::new(stage);
        Self { stage, observer, dead: BTreeSet::new(), stopped: BTreeSet::new(), cut: BTreeSet::new() }
    }

    /// One round, from the fault until all is well again.
    pub(crate) async fn round(&mut self, round: &Round) {
        self.stage.say(&format!("{:?} for {} ms", round.fault, round.millis));
        match &round.fault {
            Fault::Kill(victims, moment) => self.kill_at(victims, *moment).await,
            moment @ (Fault::Election | Fault::Snapshot) => self.in_a_moment(moment).await,
            Fault::Stop(victims) => self.stop(victims).await,
            Fault::Isolate(victim, cut) => self.isolate(*victim, *cut).await,
            Fault::Link(from, node, cut) => self.cut_one(*from, *node, *cut).await,
            Fault::Late { node, kill } => self.late(*node, *kill).await,
            Fault::HalfDone(node) => self.half_done(*node).await,
            Fault::Blind(peer, node) => self.blind(*peer, *node).await,
        }
        // This is how long the fault lasts, not a wait for anything.
        sleep(Duration::from_millis(round.millis)).await;
        self.heal().await;
    }

    /// Takes everything back, and waits until the cluster is whole.
    async fn heal(&mut self) {
        self.mend_links().await;
        for member in std::mem::take(&mut self.stopped) {
            self.stage.mesh.go_on(member);
        }
        for member in std::mem::take(&mut self.dead) {
            self.stage.mesh.start_again(member);
        }
        self.recovered().await;
    }

    /// Waits until every peer and node takes part again; then nothing is excused any more.
    pub(crate) async fn recovered(&self) {
        let started = Instant::now();
        let mut last = "nothing".to_owned();
        loop {
            let Some(lacking) = self.observer.lacking().await else { break };
            let ended = self.stage.mesh.ended();
            if !ended.is_empty() || started.elapsed() > PATIENCE {
                let text =
                    format!("after {:?}: {lacking}; ended by themselves: {ended:?}", started.elapsed());
                self.stage.report([Violation::new("what is healed recovers", text)]);
                return;
            }
            last = lacking;
            sleep(LOOK).await;
        }
        let at = self.stage.now();
        self.stage.notes().excuses.end(at);
        self.stage.say(&format!("recovered in {:?}; the last to come: {last}", started.elapsed()));
    }

    /// Who that is now.
    async fn member(&self, victim: Victim) -> Member {
        let leader = self.observer.leader_awaited().await;
        match victim {
            Victim::Node(node) => Member::Node(node),
            Victim::Leader => Member::Peer(leader),
            Victim::Follower(which) => {
                let others: Vec<usize> = (0..self.stage.peers).filter(|peer| *peer != leader).collect();
                Member::Peer(others[which % others.len()])
            }
        }
    }

    async fn members(&self, victims: &[Victim]) -> Vec<Member> {
        let mut members = Vec::new();
        for victim in victims {
            members.push(self.member(*victim).await);
        }
        members
    }

    fn excuse(&self, part: Part) {
        let at = self.stage.now();
        self.stage.notes().excuses.begin(part, at);
    }

    /// -9, now.
    fn kill(&mut self, member: Member) {
        self.excuse(Part::Process(member));
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.stage.mesh.kill(member);
        self.dead.insert(member);
        let nanos = i128::try_from(wall.as_nanos()).unwrap_or_default();
        self.stage.notes().counts.kills.push(Kill { member, nanos });
        self.stage.say(&format!("killed {member:?}"));
    }
}
