//! Those who use the cluster: writers, readers, and watchers of tasks.

mod draw;
mod reader;
mod watcher;
mod writer;

use std::sync::Arc;

use tokio::task::JoinSet;

use super::stage::Stage;

pub(crate) use reader::ask;
pub(crate) use writer::{enable_edits, write_settled};

const WRITERS: u64 = 4;
const READERS: u64 = 2;

/// Starts all of them. They end when the run is over.
pub(crate) fn start(stage: &Arc<Stage>, seed: u64) -> JoinSet<()> {
    let mut clients = JoinSet::new();
    for number in 0..WRITERS {
        clients.spawn(writer::write(Arc::clone(stage), seed, number));
    }
    for number in 0..READERS {
        clients.spawn(reader::read(Arc::clone(stage), seed, number));
    }
    for peer in 0..stage.peers {
        clients.spawn(watcher::watch(Arc::clone(stage), peer));
    }
    clients
}
