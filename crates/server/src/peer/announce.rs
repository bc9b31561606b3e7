//! What a peer has to say when it starts: that it lives, and what the cluster is founded with.

use std::sync::Arc;
use std::time::Duration;

use miroir_cluster::{Command, Defaults, Found, Ledger, Outcome, PeerStarted, Refusal};
use miroir_consensus::Peer;

use crate::config::PeerConfig;
use crate::exit::Exit;

/// The pause between tries. Each try waits for a leader by itself.
const PAUSE: Duration = Duration::from_millis(100);

/// Says both, as soon as there is a leader. Saying them again changes nothing.
pub(super) async fn announce(peer: Arc<Peer>, config: PeerConfig) -> Result<(), Exit> {
    let cluster = loop {
        if let Some(cluster) = peer.cluster() {
            break cluster;
        }
        tokio::time::sleep(PAUSE).await;
    };
    let defaults = Defaults {
        shards: config.defaults.shards,
        factor: config.defaults.factor,
        groups: config.defaults.groups,
    };
    propose(&peer, Command::Found(Found { cluster: cluster.to_string(), defaults })).await?;
    let started = PeerStarted {
        life: peer.me(),
        name: config.name.clone(),
        http: format!("http://{}", config.http),
        grpc: format!("http://{}", config.grpc),
    };
    propose(&peer, Command::PeerStarted(started)).await
}

async fn propose(peer: &Peer, command: Command) -> Result<(), Exit> {
    loop {
        match peer.propose(command.clone()).await {
            Ok(Outcome::Refused(refusal @ Refusal::OtherDefaults(_))) => {
                return Err(Exit::Configuration(format!(
                    "{refusal}: the [defaults] of the first start stay; give the same, or none of your own"
                )));
            }
            Ok(Outcome::Refused(refusal)) => return Err(Exit::Directory(refusal.to_string())),
            Ok(_) => return Ok(()),
            Err(error) => tracing::debug!(%error, "waiting for a leader"),
        }
        tokio::time::sleep(PAUSE).await;
    }
}
