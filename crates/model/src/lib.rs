//! Ids and plain values used by three or more crates.
//!
//! Nothing here does I/O, reads a clock or knows a protocol. Every type is ordered, so that whatever is built from
//! them iterates the same way on every peer.

mod ids;
mod index_uid;
pub mod reserved;
mod slots;
mod timestamp;

pub use ids::{
    Epoch, ForeignName, Generation, NodeId, PeerId, PeerLife, PhysicalId, PhysicalName, ShardId, TaskUid,
};
pub use index_uid::{IndexUid, InvalidIndexUid};
pub use slots::{InvalidSlot, InvalidSlotRange, SLOTS, Slot, SlotRange, UNIT_SLOTS, UNITS, Unit, UnitSet};
pub use timestamp::Timestamp;

/// The name of the member that Miroir adds to each document on the nodes. No user document may carry it, and no
/// answer to a user shows it.
pub const RESERVED_MEMBER: &str = "_miroir";
