//! What a peer has to say when it starts: that it lives, where it is reached, and what it takes the cluster for.

use std::sync::Arc;
use std::time::Duration;

use miroir_cluster::{Command, Found, Ledger, Outcome, PeerStarted, Refusal};
use miroir_consensus::Peer;

use crate::config::PeerConfig;
use crate::exit::Exit;

/// The pause between tries. Each try waits for a leader by itself.
const PAUSE: Duration = Duration::from_millis(100);

/// Says it as soon as there is a leader. Saying it again changes nothing.
pub(super) async fn announce(peer: Arc<Peer>, config: PeerConfig) -> Result<(), Exit> {
    let started = PeerStarted {
        life: peer.me(),
        name: config.name.clone(),
        http: config.http_url(),
        grpc: format!("http://{}", config.reached_at()),
    };
    propose(&peer, Command::PeerStarted(started)).await?;
    // The leader founds the cluster, when its first nodes have joined. Defaults that are given have to be those that it
    // was founded with; a peer that gives none has nothing to compare.
    let Some(defaults) = &config.defaults else { return Ok(()) };
    let cluster = founded(&peer).await;
    propose(&peer, Command::Found(Found { cluster, defaults: defaults.into() })).await
}

/// The id of the cluster, once it is founded.
async fn founded(peer: &Peer) -> String {
    let mut state = peer.state();
    loop {
        if let Some((cluster, _)) = &state.cluster {
            return cluster.clone();
        }
        state = peer.changed(state.version()).await;
    }
}

async fn propose(peer: &Peer, command: Command) -> Result<(), Exit> {
    loop {
        match peer.propose(command.clone()).await {
            Ok(Outcome::Refused(refusal @ Refusal::OtherDefaults(_))) => {
                return Err(Exit::Configuration(format!(
                    "{refusal}: the [defaults] of the first start stay; give the same, or none at all"
                )));
            }
            Ok(Outcome::Refused(refusal)) => return Err(Exit::Directory(refusal.to_string())),
            Ok(_) => return Ok(()),
            Err(error) => tracing::debug!(%error, "waiting for a leader"),
        }
        tokio::time::sleep(PAUSE).await;
    }
}
