//! Invariants of delivery.

use std::collections::BTreeMap;

use miroir_model::{NodeId, TaskUid};

use super::{Violation, violation};
use crate::queue::Action;
use crate::state::State;

/// A queue holds a task if and only if the task names its node as a holder; tasks wait for required holders only.
pub fn queues_match_tasks(state: &State) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut held: BTreeMap<(TaskUid, &NodeId), bool> = BTreeMap::new();
    for index in state.indexes.values() {
        for (node, queue) in &index.queues {
            held.extend(queue.pending.iter().map(|uid| ((*uid, node), queue.required)));
        }
    }
    for (uid, task) in &state.tasks {
        for node in &task.holders {
            if held.remove(&(*uid, node)).is_none() {
                found.push(violation("queues_match_tasks", uid, format!("{node} does not hold it")));
            }
        }
        for node in task.waits.iter().filter(|node| !task.holders.contains(*node)) {
            found.push(violation("queues_match_tasks", uid, format!("waits for {node}, which is through")));
        }
        if task.status.is_terminal() && !task.waits.is_empty() {
            found.push(violation("queues_match_tasks", uid, "has ended while nodes are waited for"));
        }
    }
    found.extend(held.keys().map(|(uid, node)| {
        violation("queues_match_tasks", uid, format!("{node} holds it and the task does not know"))
    }));
    found
}

/// An open dispatch carries the head of its queue, and tasks only in order.
pub fn dispatches_follow(state: &State) -> Vec<Violation> {
    let mut found = Vec::new();
    for (id, index) in &state.indexes {
        for (node, queue) in &index.queues {
            let place = || format!("index {id} on {node}");
            let Some(dispatch) = &queue.dispatch else {
                if queue.renaming {
                    found.push(violation("dispatches_follow", place(), "is renamed for no dispatch"));
                }
                continue;
            };
            let carried = dispatch.action.tasks();
            if let Action::Alone(uid) | Action::Count(uid) | Action::Ahead(uid) = dispatch.action {
                // What may pass others is checked when it is recorded.
                if !queue.pending.contains(&uid) {
                    found.push(violation("dispatches_follow", place(), "carries what is not pending"));
                }
            } else if !carried.iter().eq(queue.pending.iter().take(carried.len())) {
                found.push(violation("dispatches_follow", place(), "carries what is not its head"));
            }
            if dispatch.number >= queue.next_dispatch || dispatch.generation > queue.generation {
                found.push(violation("dispatches_follow", place(), "carries a number of the future"));
            }
        }
    }
    found
}

/// What searches use is waited for; what is lost is neither searched nor written; and what is not searched says since
/// when.
pub fn copies_are_sound(state: &State) -> Vec<Violation> {
    let mut found = Vec::new();
    for (id, index) in &state.indexes {
        for (node, queue) in &index.queues {
            let deletes = |action: &Action| matches!(action, Action::Count(_) | Action::Drop);
            let writes = queue.dispatch.as_ref().is_some_and(|open| !deletes(&open.action));
            let wrongs = [
                (queue.searchable && !queue.required, "is searched and not waited for"),
                (queue.searchable && queue.lost.is_some(), "is searched and lost"),
                (queue.searchable != queue.hidden.is_none(), "does not say since when it is not searched"),
                (queue.lost.is_some() && writes, "is lost and written"),
                (queue.lost.is_some() && queue.returns_at.is_some(), "is lost and comes back"),
            ];
            let wrongs = wrongs.into_iter().filter(|(wrong, _)| *wrong);
            let place = format!("index {id} on {node}");
            found.extend(wrongs.map(|(_, text)| violation("copies_are_sound", &place, text)));
        }
    }
    found
}

/// The bytes that a queue has before itself are those of its tasks' payloads.
pub fn bytes_are_counted(state: &State) -> Vec<Violation> {
    let mut found = Vec::new();
    for (id, index) in &state.indexes {
        for (node, queue) in &index.queues {
            let tasks = queue.pending.iter().filter_map(|uid| state.tasks.get(uid));
            let sum: u64 = tasks.map(|task| task.payload_bytes()).sum();
            if sum != queue.pending_bytes {
                let text = format!("holds {sum} bytes and says {}", queue.pending_bytes);
                found.push(violation("bytes_are_counted", format!("index {id} on {node}"), text));
            }
        }
    }
    found
}
