//! Where the data of an index is, and where it should be. Pure: no I/O, no clock, no random numbers.
//!
//! - [`ShardMap`]: what is. The shards of one index tile the slot space; each has copies on nodes.
//! - [`assign`] and [`adapt`]: what should be, by weighted rendezvous hashing with bounds.
//! - [`changes`]: what lies between the two.
//! - [`limiting_filter`]: how a search is limited to some of the units that a node holds.

mod changes;
mod cover;
mod layout;
mod level;
mod map;
mod rendezvous;
mod shard;

pub use changes::{Change, changes};
pub use cover::{Cover, ReservedValue, cover, limiting_filter};
pub use layout::{AssignError, Candidate, GroupNodes, Layout, adapt, assign};
pub use map::{InvalidShardCount, InvalidShardMap, MAX_SHARDS, ShardMap, default_shards};
pub use rendezvous::{Score, score};
pub use shard::{CopyState, Shard};
