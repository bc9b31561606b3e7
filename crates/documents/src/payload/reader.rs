//! Reading a payload.

use miroir_model::Slot;

use super::block::{DamagedBlock, decode};
use super::{DELETION, DOCUMENT, HEAD};

/// What a frame asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameKind {
    /// Add, replace or update the document; the text is its stamped JSON.
    Document,
    /// Delete the document; the text is its canonical id.
    Deletion,
}

/// One document or id of a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'r> {
    /// The slot of the document.
    pub slot: Slot,
    /// What is to be done.
    pub kind: FrameKind,
    /// The document or the id.
    pub text: &'r str,
}

/// Bytes that are no payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DamagedPayload {
    /// A block is damaged.
    #[error(transparent)]
    Block(#[from] DamagedBlock),
    /// A frame's slot does not exist.
    #[error("a frame has slot {0}")]
    Slot(u16),
    /// A frame's kind does not exist.
    #[error("a frame has the unknown kind {0}")]
    Kind(u8),
    /// A frame's text is not UTF-8.
    #[error("a frame's text is not UTF-8")]
    Text,
    /// The last block ends within a frame.
    #[error("the payload ends within a frame")]
    Truncated,
}

/// Reads the frames of a payload, block by block, so that the blocks need not be in memory together.
#[derive(Debug, Default)]
pub struct PayloadReader {
    content: Vec<u8>,
    /// How much of `content` was read.
    read: usize,
}

impl PayloadReader {
    /// A reader that has seen no block.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next block.
    ///
    /// # Errors
    /// When the bytes are no block. The reader is of no use afterwards.
    pub fn feed(&mut self, block: &[u8]) -> Result<(), DamagedPayload> {
        self.content.drain(..self.read);
        self.read = 0;
        Ok(decode(block, &mut self.content)?)
    }

    /// The next frame; nothing when it lies, in part at least, in blocks to come.
    ///
    /// # Errors
    /// When the bytes are no frame.
    pub fn next_frame(&mut self) -> Result<Option<Frame<'_>>, DamagedPayload> {
        let rest = &self.content[self.read..];
        let Some((head, rest)) = rest.split_first_chunk::<HEAD>() else { return Ok(None) };
        let [s0, s1, kind, length @ ..] = *head;
        let slot = u16::from_le_bytes([s0, s1]);
        let slot = Slot::try_from(slot).map_err(|_| DamagedPayload::Slot(slot))?;
        let kind = match kind {
            DOCUMENT => FrameKind::Document,
            DELETION => FrameKind::Deletion,
            other => return Err(DamagedPayload::Kind(other)),
        };
        let length = u32::from_le_bytes(length) as usize;
        let Some(text) = rest.get(..length) else { return Ok(None) };
        self.read += HEAD + length;
        let text = std::str::from_utf8(text).map_err(|_| DamagedPayload::Text)?;
        Ok(Some(Frame { slot, kind, text }))
    }

    /// Ends the payload.
    ///
    /// # Errors
    /// When the last block ended within a frame.
    pub fn finish(self) -> Result<(), DamagedPayload> {
        if self.read == self.content.len() { Ok(()) } else { Err(DamagedPayload::Truncated) }
    }
}

/// Gives each frame of the blocks to `take`, in order.
///
/// # Errors
/// When the bytes are no payload; frames before the damage were given.
pub fn for_each_frame<B: AsRef<[u8]>>(
    blocks: impl IntoIterator<Item = B>,
    mut take: impl FnMut(Frame<'_>),
) -> Result<(), DamagedPayload> {
    let mut reader = PayloadReader::new();
    for block in blocks {
        reader.feed(block.as_ref())?;
        while let Some(frame) = reader.next_frame()? {
            take(frame);
        }
    }
    reader.finish()
}
