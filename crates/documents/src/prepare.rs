//! The way of a batch of documents from the request's bytes to the stored payload.

use serde_json::value::RawValue;

use crate::check::{Checked, Checker, Rules};
use crate::payload::{DamagedPayload, FrameKind, Payload, PayloadReader, PayloadWriter};
use crate::stamp::split;
use crate::{Format, PayloadError, Refusal, csv_format, json_format, slot_of_id};

/// A batch that may be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// What the log stores.
    pub payload: Payload,
    /// How many documents or ids the client sent.
    pub received: u64,
    /// The primary key that the documents are slotted by: the index's, the requested one, or the inferred one. Only an
    /// empty batch for an index without a key, and deletions, have none.
    pub primary_key: Option<String>,
}

/// Why a batch is not stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PrepareError {
    /// The request is refused, and there is no task.
    #[error(transparent)]
    Payload(#[from] PayloadError),
    /// There is a task, and it fails.
    #[error("{refusal}")]
    Refused {
        /// Why.
        refusal: Refusal,
        /// How many documents the client sent.
        received: u64,
    },
}

/// Parses, checks, stamps and packs a batch of documents, in one pass.
///
/// # Errors
/// See [`PrepareError`]. An error anywhere in the payload's syntax comes before a refusal.
pub fn prepare(format: Format, body: &[u8], rules: &Rules<'_>) -> Result<Prepared, PrepareError> {
    if body.is_empty() {
        return Err(PayloadError::Missing(format).into());
    }
    let mut checker = Checker::new(rules, format == Format::Json);
    let mut writer = PayloadWriter::new();
    let mut sink = |document: &RawValue| -> serde_json::Result<()> {
        if let Some(accepted) = checker.look(document)? {
            let text = accepted.rewritten.as_deref().unwrap_or(document.get());
            writer.push_document(slot_of_id(&accepted.id), text);
        }
        Ok(())
    };
    match format {
        Format::Json => json_format::read_json(body, &mut sink)?,
        Format::Ndjson => json_format::read_ndjson(body, &mut sink)?,
        Format::Csv { delimiter } => csv_format::read_csv(body, delimiter, &mut sink)?,
    }
    let Checked { received, primary_key, refusal } = checker.finish();
    match refusal {
        Some(refusal) => Err(PrepareError::Refused { refusal, received }),
        None => Ok(Prepared { payload: writer.finish(), received, primary_key }),
    }
}

/// Why a stored batch does not pass the rules that hold now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RevalidateError {
    /// The stored bytes are damaged.
    #[error(transparent)]
    Damaged(#[from] DamagedPayload),
    /// A text in the payload is no stamped document.
    #[error("a document of the payload has no stamp")]
    NotStamped,
    /// The rules refuse it.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

/// Checks a stored batch of documents by other rules: those of settings that were undecided when it was accepted.
///
/// # Errors
/// See [`RevalidateError`].
pub fn revalidate<B: AsRef<[u8]>>(
    blocks: impl IntoIterator<Item = B>,
    rules: &Rules<'_>,
) -> Result<(), RevalidateError> {
    let mut checker = Checker::new(rules, false);
    let mut reader = PayloadReader::new();
    let mut text = String::new();
    for block in blocks {
        reader.feed(block.as_ref())?;
        while let Some(frame) = reader.next_frame()? {
            if frame.kind == FrameKind::Document {
                let (open, _) = split(frame.text).ok_or(RevalidateError::NotStamped)?;
                text.clear();
                text.extend([open, "}"]);
                let document: &RawValue =
                    serde_json::from_str(&text).map_err(|_| RevalidateError::NotStamped)?;
                checker.look(document).map_err(|_| RevalidateError::NotStamped)?;
            }
        }
    }
    reader.finish()?;
    checker.finish().refusal.map_or(Ok(()), |refusal| Err(refusal.into()))
}

#[cfg(test)]
mod tests;
