//! What a peer takes from its clients: how large, how slow, how many at once.
//!
//! A client that keeps to nothing of this is cut off or refused; it must neither fill the peer's memory nor keep what
//! others wait for. All of it is far from what a client that means well does.

use std::sync::Arc;
use std::time::Duration;

use miroir_api::ErrorCode;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::ApiError;

/// The largest payload, in bytes after decompression: Meilisearch's own limit.
pub const PAYLOAD_BYTES: usize = 100 << 20;

/// A body of at most so many bytes is a small one: it does not wait for what large ones hold.
const SMALL: usize = 64 << 10;

/// In what steps a body of unknown length is given room, in bytes.
const STEP: usize = 1 << 20;

/// What one permit stands for, in bytes.
const UNIT: usize = 1 << 10;

/// What a peer takes from its clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The largest body, in bytes after decompression.
    pub body: usize,
    /// All bodies of requests that are read or worked on at once, with the trees that some are parsed into, in bytes.
    /// Small ones (64 KiB) have an eighth of it to themselves. What decompression needs comes on top: at most as much
    /// again.
    pub bodies: usize,
    /// How long a client may take for the head of a request, from its first byte.
    pub head: Duration,
    /// How long a connection may be without a request. Longer than clients keep one: one that is closed just as it is
    /// used again is an error to them.
    pub idle: Duration,
    /// How long nothing may move: no byte of a body comes in, no byte of an answer goes out.
    pub stall: Duration,
    /// How many bytes of a body must come in a second, on average, once `stall` has passed.
    pub rate: usize,
    /// Connections at once. Others wait to be accepted.
    pub connections: usize,
}

impl Default for Limits {
    /// 100 MiB each and 512 MiB in all, 10 s for a head, 180 s idle, 30 s without a byte, 64 KiB a second, 8192
    /// connections.
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            body: PAYLOAD_BYTES,
            bodies: 512 << 20,
            head: seconds(10),
            idle: seconds(180),
            stall: seconds(30),
            rate: 64 << 10,
            connections: 8192,
        }
    }
}

/// The memory for bodies, and for what is made of them.
#[derive(Debug)]
pub(crate) struct Memory {
    small: Pool,
    large: Pool,
}

#[derive(Debug)]
struct Pool {
    free: Arc<Semaphore>,
    units: usize,
}

/// A part of it, given back when dropped.
#[derive(Debug)]
pub(crate) struct Held {
    permit: OwnedSemaphorePermit,
    bytes: usize,
}

impl Memory {
    pub(crate) fn new(limits: &Limits) -> Self {
        let small = limits.bodies / 8;
        Self { small: Pool::new(small), large: Pool::new(limits.bodies - small) }
    }

    /// Room for so many bytes. Where there is none it is refused at once: who waits with a part of his room in hand
    /// may wait for ever.
    pub(crate) fn hold(&self, bytes: usize) -> Result<Held, ApiError> {
        let units = bytes.div_ceil(UNIT);
        let permit = if bytes <= SMALL { &self.small } else { &self.large }.take(units)?;
        Ok(Held { permit, bytes: units * UNIT })
    }

    /// Room for a body whose length is not known yet.
    pub(crate) fn begin(&self) -> Result<Held, ApiError> {
        self.hold(SMALL)
    }

    /// Room for the text of an answer until it is sent. Short ones have a bound in the number of connections.
    pub(crate) fn hold_answer(&self, bytes: usize) -> Result<Option<Held>, ApiError> {
        if bytes <= SMALL { Ok(None) } else { self.hold(bytes).map(Some) }
    }

    /// Room for so many bytes in all, for a body that has turned out longer.
    pub(crate) fn grow(&self, held: &mut Held, bytes: usize) -> Result<(), ApiError> {
        if bytes <= held.bytes {
            return Ok(());
        }
        if held.bytes <= SMALL {
            *held = self.hold(bytes.max(STEP))?;
            return Ok(());
        }
        let units = (bytes - held.bytes).max(STEP).div_ceil(UNIT);
        held.permit.merge(self.large.take(units)?);
        held.bytes += units * UNIT;
        Ok(())
    }
}

impl Pool {
    fn new(bytes: usize) -> Self {
        let units = (bytes / UNIT).min(Semaphore::MAX_PERMITS);
        Self { free: Arc::new(Semaphore::new(units)), units }
    }

    fn take(&self, units: usize) -> Result<OwnedSemaphorePermit, ApiError> {
        if units > self.units {
            let text = "The request, with what is made of it and its answer, takes more memory than this peer has for one.";
            return Err(ApiError::new(ErrorCode::PayloadTooLarge, text));
        }
        let units = u32::try_from(units).unwrap_or(u32::MAX);
        Arc::clone(&self.free).try_acquire_many_owned(units).map_err(|_| {
            ApiError::new(
                ErrorCode::MiroirBackpressure,
                "This peer has no memory left for this request. Nothing was changed; try again.",
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(result: Result<Held, ApiError>) -> Option<ErrorCode> {
        result.err().map(|error| error.code())
    }

    #[test]
    fn large_bodies_leave_room_for_small_ones_and_give_theirs_back() {
        let memory = Memory::new(&Limits { bodies: 8 << 20, ..Limits::default() });
        assert_eq!(code(memory.hold(8 << 20)), Some(ErrorCode::PayloadTooLarge));
        let all = memory.hold(7 << 20).expect("all that large ones may have");
        assert_eq!(code(memory.hold(SMALL + 1)), Some(ErrorCode::MiroirBackpressure));
        let small: Vec<_> = (0..16).map(|_| memory.hold(SMALL).expect("an eighth of it")).collect();
        assert_eq!(code(memory.hold(1)), Some(ErrorCode::MiroirBackpressure));
        drop((all, small));
        let mut grown = memory.begin().expect("room");
        for bytes in [1, SMALL, SMALL + 1, 2 << 20, 7 << 20] {
            memory.grow(&mut grown, bytes).expect("room");
            assert!(grown.bytes >= bytes);
        }
        assert!(memory.grow(&mut grown, (7 << 20) + 1).is_err());
        assert!(memory.hold(1).is_ok(), "what grew is no small one any more");
        drop(grown);
        assert!(memory.hold(7 << 20).is_ok());
    }
}
