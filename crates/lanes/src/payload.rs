//! Reading the payloads of tasks into the body of a request.
//!
//! A body holds at most [`Config::request_bytes`](crate::Config::request_bytes), so a payload is read block by block,
//! and a cursor stays where a request was full: the next one goes on there without reading anything twice.

use std::collections::VecDeque;

use miroir_cluster::{ChunkId, Ledger, Part, PayloadError, Progress, Task};
use miroir_documents::payload::{DamagedPayload, Frame, FrameKind, PayloadReader};
use miroir_model::{Slot, TaskUid, UnitSet};

/// Why a payload cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    /// Its bytes cannot be had.
    #[error(transparent)]
    Chunk(#[from] PayloadError),
    /// Its bytes are damaged.
    #[error(transparent)]
    Damaged(#[from] DamagedPayload),
    /// It is not what the state says.
    #[error("the payload ends before frame {0}")]
    Short(u32),
}

/// The body of a request, while it is filled.
#[derive(Debug)]
pub(crate) struct Body {
    /// The documents, one JSON text after the other, or nothing.
    pub(crate) documents: Vec<u8>,
    /// The ids to delete, or nothing.
    pub(crate) ids: Vec<String>,
    bytes: usize,
    limit: usize,
}

impl Body {
    /// An empty body that is full at `limit` bytes. One text that is longer goes in alone.
    pub(crate) fn new(limit: usize) -> Self {
        Self { documents: Vec::new(), ids: Vec::new(), bytes: 0, limit }
    }

    /// Whether it holds nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// About how many bytes it has on the wire.
    pub(crate) fn len(&self) -> usize {
        self.bytes
    }

    /// Whether the frame went in; it does not when the body is full.
    fn take(&mut self, frame: &Frame<'_>, deletions: bool) -> bool {
        let cost = frame.text.len() + 3;
        if !self.is_empty() && self.bytes + cost > self.limit {
            return false;
        }
        if deletions {
            self.ids.push(frame.text.to_owned());
        } else {
            self.documents.extend_from_slice(frame.text.as_bytes());
            self.documents.push(b'\n');
        }
        self.bytes += cost;
        true
    }
}

/// A place in the payload of a task.
#[derive(Debug)]
pub(crate) struct Cursor {
    task: TaskUid,
    part: Part,
    /// The frames before this one were given.
    at: u32,
    reader: PayloadReader,
    blocks: VecDeque<ChunkId>,
    /// The frame `at`, when it was read and did not fit.
    held: Option<Held>,
}

/// A frame that was read and did not fit.
#[derive(Debug)]
struct Held {
    slot: Slot,
    kind: FrameKind,
    text: String,
}

impl Held {
    fn frame(&self) -> Frame<'_> {
        Frame { slot: self.slot, kind: self.kind, text: &self.text }
    }
}

/// What goes into a body: the frames of these units, up to a frame or to the end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    /// The frames' units.
    pub(crate) units: UnitSet,
    /// They are ids to delete.
    pub(crate) deletions: bool,
    /// The frame to stop before.
    pub(crate) to: Option<u32>,
}

impl Cursor {
    /// The start of the task's payload.
    pub(crate) fn new(task: &Task, part: Part) -> Self {
        let blocks = task.work.payload().map(|payload| payload.chunks.iter().copied().collect());
        let blocks = blocks.unwrap_or_default();
        Self { task: task.uid, part, at: 0, reader: PayloadReader::new(), blocks, held: None }
    }

    /// Whether it stands there.
    pub(crate) fn is_at(&self, task: TaskUid, progress: Progress) -> bool {
        (self.task, self.part, self.at) == (task, progress.part, progress.frames)
    }

    /// The frame that it stands at.
    pub(crate) fn at(&self) -> u32 {
        self.at
    }

    /// Goes to a frame.
    pub(crate) async fn skip_to(&mut self, ledger: &dyn Ledger, frame: u32) -> Result<(), ReadError> {
        let nothing = Wanted { units: UnitSet::EMPTY, deletions: false, to: Some(frame) };
        if self.at < frame && self.fill(ledger, &mut Body::new(0), nothing).await? {
            return Err(ReadError::Short(frame));
        }
        Ok(())
    }

    /// Reads on into the body until it is full, the wanted frame is reached, or the payload ends: then `true`.
    pub(crate) async fn fill(
        &mut self,
        ledger: &dyn Ledger,
        body: &mut Body,
        wanted: Wanted,
    ) -> Result<bool, ReadError> {
        let wants = |frame: &Frame<'_>| wanted.units.contains(frame.slot.unit());
        loop {
            if wanted.to == Some(self.at) {
                return Ok(false);
            }
            if let Some(held) = &self.held {
                if wants(&held.frame()) && !body.take(&held.frame(), wanted.deletions) {
                    return Ok(false);
                }
                self.held = None;
                self.at += 1;
            } else if let Some(frame) = self.reader.next_frame()? {
                if wants(&frame) && !body.take(&frame, wanted.deletions) {
                    self.held =
                        Some(Held { slot: frame.slot, kind: frame.kind, text: frame.text.to_owned() });
                    return Ok(false);
                }
                self.at += 1;
            } else if let Some(block) = self.blocks.pop_front() {
                self.reader.feed(&ledger.payload(block).await?)?;
            } else {
                std::mem::take(&mut self.reader).finish()?;
                return Ok(true);
            }
        }
    }
}
