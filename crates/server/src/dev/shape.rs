//! What the cluster consists of: fixed at the first start on a directory, and who its members are.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use miroir_placement::MAX_SHARDS;
use serde::{Deserialize, Serialize};

use super::files::failed;
use super::flags::DevFlags;
use crate::exit::Exit;

/// What was decided at the first start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Shape {
    pub(super) peers: u16,
    pub(super) nodes: u16,
    pub(super) groups: u32,
    pub(super) factor: u16,
    pub(super) shards: Option<u16>,
}

/// One child process.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(super) kind: Kind,
    /// `peer-1`, `node-0`: its directory's name too.
    pub(super) id: String,
    pub(super) dir: PathBuf,
    pub(super) http: SocketAddr,
    /// Program and arguments, absolute.
    pub(super) argv: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Peer { number: u16, grpc: SocketAddr },
    Node { group: u32 },
}

impl Shape {
    /// The shape of the first start, when the flags do not contradict it; else the flags' own.
    pub(super) fn settle(dir: &Path, flags: &DevFlags) -> Result<Self, Exit> {
        let file = Self::file(dir);
        if let Some(key) = flags.master_key.as_ref().filter(|key| key.len() < 16) {
            let text = format!("the master key has {} bytes; it must have at least 16", key.len());
            return Err(Exit::Configuration(text));
        }
        let Ok(text) = fs::read_to_string(&file) else { return Self::of(flags) };
        let known: Self = toml::from_str(&text)
            .map_err(|error| Exit::Disk(format!("{} is damaged: {error}", file.display())))?;
        known.refuse_others(dir, flags)?;
        Ok(known)
    }

    fn file(dir: &Path) -> PathBuf {
        dir.join("shape.toml")
    }

    /// Keeps it for later starts.
    pub(super) fn keep(&self, dir: &Path) -> Result<(), Exit> {
        let (file, text) = (Self::file(dir), toml::to_string(self).map_err(Exit::configuration)?);
        fs::write(&file, text).map_err(|error| failed(&file, error))
    }

    fn of(flags: &DevFlags) -> Result<Self, Exit> {
        let wrong = |text: String| Err(Exit::Configuration(text));
        let (peers, nodes, groups) =
            (flags.peers.unwrap_or(3), flags.nodes.unwrap_or(3), flags.groups.unwrap_or(1));
        if !(1..=9).contains(&peers) || !(1..=64).contains(&nodes) || groups == 0 {
            return wrong("--peers goes from 1 to 9, --nodes from 1 to 64, --groups from 1".to_owned());
        }
        let smallest = u32::from(nodes) / groups;
        if smallest == 0 {
            return wrong(format!("{nodes} nodes cannot fill {groups} groups: give at least {groups} nodes"));
        }
        let factor = flags.factor.unwrap_or(smallest.min(2) as u16);
        if factor == 0 || u32::from(factor) > smallest {
            return wrong(format!(
                "--factor {factor} asks for {factor} copies of each shard in each group, and the smallest group \
                 has {smallest} nodes: lower it, or add nodes"
            ));
        }
        if let Some(shards) = flags.shards.filter(|shards| !(1..=MAX_SHARDS).contains(shards)) {
            return wrong(format!("--shards {shards}: an index has from 1 to {MAX_SHARDS} shards"));
        }
        Ok(Self { peers, nodes, groups, factor, shards: flags.shards })
    }

    fn refuse_others(&self, dir: &Path, flags: &DevFlags) -> Result<(), Exit> {
        let wants = [
            ("--peers", flags.peers.map(u64::from), Some(u64::from(self.peers))),
            ("--nodes", flags.nodes.map(u64::from), Some(u64::from(self.nodes))),
            ("--groups", flags.groups.map(u64::from), Some(u64::from(self.groups))),
            ("--factor", flags.factor.map(u64::from), Some(u64::from(self.factor))),
            ("--shards", flags.shards.map(u64::from), self.shards.map(u64::from)),
        ];
        for (flag, wanted, kept) in wants {
            if let Some(wanted) = wanted
                && Some(wanted) != kept
            {
                let kept = kept.map_or("not set".to_owned(), |kept| kept.to_string());
                return Err(Exit::Configuration(format!(
                    "the cluster in {} was started with {flag} {kept}, and that stays: leave {flag} out, or choose \
                     another --data-dir",
                    dir.display()
                )));
            }
        }
        Ok(())
    }
}

/// The members: HTTP of peer k on the port of `--http` + k − 1, gRPC on + 10 …, nodes on + 20 ….
pub(super) fn members(dir: &Path, flags: &DevFlags, shape: &Shape) -> Result<Vec<Member>, Exit> {
    let at = |offset: u16| {
        let port = flags.http.port().checked_add(offset);
        let port =
            port.ok_or_else(|| Exit::Configuration("--http leaves no room for the other ports".to_owned()))?;
        Ok::<_, Exit>(SocketAddr::new(flags.http.ip(), port))
    };
    let own = std::env::current_exe().map_err(|error| Exit::Failed(error.to_string()))?;
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let mut members = Vec::new();
    for i in 0..shape.nodes {
        let (id, http) = (format!("node-{i}"), at(20 + i)?);
        let config = text(&dir.join(&id).join("config.toml"));
        let program = match &flags.meilisearch {
            Some(program) => vec![text(&find_program(program)?)],
            None => vec![text(&own), "node".to_owned()],
        };
        let argv = [program, vec!["--config-file-path".to_owned(), config]].concat();
        let group = u32::from(i) % shape.groups;
        members.push(Member { kind: Kind::Node { group }, dir: dir.join(&id), id, http, argv });
    }
    for k in 1..=shape.peers {
        let (id, http, grpc) = (format!("peer-{k}"), at(k - 1)?, at(10 + k - 1)?);
        let config = text(&dir.join(&id).join("config.toml"));
        let argv = vec![text(&own), "peer".to_owned(), "--config".to_owned(), config];
        members.push(Member { kind: Kind::Peer { number: k, grpc }, dir: dir.join(&id), id, http, argv });
    }
    Ok(members)
}

fn find_program(program: &Path) -> Result<PathBuf, Exit> {
    program.canonicalize().map_err(|error| {
        Exit::Configuration(format!("the meilisearch program {} cannot be used: {error}", program.display()))
    })
}

/// Says which port is taken, and by whose turn it would be.
pub(super) fn refuse_taken_ports(members: &[Member]) -> Result<(), Exit> {
    for member in members {
        let grpc = match member.kind {
            Kind::Peer { grpc, .. } => Some(grpc),
            Kind::Node { .. } => None,
        };
        for address in [Some(member.http), grpc].into_iter().flatten() {
            if let Err(error) = TcpListener::bind(address) {
                return Err(Exit::Configuration(format!(
                    "{address}, which {} needs, cannot be used ({error}): free it, or choose other ports with --http",
                    member.id
                )));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        flags: DevFlags,
    }

    fn shape(line: &str) -> Result<Shape, Exit> {
        let words = std::iter::once("dev").chain(line.split_whitespace());
        Shape::of(&Line::try_parse_from(words).expect("the line parses").flags)
    }

    #[test]
    fn the_factor_fits_the_smallest_group() {
        assert_eq!(shape("").expect("defaults").factor, 2);
        assert_eq!(shape("--nodes 1").expect("one node").factor, 1);
        assert_eq!(shape("--nodes 5 --groups 2").expect("two groups").factor, 2);
        assert!(shape("--nodes 5 --groups 2 --factor 3").is_err());
        assert!(shape("--nodes 1 --groups 2").is_err());
        assert!(shape("--shards 0").is_err());
    }

    #[test]
    fn a_later_start_keeps_the_shape() {
        let dir = tempfile::tempdir().expect("a directory");
        let flags = |line: &str| {
            Line::try_parse_from(std::iter::once("dev").chain(line.split_whitespace()))
                .expect("it parses")
                .flags
        };
        // A start that fails before anything runs keeps nothing.
        Shape::settle(dir.path(), &flags("--nodes 9")).expect("a shape");
        let first = Shape::settle(dir.path(), &flags("--nodes 4 --shards 6")).expect("the first start");
        first.keep(dir.path()).expect("it is kept");
        assert_eq!(Shape::settle(dir.path(), &flags("")).expect("again"), first);
        assert_eq!(Shape::settle(dir.path(), &flags("--shards 6")).expect("the same"), first);
        let refused = Shape::settle(dir.path(), &flags("--nodes 5")).expect_err("another number");
        assert!(refused.to_string().contains("--nodes 4"), "{refused}");
    }
}
