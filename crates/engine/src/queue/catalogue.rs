//! What the queue keeps in memory: sets of uids, and the batch that runs.

use std::collections::BTreeMap;

use roaring::RoaringBitmap;
use time::OffsetDateTime;

use super::{Status, Task, TaskFilter};

#[derive(Default)]
pub(crate) struct Catalogue {
    all: RoaringBitmap,
    by_status: BTreeMap<&'static str, RoaringBitmap>,
    by_kind: BTreeMap<&'static str, RoaringBitmap>,
    by_index: BTreeMap<String, RoaringBitmap>,
    processing: Option<Processing>,
}

/// The batch that runs now; lost with the process, as its tasks are stored as enqueued.
#[derive(Debug, Clone)]
pub(crate) struct Processing {
    pub(crate) uids: RoaringBitmap,
    pub(crate) batch_uid: u32,
    pub(crate) index_uid: Option<String>,
    pub(crate) started_at: OffsetDateTime,
}

impl Catalogue {
    pub(crate) fn add(&mut self, task: &Task) {
        self.all.insert(task.uid);
        self.by_status.entry(task.status.name()).or_default().insert(task.uid);
        self.by_kind.entry(task.content.kind()).or_default().insert(task.uid);
        if let Some(index) = &task.index_uid {
            self.by_index.entry(index.clone()).or_default().insert(task.uid);
        }
    }

    pub(crate) fn start(&mut self, processing: Processing) {
        self.processing = Some(processing);
    }

    pub(crate) fn stop(&mut self) {
        self.processing = None;
    }

    /// The batch ended with these tasks.
    pub(crate) fn finish(&mut self, tasks: &[Task]) {
        self.processing = None;
        for task in tasks {
            if let Some(enqueued) = self.by_status.get_mut(Status::Enqueued.name()) {
                enqueued.remove(task.uid);
            }
            self.by_status.entry(task.status.name()).or_default().insert(task.uid);
        }
    }

    pub(crate) fn forget(&mut self, uids: &RoaringBitmap) {
        self.all -= uids;
        let sets =
            self.by_status.values_mut().chain(self.by_kind.values_mut()).chain(self.by_index.values_mut());
        sets.for_each(|set| *set -= uids);
        self.by_index.retain(|_, set| !set.is_empty());
    }

    /// The tasks of two index names, older than `before`, exchange their names (a rename moves the history too).
    pub(crate) fn exchange(&mut self, left: &str, right: &str, before: u32) {
        let mut take = |name: &str| {
            let set = self.by_index.entry(name.to_owned()).or_default();
            let mut older = set.clone();
            older.remove_range(before..);
            *set -= &older;
            older
        };
        let (of_left, of_right) = (take(left), take(right));
        *self.by_index.entry(left.to_owned()).or_default() |= of_right;
        *self.by_index.entry(right.to_owned()).or_default() |= of_left;
    }

    pub(crate) fn processing(&self) -> Option<&Processing> {
        self.processing.as_ref()
    }

    pub(crate) fn of_index(&self, index: &str) -> RoaringBitmap {
        self.by_index.get(index).cloned().unwrap_or_default()
    }

    pub(crate) fn index_names(&self) -> Vec<String> {
        self.by_index.keys().cloned().collect()
    }

    pub(crate) fn of_kind(&self, kind: &str) -> RoaringBitmap {
        self.by_kind.get(kind).cloned().unwrap_or_default()
    }

    /// Tasks that have not ended, those that run included.
    pub(crate) fn unfinished(&self) -> RoaringBitmap {
        self.by_status.get(Status::Enqueued.name()).cloned().unwrap_or_default()
    }

    /// The task as the API shows it while its batch runs.
    pub(crate) fn overlay(&self, mut task: Task) -> Task {
        if let Some(processing) = &self.processing
            && task.status == Status::Enqueued
            && processing.uids.contains(task.uid)
        {
            task.status = Status::Processing;
            task.batch_uid = Some(processing.batch_uid);
            task.started_at = Some(processing.started_at);
        }
        task
    }

    /// The uids that match what is known here.
    pub(crate) fn select(&self, filter: &TaskFilter) -> RoaringBitmap {
        let mut uids = self.all.clone();
        if let Some(asked) = &filter.uids {
            uids &= asked;
        }
        if let Some(names) = &filter.statuses {
            uids &= names.iter().fold(RoaringBitmap::new(), |set, name| set | self.of_status(name));
        }
        if let Some(names) = &filter.types {
            uids &= names.iter().fold(RoaringBitmap::new(), |set, name| set | self.of_kind(name));
        }
        if let Some(names) = &filter.index_uids {
            uids &= names.iter().fold(RoaringBitmap::new(), |set, name| set | self.of_index(name));
        }
        uids
    }

    fn of_status(&self, name: &str) -> RoaringBitmap {
        let running = self.processing.as_ref().map(|batch| batch.uids.clone()).unwrap_or_default();
        match name {
            "processing" => running,
            "enqueued" => self.unfinished() - running,
            name => self.by_status.get(name).cloned().unwrap_or_default(),
        }
    }
}
