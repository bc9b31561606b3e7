//! Whether another member answers, as itself.

use std::time::Duration;

use miroir_model::{PeerId, PeerLife};
use miroir_wire::Incarnation;
use miroir_wire::peer::{HelloReply, HelloRequest};
use tokio::time::timeout;

use crate::links::Lane;
use crate::peer::Peer;

impl Peer {
    /// The life of a member that answers within a time: asked where Raft reaches it, and heard only when what answers
    /// there has its id and belongs to this cluster. Its Raft has to answer too, not only its process.
    pub async fn probe(&self, peer: PeerId, within: Duration) -> Option<PeerLife> {
        let node = &self.node;
        let (member, _) = node.members().remove(&peer)?;
        let mut client = node.client(node.address(&member), Lane::Control)?;
        let from = Some(node.identity.incarnation().into());
        let request = node.links.request(HelloRequest { from, name: node.config.name.clone() });
        let reply = timeout(within, client.hello(request)).await.ok()?;
        let HelloReply { life, cluster, .. } = reply
            .inspect_err(|error| tracing::debug!(name = member.name, %error, "a member does not answer"))
            .ok()?
            .into_inner();
        let life = Incarnation::from(life?).life;
        (life.peer == peer && cluster == node.identity.cluster()?.to_bytes()).then_some(life)
    }
}
