//! All tasks, finished or not, as one source.
//!
//! Unfinished tasks are in the state, finished ones in the rows beside it. Which finished tasks match a filter is told
//! by bitmaps in memory, built from the rows when they are first asked for and brought up to date by each reading.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use miroir_cluster::{Rows, RowsError, State, task_from_rows, task_row_range};
use miroir_model::{IndexUid, PhysicalId, TaskUid};
use miroir_tasks::{TaskCatalogue, TaskFilter, TaskRecord, TaskSource};
use roaring::RoaringTreemap;

/// Rows of one task: a task's details may take several.
const ROWS_OF_A_TASK: usize = u16::MAX as usize;

/// The bitmaps over finished tasks.
#[derive(Default)]
pub(crate) struct History(Mutex<Known>);

#[derive(Default)]
struct Known {
    catalogue: TaskCatalogue,
    /// Every task below is finished and in the catalogue.
    through: TaskUid,
    /// Those above that are in it already.
    beyond: RoaringTreemap,
    /// From where on history was kept when it was last looked at.
    kept_from: TaskUid,
}

impl History {
    /// All tasks as one state and the rows have them. A finished task is shown under the name that its index has now. An
    /// unfinished one keeps the name that its client used: what changes that comes after it, and what came before it may
    /// not be served yet.
    pub(crate) fn at<'a>(&'a self, state: &'a State, rows: Arc<dyn Rows>) -> AllTasks<'a> {
        let names = state.names.served.iter().map(|(uid, id)| (*id, uid.clone())).collect();
        AllTasks { history: self, state, rows, names }
    }
}

/// All tasks at one moment.
pub(crate) struct AllTasks<'a> {
    history: &'a History,
    state: &'a State,
    rows: Arc<dyn Rows>,
    names: BTreeMap<PhysicalId, IndexUid>,
}

impl AllTasks<'_> {
    fn unfinished(&self, uid: TaskUid) -> bool {
        self.state.tasks.get(&uid).is_some_and(|task| !task.status.is_terminal())
    }

    fn finished(&self, uid: TaskUid) -> Result<Option<TaskRecord>, RowsError> {
        let (first, last) = task_row_range(uid, uid);
        let rows = self.rows.scan((&first, &last), ROWS_OF_A_TASK, false)?;
        task_from_rows(rows.into_iter().map(|(_, value)| value)).map_err(|error| RowsError(error.to_string()))
    }

    fn catch_up(&self, known: &mut Known) -> Result<(), RowsError> {
        let kept_from = self.state.history_from;
        if known.kept_from < kept_from {
            known.catalogue.forget_through(TaskUid(kept_from.0 - 1));
            known.kept_from = kept_from;
        }
        for uid in known.through.0..self.state.next_task.0 {
            let uid = TaskUid(uid);
            if self.unfinished(uid) {
                continue;
            }
            if known.beyond.contains(uid.0) {
                continue;
            }
            match self.finished(uid)? {
                Some(record) => known.catalogue.put(&record),
                None if uid < known.kept_from => {}
                // Rows that are being replaced may lack one for a moment: it is looked for again.
                None => continue,
            }
            known.beyond.insert(uid.0);
        }
        while known.beyond.remove(known.through.0) {
            known.through = known.through.next();
        }
        Ok(())
    }
}

impl TaskSource for AllTasks<'_> {
    type Error = RowsError;

    fn matching(&self, filter: &TaskFilter) -> Result<RoaringTreemap, RowsError> {
        let name_of = |index| self.names.get(&index).cloned();
        let mut known = self.history.0.lock().unwrap_or_else(PoisonError::into_inner);
        self.catch_up(&mut known)?;
        let mut open = TaskCatalogue::default();
        let unfinished = self.state.tasks.values().filter(|task| !task.status.is_terminal());
        unfinished.for_each(|task| open.put(&task.record()));
        Ok(known.catalogue.matching(filter, name_of) | open.matching(filter, |_| None))
    }

    fn task(&self, uid: TaskUid) -> Result<Option<(TaskRecord, Option<IndexUid>)>, RowsError> {
        let record = match self.state.tasks.get(&uid) {
            Some(task) => Some(task.record()),
            None => self.finished(uid)?,
        };
        Ok(record.map(|record| {
            let index = record.index.filter(|_| record.status.is_terminal());
            let name = index.and_then(|index| self.names.get(&index)).cloned();
            (record, name)
        }))
    }
}
