//! Payloads too large for one entry of the log travel ahead of their task, chunk by chunk.

use miroir_cluster::{Command, EnqueueWork, Outcome, PayloadSource, ProposeError, UploadId};

use super::length;
use crate::app::App;
use crate::error::ApiError;

/// The largest payload that travels with its task, in bytes as stored.
const INLINE_BYTES: usize = 1 << 20;

impl App {
    /// Moves a large payload into an upload. A chunk is proposed when the one before is applied: an upload has one
    /// chunk in flight, and many small writes go between.
    pub(super) async fn upload_if_large(&self, work: &mut EnqueueWork) -> Result<(), ApiError> {
        let Some(payload) = work.payload_mut().filter(|payload| length(&payload.inline) > INLINE_BYTES)
        else {
            return Ok(());
        };
        let upload = self.next_upload();
        let uploaded = self.upload(upload, payload).await;
        if uploaded.is_err() {
            // Best effort: an upload that is not named by a task is dropped after a while anyway.
            let _ = self.ledger().propose(Command::DropUpload { upload }).await;
        }
        uploaded
    }

    async fn upload(&self, upload: UploadId, payload: &mut PayloadSource) -> Result<(), ApiError> {
        let mut sent = 0;
        for bytes in &payload.inline {
            self.chunk(Command::Chunk { upload, seq: sent, bytes: bytes.clone() }).await?;
            sent += 1;
        }
        payload.inline = Vec::new();
        payload.upload = Some((upload, sent));
        Ok(())
    }

    /// A chunk whose outcome is unknown is proposed again: the state knows one that came before.
    async fn chunk(&self, command: Command) -> Result<(), ApiError> {
        let mut outcome = self.ledger().propose(command.clone()).await;
        if matches!(outcome, Err(ProposeError::Unknown)) {
            self.ledger().read_barrier().await?;
            outcome = self.ledger().propose(command).await;
        }
        match outcome {
            Ok(Outcome::Done) => Ok(()),
            // No task names the upload, so nothing was accepted, whatever became of the chunk.
            Err(ProposeError::Unknown) => Err(ApiError::no_quorum()),
            Err(error) => Err(error.into()),
            Ok(Outcome::Refused(refusal)) => Err(super::refused(&refusal)),
            Ok(other) => Err(ApiError::new(
                miroir_api::ErrorCode::Internal,
                format!("an unexpected outcome of a chunk: {other:?}"),
            )),
        }
    }
}
