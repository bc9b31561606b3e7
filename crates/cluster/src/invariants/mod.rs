//! What must never be false, as named functions: called by tests, in debug builds after each `apply`, and by
//! `miroir-ctl verify`.
//!
//! | invariant | why it matters |
//! |---|---|
//! | [`slots_tile`] | every document has exactly one shard |
//! | [`queues_match_tasks`] | what a queue holds is what tasks wait for: nothing is lost or waited for in vain |
//! | [`dispatches_follow`] | an open dispatch speaks of the head of its queue |
//! | [`copies_are_sound`] | no search misses what is done |
//! | [`bytes_are_counted`] | limits of queues hold |
//! | [`heads_need_nodes`] | no queue waits for a request that nobody may send |
//! | [`ready_tasks_end`] | a task that waits for nothing is done |
//! | [`settings_in_turn`] | settings are decided one after the other |
//! | [`chunks_are_owned`] | no payload leaks, none that is needed is gone |
//! | [`tasks_are_dense`] | uids are unique, and below the next |
//! | [`names_resolve`] | a name stands for an index that is there, and what changes that is known |
//! | [`goes_on`] | between two states: nothing that ended changes, no position goes back |

mod queues;
mod rest;
mod shape;
mod steps;

use crate::state::State;

pub use queues::{bytes_are_counted, copies_are_sound, dispatches_follow, queues_match_tasks};
pub use rest::{heads_need_nodes, ready_tasks_end, settings_in_turn};
pub use shape::{chunks_are_owned, names_resolve, slots_tile, tasks_are_dense};
pub use steps::goes_on;

/// A broken invariant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which invariant: the name of its function.
    pub kind: &'static str,
    /// Where: an index, a node, a task.
    pub place: String,
    /// What is wrong.
    pub text: String,
}

pub(crate) fn violation(kind: &'static str, place: impl ToString, text: impl ToString) -> Violation {
    Violation { kind, place: place.to_string(), text: text.to_string() }
}

/// All invariants of one state.
pub fn check(state: &State) -> Vec<Violation> {
    let checks = [
        slots_tile,
        queues_match_tasks,
        dispatches_follow,
        copies_are_sound,
        bytes_are_counted,
        heads_need_nodes,
        ready_tasks_end,
        settings_in_turn,
        chunks_are_owned,
        tasks_are_dense,
        names_resolve,
    ];
    checks.into_iter().flat_map(|check| check(state)).collect()
}

/// Stops a debug build at the command that broke something, or soon after: the more work a state holds, the more
/// seldom it is looked at, so that a command's cost stays the same.
#[cfg(debug_assertions)]
pub(crate) fn assert_all(state: &State) {
    let every = 1 + state.tasks.len() as u64 / 128;
    if !state.version().is_multiple_of(every) {
        return;
    }
    let violations = check(state);
    debug_assert!(violations.is_empty(), "{violations:#?}");
}
