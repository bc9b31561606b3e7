//! The memory that nodes' answers take.
//!
//! A search keeps what nodes have answered it until its own answer is made. How much that is follows from what is asked:
//! from each node all hits up to the end of the page. So all of it together has a bound, and what does not fit is refused
//! at once: who waits with answers in hand may wait for ever.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Answers are counted in units of so many bytes.
const UNIT: usize = 1 << 10;

/// Room for so many bytes of answers.
#[derive(Debug)]
pub(crate) struct Room {
    free: Arc<Semaphore>,
}

/// An answer in its room, which is free again when the last who has the answer drops it.
struct Kept {
    answer: Bytes,
    _room: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Kept {
    fn as_ref(&self) -> &[u8] {
        &self.answer
    }
}

impl Room {
    pub(crate) fn new(bytes: usize) -> Self {
        Self { free: Arc::new(Semaphore::new((bytes / UNIT).min(Semaphore::MAX_PERMITS))) }
    }

    /// The same answer in a room of its own; `None` where there is none left.
    pub(crate) fn keep(&self, answer: Bytes) -> Option<Bytes> {
        let units = u32::try_from(answer.len().div_ceil(UNIT)).ok()?;
        let room = Arc::clone(&self.free).try_acquire_many_owned(units).ok()?;
        Some(Bytes::from_owner(Kept { answer, _room: room }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_has_its_room_until_nobody_has_it() {
        let room = Room::new(10 << 10);
        let answer = Bytes::from(vec![b'a'; 6 << 10]);
        let kept = room.keep(answer.clone()).expect("room for it");
        let other = kept.clone();
        drop(kept);
        assert!(room.keep(answer.clone()).is_none(), "another search has it");
        assert!(room.keep(answer.slice(..4096)).is_some());
        assert_eq!(other, answer);
        drop(other);
        assert!(room.keep(answer).is_some());
    }
}
