//! Groups of peers in one process.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use miroir_cluster::{Command, Ledger, Outcome, PeerStarted, State, UploadId};
use miroir_consensus::{Config, Limits, Peer, StartError, Timing};
use miroir_model::{PeerId, PeerLife};
use miroir_testkit::Dice;
use miroir_testkit::proxy::{Link, Proxy};
use miroir_wire::Secret;
use tempfile::TempDir;
use tonic::service::Routes;

/// Nothing here takes longer unless it hangs, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A life that uploads, whoever proposes for it. It never ends.
pub(crate) const UPLOADER: PeerLife = PeerLife { peer: PeerId(1), boot: 1 };

/// A group of peers with names from `a` on.
pub(crate) struct Group {
    dirs: TempDir,
    addresses: BTreeMap<String, String>,
    peers: BTreeMap<String, Arc<Peer>>,
    limits: Limits,
    special: Special,
    cables: Vec<Cable>,
}

/// How one peer reaches another, where that can be cut.
struct Cable {
    from: String,
    to: String,
    proxy: Proxy,
}

/// What is special about some peers' configuration.
type Special = fn(&mut Config);

impl Group {
    /// Starts the peers and waits until they have a leader and an uploader.
    pub(crate) async fn start(size: usize, limits: Limits) -> Self {
        Self::start_with(size, limits, |_| {}).await
    }

    /// The same, where not all peers are alike.
    pub(crate) async fn start_with(size: usize, limits: Limits, special: Special) -> Self {
        Self::start_on_cables(size, limits, special, false).await
    }

    /// The same, where peers can be [`cut_off`](Self::cut_off).
    pub(crate) async fn start_apart(size: usize, limits: Limits, special: Special) -> Self {
        Self::start_on_cables(size, limits, special, true).await
    }

    async fn start_on_cables(size: usize, limits: Limits, special: Special, cut: bool) -> Self {
        let listeners: Vec<_> = (0..size).map(|_| TcpListener::bind("127.0.0.1:0").expect("binds")).collect();
        let names = ["a", "b", "c"].into_iter().map(str::to_owned);
        let address = |listener: &TcpListener| listener.local_addr().expect("an address").to_string();
        let addresses = names.clone().zip(listeners.iter().map(address)).collect();
        let dirs = tempfile::tempdir().expect("a directory");
        let cables = Vec::new();
        let mut group = Self { dirs, addresses, peers: BTreeMap::new(), limits, special, cables };
        if cut {
            group.lay_cables().await;
        }
        for (name, listener) in names.zip(listeners) {
            group.start_on(&name, listener).await;
        }
        register(&**group.peer("a")).await;
        group
    }

    async fn lay_cables(&mut self) {
        for (to, address) in &self.addresses {
            for from in self.addresses.keys().filter(|from| *from != to) {
                let proxy = Proxy::start(address.parse().expect("an address")).await.expect("starts");
                self.cables.push(Cable { from: from.clone(), to: to.clone(), proxy });
            }
        }
    }

    /// Lets nothing pass between a peer and the others, and nobody notices but by waiting.
    pub(crate) async fn cut_off(&self, name: &str) {
        for cable in self.cables.iter().filter(|cable| cable.from == name || cable.to == name) {
            cable.proxy.set(Link::PARTITION).await.expect("cuts");
        }
    }

    /// Makes the links another on which a peer calls the others.
    pub(crate) async fn set_links(&self, from: &str, link: Link) {
        for cable in self.cables.iter().filter(|cable| cable.from == from) {
            cable.proxy.set(link).await.expect("changes");
        }
    }

    /// Mends what was cut.
    pub(crate) async fn mend(&self) {
        for cable in &self.cables {
            cable.proxy.set(Link::default()).await.expect("mends");
            cable.proxy.reset().await.expect("resets");
        }
    }

    /// Where a peer really listens.
    pub(crate) fn address(&self, name: &str) -> &str {
        self.addresses.get(name).expect("known")
    }

    pub(crate) fn peer(&self, name: &str) -> &Arc<Peer> {
        self.peers.get(name).expect("it runs")
    }

    pub(crate) fn peers(&self) -> impl Iterator<Item = &Arc<Peer>> + Clone {
        self.peers.values()
    }

    pub(crate) fn dir(&self, name: &str) -> std::path::PathBuf {
        self.dirs.path().join(name)
    }

    pub(crate) fn config(&self, name: &str) -> Config {
        let mut addresses = self.addresses.clone();
        for cable in self.cables.iter().filter(|cable| cable.from == name) {
            addresses.insert(cable.to.clone(), cable.proxy.address().to_string());
        }
        let mut config = config(&self.dir(name), name, addresses, self.limits.clone());
        config.advertised = self.address(name).to_owned();
        (self.special)(&mut config);
        config
    }

    /// The name of the leader, once all running peers agree on one that runs.
    pub(crate) async fn leader(&self) -> String {
        eventually("a leader", || {
            let ids: BTreeMap<PeerId, &String> =
                self.peers.iter().map(|(name, p)| (p.me().peer, name)).collect();
            let mut seen = self.peers.values().map(|peer| peer.leadership().leader);
            let first = seen.next()??;
            seen.all(|leader| leader == Some(first)).then(|| ids.get(&first).map(|name| (*name).clone()))?
        })
        .await
    }

    /// Stops a peer as a crash would: at once, without a word to the others.
    pub(crate) fn crash(&mut self, name: &str) {
        let peer = self.peers.remove(name).expect("it runs");
        drop(Arc::into_inner(peer).expect("nobody else holds it"));
    }

    /// Stops a peer properly.
    pub(crate) async fn stop(&mut self, name: &str) {
        self.peers.remove(name).expect("it runs").shutdown().await;
    }

    /// Starts a peer again, on its data and its address.
    pub(crate) async fn restart(&mut self, name: &str) {
        let address: SocketAddr = self.addresses.get(name).expect("known").parse().expect("an address");
        let listener = eventually("the address is free", || TcpListener::bind(address).ok()).await;
        self.start_on(name, listener).await;
    }

    async fn start_on(&mut self, name: &str, listener: TcpListener) {
        let peer = start(self.config(name)).await;
        peer.serve(listener, Routes::default()).expect("serves");
        self.peers.insert(name.to_owned(), Arc::new(peer));
    }
}

pub(crate) fn config(
    dir: &Path,
    name: &str,
    initial_peers: BTreeMap<String, String>,
    limits: Limits,
) -> Config {
    Config {
        data_dir: dir.to_owned(),
        name: name.to_owned(),
        advertised: initial_peers.get(name).expect("it is one of them").clone(),
        initial_peers,
        secret: Secret::new("a-secret-for-tests-only").expect("strong enough"),
        timing: Timing { upkeep: Duration::from_millis(50), ..Timing::default() },
        limits: Limits { disk_ballast: 0, ..limits },
        platform: Arc::new(miroir_consensus::Os),
    }
}

/// Starts a peer, once the former one on its directory has let go of it.
pub(crate) async fn start(config: Config) -> Peer {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let started = Peer::start(config.clone()).await;
        let waiting = tokio::time::Instant::now() < deadline;
        if !matches!(started, Err(StartError::InUse(_)) if waiting) {
            return started.expect("it starts");
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Waits until something is there.
pub(crate) async fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(tokio::time::Instant::now() < deadline, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Makes [`UPLOADER`] known to the state.
pub(crate) async fn register(ledger: &dyn Ledger) {
    let text = String::new;
    let started = PeerStarted { life: UPLOADER, name: "uploader".to_owned(), http: text(), grpc: text() };
    insist(ledger, Command::PeerStarted(started)).await;
}

/// Proposes until it is known that it took effect; only for commands that may be repeated.
pub(crate) async fn insist(ledger: &dyn Ledger, command: Command) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        match ledger.propose(command.clone()).await {
            Ok(outcome) => return assert_eq!(outcome, Outcome::Done),
            Err(error) => assert!(tokio::time::Instant::now() < deadline, "{error}"),
        }
        // A peer that has stopped says so at once.
        tokio::task::yield_now().await;
    }
}

pub(crate) fn upload(number: u64) -> UploadId {
    UploadId { life: UPLOADER, number }
}

/// The bytes of an upload: told by its number, of very different lengths up to `max`.
pub(crate) fn payload(number: u64, max: usize) -> Bytes {
    let mut dice = Dice::from(number);
    let len = 1 + dice.below(max);
    dice.bytes(len).into()
}

/// An upload of one chunk.
pub(crate) fn chunk(number: u64, max: usize) -> Command {
    Command::Chunk { upload: upload(number), seq: 0, bytes: payload(number, max) }
}

/// Asserts that a peer has an upload, as it was sent.
pub(crate) async fn assert_uploaded(ledger: &dyn Ledger, state: &State, number: u64, max: usize) {
    let held = state.uploads.get(&upload(number)).and_then(|upload| upload.chunks.first());
    assert!(held.is_some(), "upload {number} is lost");
    let bytes = ledger.payload(*held.expect("as asserted")).await;
    assert!(bytes.as_ref() == Ok(&payload(number, max)), "upload {number}: {:?}", bytes.err());
}
