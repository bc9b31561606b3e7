//! One Raft group of peers, behind the port [`Ledger`](miroir_cluster::Ledger).
//!
//! Nothing outside this crate knows openraft. What it adds to it:
//!
//! | part | where | kept in |
//! |---|---|---|
//! | the log and the vote | `log` | `raft-log`, in `log/` |
//! | the state, applied | `machine` | memory, and `snapshot`s in `snapshots/` |
//! | history beside the state | `rows` | sled, in `rows/` |
//! | payload beside the state | `segments` | files in `segments/` |
//! | who this peer is | `identity` | `identity.json` |
//! | calls to and by others | `links`, `network`, `fetch`, `service` | |
//! | proposals, barriers, reports | `propose`, `flow`, `barrier`, `reports` | |
//! | whether the leader is one still | `heard` | |
//! | founding, upkeep, leaving | `founding`, `upkeep`, `disk`, `leave` | |
//!
//! # What is durable when
//!
//! An entry counts when a majority has synced it in its log. Applying it writes rows and payload without syncing them:
//! the log has them. A snapshot syncs rows, then payload, then itself; only then the log before it may go. So at any
//! moment a restart finds the last snapshot and every entry behind it, and writes rows and payload again where they
//! were lost.
//!
//! Any failure of the disk ends the peer ([`Peer::failed`]): after a failed sync nobody knows what is on it. What is
//! found at a start is synced before others are told that it is here, and a directory of which a part is gone is
//! refused. Payload that a snapshot names stays while the snapshot is on its way to another peer, so that the other
//! finds it, however long that takes.
//!
//! Each place where a crash separates two of these steps has a name for [`miroir_fault`].

mod barrier;
mod config;
mod disk;
mod fetch;
mod flow;
mod founding;
mod heard;
mod identity;
mod leave;
mod ledger;
mod links;
mod log;
mod machine;
mod network;
mod node;
mod peer;
mod platform;
mod probe;
mod propose;
mod reports;
mod rows;
mod segments;
mod service;
mod snapshot;
mod spool;
#[cfg(test)]
mod suite;
mod types;
mod upkeep;

pub use config::{Config, Limits, StartError, Timing};
pub use node::Failure;
pub use peer::Peer;
pub use platform::{Os, Platform};
pub use types::Member;
