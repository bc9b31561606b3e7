//! A cluster of real processes in which every link goes through a [`Proxy`] of its own: from each peer to each other
//! peer, and from each peer to each node.

mod front;
mod layout;
mod member;
mod sender;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Output};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::process::Signal;
use tempfile::TempDir;

use self::front::{Front, Processes};
use self::layout::Layout;
use self::member::Process;
use super::program;
use crate::proxy::Proxy;

/// A process of a mesh, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Member {
    /// A peer.
    Peer(usize),
    /// A node.
    Node(usize),
}

/// What a mesh consists of.
#[derive(Debug, Clone)]
pub struct Shape {
    /// How many peers.
    pub peers: usize,
    /// How many nodes, all in one group.
    pub nodes: usize,
    /// Copies of each shard.
    pub factor: u16,
    /// Lines of the peers' section `[limits]`.
    pub limits: String,
    /// More lines of their section `[defaults]`.
    pub defaults: String,
    /// More lines of each node's section there.
    pub each_node: String,
    /// Which log lines peers write.
    pub log: String,
}

/// Runs until it is dropped; then everything is killed.
#[derive(Debug)]
pub struct Mesh {
    layout: Layout,
    processes: BTreeMap<Member, Process>,
    pids: Processes,
    links: BTreeMap<(usize, Member), Proxy>,
    _fronts: Vec<Front>,
    _keep: TempDir,
}

impl Mesh {
    /// Starts all members, nodes first, and does not wait for them.
    pub async fn start(shape: &Shape) -> Self {
        let keep = tempfile::tempdir().expect("a directory");
        let layout = Layout::draw(keep.path().to_owned(), shape);
        let links = links(&layout).await;
        let way = |from: usize, to: usize| match links.get(&(from, Member::Peer(to))) {
            Some(proxy) => proxy.address(),
            None => layout.peers[to].1,
        };
        let ways: Vec<Vec<_>> =
            (0..shape.peers).map(|from| (0..shape.peers).map(|to| way(from, to)).collect()).collect();
        layout.write(shape, &ways);
        let pids: Processes = Arc::new(Mutex::new(vec![None; shape.peers]));
        let mut fronts = Vec::new();
        for (node, (_, front)) in layout.nodes.iter().enumerate() {
            let ways = (0..shape.peers).map(|peer| links[&(peer, Member::Node(node))].address()).collect();
            fronts.push(Front::start(front.port(), Arc::clone(&pids), ways).await.expect("a port"));
        }
        let mesh = Self { processes: processes(&layout), layout, pids, links, _fronts: fronts, _keep: keep };
        mesh.members().into_iter().rev().for_each(|member| mesh.start_again(member));
        mesh
    }

    /// All of them, peers first.
    pub fn members(&self) -> Vec<Member> {
        self.processes.keys().copied().collect()
    }

    /// The link from a peer to another member. There is none from a peer to itself.
    pub fn link(&self, from: usize, to: Member) -> &Proxy {
        &self.links[&(from, to)]
    }

    /// All links, with their ends.
    pub fn links(&self) -> impl Iterator<Item = (usize, Member, &Proxy)> {
        self.links.iter().map(|((from, to), proxy)| (*from, *to, proxy))
    }

    /// Starts a member that was killed.
    pub fn start_again(&self, member: Member) {
        let pid = self.processes[&member].start();
        self.note(member, Some(pid));
    }

    /// The process that a member is now.
    pub fn pid(&self, member: Member) -> Option<u32> {
        self.processes[&member].pid()
    }

    /// Kills a member with -9 and waits until it is gone.
    pub fn kill(&self, member: Member) {
        self.processes[&member].kill();
        self.note(member, None);
    }

    /// Stops a member with SIGSTOP.
    pub fn stop(&self, member: Member) {
        self.processes[&member].signal(Signal::STOP);
    }

    /// Lets a stopped member go on.
    pub fn go_on(&self, member: Member) {
        self.processes[&member].signal(Signal::CONT);
    }

    /// From now on this goes wrong in a member: rules of the crate `fault`, none where the text is empty. Of the
    /// embedded node and of peers, in builds with debug assertions.
    pub fn set_faults(&self, member: Member, rules: &str) {
        self.processes[&member].set_faults(rules);
    }

    /// The members that ended by themselves, and how.
    pub fn ended(&self) -> Vec<(Member, ExitStatus)> {
        let ended = |(member, process): (&Member, &Process)| Some((*member, process.ended()?));
        self.processes.iter().filter_map(ended).collect()
    }

    fn note(&self, member: Member, pid: Option<u32>) {
        if let Member::Peer(peer) = member {
            self.pids.lock().unwrap_or_else(PoisonError::into_inner)[peer] = pid;
        }
    }

    /// Where a peer serves users, past every proxy.
    pub fn peer_url(&self, peer: usize) -> String {
        format!("http://{}", self.layout.peers[peer].0)
    }

    /// Where a node serves, past every proxy.
    pub fn node_url(&self, node: usize) -> String {
        format!("http://{}", self.layout.nodes[node].0)
    }

    /// A node's master key.
    pub fn node_key(&self, node: usize) -> String {
        self.layout.node_key(node)
    }

    /// Where a member keeps its data and its `output.log`.
    pub fn dir(&self, member: Member) -> PathBuf {
        match member {
            Member::Peer(peer) => self.layout.peer_dir(peer),
            Member::Node(node) => self.layout.node_dir(node),
        }
    }

    /// The operator's tool against a peer.
    pub fn ctl(&self, peer: usize, arguments: &[&str]) -> Output {
        let grpc = format!("http://{}", self.layout.peers[peer].1);
        let command = Command::new(program("miroir-ctl")).args(["--peer", &grpc]).args(arguments).output();
        command.expect("`miroir-ctl` runs")
    }

    /// The last lines of each member's log, for people.
    pub fn show_logs(&self, lines: usize) {
        for (member, process) in &self.processes {
            let text = std::fs::read_to_string(process.log()).unwrap_or_default();
            let all: Vec<_> = text.lines().collect();
            eprintln!("---- {member:?}\n{}", all[all.len().saturating_sub(lines)..].join("\n"));
        }
    }

    /// Keeps the directory, with data and logs, when the mesh is gone.
    pub fn keep(&mut self) -> PathBuf {
        self._keep.disable_cleanup(true);
        self.layout.dir.clone()
    }
}

async fn links(layout: &Layout) -> BTreeMap<(usize, Member), Proxy> {
    let mut links = BTreeMap::new();
    for from in 0..layout.peers.len() {
        for (to, (_, grpc)) in layout.peers.iter().enumerate().filter(|(to, _)| *to != from) {
            links.insert((from, Member::Peer(to)), Proxy::start(*grpc).await.expect("a port"));
        }
        for (to, (real, _)) in layout.nodes.iter().enumerate() {
            links.insert((from, Member::Node(to)), Proxy::start(*real).await.expect("a port"));
        }
    }
    links
}

fn processes(layout: &Layout) -> BTreeMap<Member, Process> {
    let process = |command: [&str; 2], dir: PathBuf| {
        let config = dir.join("config.toml").display().to_string();
        Process::new(vec![command[0].to_owned(), command[1].to_owned(), config], dir)
    };
    let peer = |peer| (Member::Peer(peer), process(["peer", "--config"], layout.peer_dir(peer)));
    let node = |node| (Member::Node(node), process(["node", "--config-file-path"], layout.node_dir(node)));
    (0..layout.peers.len()).map(peer).chain((0..layout.nodes.len()).map(node)).collect()
}
