//! Requests that arrive when another peer has the lane.

use std::time::Duration;

use miroir_testkit::processes::Member;
use miroir_testkit::proxy::{Action, Counts};
use tokio::time::{sleep, timeout};

use super::processes::MOMENT;
use super::{LOOK, Nemesis};
use crate::chaos::checker::excuses::Part;

/// So many writes of the same index come before the late one: what it brings must be older than something.
const OVERTAKEN_BY: u64 = 3;
/// They need not come: then it is late all the same.
const OVERTAKEN_WITHIN: Duration = Duration::from_secs(5);

impl Nemesis<'_> {
    /// Holds back a request of a lane, ends or stops its sender, and delivers it when another peer has the lane: after
    /// that one has fenced it off, or, when its sender is only stopped, as soon as it may.
    pub(super) async fn late(&mut self, node: usize, kill: bool) {
        let leader = self.observer.leader_awaited().await;
        let Some((owner, epoch)) = self.observer.owner(node, leader).await else { return };
        let member = Member::Node(node);
        self.excuse(Part::Link(owner, member));
        // A request that was held back and is never released would hang.
        self.cut.insert((owner, member));
        let mut trap = self
            .stage
            .mesh
            .link(owner, member)
            .trap_once(Action::Hold, |head| head.method != "GET" && is_write(head.path()));
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
            let index = caught.head().path().rsplit_once('-').map_or("", |(index, _)| index).to_owned();
            let sent = |counts: &Counts| {
                counts.requests_where(|method, path| {
                    method != "GET" && is_write(path) && path.starts_with(&index)
                })
            };
            let link = self.stage.mesh.link(next, member);
            let before = sent(&link.counts().borrow());
            let overtaken = link.until(|counts| sent(counts) >= before + OVERTAKEN_BY);
            let _ = timeout(OVERTAKEN_WITHIN, overtaken).await;
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

/// Whether a path is that of a write of documents, when the method is not GET.
fn is_write(path: &str) -> bool {
    path.contains("/documents") && !path.ends_with("/fetch")
}
