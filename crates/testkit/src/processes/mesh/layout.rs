//! Where everything of a mesh is: ports, directories, and the configuration of each member.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use super::Shape;
use crate::processes::{SPAN, free_base};

/// A secret for everything: who can reach loopback here may as well know it.
const SECRET: &str = "the-secret-of-a-cluster-under-test";

/// Ports and directories.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    pub(super) dir: PathBuf,
    /// Of each peer: HTTP and gRPC.
    pub(super) peers: Vec<(SocketAddr, SocketAddr)>,
    /// Of each node: where it serves, and where peers find it.
    pub(super) nodes: Vec<(SocketAddr, SocketAddr)>,
}

impl Layout {
    /// Draws ports that nobody else is given.
    pub(super) fn draw(dir: PathBuf, shape: &Shape) -> Self {
        let needed = u16::try_from(2 * (shape.peers + shape.nodes)).expect("few members");
        assert!(needed <= SPAN, "a mesh has at most {} members", SPAN / 2);
        let base = free_base(0..needed);
        let address = |offset| SocketAddr::from((Ipv4Addr::LOCALHOST, base + offset));
        let mut pairs = (0..needed).step_by(2).map(|offset| (address(offset), address(offset + 1)));
        let peers = pairs.by_ref().take(shape.peers).collect();
        Self { dir, peers, nodes: pairs.collect() }
    }

    pub(super) fn peer_dir(&self, peer: usize) -> PathBuf {
        self.dir.join(format!("peer-{peer}"))
    }

    pub(super) fn node_dir(&self, node: usize) -> PathBuf {
        self.dir.join(format!("node-{node}"))
    }

    pub(super) fn node_key(&self, node: usize) -> String {
        format!("the master key of node {node}")
    }

    /// Writes what the members are started with. `ways[peer]` are the addresses under which a peer finds the others:
    /// its own among them, which is its real one.
    pub(super) fn write(&self, shape: &Shape, ways: &[Vec<SocketAddr>]) {
        let secret = self.dir.join("cluster-secret");
        put(&secret, SECRET);
        for node in 0..shape.nodes {
            let dir = self.node_dir(node);
            fs::create_dir_all(&dir).expect("a directory");
            put(&dir.join("master-key"), &self.node_key(node));
            let text = format!(
                "http_addr = '{}'\ndb_path = '{}'\nmaster_key = '{}'\nno_analytics = true\n",
                self.nodes[node].0,
                dir.join("data").display(),
                self.node_key(node)
            );
            put(&dir.join("config.toml"), &text);
        }
        for (peer, ways) in ways.iter().enumerate() {
            let dir = self.peer_dir(peer);
            fs::create_dir_all(&dir).expect("a directory");
            put(&dir.join("config.toml"), &self.peer_file(shape, peer, ways));
        }
    }

    fn peer_file(&self, shape: &Shape, peer: usize, ways: &[SocketAddr]) -> String {
        let (http, grpc) = self.peers[peer];
        let (dir, secret) = (self.peer_dir(peer), self.dir.join("cluster-secret"));
        let mut text = format!(
            "name = 'peer-{peer}'\ndata_dir = '{}'\nhttp = '{http}'\ngrpc = '{grpc}'\ncluster_secret_file = \
             '{}'\nlog = '{}'\n[initial_peers]\n",
            dir.display(),
            secret.display(),
            shape.log
        );
        for (other, way) in ways.iter().enumerate() {
            text.push_str(&format!("peer-{other} = '{way}'\n"));
        }
        text.push_str(&format!(
            "[defaults]\nfactor = {}\n{}\n[limits]\ndisk_ballast = 0\n{}\n",
            shape.factor, shape.defaults, shape.limits
        ));
        for (node, (_, front)) in self.nodes.iter().enumerate() {
            let key = self.node_dir(node).join("master-key");
            text.push_str(&format!(
                "[[nodes]]\nid = 'node-{node}'\nurl = 'http://{front}'\nmaster_key_file = '{}'\n{}\n",
                key.display(),
                shape.each_node
            ));
        }
        text
    }
}

fn put(file: &Path, text: &str) {
    fs::write(file, text).expect("a file can be written");
}
