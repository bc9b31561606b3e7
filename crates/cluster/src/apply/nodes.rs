//! The cluster's founding, its peers, its nodes, and who delivers to them.

use imbl::OrdSet;
use miroir_model::{NodeId, PeerId, PeerLife};

use super::Apply;
use crate::command::{Adopt, Found, PeerStarted};
use crate::nodes::{Lane, Node, NodeState, Peer};
use crate::outcome::{Outcome, Refusal};

type Answer = Result<Outcome, Refusal>;

impl Apply<'_> {
    pub(super) fn found(&mut self, found: &Found) -> Answer {
        match &self.state.cluster {
            None => self.state.cluster = Some((found.cluster.clone(), found.defaults.clone())),
            Some((_, defaults)) if *defaults != found.defaults => {
                return Err(Refusal::OtherDefaults(format!(
                    "factor {}, groups {}, shards {}, history {}",
                    defaults.factor,
                    defaults.groups,
                    defaults.shards.map_or("by the number of nodes".to_owned(), |n| n.to_string()),
                    defaults.history,
                )));
            }
            Some(_) => {}
        }
        Ok(Outcome::Done)
    }

    pub(super) fn peer_started(&mut self, started: &PeerStarted) -> Answer {
        let PeerLife { peer, boot } = started.life;
        let known = self.state.peers.get(&peer);
        let restarted = known.is_some_and(|known| known.boot < boot);
        let forgotten = known.filter(|known| known.boot == boot).map_or(0, |known| known.forgotten);
        if known.is_some_and(|known| known.boot > boot) {
            return Err(Refusal::Unknown(format!("peer life {}", started.life)));
        }
        let (name, http, grpc) = (started.name.clone(), started.http.clone(), started.grpc.clone());
        self.state.peers.insert(peer, Peer { name, http, grpc, boot, alive: true, forgotten });
        let former: Vec<_> = (self.state.uploads.keys())
            .filter(|upload| upload.life.peer == peer && upload.life.boot < boot)
            .copied()
            .collect();
        former.into_iter().for_each(|upload| self.drop_upload(upload));
        // What its former life reached says nothing of this one.
        if restarted {
            for node in self.node_ids() {
                if let Some(known) = self.state.nodes.get_mut(&node) {
                    known.unreachable_by.remove(&peer);
                    known.reached_by.remove(&peer);
                }
            }
        }
        self.judge_nodes();
        Ok(Outcome::Done)
    }

    pub(super) fn peer_alive(&mut self, peer: PeerId, alive: bool) -> Answer {
        match self.state.peers.get_mut(&peer) {
            None => return Err(Refusal::Unknown(format!("peer {peer}"))),
            Some(known) => known.alive = alive,
        }
        self.judge_nodes();
        Ok(Outcome::Done)
    }

    fn node_ids(&self) -> Vec<NodeId> {
        self.state.nodes.keys().cloned().collect()
    }

    fn judge_nodes(&mut self) {
        self.node_ids().iter().for_each(|node| self.judge_reachability(node));
    }

    /// Whether this is the present life of a peer.
    pub(super) fn is_present(&self, life: PeerLife) -> bool {
        self.state.peers.get(&life.peer).is_some_and(|peer| peer.boot == life.boot)
    }

    pub(super) fn adopt(&mut self, adopt: &Adopt) -> Answer {
        if let Some(known) = self.state.nodes.get(&adopt.node) {
            let same = known.url == adopt.url && known.group == adopt.group;
            return if same { Ok(Outcome::Done) } else { Err(Refusal::NodeExists(adopt.node.to_string())) };
        }
        let node = Node {
            id: adopt.node.clone(),
            url: adopt.url.clone(),
            group: adopt.group,
            weight: adopt.weight,
            version: adopt.version.clone(),
            credentials: adopt.credentials.clone(),
            state: NodeState::Up,
            unreachable_by: OrdSet::new(),
            reached_by: OrdSet::new(),
            lane: Lane::default(),
        };
        self.state.nodes.insert(adopt.node.clone(), node);
        Ok(Outcome::Done)
    }

    pub(super) fn node_seen(&mut self, node: &NodeId, by: PeerLife, reachable: bool) -> Answer {
        if !self.is_present(by) {
            return Err(Refusal::Unknown(format!("peer life {by}")));
        }
        let Some(known) = self.state.nodes.get_mut(node) else {
            return Err(Refusal::Unknown(format!("node {node}")));
        };
        let (into, out_of) = if reachable {
            (&mut known.reached_by, &mut known.unreachable_by)
        } else {
            (&mut known.unreachable_by, &mut known.reached_by)
        };
        into.insert(by.peer);
        out_of.remove(&by.peer);
        self.judge_reachability(node);
        Ok(Outcome::Done)
    }

    /// A node is down when every live peer that tried failed to reach it, and stays as it was while none has tried.
    pub(super) fn judge_reachability(&mut self, node: &NodeId) {
        let peers = &self.state.peers;
        let Some(known) = self.state.nodes.get_mut(node) else { return };
        let any_of =
            |found: &OrdSet<PeerId>| found.iter().any(|id| peers.get(id).is_some_and(|peer| peer.alive));
        known.state = match known.state {
            NodeState::Up | NodeState::Down if any_of(&known.reached_by) => NodeState::Up,
            NodeState::Up | NodeState::Down if any_of(&known.unreachable_by) => NodeState::Down,
            other => other,
        };
    }

    pub(super) fn assign_lane(&mut self, node: &NodeId, peer: Option<PeerId>) -> Answer {
        if let Some(peer) = peer
            && !self.state.peers.contains_key(&peer)
        {
            return Err(Refusal::Unknown(format!("peer {peer}")));
        }
        match self.state.nodes.get_mut(node) {
            None => Err(Refusal::Unknown(format!("node {node}"))),
            Some(known) => {
                known.lane.assigned = peer;
                Ok(Outcome::Done)
            }
        }
    }

    pub(super) fn take_lane(&mut self, node: &NodeId, life: PeerLife) -> Answer {
        if !self.is_present(life) {
            return Err(Refusal::Unknown(format!("peer life {life}")));
        }
        let Some(known) = self.state.nodes.get_mut(node) else {
            return Err(Refusal::Unknown(format!("node {node}")));
        };
        if known.lane.assigned != Some(life.peer) {
            return Err(Refusal::NotAssigned);
        }
        let epoch = known.lane.epoch.next();
        known.lane = Lane { owner: Some(life), epoch, ..known.lane };
        Ok(Outcome::LaneTaken { epoch })
    }
}
