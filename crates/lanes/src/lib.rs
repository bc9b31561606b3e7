//! Ordered delivery of tasks to nodes.
//!
//! A *lane* is the delivery to one node, driven by one peer; it has one queue per index. What a queue must do next
//! follows from the replicated state alone; what it did is recorded there. So a lane can be given to another peer at any
//! moment, and whoever has it goes on where the last owner stood.
//!
//! # What never happens
//!
//! - Two requests of one index in progress on a node: nothing overtakes, and nodes join nothing of ours.
//! - A request that was not recorded before it was sent, or that another life recorded.
//! - A request sent again while the first may still arrive (`settle`).
//! - A node's fault shown as a task's result (`verdict`).
//!
//! # Where to read
//!
//! | file | what |
//! |---|---|
//! | `run`, `lane`, `reach` | which lanes this peer drives, and which nodes it reaches |
//! | `queue` | one queue: decide, record, act, record |
//! | `decide` | what comes next: pure |
//! | `gather` | waiting for more of a bulk load |
//! | `payload`, `assemble` | joining what waits into one body |
//! | `request`, `counting`, `rollback` | what an action asks of the node |
//! | `attempt`, `verdict` | sending, following, and what the end means |
//! | `recheck` | documents that settings were undecided for |
//! | `settle` | unknown outcomes |
//! | `identity` | whether a node is what it was |
//! | `prune` | what nodes may forget |
//! | `room` | nodes that are nearly full |
//! | `record` | steps of all queues share proposals |

mod assemble;
mod attempt;
mod config;
mod counting;
mod decide;
mod gather;
mod identity;
mod lane;
mod payload;
mod prune;
mod queue;
mod reach;
mod recheck;
mod record;
mod request;
mod rollback;
mod room;
mod run;
mod settle;
mod verdict;

pub use config::Config;
pub use gather::Gather;
pub use identity::gates;
pub use lane::Clients;
pub use run::{Connect, http, run};
