//! A page of tasks.

use miroir_model::{IndexUid, TaskUid};
use roaring::RoaringTreemap;
use serde::Serialize;

use crate::{TaskFilter, TaskQuery, TaskRecord, TaskView};

/// Where tasks are read from: the state's unfinished ones and the history, as they are at one moment.
pub trait TaskSource {
    /// Why a task could not be read.
    type Error;

    /// The tasks that match a filter by uid, status, type and index; the rest of the filter is checked on the tasks.
    ///
    /// # Errors
    /// When the tasks cannot be told.
    fn matching(&self, filter: &TaskFilter) -> Result<RoaringTreemap, Self::Error>;

    /// A task, and the name that its index has now, if it has one. `None` when there is no such task.
    ///
    /// # Errors
    /// When it cannot be read.
    fn task(&self, uid: TaskUid) -> Result<Option<(TaskRecord, Option<IndexUid>)>, Self::Error>;
}

/// The answer to `GET /tasks`.
#[derive(Debug, Clone, Serialize)]
pub struct TaskPage {
    /// The tasks of the page.
    pub results: Vec<TaskView>,
    /// How many tasks match, on all pages.
    pub total: u64,
    /// How many tasks the page may have.
    pub limit: u32,
    /// The first task of the page.
    pub from: Option<TaskUid>,
    /// The first task of the next page, when there is one.
    pub next: Option<TaskUid>,
}

/// The tasks that match a filter. Reads all that match by what bitmaps tell, when more is asked for than they tell (times,
/// batches, who canceled).
///
/// # Errors
/// The source's.
pub fn matching_tasks<S: TaskSource>(filter: &TaskFilter, source: &S) -> Result<RoaringTreemap, S::Error> {
    let matching = source.matching(filter)?;
    if !filter.needs_tasks() {
        return Ok(matching);
    }
    let mut confirmed = RoaringTreemap::new();
    for uid in &matching {
        if let Some((record, name)) = source.task(TaskUid(uid))?
            && filter.matches(&record, name.as_ref())
        {
            confirmed.insert(uid);
        }
    }
    Ok(confirmed)
}

impl TaskPage {
    /// The page that is asked for. It reads the tasks on it, and all that match by what bitmaps tell when more is asked
    /// for than they tell (times, batches, who canceled).
    ///
    /// # Errors
    /// The source's.
    pub fn read<S: TaskSource>(query: &TaskQuery, source: &S) -> Result<Self, S::Error> {
        let mut matching = matching_tasks(&query.filter, source)?;
        let total = matching.len();
        let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
        let mut uids = Vec::new();
        if query.reverse {
            matching.remove_range(..query.from.map_or(0, |from| from.0));
            uids.extend(matching.iter().take(limit.saturating_add(1)));
        } else {
            if let Some(beyond) = query.from.and_then(|from| from.0.checked_add(1)) {
                matching.remove_range(beyond..);
            }
            uids.extend(matching.iter().rev().take(limit.saturating_add(1)));
        }
        let next = uids.get(limit).copied().map(TaskUid);
        let mut results = Vec::new();
        for uid in uids.into_iter().take(limit) {
            if let Some((record, name)) = source.task(TaskUid(uid))? {
                results.push(TaskView::new(record, name.as_ref()));
            }
        }
        let from = results.first().map(|task| task.uid);
        Ok(Self { results, total, limit: query.limit, from, next })
    }
}
