//! The encoding of log, snapshot and rows: one byte of version, then postcard.
//!
//! postcard writes no names and no lengths of structs: a variant may be added at the end of an enum, anything else needs
//! a new version. Versions, newest last; a version's bytes are never written differently again, `tests/golden` holds
//! them.
//!
//! | version | since | what |
//! |---|---|---|
//! | 1 | | before the first release; not read any more |
//! | 2 | 0.1.0 | copies that are hidden, lost, and come back |

use miroir_tasks::TaskRecord;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::command::Command;
use crate::state::State;

const VERSION: u8 = 2;

/// Bytes that are not what was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// There is nothing.
    #[error("no bytes")]
    Empty,
    /// A program before the first release wrote them.
    #[error(
        "written in format {0}, before the first release, and not read any more: start with an empty directory"
    )]
    TooOld(u8),
    /// A newer program wrote them.
    #[error("written in format {0}, which this version does not know: start a newer one")]
    Version(u8),
    /// They are damaged.
    #[error("damaged: {0}")]
    Damaged(String),
}

fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    // Writing to memory fails only for types that postcard does not support, and the tests write them all.
    postcard::to_extend(value, vec![VERSION]).expect("stored types are encodable")
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DecodeError> {
    match bytes.split_first() {
        None => Err(DecodeError::Empty),
        Some((&VERSION, rest)) => {
            let (value, left) =
                postcard::take_from_bytes(rest).map_err(|error| DecodeError::Damaged(error.to_string()))?;
            if left.is_empty() {
                Ok(value)
            } else {
                Err(DecodeError::Damaged(format!("{} bytes too many", left.len())))
            }
        }
        Some((version, _)) if *version < VERSION => Err(DecodeError::TooOld(*version)),
        Some((version, _)) => Err(DecodeError::Version(*version)),
    }
}

impl Command {
    /// The bytes of the log.
    pub fn encode(&self) -> Vec<u8> {
        encode(self)
    }

    /// The command of these bytes.
    ///
    /// # Errors
    /// When [`encode`](Self::encode) did not write them, or a newer one did.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        decode(bytes)
    }
}

impl State {
    /// The bytes of a snapshot.
    pub fn encode(&self) -> Vec<u8> {
        encode(self)
    }

    /// The state of these bytes.
    ///
    /// # Errors
    /// When [`encode`](Self::encode) did not write them, or a newer one did.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        decode(bytes)
    }
}

pub(crate) fn encode_record(record: &TaskRecord) -> Vec<u8> {
    encode(record)
}

pub(crate) fn decode_record(bytes: &[u8]) -> Result<TaskRecord, DecodeError> {
    decode(bytes)
}
