//! Which tasks a history has, in memory: bitmaps by status, type and index, so that a page of a million finished tasks
//! reads only the rows that it shows.
//!
//! An index is kept as what it is and what the client called it, not by its name of now: a rename touches no history.

use std::collections::{BTreeMap, BTreeSet};

use miroir_model::{IndexUid, PhysicalId, TaskUid};
use roaring::RoaringTreemap;

use crate::{TaskFilter, TaskKind, TaskRecord, TaskStatus};

/// The tasks of a history. A task that is put again must not have changed: finished tasks never do.
#[derive(Debug, Clone, Default)]
pub struct TaskCatalogue {
    all: RoaringTreemap,
    by_status: BTreeMap<TaskStatus, RoaringTreemap>,
    by_kind: BTreeMap<TaskKind, RoaringTreemap>,
    /// By the physical index, whose name of now counts, and the name that counts when it has none.
    by_index: BTreeMap<(Option<PhysicalId>, Option<IndexUid>), RoaringTreemap>,
}

impl TaskCatalogue {
    /// Takes a task in.
    pub fn put(&mut self, record: &TaskRecord) {
        let uid = record.uid.0;
        self.all.insert(uid);
        self.by_status.entry(record.status).or_default().insert(uid);
        self.by_kind.entry(record.kind).or_default().insert(uid);
        self.by_index.entry((record.index, record.index_uid.clone())).or_default().insert(uid);
    }

    /// Forgets the tasks up to one, itself included.
    pub fn forget_through(&mut self, last: TaskUid) {
        let forget = |tasks: &mut RoaringTreemap| {
            tasks.remove_range(..=last.0);
            !tasks.is_empty()
        };
        forget(&mut self.all);
        self.by_status.retain(|_, tasks| forget(tasks));
        self.by_kind.retain(|_, tasks| forget(tasks));
        self.by_index.retain(|_, tasks| forget(tasks));
    }

    /// How many tasks there are.
    pub fn len(&self) -> u64 {
        self.all.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The tasks that match by uid, status, type and index: what [`TaskSource::matching`](crate::TaskSource::matching)
    /// asks for. `name_of` gives the name that an index has now.
    pub fn matching(
        &self,
        filter: &TaskFilter,
        name_of: impl Fn(PhysicalId) -> Option<IndexUid>,
    ) -> RoaringTreemap {
        let mut matching = self.all.clone();
        for uids in [&filter.uids, &filter.batch_uids].into_iter().flatten() {
            matching &= uids.iter().map(|uid| uid.0).collect::<RoaringTreemap>();
        }
        if let Some(statuses) = &filter.statuses {
            matching &= union(&self.by_status, statuses);
        }
        if let Some(kinds) = &filter.kinds {
            matching &= union(&self.by_kind, kinds);
        }
        if let Some(names) = &filter.index_uids {
            let mut of_names = RoaringTreemap::new();
            for ((index, called), tasks) in &self.by_index {
                let now = index.and_then(&name_of);
                if now.as_ref().or(called.as_ref()).is_some_and(|name| names.contains(name)) {
                    of_names |= tasks;
                }
            }
            matching &= of_names;
        }
        matching
    }
}

fn union<K: Ord>(sets: &BTreeMap<K, RoaringTreemap>, keys: &BTreeSet<K>) -> RoaringTreemap {
    let mut union = RoaringTreemap::new();
    for tasks in keys.iter().filter_map(|key| sets.get(key)) {
        union |= tasks;
    }
    union
}
