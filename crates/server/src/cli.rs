//! What can be typed.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::{NodeFlags, PeerFlags};
use crate::dev::DevFlags;
use crate::exit::Exit;

/// One search index over many Meilisearch nodes.
#[derive(Debug, Parser)]
#[command(name = "miroir", version, about, long_about = None)]
pub struct Cli {
    #[command(subcommand)]
    program: Program,
}

#[derive(Debug, Subcommand)]
enum Program {
    /// Run a whole cluster on this machine: peers and nodes as child processes, ready for any Meilisearch client.
    Dev(DevFlags),
    /// Run one production peer.
    Peer(PeerFlags),
    /// Run an embedded search node: Meilisearch's engine behind Miroir's node contract.
    Node(NodeFlags),
}

/// Runs the program and says, on stderr, why it ended when it did not end well.
pub fn run(cli: Cli) -> ExitCode {
    let ended = match cli.program {
        Program::Dev(flags) => crate::dev::run(flags),
        Program::Peer(flags) => crate::peer::run(flags),
        Program::Node(flags) => crate::node::run(flags),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(exit) => {
            report(&exit);
            exit.code()
        }
    }
}

fn report(exit: &Exit) {
    eprintln!("miroir: {exit}");
}
