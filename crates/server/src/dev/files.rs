//! The files that `dev` writes for its children.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::flags::DevFlags;
use super::shape::{Kind, Member, Shape};
use crate::exit::Exit;
use crate::pidfile;

pub(super) fn failed(path: &Path, error: std::io::Error) -> Exit {
    Exit::Disk(format!("{}: {error}", path.display()))
}

/// The directory, absolute.
pub(super) fn create_dir(dir: &Path) -> Result<PathBuf, Exit> {
    fs::create_dir_all(dir).and_then(|()| dir.canonicalize()).map_err(|error| failed(dir, error))
}

/// Children of a `dev` that was killed go on; starting beside them would do harm.
pub(super) fn refuse_running(members: &[Member]) -> Result<(), Exit> {
    let running = members.iter().filter_map(|member| Some((member, pidfile::running(&member.dir)?)));
    let running: Vec<_> =
        running.map(|(member, pid)| format!("{} (process {})", member.id, pid.as_raw_nonzero())).collect();
    if running.is_empty() {
        return Ok(());
    }
    Err(Exit::Directory(format!("still running on this directory: {}: stop them first", running.join(", "))))
}

#[derive(Serialize)]
struct PeerFile<'a> {
    name: &'a str,
    data_dir: &'a Path,
    http: String,
    grpc: String,
    cluster_secret_file: PathBuf,
    #[serde(skip_serializing_if = "Option::is_none")]
    master_key: Option<&'a str>,
    initial_peers: std::collections::BTreeMap<&'a str, String>,
    defaults: DefaultsTable,
    limits: LimitsTable,
    nodes: Vec<NodeTable<'a>>,
}

/// Three peers on one disk need no ballast each.
#[derive(Serialize)]
struct LimitsTable {
    disk_ballast: u64,
}

#[derive(Serialize)]
struct DefaultsTable {
    #[serde(skip_serializing_if = "Option::is_none")]
    shards: Option<u16>,
    factor: u16,
    groups: u32,
}

#[derive(Serialize)]
struct NodeTable<'a> {
    id: &'a str,
    url: String,
    group: u32,
    master_key_file: PathBuf,
}

#[derive(Serialize)]
struct NodeFile<'a> {
    http_addr: String,
    db_path: PathBuf,
    master_key: &'a str,
    no_analytics: bool,
    /// An official server does not know it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pid_dir: Option<&'a Path>,
}

/// Writes all of them. Secrets that are there are kept.
pub(super) fn write(dir: &Path, flags: &DevFlags, shape: &Shape, members: &[Member]) -> Result<(), Exit> {
    let secret = dir.join("cluster-secret");
    keep_secret(&secret)?;
    for member in members {
        fs::create_dir_all(&member.dir).map_err(|error| failed(&member.dir, error))?;
    }
    for member in members {
        let text = match member.kind {
            Kind::Node { .. } => node_file(member, flags)?,
            Kind::Peer { .. } => peer_file(member, &secret, flags, (shape, members))?,
        };
        write_private(&member.dir.join("config.toml"), &text)?;
    }
    Ok(())
}

fn node_file(member: &Member, flags: &DevFlags) -> Result<String, Exit> {
    let master_key = keep_secret(&key_file(member))?;
    let file = NodeFile {
        http_addr: member.http.to_string(),
        db_path: member.dir.join("data"),
        master_key: &master_key,
        no_analytics: true,
        pid_dir: flags.meilisearch.is_none().then_some(member.dir.as_path()),
    };
    toml::to_string(&file).map_err(Exit::configuration)
}

fn peer_file(
    member: &Member,
    secret: &Path,
    flags: &DevFlags,
    (shape, members): (&Shape, &[Member]),
) -> Result<String, Exit> {
    let grpc_of = |member: &Member| match member.kind {
        Kind::Peer { grpc, .. } => Some(grpc.to_string()),
        Kind::Node { .. } => None,
    };
    let nodes = members.iter().filter_map(|node| match node.kind {
        Kind::Node { group } => Some(NodeTable {
            id: &node.id,
            url: format!("http://{}", node.http),
            group,
            master_key_file: key_file(node),
        }),
        Kind::Peer { .. } => None,
    });
    let file = PeerFile {
        name: &member.id,
        data_dir: &member.dir,
        http: member.http.to_string(),
        grpc: grpc_of(member).unwrap_or_default(),
        cluster_secret_file: secret.to_owned(),
        master_key: flags.master_key.as_deref(),
        initial_peers: members.iter().filter_map(|peer| Some((peer.id.as_str(), grpc_of(peer)?))).collect(),
        defaults: DefaultsTable { shards: shape.shards, factor: shape.factor, groups: shape.groups },
        limits: LimitsTable { disk_ballast: 0 },
        nodes: nodes.collect(),
    };
    toml::to_string(&file).map_err(Exit::configuration)
}

/// Where a node's master key is kept.
pub(super) fn key_file(member: &Member) -> PathBuf {
    member.dir.join("master-key")
}

/// The secret of a file; a new one when there is none.
fn keep_secret(file: &Path) -> Result<String, Exit> {
    if let Ok(text) = fs::read_to_string(file) {
        return Ok(text.trim().to_owned());
    }
    let secret: String = (0..4).map(|_| format!("{:016x}", rand::random::<u64>())).collect();
    if let Some(dir) = file.parent() {
        fs::create_dir_all(dir).map_err(|error| failed(dir, error))?;
    }
    write_private(file, &format!("{secret}\n"))?;
    Ok(secret)
}

fn write_private(file: &Path, text: &str) -> Result<(), Exit> {
    let options = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(file);
    options.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| failed(file, error))
}
