//! Rows in memory.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use miroir_cluster::{Row, Rows, RowsError, RowsPage, task_row_range};
use miroir_model::TaskUid;

#[derive(Debug, Default)]
pub(crate) struct LocalRows(Mutex<BTreeMap<Vec<u8>, Vec<u8>>>);

impl LocalRows {
    /// Removes the rows of all tasks below this one.
    pub(crate) fn forget(&self, kept: TaskUid) {
        let Some(last) = kept.0.checked_sub(1) else { return };
        let (first, last) = task_row_range(TaskUid(0), TaskUid(last));
        let mut map = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        map.retain(|key, _| *key < first || *key > last);
    }

    pub(crate) fn write(&self, rows: Vec<Row>) {
        let mut map = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for row in rows {
            match row.value {
                Some(value) => map.insert(row.key, value),
                None => map.remove(&row.key),
            };
        }
    }
}

impl Rows for LocalRows {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, RowsError> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned())
    }

    fn scan(&self, (first, last): (&[u8], &[u8]), limit: usize, reverse: bool) -> RowsPage {
        if first > last {
            return Ok(Vec::new());
        }
        let map = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let range =
            map.range(first.to_vec()..=last.to_vec()).map(|(key, value)| (key.clone(), value.clone()));
        Ok(if reverse { range.rev().take(limit).collect() } else { range.take(limit).collect() })
    }
}
