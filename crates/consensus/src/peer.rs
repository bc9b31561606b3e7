//! A peer: starting, serving, stopping.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use miroir_model::PeerId;
use miroir_wire::peer::peer_server::PeerServer;
use miroir_wire::{ClusterId, MAX_MESSAGE};
use openraft::Raft;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tonic::service::Routes;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;

use crate::barrier::{self, Turnstile};
use crate::config::{Config, Limits, StartError};
use crate::disk::{Disk, NO_ROOM, Room};
use crate::flow::Flow;
use crate::heard::Heard;
use crate::identity::{Identity, Lives};
use crate::links::Links;
use crate::log::LogStore;
use crate::machine::{Machine, Shared};
use crate::network::Network;
use crate::node::{Failure, Node};
use crate::reports::Desk;
use crate::service::Service;
use crate::types::Member;
use crate::{founding, leave, upkeep};

/// Raft's own threads: whatever the rest of the process does, heartbeats go out in time.
const THREADS: usize = 2;
const STACK_BYTES: usize = 1 << 20;
/// How long calls of others may take to end when the peer stops.
const GRACE: Duration = Duration::from_millis(500);
/// How many calls of others may be given up before this peer has looked at them.
const RESETS: usize = 1024;
/// How much may be under way to this peer on a connection.
const WINDOW: u32 = 8 << 20;

/// A running peer of the group. Dropping it is like a crash: it stops at once, and hands over to nobody.
pub struct Peer {
    pub(crate) node: Arc<Node>,
    threads: Threads,
}

/// The peer's own threads. Dropping them waits for nothing: a runtime may be dropped inside another.
struct Threads(Mutex<Option<Runtime>>);

impl Threads {
    fn take(&self) -> Option<Runtime> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(runtime) = self.take() {
            runtime.shutdown_background();
        }
    }
}

impl Peer {
    /// Starts a peer on its data directory: reads the last snapshot and what the log holds behind it. It does not
    /// answer others before [`serve`](Self::serve).
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start(config: Config) -> Result<Self, StartError> {
        check(&config)?;
        let raft_config = Arc::new(config.raft()?);
        let data_dir = config.data_dir.clone();
        let disk = |source| StartError::Disk { dir: data_dir.clone(), source };
        let room = look_for_room(&config).map_err(disk)?;
        let identity = Arc::new(Identity::open(&config.data_dir, &config.name, &*config.platform)?);
        let runtime = Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("raft")
            .thread_stack_size(STACK_BYTES)
            .enable_all()
            .build()
            .map_err(disk)?;
        let handle = runtime.handle().clone();
        let threads = Threads(Mutex::new(Some(runtime)));
        let opened = handle.spawn(open(config, raft_config, (identity, room), handle.clone())).await;
        let node = opened.map_err(|error| StartError::Broken(error.to_string()))??;
        node.spawn(barrier::run(node.clone()));
        node.spawn(upkeep::run(node.clone()));
        node.spawn(upkeep::watch_raft(node.clone()));
        node.spawn(founding::run(node.clone()));
        Ok(Self { node, threads })
    }

    /// Answers the other peers, and whatever `others` brings, on one port, on the peer's own threads.
    ///
    /// # Errors
    /// When the listener cannot be used.
    pub fn serve(&self, listener: TcpListener, others: Routes) -> io::Result<()> {
        let _within = self.node.runtime.enter();
        listener.set_nonblocking(true)?;
        let incoming =
            TcpIncoming::from(tokio::net::TcpListener::from_std(listener)?).with_nodelay(Some(true));
        let service = PeerServer::new(Service(self.node.clone()))
            .max_decoding_message_size(MAX_MESSAGE)
            .max_encoding_message_size(MAX_MESSAGE);
        let mut stopping = self.node.stopping.subscribe();
        let server = Server::builder()
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOW)
            // Calls that timed out on a starved machine are no attack: losing the connection would make it worse.
            .http2_max_pending_accept_reset_streams(Some(RESETS))
            .add_routes(others.add_service(service))
            .serve_with_incoming_shutdown(incoming, async move {
                let _ = stopping.wait_for(|stopping| *stopping).await;
            });
        self.node.runtime.spawn(async move {
            if let Err(error) = server.await {
                tracing::error!(%error, "the gRPC server ended");
            }
        });
        Ok(())
    }

    /// Stops: hands leadership over, lets calls end, and closes the files.
    pub async fn shutdown(&self) {
        leave::hand_over(&self.node).await;
        self.node.stopping.send_replace(true);
        if let Err(error) = self.node.raft.shutdown().await {
            tracing::warn!(%error, "Raft did not stop cleanly");
        }
        if let Some(runtime) = self.threads.take() {
            let ended = tokio::task::spawn_blocking(move || runtime.shutdown_timeout(GRACE)).await;
            if let Err(error) = ended {
                tracing::warn!(%error, "the peer's threads did not end");
            }
        }
    }

    /// Waits until the peer has failed: then the process must end.
    pub async fn failed(&self) -> Failure {
        let mut failure = self.node.failure.subscribe();
        match failure.wait_for(Option::is_some).await.map(|held| held.clone()) {
            Ok(Some(failure)) => failure,
            // The sender lives in the node that `self` holds.
            Ok(None) | Err(_) => std::future::pending().await,
        }
    }

    /// The cluster, once this peer belongs to one.
    pub fn cluster(&self) -> Option<ClusterId> {
        self.node.identity.cluster()
    }

    /// The members of the group as this peer knows them: names, addresses, and whether each has a vote.
    pub fn membership(&self) -> BTreeMap<PeerId, (Member, bool)> {
        self.node.members()
    }
}

impl std::fmt::Debug for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Peer({})", self.node.me())
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.node.stopping.send_replace(true);
    }
}

fn check(config: &Config) -> Result<(), StartError> {
    match config.initial_peers.get(&config.name) {
        None if !config.initial_peers.is_empty() => {
            let text = format!("`{}` is not among the initial peers", config.name);
            Err(StartError::Config(text))
        }
        _ => Ok(()),
    }
}

/// A peer that could write nothing does not begin to.
fn look_for_room(config: &Config) -> io::Result<Disk> {
    std::fs::create_dir_all(&config.data_dir)?;
    let Limits { disk_reserve, disk_ballast, .. } = config.limits;
    let disk = Disk::new(&config.data_dir, disk_reserve, disk_ballast);
    match disk.measure()? {
        Room::Enough | Room::Low => Ok(disk),
        Room::None => Err(io::Error::new(io::ErrorKind::StorageFull, NO_ROOM)),
    }
}

async fn open(
    config: Config,
    raft_config: Arc<openraft::Config>,
    (identity, disk): (Arc<Identity>, Disk),
    runtime: tokio::runtime::Handle,
) -> Result<Arc<Node>, StartError> {
    let dir = config.data_dir.clone();
    let (limits, lock) = (config.limits.clone(), identity.lock());
    let opened = tokio::task::spawn_blocking(move || open_files(&dir, &limits, &lock)).await;
    let (log, shared) = opened.map_err(|error| StartError::Broken(error.to_string()))??;
    // A peer that joined has a vote at least, whatever of the log its snapshot replaced.
    if identity.joined() && log.is_empty() {
        let why =
            "its log is gone: under its old id the peer could vote twice; start it on an empty directory";
        return Err(StartError::Identity { dir: config.data_dir, why: why.to_owned() });
    }
    if log.purged() > shared.snapshots.current().and_then(|(meta, _)| Some(meta.last_log_id?.index)) {
        let why = "its snapshot is gone, and the log does not reach back".to_owned();
        return Err(StartError::Identity { dir: config.data_dir, why });
    }
    let links = Arc::new(Links::new(identity.clone(), config.secret.clone(), config.platform.clone()));
    let network = Network {
        links: links.clone(),
        rows: shared.rows.clone(),
        addresses: Arc::new(config.initial_peers.clone()),
    };
    let machine = Machine::new(shared.clone());
    let id = identity.incarnation().life.peer.0;
    let raft = Raft::new(id, raft_config, network, log.clone(), machine).await;
    let raft = raft.map_err(|fatal| StartError::Disk {
        dir: config.data_dir.clone(),
        source: io::Error::other(fatal.to_string()),
    })?;
    Ok(Arc::new(Node {
        heard: Heard::default(),
        flow: Flow::new(&config.limits),
        config,
        identity,
        lives: Lives::default(),
        links,
        log,
        shared,
        raft,
        barriers: Turnstile::default(),
        reports: Desk::default(),
        disk: Arc::new(disk),
        failure: watch::Sender::new(None),
        stopping: watch::Sender::new(false),
        runtime,
    }))
}

fn open_files(dir: &Path, limits: &Limits, lock: &Arc<File>) -> Result<(LogStore, Arc<Shared>), StartError> {
    let disk = |source| StartError::Disk { dir: dir.to_owned(), source };
    let log = LogStore::open(&dir.join("log"), limits.log_file).map_err(disk)?.holding(lock.clone());
    let mut shared = Shared::open(dir, limits.segment_file).map_err(disk)?;
    shared.rows = shared.rows.holding(lock.clone());
    // The directories that were made.
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(disk)?;
    Ok((log, Arc::new(shared)))
}
