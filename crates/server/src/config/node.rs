//! Configuration of an embedded node. Flags and names are Meilisearch's, so that one may replace the other.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::{Deserialize, Serialize};

use super::{LogFlags, check_master_key, layered};
use crate::exit::Exit;
use crate::logging::LogFormat;

/// Flags of `miroir node`.
#[derive(Debug, Clone, Default, Args, Serialize)]
pub(crate) struct NodeFlags {
    /// A TOML file with the same names in snake case.
    #[arg(long, alias = "config", value_name = "FILE")]
    #[serde(skip)]
    config_file_path: Option<PathBuf>,
    /// Where to listen, e.g. 127.0.0.1:7720.
    #[arg(long, alias = "http", value_name = "ADDR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    http_addr: Option<String>,
    /// Where its data is.
    #[arg(long, alias = "data-dir", value_name = "DIR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    db_path: Option<PathBuf>,
    /// The key that may do everything: at least 16 bytes.
    #[arg(long, value_name = "KEY")]
    #[serde(skip_serializing_if = "Option::is_none")]
    master_key: Option<String>,
    #[command(flatten)]
    #[serde(flatten)]
    log: LogFlags,
}

/// What a node runs with.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NodeConfig {
    /// Where to listen.
    pub(crate) http_addr: SocketAddr,
    /// Where its data is.
    pub(crate) db_path: PathBuf,
    /// The key that may do everything.
    pub(crate) master_key: Option<String>,
    /// How log lines look.
    #[serde(default)]
    pub(crate) log_format: LogFormat,
    /// Which log lines appear.
    #[serde(default = "default_log")]
    pub(crate) log: String,
    /// Where to write its process id: `pid` in this directory.
    pub(crate) pid_dir: Option<PathBuf>,
    /// Of the file for an official node, which knows it; not used here.
    #[serde(default, rename = "no_analytics")]
    _no_analytics: bool,
}

fn default_log() -> String {
    "info".to_owned()
}

impl NodeConfig {
    /// File, then `MIROIR_*`, then flags.
    pub(crate) fn read(flags: &NodeFlags) -> Result<Self, Exit> {
        let known = ["http_addr", "db_path", "master_key", "log_format", "log"];
        let config: Self = layered(flags.config_file_path.as_deref(), &known, flags)?;
        check_master_key(config.master_key.as_deref())?;
        Ok(config)
    }

    /// The directory of its data.
    pub(crate) fn dir(&self) -> &Path {
        &self.db_path
    }
}
