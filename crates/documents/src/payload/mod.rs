//! The stored format of a task's documents.
//!
//! A payload is a stream of *frames*, one per document or per id to delete, in the client's order (several frames of
//! one id are applied in that order). A lane reads the frames in order, keeps those whose slot lies in the units that
//! its node holds, and sends their texts.
//!
//! # Frames
//!
//! | bytes | what |
//! |---|---|
//! | 2 | slot, little endian |
//! | 1 | kind: 0 a document, 1 a deletion |
//! | 4 | length of the text, little endian |
//! | … | text, UTF-8: the stamped JSON object, or the canonical id |
//!
//! A document's text is the client's bytes with the stamp before the final brace. It may hold newlines, as whitespace
//! between tokens: inside values they are the client's and come back, so they stay. Meilisearch reads NDJSON as a
//! stream of JSON values, not of lines, and so must whatever else reads these texts one after the other.
//!
//! # Blocks
//!
//! The stream is cut, at any byte, into blocks, each of which is one command of the log. No block is longer than 1 MiB.
//!
//! | bytes | what |
//! |---|---|
//! | 1 | version: 1 |
//! | 1 | coding: 0 as it is, 1 LZ4 block |
//! | 4 | length of the bytes before coding, little endian, at most 1 MiB − 6 |
//! | … | the bytes |
//!
//! Each block is coded alone; it is stored as it is when LZ4 does not make it smaller. There is no checksum: the log
//! and the segments have theirs. Damaged bytes are an error, never a panic.
//!
//! | version | change |
//! |---|---|
//! | 1 | the first |

mod block;
mod reader;
mod writer;

pub use block::{BLOCK_CONTENT, DamagedBlock};
pub use reader::{DamagedPayload, Frame, FrameKind, PayloadReader, for_each_frame};
pub use writer::{Payload, PayloadWriter};

/// The length of a frame's head.
const HEAD: usize = 7;
const DOCUMENT: u8 = 0;
const DELETION: u8 = 1;

#[cfg(test)]
mod tests;
