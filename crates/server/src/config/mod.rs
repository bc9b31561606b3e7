//! Configuration: file, then environment, then flags; the later wins.
//!
//! Names are the same everywhere: `data_dir` in the file, `MIROIR_DATA_DIR` in the environment, `--data-dir` as a flag.

mod addresses;
mod node;
mod peer;
mod peers;

pub(crate) use node::{NodeConfig, NodeFlags};
pub(crate) use peer::{ConfiguredNode, PeerConfig, PeerFlags};
pub(crate) use peers::InitialPeers;
