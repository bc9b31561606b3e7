//! Invariants of rest: after each command, nothing is left that only waits for itself.

use super::{Violation, violation};
use crate::state::State;

/// Where tasks can be delivered and no request is open, the head of a queue is one that needs a request.
pub fn heads_need_nodes(state: &State) -> Vec<Violation> {
    let mut found = Vec::new();
    for (id, index) in &state.indexes {
        for (node, queue) in
            index.queues.iter().filter(|(_, queue)| queue.dispatch.is_none() && queue.lost.is_none())
        {
            let head = queue.pending.get_min().and_then(|uid| state.tasks.get(uid));
            let Some(task) = head.filter(|_| queue.is_ready(index)) else { continue };
            if crate::apply::standing(index, task, node, queue.progress) != Some(queue.progress) {
                let place = format!("index {id} on {node}");
                found.push(violation("heads_need_nodes", place, format!("waits at task {}", task.uid)));
            }
        }
    }
    found
}

/// A task that waits for no node and no earlier task has ended, or waits for peers.
pub fn ready_tasks_end(state: &State) -> Vec<Violation> {
    (state.tasks.values())
        .filter(|task| !task.status.is_terminal() && task.is_ready() && state.is_next(task))
        .filter(|task| !state.showing.contains_key(&task.uid))
        .map(|task| violation("ready_tasks_end", task.uid, "waits for nothing and has not ended"))
        .collect()
}

/// The settings change on its way is the first that is not decided, and some node has not answered it.
pub fn settings_in_turn(state: &State) -> Vec<Violation> {
    let mut found = Vec::new();
    for (id, index) in &state.indexes {
        let settings = &index.settings;
        let first = settings.undecided.get_min();
        if settings.change.as_ref().is_some_and(|change| first != Some(&change.task)) {
            found.push(violation("settings_in_turn", id, "a change overtook an earlier one"));
        }
        if first.and_then(|uid| state.tasks.get(uid)).is_some_and(|task| task.is_ready()) {
            found.push(violation("settings_in_turn", id, "every node answered and nothing is decided"));
        }
        for uid in settings.undecided.iter().filter(|uid| !index.unfinished.contains(*uid)) {
            found.push(violation("settings_in_turn", uid, "has ended undecided"));
        }
        for uid in settings.to_serve.keys().filter(|uid| !index.unfinished.contains(*uid)) {
            found.push(violation("settings_in_turn", uid, "has ended and what it changed is not served"));
        }
        if settings.to_serve.values().next_back().unwrap_or(&settings.served) != &settings.decided {
            found.push(violation("settings_in_turn", id, "what is decided does not come to be served"));
        }
    }
    found
}
