//! What a peer takes from the machine that it runs on, in one place, so that a test can put its own there.
//!
//! Files are below `data_dir`, the listener is given to [`Peer::serve`](crate::Peer::serve), and time that passes is
//! tokio's, which can be paused. Raft draws its election time-outs itself.

use std::fmt;
use std::time::SystemTime;

use miroir_model::Timestamp;
use tonic::transport::{Channel, Endpoint};

/// The wall clock, random numbers, and the way to other peers.
pub trait Platform: fmt::Debug + Send + Sync + 'static {
    /// The wall clock, by which a leader stamps commands. It may jump: the log's clock never goes back for that.
    fn now(&self) -> Timestamp {
        SystemTime::now().into()
    }

    /// Random bits: for new ids, and to choose among equals.
    fn random(&self) -> u64 {
        rand::random()
    }

    /// The way to another peer. It is opened when it is first used, and again when it broke.
    fn connect(&self, to: Endpoint) -> Channel {
        to.connect_lazy()
    }
}

/// The operating system's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Os;

impl Platform for Os {}
