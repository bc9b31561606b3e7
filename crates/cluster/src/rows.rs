//! The history that leaves the state: rows for a key-value store.
//!
//! A finished task is one value, cut into rows of at most [`ROW_BYTES`] bytes, since the store keeps larger ones
//! badly. Keys sort by task: `t`, the uid as 8 bytes big-endian, the piece as 2 bytes. The last piece is shorter
//! than a full one (it may be empty), so a reader knows when a task is whole. Writing a row again writes the same.

use miroir_model::TaskUid;
use miroir_tasks::TaskRecord;

use crate::codec::{self, DecodeError};

/// The largest value of a row, in bytes.
pub(crate) const ROW_BYTES: usize = 4000;

/// One row to write, or to remove where there is no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its key.
    pub key: Vec<u8>,
    /// Its value: at most 4 KiB.
    pub value: Option<Vec<u8>>,
}

fn key(uid: TaskUid, piece: u16) -> Vec<u8> {
    let mut key = vec![b't'];
    key.extend_from_slice(&uid.0.to_be_bytes());
    key.extend_from_slice(&piece.to_be_bytes());
    key
}

/// How many bytes of a key name its task.
pub(crate) const KEY_BYTES: usize = 9;

/// The greatest key below this one.
pub(crate) fn before(key: &[u8]) -> Vec<u8> {
    let mut key = key.to_vec();
    for byte in key.iter_mut().rev() {
        let (less, borrows) = byte.overflowing_sub(1);
        *byte = less;
        if !borrows {
            break;
        }
    }
    key
}

/// The keys of all rows of the tasks `first..=last`, as an inclusive range.
pub fn task_row_range(first: TaskUid, last: TaskUid) -> (Vec<u8>, Vec<u8>) {
    (key(first, 0), key(last, u16::MAX))
}

/// The rows of a finished task.
pub(crate) fn task_rows(record: &TaskRecord) -> Vec<Row> {
    let bytes = codec::encode_record(record);
    let full = bytes.len() / ROW_BYTES;
    (0..=full)
        .map(|piece| {
            let end = bytes.len().min((piece + 1) * ROW_BYTES);
            Row {
                key: key(record.uid, u16::try_from(piece).unwrap_or(u16::MAX)),
                value: Some(bytes[piece * ROW_BYTES..end].to_vec()),
            }
        })
        .collect()
}

/// The finished task of these values, in the order of their keys; `None` when there are none.
///
/// # Errors
/// When the values are not what [`State::apply`](crate::State::apply) wrote.
pub fn task_from_rows(
    values: impl IntoIterator<Item = impl AsRef<[u8]>>,
) -> Result<Option<TaskRecord>, DecodeError> {
    let mut bytes = Vec::new();
    let mut any = false;
    for value in values {
        any = true;
        bytes.extend_from_slice(value.as_ref());
    }
    if any { codec::decode_record(&bytes).map(Some) } else { Ok(None) }
}
