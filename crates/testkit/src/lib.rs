//! What tests stand on: a [`Ledger`](miroir_cluster::Ledger) in memory, with several peers on it and faults on demand.
//!
//! [`LocalCluster`] is the log and the state, without Raft: a command is applied when it is proposed. Each
//! [`LocalLedger`] is one process life of a peer on it, so that take-overs, restarts and lost answers can be played in
//! one process, in an order that the test decides. Time is the test's own.
//!
//! [`processes`] are the real thing: `miroir dev` and its children, killed and started as a user would. [`proxy`] stands
//! between two of them and does what networks do, when the test says so.

mod around;
mod cluster;
mod dice;
mod fixtures;
mod ledger;
pub mod processes;
pub mod proxy;
mod rows;

pub use around::{Around, Interpose};
pub use cluster::LocalCluster;
pub use dice::{Dice, long, seed};
pub use fixtures::{adopt, defaults};
pub use ledger::{LocalLedger, Lost};
