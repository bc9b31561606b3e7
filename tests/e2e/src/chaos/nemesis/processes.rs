//! Killing and stopping, at the moments that hurt.

use std::path::PathBuf;
use std::time::Duration;

use miroir_testkit::processes::Member;
use miroir_testkit::proxy::{Action, Counts};
use tokio::time::{Instant, sleep, timeout};

use super::{LOOK, Nemesis};
use crate::chaos::checker::excuses::Part;
use crate::chaos::http;
use crate::chaos::plan::{Fault, Moment, Victim};

/// How long to wait for a moment. A kill at another one is a kill all the same.
const MOMENT: Duration = Duration::from_secs(10);
/// After so long another leads.
const ELECTED: Duration = Duration::from_secs(3);
/// How often a moment of some milliseconds is looked for: one in three is hit.
const TRIES: u32 = 10;

impl Nemesis<'_> {
    pub(super) async fn kill_at(&mut self, victims: &[Victim], moment: Moment) {
        let members = self.members(victims).await;
        let wanted = match moment {
            Moment::Dispatch => "documentAdditionOrUpdate,documentDeletion",
            Moment::Settings => "settingsUpdate",
        };
        let client = http::client(Duration::from_secs(1));
        let path = format!("/tasks?limit=1&statuses=processing&types={wanted}");
        let started = Instant::now();
        while started.elapsed() < MOMENT {
            let page = http::get(&client, &self.stage.url(0, &path)).await;
            if page.is_some_and(|page| page["total"].as_u64() > Some(0)) {
                break;
            }
            sleep(Duration::from_millis(2)).await;
        }
        members.into_iter().for_each(|member| self.kill(member));
    }

    /// Kills the leader, and one of the others as soon as that one knows no leader. Whether that was during the election.
    async fn election(&mut self) -> bool {
        let leader = self.observer.leader_awaited().await;
        let others: Vec<usize> = (0..self.stage.peers).filter(|peer| *peer != leader).collect();
        self.kill(Member::Peer(leader));
        let Ok(seeker) = timeout(ELECTED, self.observer.first_leaderless(&others)).await else {
            self.stage.say("nobody was seen without a leader");
            return false;
        };
        self.kill(Member::Peer(seeker));
        // It said so a moment ago. Those that are left cannot elect without it, so nobody was elected since.
        for left in others.into_iter().filter(|peer| *peer != seeker) {
            if self.observer.ready(left).await {
                return false;
            }
        }
        self.stage.notes().counts.in_election += 1;
        true
    }

    /// Kills the first peer that is seen to write a snapshot. Whether it was still writing.
    async fn snapshot(&mut self) -> bool {
        let dir = |peer| self.stage.mesh.dir(Member::Peer(peer)).join("snapshots");
        let dirs: Vec<PathBuf> = (0..self.stage.peers).map(dir).collect();
        let writes = |dir: &PathBuf| {
            let files = std::fs::read_dir(dir).into_iter().flatten().flatten();
            files.into_iter().any(|file| file.path().extension().is_some_and(|extension| extension == "tmp"))
        };
        let watched = dirs.clone();
        // It is there for as long as a disk takes to sync.
        let watch = tokio::task::spawn_blocking(move || {
            let started = std::time::Instant::now();
            while started.elapsed() < MOMENT {
                if let Some(peer) = watched.iter().position(writes) {
                    return Some(peer);
                }
                std::thread::sleep(Duration::from_micros(100));
            }
            None
        });
        let Ok(Some(peer)) = watch.await else { return false };
        self.kill(Member::Peer(peer));
        let landed = writes(&dirs[peer]);
        self.stage.notes().counts.in_snapshot += u64::from(landed);
        landed
    }

    /// Moments that are short can be missed: then all is healed, and it is tried again.
    pub(super) async fn in_a_moment(&mut self, fault: &Fault) {
        for attempt in 1..=TRIES {
            let landed =
                if *fault == Fault::Election { self.election().await } else { self.snapshot().await };
            if landed || attempt == TRIES {
                return;
            }
            self.stage.say("missed");
            self.heal().await;
        }
    }

    pub(super) async fn stop(&mut self, victims: &[Victim]) {
        for member in self.members(victims).await {
            self.halt(member);
        }
    }

    fn halt(&mut self, member: Member) {
        self.excuse(Part::Process(member));
        self.stage.mesh.stop(member);
        self.stopped.insert(member);
        self.stage.notes().counts.stops += 1;
        self.stage.say(&format!("stopped {member:?}"));
    }

    /// Holds back a request of a lane, ends or stops its sender, and delivers it when another peer has the lane: after
    /// that one has fenced it off, or, when its sender is only stopped, as soon as it may.
    pub(super) async fn late(&mut self, node: usize, kill: bool) {
        let leader = self.observer.leader_awaited().await;
        let Some((owner, epoch)) = self.observer.owner(node, leader).await else { return };
        let member = Member::Node(node);
        self.excuse(Part::Link(owner, member));
        // A request that was held back and is never released would hang.
        self.cut.insert((owner, member));
        let mut trap = self.stage.mesh.link(owner, member).trap_once(Action::Hold, |head| {
            head.method != "GET" && head.path().contains("/documents") && !head.path().ends_with("/fetch")
        });
        let Ok(Some(caught)) = timeout(MOMENT, trap.next()).await else {
            return self.stage.say("no request was caught");
        };
        let others: Vec<usize> = (0..self.stage.peers).filter(|peer| *peer != owner).collect();
        let renames = |counts: &Counts| counts.requests("PATCH", "/indexes/");
        let now = |peer: &usize| renames(&self.stage.mesh.link(*peer, member).counts().borrow());
        let before: Vec<u64> = others.iter().map(now).collect();
        let owner = Member::Peer(owner);
        if kill {
            self.kill(owner)
        } else {
            self.halt(owner)
        }
        let Ok(next) = timeout(MOMENT, self.taken_over(node, others[0], epoch)).await else {
            return self.stage.say("nobody takes the lane over");
        };
        if let Some(at) = others.iter().position(|peer| *peer == next).filter(|_| kill) {
            let fence = self.stage.mesh.link(next, member).until(|counts| renames(counts) > before[at]);
            let fenced = timeout(MOMENT, fence).await.is_ok();
            self.stage.say(if fenced { "the lane is fenced" } else { "the lane is not fenced" });
        }
        let status = timeout(MOMENT, caught.deliver()).await;
        self.stage.say(&format!("{} {} came late: {status:?}", caught.head().method, caught.head().path()));
        self.stage.notes().counts.late += u64::from(matches!(status, Ok(Ok(_))));
    }

    /// The peer that takes a lane over after this epoch, as another sees it.
    async fn taken_over(&self, node: usize, seen_by: usize, epoch: u64) -> usize {
        loop {
            if let Some((owner, _)) = self.observer.owner(node, seen_by).await.filter(|(_, now)| *now > epoch)
            {
                return owner;
            }
            sleep(LOOK).await;
        }
    }
}
