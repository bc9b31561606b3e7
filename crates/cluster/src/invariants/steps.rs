//! Invariants between a state and a later one.

use super::{Violation, violation};
use crate::state::State;

/// What ended stays as it ended; uids, epochs, generations and positions only grow.
pub fn goes_on(before: &State, after: &State) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut demand = |holds: bool, place: String, text: &str| {
        if !holds {
            found.push(violation("goes_on", place, text));
        }
    };
    demand(before.next_task <= after.next_task, "state".to_owned(), "task uids went back");
    demand(before.stamp <= after.stamp, "state".to_owned(), "the log's clock went back");
    for (uid, was) in before.tasks.iter().filter(|(_, task)| task.status.is_terminal()) {
        let same = after.tasks.get(uid).is_none_or(|is| is.record() == was.record());
        demand(same, format!("task {uid}"), "changed after it ended");
    }
    for (id, was) in &before.nodes {
        let grew = after.nodes.get(id).is_none_or(|is| is.lane.epoch >= was.lane.epoch);
        demand(grew, format!("node {id}"), "its lane's epoch went back");
    }
    for (id, index) in &before.indexes {
        for (node, was) in &index.queues {
            let Some(is) = after.indexes.get(id).and_then(|index| index.queues.get(node)) else { continue };
            let place = || format!("index {id} on {node}");
            demand(is.generation >= was.generation, place(), "its generation went back");
            demand(is.next_dispatch >= was.next_dispatch, place(), "its dispatches went back");
            let position = |queue: &crate::queue::Queue| (queue.pending.get_min().copied(), queue.progress);
            let (then, now) = (position(was), position(is));
            let back = now.0.is_some() && then.0.is_some() && now < then;
            demand(!back, place(), "its position went back");
        }
    }
    found
}
