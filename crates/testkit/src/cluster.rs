//! The log and the state of a cluster, in memory.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use miroir_cluster::{
    Adopt, ChunkId, Command, Defaults, Found, Outcome, PeerStarted, Report, Reports, State,
};
use miroir_model::{PeerId, PeerLife, Timestamp};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::ledger::LocalLedger;
use crate::rows::LocalRows;

type Clock = dyn Fn() -> Timestamp + Send + Sync;

/// A cluster in memory: one state, which every peer on it shares. Handles of it are cheap to clone.
#[derive(Clone)]
pub struct LocalCluster(Arc<Shared>);

struct Shared {
    clock: Box<Clock>,
    log: Mutex<Log>,
    published: watch::Sender<Arc<State>>,
    rows: Arc<LocalRows>,
}

/// What one command at a time may change.
#[derive(Default)]
struct Log {
    state: State,
    chunks: BTreeMap<ChunkId, Bytes>,
    leader: Option<PeerId>,
    /// Since when it leads, and what it was told since.
    led: Option<Instant>,
    reports: BTreeMap<PeerId, (PeerLife, u64, Instant)>,
    noted: watch::Sender<u64>,
}

impl LocalCluster {
    /// An empty cluster that stamps commands with this clock.
    pub fn new(clock: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self::restored(State::new(), clock)
    }

    /// A cluster that goes on from a state. It lacks the state's chunks and rows.
    pub fn restored(state: State, clock: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        let published = watch::Sender::new(Arc::new(state.clone()));
        let log = Mutex::new(Log { state, ..Log::default() });
        Self(Arc::new(Shared { clock: Box::new(clock), log, published, rows: Arc::default() }))
    }

    /// A cluster whose clock stands still at 0, founded with these defaults, with these nodes adopted.
    ///
    /// # Panics
    /// When a node of the same name has another address.
    pub fn founded(defaults: Defaults, nodes: impl IntoIterator<Item = Adopt>) -> Self {
        let cluster = Self::new(Timestamp::default);
        cluster.found(defaults, nodes);
        cluster
    }

    /// Founds the cluster and adopts nodes.
    ///
    /// # Panics
    /// When the cluster was founded with other defaults, or a node of the same name has another address.
    pub fn found(&self, defaults: Defaults, nodes: impl IntoIterator<Item = Adopt>) {
        let found = Command::Found(Found { cluster: "test".to_owned(), defaults });
        let adopted = nodes.into_iter().map(|node| Command::Adopt(Box::new(node)));
        for command in std::iter::once(found).chain(adopted) {
            let outcome = self.apply(&command);
            assert_eq!(outcome, Outcome::Done, "{command:?}");
        }
    }

    /// Starts a new life of a peer, after those that it had. The first peer that starts leads.
    pub fn start(&self, peer: u64) -> LocalLedger {
        let peer = PeerId(peer);
        let boot = self.state().peers.get(&peer).map_or(1, |known| known.boot + 1);
        let life = PeerLife { peer, boot };
        let url = |port: u64| format!("http://127.0.0.1:{}", port + peer.0);
        let started = PeerStarted { life, name: format!("peer-{peer}"), http: url(7700), grpc: url(7710) };
        self.apply(&Command::PeerStarted(started));
        if self.leader().is_none() {
            self.elect(Some(peer.0));
        }
        self.handle(life)
    }

    /// A handle of this life, whether or not it has started.
    pub fn handle(&self, life: PeerLife) -> LocalLedger {
        LocalLedger::new(self.clone(), life)
    }

    /// Makes this peer the leader. Without one nobody can propose or pass a barrier.
    pub fn elect(&self, leader: Option<u64>) {
        let mut log = self.log();
        log.leader = leader.map(PeerId);
        log.led = leader.map(|_| Instant::now());
        log.reports.clear();
    }

    pub(crate) fn note(&self, life: PeerLife, version: u64) {
        let mut log = self.log();
        log.reports.insert(life.peer, (life, version, Instant::now()));
        log.noted.send_modify(|noted| *noted += 1);
    }

    pub(crate) fn reports(&self) -> Reports {
        let log = self.log();
        let report = |(life, version, at): &(PeerLife, u64, Instant)| Report {
            life: *life,
            version: *version,
            age: at.elapsed(),
        };
        Reports {
            leading_for: log.led.map(|since| since.elapsed()),
            noted: *log.noted.borrow(),
            peers: log.reports.iter().map(|(peer, noted)| (*peer, report(noted))).collect(),
        }
    }

    pub(crate) async fn reported(&self, since: u64) {
        let mut noted = self.log().noted.subscribe();
        let _ = noted.wait_for(|noted| *noted > since).await;
    }

    /// The newest state.
    pub fn state(&self) -> Arc<State> {
        self.0.published.borrow().clone()
    }

    /// Applies a command as if some peer had proposed it.
    pub fn apply(&self, command: &Command) -> Outcome {
        let mut log = self.log();
        let outcome = self.take_in(&mut log, command);
        // Every peer here searches the one state that there is.
        while !log.state.showing.is_empty() {
            let version = log.state.version();
            self.take_in(&mut log, &Command::Shown { version });
        }
        self.0.published.send_replace(Arc::new(log.state.clone()));
        outcome
    }

    /// What the next command would be stamped with.
    pub(crate) fn now(&self) -> Timestamp {
        (self.0.clock)()
    }

    fn take_in(&self, log: &mut Log, command: &Command) -> Outcome {
        let applied = log.state.apply(self.now(), command);
        let Log { state, chunks, .. } = log;
        chunks.extend(applied.stored);
        if chunks.len() > state.chunks.len() {
            chunks.retain(|id, _| state.chunks.contains_key(id));
        }
        if let Some(kept) = applied.forgotten {
            self.0.rows.forget(kept);
        }
        self.0.rows.write(applied.rows);
        applied.outcome
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<Arc<State>> {
        self.0.published.subscribe()
    }

    pub(crate) fn chunk(&self, id: ChunkId) -> Option<Bytes> {
        self.log().chunks.get(&id).cloned()
    }

    pub(crate) fn leader(&self) -> Option<PeerId> {
        self.log().leader
    }

    pub(crate) fn rows(&self) -> Arc<LocalRows> {
        self.0.rows.clone()
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        // A test that failed inside says so itself; what follows need not fail for the lock too.
        self.0.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for LocalCluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalCluster").field("version", &self.state().version()).finish_non_exhaustive()
    }
}
