//! Joining what waits on a queue into one request.

use miroir_cluster::{Ledger, Part, Progress, Slice, State, Task, Work};
use miroir_model::{NodeId, PhysicalId, TaskUid};

use crate::payload::{Body, Cursor, ReadError, Wanted};

/// Where the queue is: what is read depends on the units that the node holds.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) state: &'a State,
    pub(crate) index: PhysicalId,
    pub(crate) node: &'a NodeId,
}

impl<'a> Place<'a> {
    pub(crate) fn task(self, uid: TaskUid) -> Option<&'a Task> {
        self.state.tasks.get(&uid)
    }

    fn wanted(self, task: &Task, part: Part, to: Option<u32>) -> Wanted {
        let index = self.state.indexes.get(&self.index);
        let units = index.map(|index| index.units_of_part(task, self.node, part)).unwrap_or_default();
        Wanted { units, deletions: matches!(task.work, Work::DeleteIds { .. }), to }
    }
}

/// As much of the tasks as one body holds, in order, and the slices that name it. The first task begins at `from`. The
/// cursor is left where the body was full.
///
/// # Errors
/// When a payload cannot be read.
pub(crate) async fn assemble(
    ledger: &dyn Ledger,
    place: Place<'_>,
    (tasks, from): (&[TaskUid], Progress),
    limit: usize,
    cursor: &mut Option<Cursor>,
) -> Result<(Vec<Slice>, Body), ReadError> {
    let mut body = Body::new(limit);
    let mut slices = Vec::new();
    let mut from = from;
    for task in tasks.iter().filter_map(|uid| place.task(*uid)) {
        let mut reader = cursor_at(ledger, task, from, cursor.take()).await?;
        let before = body.len();
        let ended = reader.fill(ledger, &mut body, place.wanted(task, from.part, None)).await?;
        let to = if ended { None } else { Some(reader.at()) };
        if ended && task.work.payload().is_some_and(|payload| payload.frames != reader.at()) {
            return Err(ReadError::Short(reader.at()));
        }
        // A slice that carries nothing would only cost a record.
        if ended || body.len() > before {
            slices.push(Slice { task: task.uid, from, to });
        }
        if !ended {
            *cursor = Some(reader);
            break;
        }
        from = Progress::default();
    }
    Ok((slices, body))
}

/// The body of slices that are recorded already.
///
/// # Errors
/// When a payload cannot be read.
pub(crate) async fn reassemble(
    ledger: &dyn Ledger,
    place: Place<'_>,
    slices: &[Slice],
) -> Result<Body, ReadError> {
    let mut body = Body::new(usize::MAX);
    for slice in slices {
        let Some(task) = place.task(slice.task) else { continue };
        let mut reader = cursor_at(ledger, task, slice.from, None).await?;
        reader.fill(ledger, &mut body, place.wanted(task, slice.from.part, slice.to)).await?;
    }
    Ok(body)
}

/// The body of a deletion by ids that is sent early: of all that the node holds.
///
/// # Errors
/// When a payload cannot be read.
pub(crate) async fn early(ledger: &dyn Ledger, place: Place<'_>, uid: TaskUid) -> Result<Body, ReadError> {
    let mut body = Body::new(usize::MAX);
    if let (Some(task), Some(index)) = (place.task(uid), place.state.indexes.get(&place.index)) {
        let units = index.units_of(place.node).intersection(task.units);
        let mut reader = Cursor::new(task, Part::Counted);
        reader.fill(ledger, &mut body, Wanted { units, deletions: true, to: None }).await?;
    }
    Ok(body)
}

async fn cursor_at(
    ledger: &dyn Ledger,
    task: &Task,
    progress: Progress,
    known: Option<Cursor>,
) -> Result<Cursor, ReadError> {
    if let Some(cursor) = known.filter(|cursor| cursor.is_at(task.uid, progress)) {
        return Ok(cursor);
    }
    let mut cursor = Cursor::new(task, progress.part);
    cursor.skip_to(ledger, progress.frames).await?;
    Ok(cursor)
}
