//! Configuration: file, then environment, then flags; the later wins.
//!
//! Names are the same everywhere: `data_dir` in the file, `MIROIR_DATA_DIR` in the environment, `--data-dir` as a flag.

mod addresses;
mod limits;
mod node;
mod peer;
mod peers;

use std::path::Path;

use clap::Args;
use figment::Figment;
use figment::providers::{Env, Format, Serialized, Toml};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::exit::Exit;
use crate::logging::LogFormat;

pub(crate) use limits::PeerLimits;
pub(crate) use node::{NodeConfig, NodeFlags};
pub(crate) use peer::{ConfiguredNode, PeerConfig, PeerFlags};
pub(crate) use peers::InitialPeers;

/// What any program says, and how.
#[derive(Debug, Clone, Default, Args, Serialize)]
struct LogFlags {
    /// How log lines look.
    #[arg(long, value_name = "FORMAT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    log_format: Option<LogFormat>,
    /// Which log lines appear, e.g. info or miroir=debug.
    #[arg(long, value_name = "FILTER")]
    #[serde(skip_serializing_if = "Option::is_none")]
    log: Option<String>,
}

/// File, then environment, then flags. Of the environment the names in `known` count.
fn layered<C: DeserializeOwned>(
    file: Option<&Path>,
    known: &[&str],
    flags: &impl Serialize,
) -> Result<C, Exit> {
    let mut figment = Figment::new();
    if let Some(file) = file {
        figment = figment.merge(Toml::file_exact(file));
    }
    let figment = figment.merge(Env::prefixed("MIROIR_").only(known)).merge(Serialized::defaults(flags));
    figment.extract().map_err(Exit::configuration)
}

fn check_master_key(key: Option<&str>) -> Result<(), Exit> {
    match key {
        Some(key) if key.len() < 16 => Err(Exit::Configuration(format!(
            "the master key has {} bytes; it must have at least 16",
            key.len()
        ))),
        _ => Ok(()),
    }
}
