//! What a test says about the bytes of all connections.

use std::time::Duration;

/// The link that the proxy stands for. It holds for the connections that exist and for those to come, both ways
/// independently; the default passes everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// From clients to the target.
    pub up: Flow,
    /// From the target to clients.
    pub down: Flow,
    /// New connections.
    pub door: Door,
}

impl Link {
    /// A partition: connections stay open, new ones are accepted, and nothing passes, either way.
    pub const PARTITION: Self = Self { up: Flow::DROP, down: Flow::DROP, door: Door::Open };

    /// The same delay in both directions: a round trip takes twice as long.
    pub const fn delayed(by: Duration) -> Self {
        Self { up: Flow::Delay(by), down: Flow::Delay(by), door: Door::Open }
    }
}

/// What happens to the bytes of one direction, and to the ends of connections (FIN, RST), which travel with them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Flow {
    /// They pass.
    #[default]
    Pass,
    /// Each passes so much later. Up to about a megabyte is under way on a connection before its sender has to wait.
    Delay(Duration),
    /// They wait until the flow is another: what TCP makes of a short outage, where it sends again.
    Stall,
    /// So many bytes of each connection pass, counted from now on, and then it is over with it.
    Cut {
        /// How many bytes.
        after: u64,
        /// What is done then.
        then: Then,
    },
}

impl Flow {
    /// Everything vanishes, from the next byte on.
    pub const DROP: Self = Self::Cut { after: 0, then: Then::Silence };
}

/// What follows a cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// Both ends of the connection are reset. What an end had received and not read may be lost with it.
    Reset,
    /// Nothing: bytes vanish and the connection stays open. A direction that lost bytes passes none ever again, whatever
    /// the flow becomes, because no TCP connection has holes; an end of the connection that comes then is a reset.
    Silence,
}

/// What happens to a new connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Door {
    /// It is accepted.
    #[default]
    Open,
    /// Nobody listens: the client's attempt fails.
    Refused,
    /// It is accepted and reset at once.
    Reset,
}
