//! What a queue does next: a pure function of the state.
//!
//! `cluster` checks on its own that an action follows from where the queue stands, so a mistake here stops a queue and
//! reorders nothing.
//!
//! A queue that is stopped by a fault tries the same again now and then. Meanwhile what cannot reorder passes
//! ([`State::superseding`], [`State::early`]).
//!
//! What is ordered behind a change of names waits until that is done ([`State::renamed_before`]), so that who loads, swaps
//! and clears what was swapped out, without waiting, clears nothing that is still searched. Whoever knows of a task knows
//! of what was ordered before it, so it is enough that this is seen here.

use miroir_cluster::{Index, Part, Progress, Queue, Recheck, Stage, State, Task, Work};
use miroir_model::{NodeId, PhysicalId, TaskUid};

/// What a queue does next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Next {
    /// Ask the node for something.
    Do(Step),
    /// The same, which failed before for a fault of the node: after a pause.
    Again(Step),
    /// Validate the documents of this task again, and say what came of it.
    Check(TaskUid),
    /// Nothing, until the state changes.
    Wait(Waiting),
}

/// A request to be made. How much of the payloads goes into it is found when they are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// Create the index.
    Create,
    /// Install the decided settings of this version.
    Configure(u64),
    /// Send what fits of these tasks' payloads. They are of one kind, in order.
    Send {
        /// The tasks.
        tasks: Vec<TaskUid>,
        /// How far the first one got.
        from: Progress,
    },
    /// Send a barrier.
    Alone(TaskUid),
    /// Count what is about to be deleted with the index.
    Count(TaskUid),
    /// Delete the index.
    Drop,
    /// Send a deletion by ids early.
    Ahead(TaskUid),
    /// Try an edit.
    Try(TaskUid),
}

/// Why a queue does nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waiting {
    /// Everything is finished.
    Idle,
    /// A request is open.
    Open,
    /// Other nodes must answer before the settings on their way are decided, or an edit that is on trial.
    Decision,
    /// Names change before the next task.
    Names,
    /// There is no such queue.
    Gone,
    /// What the node has of the index is lost: it is rebuilt or deleted.
    Lost,
    /// The index is deleted, and some search may still use it.
    Searched,
}

/// What the queue of an index on a node does next; at most `most` tasks are joined.
pub(crate) fn decide(state: &State, id: PhysicalId, node: &NodeId, most: usize) -> Next {
    let Some(index) = state.indexes.get(&id) else { return Next::Wait(Waiting::Gone) };
    let Some(queue) = index.queues.get(node) else { return Next::Wait(Waiting::Gone) };
    if queue.dispatch.is_some() || queue.renaming {
        return Next::Wait(Waiting::Open);
    }
    if index.gone {
        return if queue.required { Next::Wait(Waiting::Searched) } else { Next::Do(Step::Drop) };
    }
    // What is to be deleted need not be created or brought up to date first.
    if let Some(task) = state.superseding(index, queue) {
        let whole = matches!(task.work, Work::DeleteIndex);
        return Next::Do(if whole { Step::Count(task.uid) } else { Step::Alone(task.uid) });
    }
    if queue.lost.is_some() {
        return Next::Wait(Waiting::Lost);
    }
    if let Some(task) = state.early(index, queue) {
        return Next::Do(Step::Ahead(task.uid));
    }
    match in_order(state, (index, queue, node), most) {
        Next::Do(step) if queue.fault.is_some() => Next::Again(step),
        next => next,
    }
}

fn in_order(state: &State, at: (&Index, &Queue, &NodeId), most: usize) -> Next {
    let (index, queue, _) = at;
    if queue.stage == Stage::Absent {
        return Next::Do(Step::Create);
    }
    if index.settings.awaits_decision(queue) {
        return Next::Wait(Waiting::Decision);
    }
    if queue.installed != Some(index.settings.version) {
        return Next::Do(Step::Configure(index.settings.version));
    }
    match queue.pending.get_min().and_then(|uid| state.tasks.get(uid)) {
        Some(task) => first_pending(state, at, task, most),
        None => Next::Wait(Waiting::Idle),
    }
}

fn first_pending(state: &State, at: (&Index, &Queue, &NodeId), task: &Task, most: usize) -> Next {
    let (index, queue, node) = at;
    if state.renamed_before(index, task.uid).is_some() {
        return Next::Wait(Waiting::Names);
    }
    match &task.work {
        Work::Documents { .. } if task.recheck == Recheck::Due => Next::Check(task.uid),
        Work::Documents { .. } | Work::DeleteIds { .. } => {
            let most = if queue.goes_alone(task.uid) { 1 } else { most };
            Next::Do(Step::Send { tasks: joined(state, at, task, most), from: queue.progress })
        }
        // One change at a time: an earlier one is decided first.
        Work::Settings { .. } => match &index.settings.change {
            Some(change) if change.task == task.uid => Next::Do(Step::Alone(task.uid)),
            _ => Next::Wait(Waiting::Decision),
        },
        Work::DeleteFilter { .. } | Work::DeleteAll | Work::SetPrimaryKey => Next::Do(Step::Alone(task.uid)),
        Work::Edit(_) if task.is_to_be_tried_on(node) => Next::Do(Step::Try(task.uid)),
        Work::Edit(_) if task.is_on_trial() => Next::Wait(Waiting::Decision),
        Work::Edit(_) => Next::Do(Step::Alone(task.uid)),
        Work::DeleteIndex => Next::Do(Step::Count(task.uid)),
        // Taken off the queue by `apply`; nothing is asked of the node.
        Work::Nothing => Next::Wait(Waiting::Idle),
    }
}

/// The first task and those behind it that may travel in the same request.
fn joined(state: &State, at: (&Index, &Queue, &NodeId), first: &Task, most: usize) -> Vec<TaskUid> {
    let (index, queue, node) = at;
    let mut tasks = vec![first.uid];
    let behind = queue.pending.iter().skip(1).map_while(|uid| state.tasks.get(uid));
    let alike = behind.take_while(|task| {
        let sent_as_it_is = task.recheck == Recheck::No;
        sent_as_it_is
            && first.work.joins(&task.work)
            && !index.units_of_part(task, node, Part::Counted).is_empty()
    });
    tasks.extend(alike.take(most.saturating_sub(1)).map(|task| task.uid));
    if let Some(renamed) = tasks.last().and_then(|last| state.renamed_before(index, *last)) {
        tasks.retain(|uid| *uid < renamed);
    }
    tasks
}

#[cfg(test)]
mod tests;
