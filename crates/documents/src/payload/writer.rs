//! Writing a payload.

use miroir_model::{Slot, UnitSet};

use super::block::{BLOCK_CONTENT, encode};
use super::{DELETION, DOCUMENT, HEAD};
use crate::stamp::ending;

/// What the log stores of a task's documents, and what it needs to know of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Payload {
    /// The blocks, in order. None when there is no frame.
    pub blocks: Vec<Vec<u8>>,
    /// How many frames.
    pub frames: u64,
    /// How many bytes of text the frames hold, stamps included: what nodes will be sent.
    pub text_bytes: u64,
    /// The units that the frames touch.
    pub units: UnitSet,
}

/// Packs documents or ids into blocks.
#[derive(Debug, Default)]
pub struct PayloadWriter {
    /// What is done, but for the frames in `content`.
    payload: Payload,
    /// The content of the next block, shorter than [`BLOCK_CONTENT`].
    content: Vec<u8>,
}

impl PayloadWriter {
    /// A writer of an empty payload.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a document, stamped. `document` is the raw text of an object with at least one member, from brace to
    /// brace.
    pub fn push_document(&mut self, slot: Slot, document: &str) {
        let open = document.strip_suffix('}').unwrap_or(document).as_bytes();
        let ending = ending(slot);
        self.head(slot, DOCUMENT, open.len() + ending.len());
        self.put(open);
        self.put(&ending);
    }

    /// Adds a deletion of the document with this canonical id.
    pub fn push_deletion(&mut self, slot: Slot, id: &str) {
        self.head(slot, DELETION, id.len());
        self.put(id.as_bytes());
    }

    /// The payload of all that was added.
    pub fn finish(mut self) -> Payload {
        if !self.content.is_empty() {
            self.payload.blocks.push(encode(&self.content));
        }
        self.payload
    }

    fn head(&mut self, slot: Slot, kind: u8, length: usize) {
        let mut head = [0; HEAD];
        head[..2].copy_from_slice(&slot.get().to_le_bytes());
        head[2] = kind;
        // A request has at most 100 MB, so a text is far below 4 GiB.
        head[3..].copy_from_slice(&(length as u32).to_le_bytes());
        self.put(&head);
        self.payload.frames += 1;
        self.payload.text_bytes += length as u64;
        self.payload.units.insert(slot.unit());
    }

    fn put(&mut self, mut bytes: &[u8]) {
        while self.content.len() + bytes.len() >= BLOCK_CONTENT {
            let (now, later) = bytes.split_at(BLOCK_CONTENT - self.content.len());
            self.content.extend_from_slice(now);
            self.payload.blocks.push(encode(&self.content));
            self.content.clear();
            bytes = later;
        }
        self.content.extend_from_slice(bytes);
    }
}
