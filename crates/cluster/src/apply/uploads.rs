//! Payloads that travel ahead of their task.

use bytes::Bytes;

use super::Apply;
use crate::command::PayloadSource;
use crate::outcome::{Outcome, Refusal};
use crate::state::{ChunkId, ChunkMeta, Upload, UploadId};

/// How long an upload may be silent, in milliseconds of log time.
const SILENCE_MILLIS: i64 = 600_000;

impl Apply<'_> {
    pub(super) fn chunk(&mut self, id: UploadId, seq: u32, bytes: &Bytes) -> Result<Outcome, Refusal> {
        if !self.is_present(id.life) {
            return Err(Refusal::Unknown(format!("peer life {}", id.life)));
        }
        let mut upload = match self.state.uploads.get(&id) {
            Some(upload) => upload.clone(),
            None => Upload { chunks: Vec::new(), last: self.now },
        };
        let have = u32::try_from(upload.chunks.len()).unwrap_or(u32::MAX);
        // A chunk that came before is the same chunk, proposed again.
        if let Some(known) = upload.chunks.get(seq as usize) {
            let same = self.state.chunks.get(known) == Some(&ChunkMeta::of(bytes));
            return if same { Ok(Outcome::Done) } else { Err(Refusal::UploadBroken { have, want: seq }) };
        }
        if seq != have {
            return Err(Refusal::UploadBroken { have, want: seq });
        }
        upload.chunks.push(self.store(bytes));
        upload.last = self.now;
        self.state.uploads.insert(id, upload);
        Ok(Outcome::Done)
    }

    pub(super) fn drop_upload(&mut self, id: UploadId) {
        if let Some(upload) = self.state.uploads.remove(&id) {
            self.release(&upload.chunks);
        }
    }

    pub(super) fn expire_uploads(&mut self) {
        let silent: Vec<_> = (self.state.uploads.iter())
            .filter(|(_, upload)| self.now.millis_since(upload.last) > SILENCE_MILLIS)
            .map(|(id, _)| *id)
            .collect();
        silent.into_iter().for_each(|id| self.drop_upload(id));
    }

    /// Whether the payload is whole, before anything is changed for it.
    pub(super) fn check_payload(&self, source: &PayloadSource) -> Result<(), Refusal> {
        let Some((id, want)) = source.upload else { return Ok(()) };
        let have = self.state.uploads.get(&id).map_or(0, |upload| upload.chunks.len());
        let have = u32::try_from(have).unwrap_or(u32::MAX);
        if have == want { Ok(()) } else { Err(Refusal::UploadBroken { have, want }) }
    }

    /// Takes over the chunks of a payload that was [checked](Self::check_payload).
    pub(super) fn take_payload(&mut self, source: &PayloadSource) -> Vec<ChunkId> {
        let uploaded = source.upload.and_then(|(id, _)| self.state.uploads.remove(&id));
        let mut chunks = uploaded.map(|upload| upload.chunks).unwrap_or_default();
        chunks.extend(source.inline.iter().map(|bytes| self.store(bytes)).collect::<Vec<_>>());
        chunks
    }
}
