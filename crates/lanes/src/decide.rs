//! What a queue does next: a pure function of the state.
//!
//! `cluster` checks on its own that an action follows from where the queue stands, so a mistake here stops a queue and
//! reorders nothing.
//!
//! Not here yet, and this is their place: what may pass a stopped queue (architecture §4.5: a deletion of the index or of
//! all documents, which supersedes what is pending before it; deletions by id, sent early and again in their place), and
//! giving a queue up.

use miroir_cluster::{Index, Part, Progress, Queue, Stage, State, Task, Work};
use miroir_model::{NodeId, PhysicalId, TaskUid};

/// What a queue does next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Next {
    /// Ask the node for something.
    Do(Step),
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
    /// Delete the index.
    Drop(TaskUid),
}

/// Why a queue does nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waiting {
    /// Everything is finished.
    Idle,
    /// A request is open.
    Open,
    /// Other nodes must answer before the settings on their way are decided.
    Decision,
    /// There is no such queue.
    Gone,
}

/// What the queue of an index on a node does next; at most `most` tasks are joined.
pub(crate) fn decide(state: &State, id: PhysicalId, node: &NodeId, most: usize) -> Next {
    let Some(index) = state.indexes.get(&id) else { return Next::Wait(Waiting::Gone) };
    let Some(queue) = index.queues.get(node) else { return Next::Wait(Waiting::Gone) };
    if queue.dispatch.is_some() || queue.renaming {
        return Next::Wait(Waiting::Open);
    }
    let first = queue.pending.get_min().and_then(|uid| state.tasks.get(uid));
    // What is to be deleted need not be created or brought up to date first.
    if let Some(task) = first.filter(|task| matches!(task.work, Work::DeleteIndex)) {
        return Next::Do(Step::Drop(task.uid));
    }
    if queue.stage == Stage::Absent {
        return Next::Do(Step::Create);
    }
    if index.settings.awaits_decision(queue) {
        return Next::Wait(Waiting::Decision);
    }
    if queue.installed != Some(index.settings.version) {
        return Next::Do(Step::Configure(index.settings.version));
    }
    match first {
        Some(task) => first_pending(state, (index, queue, node), task, most),
        None => Next::Wait(Waiting::Idle),
    }
}

fn first_pending(state: &State, at: (&Index, &Queue, &NodeId), task: &Task, most: usize) -> Next {
    let (index, queue, _) = at;
    match &task.work {
        Work::Documents { .. } | Work::DeleteIds { .. } => {
            let apart = queue.apart_until.is_some_and(|until| task.uid <= until);
            let most = if apart { 1 } else { most };
            Next::Do(Step::Send { tasks: joined(state, at, task, most), from: queue.progress })
        }
        // One change at a time: an earlier one is decided first.
        Work::Settings { .. } => match &index.settings.change {
            Some(change) if change.task == task.uid => Next::Do(Step::Alone(task.uid)),
            _ => Next::Wait(Waiting::Decision),
        },
        Work::DeleteFilter { .. } | Work::DeleteAll | Work::SetPrimaryKey => Next::Do(Step::Alone(task.uid)),
        Work::DeleteIndex => Next::Do(Step::Drop(task.uid)),
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
        first.work.joins(&task.work) && !index.units_of_part(task, node, Part::Counted).is_empty()
    });
    tasks.extend(alike.take(most.saturating_sub(1)).map(|task| task.uid));
    tasks
}

#[cfg(test)]
mod tests;
