//! Killing and stopping, at the moments that hurt.

use std::path::PathBuf;
use std::time::Duration;

use miroir_testkit::processes::Member;
use tokio::time::{Instant, sleep, timeout};

use super::{LOOK, Nemesis};
use crate::chaos::checker::excuses::Part;
use crate::chaos::http;
use crate::chaos::plan::{Cut, Fault, Moment, Victim};

/// How long to wait for a moment. A kill at another one is a kill all the same.
pub(super) const MOMENT: Duration = Duration::from_secs(10);
/// After so long another leads.
const ELECTED: Duration = Duration::from_secs(3);
/// After so long without a leader a peer tries to be elected: twice the longest time-out.
const ELECTING: Duration = Duration::from_millis(1200);
/// So long tasks may wait for a dead node when the peer that drives its lane is cut off: until another drives it, that
/// one has given the node up, and the peer was out of touch for long enough, on a busy machine.
const WITHOUT: Duration = Duration::from_secs(40);
/// How often a moment of some milliseconds is looked for: one in three is hit.
const TRIES: u32 = 10;
/// Where elections take some milliseconds none of these may be hit.
const SHORT_TRIES: u32 = 2;

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
    /// One that is `long` cannot end, since too many peers are stopped to elect anybody.
    async fn election(&mut self, long: bool) -> bool {
        let leader = self.observer.leader_awaited().await;
        let others: Vec<usize> = (0..self.stage.peers).filter(|peer| *peer != leader).collect();
        self.kill(Member::Peer(leader));
        let seeker = if long {
            others.iter().skip(1).for_each(|peer| self.halt(Member::Peer(*peer)));
            // A peer asks whether it could win before it gives its leader up, which cannot be seen from outside.
            sleep(ELECTING).await;
            others[0]
        } else {
            let Ok(seeker) = timeout(ELECTED, self.observer.first_leaderless(&others)).await else {
                self.stage.say("nobody was seen without a leader");
                return false;
            };
            seeker
        };
        self.kill(Member::Peer(seeker));
        // A moment ago it knew no leader. Those that are left cannot elect without it, so nobody was elected since.
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
            let long = attempt > SHORT_TRIES;
            let landed =
                if *fault == Fault::Election { self.election(long).await } else { self.snapshot().await };
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

    pub(super) fn halt(&mut self, member: Member) {
        self.excuse(Part::Process(member));
        self.stage.mesh.stop(member);
        self.stopped.insert(member);
        self.stage.notes().counts.stops += 1;
        self.stage.say(&format!("stopped {member:?}"));
    }

    /// Has a node die when it has done an edit and not said so, the second one from now: where an index has several
    /// shards the first is often a trial, which changes nothing.
    pub(super) async fn half_done(&mut self, node: usize) {
        let member = Member::Node(node);
        self.excuse(Part::Process(member));
        self.stage.mesh.set_faults(member, "engine.edited=kill@2");
        let died = async {
            while !self.stage.mesh.ended().iter().any(|(ended, _)| *ended == member) {
                sleep(LOOK).await;
            }
        };
        let died = timeout(MOMENT, died).await.is_ok();
        self.stage.mesh.set_faults(member, "");
        self.stage.notes().counts.half_done += u64::from(died);
        // When no edit came, this is what ends it; else it only takes note.
        self.kill(member);
    }

    /// Cuts a peer off from the others, though not from the nodes, kills a node, and starts it again when tasks are done
    /// without it: the peer knows of nothing, and finds a node that is behind.
    pub(super) async fn blind(&mut self, peer: Victim, node: usize) {
        let leader = self.observer.leader_awaited().await;
        let Member::Peer(peer) = self.member(peer).await else { return };
        let between_peers: Vec<(usize, Member)> = (self.stage.mesh.links())
            .map(|(from, to, _)| (from, to))
            .filter(|(from, to)| match to {
                Member::Peer(to) => *from == peer || *to == peer,
                Member::Node(_) => false,
            })
            .collect();
        for (from, to) in between_peers {
            self.cut(from, to, Cut::Drop).await;
        }
        let member = Member::Node(node);
        self.kill(member);
        let without = timeout(WITHOUT, self.observer.done_without(node, leader)).await.is_ok();
        self.stage.say(&format!(
            "peer {peer} knows nothing; tasks {} node {node}",
            if without { "are done without" } else { "wait for" }
        ));
        self.stage.notes().counts.blind += u64::from(without);
        self.stage.mesh.start_again(member);
        self.dead.remove(&member);
    }
}
