//! What keeps the slowest searches quick.
//!
//! - **Adaptive choice** ([`pace`]): a copy whose node answers much more slowly than others of the index is asked only
//!   where nothing else has the shard. Once a second it is sent a request besides, so that it is known when it is quick
//!   again.
//! - **Hedging** (`race::hedge`): what is late by the measure of the index's other requests is asked of another copy too,
//!   and whichever is there first counts. A [`budget`] keeps that from being a load of its own.
//! - **Sharing** ([`share`]): equal requests to a node at the same time are sent once.
//! - **A deadline** for the whole of a search, and half of it for each request (a quarter where an answer may lack shards:
//!   half of it is left for those that answer).
//!
//! None of it changes which hits there are or their order: equal scores are ordered by slot and id, whichever copies answer.
//! Only what nodes judge by their own part can be another copy's judgement: counts with a distinct attribute, scores of
//! a last word of few letters (each node keeps what begins so for itself), which spelling of a facet's value is shown. An
//! index without the tie rule shows each node's own order of ties, so it is not hedged, and leaves a copy only when that
//! is marked slow.

mod budget;
mod pace;
mod share;

use std::collections::BTreeSet;
use std::time::Duration;

use miroir_model::{NodeId, PhysicalId};

pub(crate) use budget::Budget;
pub(crate) use pace::{Outcome, Paces};
pub(crate) use share::{Answer, Begun, Flight, Shares, Unanswered};

/// How a peer searches. Nothing breaks when peers differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// What is late is asked of another copy too.
    pub hedge: bool,
    /// Copies on slow nodes are avoided.
    pub adaptive: bool,
    /// Equal requests to a node at the same time are sent once.
    pub share: bool,
    /// A search that takes longer fails.
    pub deadline: Duration,
    /// Where no copy of a shard answers, the answer is made of the other shards.
    pub partial: bool,
    /// What nodes' answers to all searches take at once, in bytes; a search for which there is no more fails.
    pub memory: usize,
}

impl Default for Config {
    /// All that keeps searches quick, 60 s, whole answers only, and 512 MiB.
    fn default() -> Self {
        Self {
            hedge: true,
            adaptive: true,
            share: true,
            deadline: Duration::from_secs(60),
            partial: false,
            memory: 512 << 20,
        }
    }
}

impl Config {
    /// How long one request may take: whoever waits for a node that hangs has time for another one then.
    pub(crate) fn patience(self) -> Duration {
        self.for_all() / 2
    }

    /// How long all shards are waited for: then there is time for those that answer.
    pub(crate) fn for_all(self) -> Duration {
        if self.partial { self.deadline / 2 } else { self.deadline }
    }
}

/// What this peer knows of how fast its searches are answered.
#[derive(Debug, Default)]
pub(crate) struct Tail {
    pub(crate) config: Config,
    pub(crate) paces: Paces,
    pub(crate) budget: Budget,
    pub(crate) shares: Shares,
}

impl Tail {
    pub(crate) fn new(config: Config) -> Self {
        Self { config, ..Self::default() }
    }

    /// The nodes to avoid for an index.
    pub(crate) fn slow(&self, index: PhysicalId) -> BTreeSet<NodeId> {
        if self.config.adaptive { self.paces.slow(index) } else { BTreeSet::new() }
    }
}
