//! The binary `miroir-ctl`: the operator's tool over the gRPC admin API of any peer.
//!
//! Exit codes: 0 ok, 1 refused or failed, 2 usage, 3 unreachable or no leader, 4 degraded (`status`).

mod client;
mod exit;
mod say;
mod status;
mod verify;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use client::Client;

/// Look after a Miroir cluster.
#[derive(Debug, Parser)]
#[command(name = "miroir-ctl", version, about)]
struct Cli {
    /// Any peer's gRPC address.
    #[arg(
        long,
        global = true,
        env = "MIROIR_PEER",
        default_value = "http://127.0.0.1:7710",
        value_name = "ADDR"
    )]
    peer: String,
    /// The cluster's master key.
    #[arg(long, global = true, env = "MIROIR_KEY", hide_env_values = true)]
    key: Option<String>,
    /// Print JSON instead of tables.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show peers, nodes, indexes and what is undelivered.
    Status,
    /// Compare what the copies of each shard hold, and check the invariants of the state.
    Verify {
        /// Only this index.
        #[arg(long)]
        index: Option<String>,
    },
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("miroir-ctl: {error}");
            return ExitCode::from(1);
        }
    };
    match runtime.block_on(run(cli)) {
        Ok(code) => code,
        Err(exit) => {
            eprintln!("miroir-ctl: {exit}");
            exit.code()
        }
    }
}

async fn run(cli: Cli) -> Result<ExitCode, exit::Exit> {
    let client = Client::connect(&cli.peer, cli.key.as_deref()).await?;
    match cli.command {
        Command::Status => status::run(client, cli.json).await,
        Command::Verify { index } => verify::run(client, index, cli.json).await,
    }
}
