//! The binary `miroir`.

use std::process::ExitCode;

use clap::Parser;
use miroir_server::{Cli, run};

fn main() -> ExitCode {
    run(Cli::parse())
}
