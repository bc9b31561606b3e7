//! The binary `miroir`.

use std::process::ExitCode;

use clap::Parser;
use miroir_server::{Cli, run};

/// As Meilisearch has it: what many threads allocate and free does not scatter over the arenas of each.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    run(Cli::parse())
}
