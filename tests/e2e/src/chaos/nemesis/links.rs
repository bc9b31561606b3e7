//! Cutting links and mending them.

use std::time::Duration;

use miroir_testkit::processes::Member;
use miroir_testkit::proxy::{Door, Flow, Link, Then};

use super::Nemesis;
use crate::chaos::checker::excuses::Part;
use crate::chaos::plan::{Cut, Victim};

impl Nemesis<'_> {
    /// All links of one member, in both directions.
    pub(super) async fn isolate(&mut self, victim: Victim, cut: Cut) {
        let member = self.member(victim).await;
        let touched: Vec<(usize, Member)> = (self.stage.mesh.links())
            .filter(|(from, to, _)| *to == member || Member::Peer(*from) == member)
            .map(|(from, to, _)| (from, to))
            .collect();
        for (from, to) in touched {
            self.cut(from, to, cut).await;
        }
        self.stage.say(&format!("{member:?} is cut off: {cut:?}"));
    }

    pub(super) async fn cut_one(&mut self, from: Victim, node: usize, cut: Cut) {
        if let Member::Peer(from) = self.member(from).await {
            self.cut(from, Member::Node(node), cut).await;
            self.stage.say(&format!("peer {from} is cut off from node {node}: {cut:?}"));
        }
    }

    pub(super) async fn cut(&mut self, from: usize, to: Member, cut: Cut) {
        self.excuse(Part::Link(from, to));
        self.cut.insert((from, to));
        let proxy = self.stage.mesh.link(from, to);
        proxy.set(link(cut)).await.expect("the proxy runs");
        if cut == Cut::Refuse {
            proxy.reset().await.expect("the proxy runs");
        }
        self.stage.notes().counts.cuts += 1;
    }

    /// Connections that lost bytes would hang for as long as their ends have patience, so all are reset.
    pub(super) async fn mend_links(&mut self) {
        for (from, to) in std::mem::take(&mut self.cut) {
            let proxy = self.stage.mesh.link(from, to);
            proxy.set(Link::default()).await.expect("its port is kept");
            proxy.reset().await.expect("the proxy runs");
        }
    }
}

fn link(cut: Cut) -> Link {
    let both = |flow| Link { up: flow, down: flow, door: Door::Open };
    match cut {
        Cut::Drop => Link::PARTITION,
        Cut::DropUp => Link { up: Flow::DROP, ..Link::default() },
        Cut::DropDown => Link { down: Flow::DROP, ..Link::default() },
        Cut::Stall => both(Flow::Stall),
        Cut::Refuse => Link { door: Door::Refused, ..Link::default() },
        Cut::Delay(millis) => Link::delayed(Duration::from_millis(millis)),
        Cut::Bytes(after) => both(Flow::Cut { after, then: Then::Reset }),
    }
}
