//! Finished tasks, read back from their rows.

use std::collections::VecDeque;
use std::ops::RangeInclusive;

use miroir_model::TaskUid;
use miroir_tasks::TaskRecord;

use crate::codec::DecodeError;
use crate::ledger::{Rows, RowsError};
use crate::rows::{KEY_BYTES, before, task_from_rows, task_row_range};

/// How many rows are read at once.
const PAGE: usize = 256;

/// Why the history of tasks cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HistoryError {
    /// The store failed.
    #[error(transparent)]
    Rows(#[from] RowsError),
    /// A task is not what was written.
    #[error("a finished task cannot be read: {0}")]
    Task(#[from] DecodeError),
}

/// The finished tasks of this range of uids that the rows have, newest first. Rows may be newer than a state: whoever
/// holds one asks it first.
///
/// After an error the iterator ends.
pub fn finished_tasks(rows: &dyn Rows, uids: RangeInclusive<TaskUid>) -> FinishedTasks<'_> {
    let (first, last) = task_row_range(*uids.start(), *uids.end());
    FinishedTasks { rows, first, last: (!uids.is_empty()).then_some(last), page: VecDeque::new() }
}

/// See [`finished_tasks`].
pub struct FinishedTasks<'a> {
    rows: &'a dyn Rows,
    first: Vec<u8>,
    /// The last key that was not read yet; none when all were.
    last: Option<Vec<u8>>,
    /// What was read, highest key first.
    page: VecDeque<(Vec<u8>, Vec<u8>)>,
}

impl FinishedTasks<'_> {
    /// The highest key that was not taken, reading on where there is none.
    fn next_key(&mut self) -> Result<Option<&[u8]>, RowsError> {
        if self.page.is_empty()
            && let Some(last) = self.last.take()
        {
            self.page = self.rows.scan((&self.first, &last), PAGE, true)?.into();
            self.last = self.page.back().map(|(key, _)| before(key)).filter(|next| *next >= self.first);
        }
        Ok(self.page.front().map(|(key, _)| key.as_slice()))
    }

    fn task(&mut self) -> Result<Option<TaskRecord>, HistoryError> {
        let Some(key) = self.next_key()? else { return Ok(None) };
        let of_task = key[..KEY_BYTES.min(key.len())].to_vec();
        let mut pieces = Vec::new();
        while self.next_key()?.is_some_and(|key| key.starts_with(&of_task)) {
            pieces.extend(self.page.pop_front().map(|(_, value)| value));
        }
        pieces.reverse();
        Ok(task_from_rows(pieces)?)
    }
}

impl Iterator for FinishedTasks<'_> {
    type Item = Result<TaskRecord, HistoryError>;

    fn next(&mut self) -> Option<Self::Item> {
        let task = self.task();
        if task.is_err() {
            self.page.clear();
            self.last = None;
        }
        task.transpose()
    }
}
