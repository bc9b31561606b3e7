//! Configuration of a peer.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use miroir_cluster::Defaults;
use miroir_model::NodeId;
use miroir_placement::MAX_SHARDS;
use serde::{Deserialize, Serialize};

use super::{InitialPeers, LogFlags, PeerLimits, SearchFlags, check_master_key, layered};
use crate::exit::Exit;
use crate::logging::LogFormat;

/// Flags of `miroir peer`.
#[derive(Debug, Clone, Default, Args, Serialize)]
pub(crate) struct PeerFlags {
    /// A TOML file with the same names in snake case, and the nodes.
    #[arg(long, value_name = "FILE")]
    #[serde(skip)]
    config: Option<PathBuf>,
    /// The name of this peer: one of the initial peers.
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// Where its data is.
    #[arg(long, value_name = "DIR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    data_dir: Option<PathBuf>,
    /// Where to serve the Meilisearch API, e.g. 127.0.0.1:7700.
    #[arg(long, value_name = "ADDR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    http: Option<String>,
    /// Where users reach it, when that is not where it serves: a URL, or host:port.
    #[arg(long, value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    advertise_http: Option<String>,
    /// Where to serve other peers and operators, e.g. 127.0.0.1:7710.
    #[arg(long, value_name = "ADDR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    grpc: Option<String>,
    /// The peers that found the cluster, this one included: name=host:port,name=host:port,…
    #[arg(long, value_name = "PEERS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    initial_peers: Option<String>,
    /// A file with the secret that peers share: at least 16 bytes.
    #[arg(long, value_name = "FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster_secret_file: Option<PathBuf>,
    /// The key that may do everything: at least 16 bytes. Without it every route is open.
    #[arg(long, value_name = "KEY")]
    #[serde(skip_serializing_if = "Option::is_none")]
    master_key: Option<String>,
    #[command(flatten)]
    #[serde(flatten)]
    log: LogFlags,
}

/// What a peer runs with.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PeerConfig {
    /// Its name.
    pub(crate) name: String,
    /// Where its data is.
    pub(crate) data_dir: PathBuf,
    /// Where it serves the Meilisearch API.
    pub(crate) http: SocketAddr,
    /// Where users reach it, when that is not where it serves.
    pub(crate) advertise_http: Option<String>,
    /// Where it serves other peers and operators.
    pub(crate) grpc: SocketAddr,
    /// The peers that found the cluster.
    pub(crate) initial_peers: InitialPeers,
    /// The file of the secret that peers share.
    pub(crate) cluster_secret_file: PathBuf,
    /// The key that may do everything.
    pub(crate) master_key: Option<String>,
    /// How log lines look.
    #[serde(default)]
    pub(crate) log_format: LogFormat,
    /// Which log lines appear.
    #[serde(default = "default_log")]
    pub(crate) log: String,
    /// What the cluster is founded with. Later it may be left out; when it is given it must be the same.
    pub(crate) defaults: Option<FoundingDefaults>,
    /// The nodes that the cluster is founded with.
    #[serde(default)]
    pub(crate) nodes: Vec<ConfiguredNode>,
    /// What it holds, and for how long it waits.
    #[serde(default)]
    pub(crate) limits: PeerLimits,
    /// How it searches.
    #[serde(default)]
    pub(crate) search: SearchFlags,
}

/// What an index gets whose creator names no shape.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FoundingDefaults {
    /// Shards; by the number of nodes where not set.
    pub(crate) shards: Option<u16>,
    /// Copies of each shard in each group.
    #[serde(default = "one_copy")]
    pub(crate) factor: u16,
    /// Replica groups.
    #[serde(default = "one_group")]
    pub(crate) groups: u32,
    /// How many tasks are kept: when there are more, the oldest that have ended are forgotten.
    #[serde(default = "usual_history")]
    pub(crate) history: u64,
}

impl FoundingDefaults {
    fn check(&self, nodes: &[ConfiguredNode]) -> Result<(), Exit> {
        let wrong = |text: String| Err(Exit::Configuration(text));
        if self.factor == 0 || self.groups == 0 {
            return wrong("`defaults.factor` and `defaults.groups` must be at least 1".to_owned());
        }
        if self.history < FEWEST_TASKS {
            return wrong(format!(
                "`defaults.history` is {}; it must be at least {FEWEST_TASKS}, since clients ask for tasks that have ended",
                self.history
            ));
        }
        if let Some(shards) = self.shards.filter(|shards| !(1..=MAX_SHARDS).contains(shards)) {
            return wrong(format!("`defaults.shards` is {shards}; it must be from 1 to {MAX_SHARDS}"));
        }
        if let Some(stray) = nodes.iter().find(|node| node.group >= self.groups) {
            return wrong(format!(
                "node `{}` is in group {}, and `defaults.groups` = {} has groups from 0 to {}",
                stray.id,
                stray.group,
                self.groups,
                self.groups - 1
            ));
        }
        for group in 0..self.groups {
            let those = nodes.iter().filter(|node| node.group == group).count();
            if !nodes.is_empty() && those < usize::from(self.factor) {
                return wrong(format!(
                    "group {group} has {those} nodes, too few for `defaults.factor` = {} copies of each shard",
                    self.factor
                ));
            }
        }
        Ok(())
    }
}

impl Default for FoundingDefaults {
    fn default() -> Self {
        Self { shards: None, factor: one_copy(), groups: one_group(), history: usual_history() }
    }
}

impl From<&FoundingDefaults> for Defaults {
    fn from(given: &FoundingDefaults) -> Self {
        Self { shards: given.shards, factor: given.factor, groups: given.groups, history: given.history }
    }
}

fn one_copy() -> u16 {
    1
}

fn one_group() -> u32 {
    1
}

/// A client that waits for a task asks again after a moment: it must still be known.
const FEWEST_TASKS: u64 = 1000;

fn usual_history() -> u64 {
    Defaults::default().history
}

/// A Meilisearch server that is to hold documents.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConfiguredNode {
    /// Its name.
    pub(crate) id: String,
    /// Its address.
    pub(crate) url: String,
    /// Its replica group, from 0.
    #[serde(default)]
    pub(crate) group: u32,
    /// Its share of the data, relative to the other nodes of its group.
    #[serde(default = "usual_weight")]
    pub(crate) weight: u32,
    /// How many bytes it may hold: at nine tenths of it the node gets no more documents.
    pub(crate) capacity: Option<u64>,
    /// A file with its master key.
    pub(crate) master_key_file: PathBuf,
}

/// An empty node uses nearly as much.
const LEAST_CAPACITY: u64 = 1 << 20;

fn usual_weight() -> u32 {
    100
}

/// Without what Raft says again and again of a peer that is down: that it is, is said once.
fn default_log() -> String {
    "info,openraft=error,raft_log=warn,chunked_wal=warn".to_owned()
}

impl PeerConfig {
    /// File, then `MIROIR_*`, then flags; checked once.
    pub(crate) fn read(flags: &PeerFlags) -> Result<Self, Exit> {
        let known = [
            "name",
            "data_dir",
            "http",
            "advertise_http",
            "grpc",
            "initial_peers",
            "cluster_secret_file",
            "master_key",
            "log_format",
            "log",
        ];
        let config: Self = layered(flags.config.as_deref(), &known, flags)?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), Exit> {
        let wrong = |text: String| Err(Exit::Configuration(text));
        if !self.initial_peers.0.contains_key(&self.name) {
            let names: Vec<_> = self.initial_peers.0.keys().map(String::as_str).collect();
            return wrong(format!(
                "this peer is named `{}`, which is none of the initial peers ({}): name one of them",
                self.name,
                names.join(", ")
            ));
        }
        check_master_key(self.master_key.as_deref())?;
        self.limits.check().map_err(Exit::Configuration)?;
        self.search.check().map_err(Exit::Configuration)?;
        self.check_nodes()?;
        // Where they are left out the cluster may have any, which the log knows.
        self.defaults.as_ref().map_or(Ok(()), |defaults| defaults.check(&self.nodes))
    }

    /// Two names for one server would make one copy of two.
    fn check_nodes(&self) -> Result<(), Exit> {
        let wrong = |text: String| Err(Exit::Configuration(text));
        for (place, node) in self.nodes.iter().enumerate() {
            if let Some(capacity) = node.capacity.filter(|capacity| *capacity < LEAST_CAPACITY) {
                return wrong(format!(
                    "`capacity` of node `{}` is {capacity}; it is in bytes, and must be at least {LEAST_CAPACITY}",
                    node.id
                ));
            }
            let before = &self.nodes[..place];
            if before.iter().any(|other| other.id == node.id) {
                return wrong(format!("two nodes are called `{}`: give each an id of its own", node.id));
            }
            if let Some(other) = before.iter().find(|other| other.address() == node.address()) {
                return wrong(format!(
                    "nodes `{}` and `{}` have one `url`, {}: each must be a server of its own",
                    other.id, node.id, node.url
                ));
            }
        }
        Ok(())
    }

    /// How many bytes nodes may hold, where that is said.
    pub(crate) fn capacity(&self) -> BTreeMap<NodeId, u64> {
        let said = |node: &ConfiguredNode| Some((node.id.as_str().into(), node.capacity?));
        self.nodes.iter().filter_map(said).collect()
    }

    /// The secret that peers share.
    pub(crate) fn secret(&self) -> Result<String, Exit> {
        read_secret(&self.cluster_secret_file, "cluster secret")
    }
}

impl ConfiguredNode {
    /// Its address, however it is written.
    fn address(&self) -> String {
        self.url.trim_end_matches('/').to_lowercase()
    }

    /// Its master key.
    pub(crate) fn master_key(&self) -> Result<String, Exit> {
        read_secret(&self.master_key_file, &format!("master key of {}", self.id))
    }
}

fn read_secret(file: &std::path::Path, what: &str) -> Result<String, Exit> {
    let text = fs::read_to_string(file).map_err(|error| {
        Exit::Configuration(format!("the {what} cannot be read from {}: {error}", file.display()))
    })?;
    let secret = text.trim();
    if secret.len() < 16 {
        return Err(Exit::Configuration(format!(
            "the {what} in {} has {} bytes; it must have at least 16",
            file.display(),
            secret.len()
        )));
    }
    Ok(secret.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(more: &str) -> Result<(), Exit> {
        let text = format!(
            "name = 'a'\ndata_dir = 'd'\nhttp = '127.0.0.1:7700'\ngrpc = '127.0.0.1:7710'\ncluster_secret_file = 's'\n\
             initial_peers = 'a=h:7710'\n{more}"
        );
        toml::from_str::<PeerConfig>(&text).expect("a configuration").check()
    }

    fn node(id: &str, url: &str, group: u32) -> String {
        format!("[[nodes]]\nid = '{id}'\nurl = '{url}'\ngroup = {group}\nmaster_key_file = 'k'\n")
    }

    #[test]
    fn nodes_that_cannot_be_meant_are_refused() {
        let first = node("n0", "http://h:7800", 0);
        let defaults = "[defaults]\nfactor = 1\ngroups = 1\n";
        assert!(checked(&format!("{defaults}{first}{}", node("n1", "http://h:7801", 0))).is_ok());
        for (second, told) in [
            (node("n0", "http://h:7801", 0), "two nodes are called `n0`"),
            (node("n1", "http://H:7800/", 0), "nodes `n0` and `n1` have one `url`"),
            (node("n1", "http://h:7801", 1), "`defaults.groups` = 1 has groups from 0 to 0"),
        ] {
            let refused = checked(&format!("{defaults}{first}{second}")).expect_err(told);
            assert!(refused.to_string().contains(told), "{refused}");
        }
    }
}
