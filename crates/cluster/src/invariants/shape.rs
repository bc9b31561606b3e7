//! Invariants of what is where.

use std::collections::BTreeSet;

use miroir_model::TaskUid;

use super::{Violation, violation};
use crate::state::{ChunkId, State};

/// The shards of each index tile the slot space, and each copy has its queue.
pub fn slots_tile(state: &State) -> Vec<Violation> {
    let mut found = Vec::new();
    for (id, index) in &state.indexes {
        if let Err(error) = index.shards.check() {
            found.push(violation("slots_tile", id, error));
        }
        let holders: BTreeSet<_> =
            index.shards.shards().iter().flat_map(|shard| shard.copies.keys()).collect();
        for node in &holders {
            if !index.gone && !index.deleting && !index.queues.contains_key(*node) {
                found.push(violation("slots_tile", id, format!("{node} holds a copy and has no queue")));
            }
        }
        for node in index.queues.keys().filter(|node| !holders.contains(node)) {
            found.push(violation("slots_tile", id, format!("{node} has a queue and holds no copy")));
        }
    }
    found
}

/// Every chunk belongs to one task or upload, and every task and upload has its chunks.
pub fn chunks_are_owned(state: &State) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut owned = BTreeSet::new();
    let mut own = |chunk: &ChunkId, place: String| {
        if !owned.insert(*chunk) {
            found.push(violation("chunks_are_owned", &place, format!("chunk {} has two owners", chunk.0)));
        }
        if !state.chunks.contains_key(chunk) {
            found.push(violation("chunks_are_owned", &place, format!("chunk {} is gone", chunk.0)));
        }
    };
    for (uid, task) in &state.tasks {
        let chunks = task.work.payload().map(|payload| payload.chunks.as_slice()).unwrap_or_default();
        chunks.iter().for_each(|chunk| own(chunk, format!("task {uid}")));
    }
    for (id, upload) in &state.uploads {
        upload.chunks.iter().for_each(|chunk| own(chunk, format!("upload {}/{}", id.life, id.number)));
    }
    for chunk in state.chunks.keys().filter(|chunk| !owned.contains(chunk)) {
        found.push(violation("chunks_are_owned", "state", format!("nothing owns chunk {}", chunk.0)));
    }
    found
}

/// Every task stands under its own uid, below the next one.
pub fn tasks_are_dense(state: &State) -> Vec<Violation> {
    let open = |uid: &TaskUid| state.tasks.get(uid).is_some_and(|task| !task.status.is_terminal());
    let strays = (state.showing.keys().filter(|uid| !open(uid)))
        .map(|uid| violation("tasks_are_dense", uid, "waits for peers and is not there"));
    (state.tasks.iter())
        .filter(|(uid, task)| **uid != task.uid || task.uid >= state.next_task)
        .map(|(uid, task)| violation("tasks_are_dense", uid, format!("holds task {}", task.uid)))
        .chain(strays)
        .collect()
}

/// Every name, in both views, stands for an index that is there.
pub fn names_resolve(state: &State) -> Vec<Violation> {
    let views = [("ordered", &state.names.ordered), ("served", &state.names.served)];
    let named =
        views.into_iter().flat_map(|(view, names)| names.iter().map(move |(uid, id)| (view, uid, id)));
    let gone = named.filter(|(_, _, id)| state.indexes.get(*id).is_none_or(|index| index.gone)).map(
        |(view, uid, id)| violation("names_resolve", uid, format!("{view} as index {id}, which is gone")),
    );
    let open = state.tasks.values().filter(|task| !task.status.is_terminal() && task.renames());
    let known: Vec<_> = open.map(|task| task.uid).collect();
    let unknown = (!state.renames.iter().eq(&known)).then(|| {
        violation("names_resolve", "changes of names", format!("{:?}, not {known:?}", state.renames))
    });
    gone.chain(unknown).collect()
}
