//! What travels between processes: the code generated from `proto/`, and what belongs to every message.
//!
//! The generated code is public as it is; only what all users of a message need is added here: its limits, the
//! envelope of calls between peers, and the secret.

mod envelope;
mod secret;

pub use envelope::{Address, ClusterId, GROUP, Incarnation, Misaddressed};
pub use secret::{Secret, WeakSecret};

/// Calls between peers.
pub mod peer {
    #![allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic)]
    tonic::include_proto!("miroir.peer.v1");
}

/// Calls of operators.
pub mod admin {
    #![allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic)]
    tonic::include_proto!("miroir.admin.v1");
}

/// The largest message between peers, in bytes: a batch of log entries is 2 MiB, or one entry of up to 1 MiB of
/// payload more than that, and the rest is room.
pub const MAX_MESSAGE: usize = 16 << 20;

/// The size of the parts in which something larger is sent, in bytes.
pub const PART: usize = 1 << 20;
