//! Flags of `miroir dev`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

/// What can be typed behind `miroir dev`. What is not given keeps the value of the first start on this directory.
#[derive(Debug, Clone, Args)]
pub(crate) struct DevFlags {
    /// Peers: 1, or 3 and more for a cluster that survives the death of one.  [default: 3]
    #[arg(long)]
    pub(super) peers: Option<u16>,
    /// Nodes in all, dealt to the groups in turn.  [default: 3]
    #[arg(long)]
    pub(super) nodes: Option<u16>,
    /// Replica groups: each holds a full copy of every index.  [default: 1]
    #[arg(long)]
    pub(super) groups: Option<u32>,
    /// Copies of each shard in each group.  [default: 2, or 1 where a group has one node]
    #[arg(long)]
    pub(super) factor: Option<u16>,
    /// Shards of a new index.  [default: by the number of nodes]
    #[arg(long)]
    pub(super) shards: Option<u16>,
    /// Where everything is kept.
    #[arg(long, default_value = "./.miroir", value_name = "DIR")]
    pub(super) data_dir: PathBuf,
    /// Where peer 1 serves the Meilisearch API; the others follow on the next ports.
    #[arg(long, default_value = "127.0.0.1:7700", value_name = "ADDR")]
    pub(super) http: SocketAddr,
    /// The key that may do everything: at least 16 bytes. Without it every route is open.
    #[arg(long, value_name = "KEY", env = "MIROIR_MASTER_KEY", hide_env_values = true)]
    pub(super) master_key: Option<String>,
    /// Use this `meilisearch` program for the nodes instead of the embedded one.
    #[arg(long, env = "MIROIR_MEILISEARCH", value_name = "PATH")]
    pub(super) meilisearch: Option<PathBuf>,
    /// Load a few hundred films into the index `movies`, unless it is there.
    #[arg(long)]
    pub(super) demo: bool,
}
