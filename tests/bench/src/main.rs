//! What a cluster costs against one node, end to end.
//!
//! Machines are noisy, so each figure is a median of rounds, and what is compared is measured in turn within each round:
//! ratios are taken within a round, never between rounds. All processes share the machine, so a cluster of three peers
//! and three nodes is held against one node that has the whole machine to itself.

mod ack;
mod corpus;
mod failover;
mod figure;
mod ingest;
mod memory;
mod merge;
mod search;
mod server;
mod soak;
mod tail;
mod uploads;

use clap::{Parser, ValueEnum};

use figure::Figures;

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Acknowledging a write of one document.
    Ack,
    /// Loading 100,000 documents in 10 batches.
    Ingest,
    /// Searching them.
    Search,
    /// Merging the answers of 8 nodes.
    Merge,
    /// What a peer needs that has nothing to do.
    Memory,
    /// Leaders and nodes that go, 20 leaders a round each way. Only when asked for: it takes long.
    Failover,
    /// Small writes beside three uploads of 100 MB. Only when asked for.
    Uploads,
    /// Searches while one node answers late. Only when asked for.
    Tail,
    /// An hour of mixed load: what grows. Only when asked for; `--minutes` sets how long.
    Soak,
}

/// Measures what a cluster costs against one node.
#[derive(Debug, Parser)]
struct Flags {
    /// One object `{name, value, unit, target, spread}` per line, without the table.
    #[arg(long)]
    json: bool,
    /// Only these parts.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Part>,
    /// How often each part is measured; figures are medians.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// How long the mixed load lasts.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(4..))]
    minutes: u32,
}

#[tokio::main]
async fn main() {
    let flags = Flags::parse();
    let wanted = |part| flags.only.is_empty() || flags.only.contains(&part);
    let mut figures = Figures::new(flags.json);
    if wanted(Part::Merge) {
        merge::measure(&mut figures);
    }
    if wanted(Part::Memory) {
        memory::measure(&mut figures).await;
    }
    if wanted(Part::Ack) {
        ack::measure(flags.rounds, &mut figures).await;
    }
    if wanted(Part::Search) {
        search::measure(flags.rounds, &mut figures).await;
    }
    if wanted(Part::Ingest) {
        ingest::measure(flags.rounds, &mut figures).await;
    }
    if flags.only.contains(&Part::Failover) {
        failover::measure(flags.rounds, &mut figures).await;
    }
    if flags.only.contains(&Part::Uploads) {
        uploads::measure(flags.rounds, &mut figures).await;
    }
    if flags.only.contains(&Part::Tail) {
        tail::measure(flags.rounds, &mut figures).await;
    }
    if flags.only.contains(&Part::Soak) {
        soak::measure(flags.minutes, &mut figures).await;
    }
    if figures.any_missed() {
        eprintln!("some targets were missed");
    }
}
