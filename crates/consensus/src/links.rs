//! Connections to other peers: two per peer, made once and kept.
//!
//! What must be quick (votes, heartbeats, barriers, small proposals) never waits behind what is large (entries, chunks,
//! snapshots, payload): each has a connection of its own.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use miroir_model::PeerId;
use miroir_wire::peer::Envelope;
use miroir_wire::peer::peer_client::PeerClient;
use miroir_wire::{Address, MAX_MESSAGE, Secret};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};

use crate::identity::Identity;
use crate::platform::Platform;

const CONNECT: Duration = Duration::from_millis(500);
/// A connection that is silent for so long is asked, and given up when it does not answer for as long again.
const KEEP_ALIVE: Duration = Duration::from_secs(3);
/// How much may be under way on a connection: some batches of entries.
const WINDOW: u32 = 8 << 20;

/// Which connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    /// For what must be quick.
    Control,
    /// For what is large.
    Bulk,
}

/// A generated client.
pub(crate) type Client = PeerClient<Channel>;

/// The connections of this peer.
pub(crate) struct Links {
    pub(crate) identity: Arc<Identity>,
    pub(crate) secret: Secret,
    platform: Arc<dyn Platform>,
    known: Mutex<HashMap<String, [Client; 2]>>,
    superseded: AtomicBool,
    another_disk: AtomicBool,
}

/// Said to a peer of which a later life, or another copy, is known. It must stop.
pub(crate) const SUPERSEDED: &str = "another life of this peer is known";

/// Said to a peer whose name is a member's under another id. Its disk is new, and it has forgotten what it has voted
/// for and acknowledged: it must not come back in that member's place.
pub(crate) const ANOTHER_DISK: &str = "a member of this name is known under another id";

/// The address is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no host:port")]
pub(crate) struct BadAddress(String);

impl Links {
    pub(crate) fn new(identity: Arc<Identity>, secret: Secret, platform: Arc<dyn Platform>) -> Self {
        Self {
            identity,
            secret,
            platform,
            known: Mutex::default(),
            superseded: AtomicBool::default(),
            another_disk: AtomicBool::default(),
        }
    }

    /// Takes note of what a refused call says about this peer.
    pub(crate) fn refused(&self, status: &Status) {
        if status.code() == Code::FailedPrecondition {
            self.superseded.fetch_or(status.message() == SUPERSEDED, Ordering::Relaxed);
            self.another_disk.fetch_or(status.message() == ANOTHER_DISK, Ordering::Relaxed);
        }
    }

    /// Whether a peer said that a member of this one's name is known under another id.
    pub(crate) fn another_disk(&self) -> bool {
        self.another_disk.load(Ordering::Relaxed)
    }

    /// Whether a peer said that another life of this one is known.
    pub(crate) fn superseded(&self) -> bool {
        self.superseded.load(Ordering::Relaxed)
    }

    /// A client for an address. Must be called within the runtime that is to drive the connection.
    pub(crate) fn client(&self, address: &str, lane: Lane) -> Result<Client, BadAddress> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if !known.contains_key(address) {
            let clients = [self.connect(address)?, self.connect(address)?];
            known.insert(address.to_owned(), clients);
        }
        let [control, bulk] = known.get(address).ok_or_else(|| BadAddress(address.to_owned()))?;
        Ok(match lane {
            Lane::Control => control.clone(),
            Lane::Bulk => bulk.clone(),
        })
    }

    /// The envelope of a call; `None` while this peer belongs to no cluster.
    pub(crate) fn envelope(&self, to: PeerId) -> Option<Envelope> {
        let cluster = self.identity.cluster()?;
        Some(Address { cluster, to, from: self.identity.incarnation() }.into())
    }

    /// A call, signed.
    pub(crate) fn request<T>(&self, message: T) -> Request<T> {
        self.secret.sign(Request::new(message))
    }

    fn connect(&self, address: &str) -> Result<Client, BadAddress> {
        let bad = |_| BadAddress(address.to_owned());
        let endpoint = Endpoint::from_shared(format!("http://{address}"))
            .map_err(bad)?
            .tcp_nodelay(true)
            .connect_timeout(CONNECT)
            .http2_keep_alive_interval(KEEP_ALIVE)
            .keep_alive_timeout(KEEP_ALIVE)
            .keep_alive_while_idle(true)
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOW);
        Ok(PeerClient::new(self.platform.connect(endpoint))
            .max_decoding_message_size(MAX_MESSAGE)
            .max_encoding_message_size(MAX_MESSAGE))
    }
}
