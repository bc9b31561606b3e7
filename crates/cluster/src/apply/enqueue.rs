//! A client's write becomes a task.

use imbl::{OrdMap, OrdSet};
use miroir_model::{NodeId, UnitSet};
use miroir_tasks::{TaskKind, TaskStatus};

use super::Apply;
use super::place::Place;
use crate::command::{Enqueue, EnqueueWork, PayloadSource};
use crate::index::Index;
use crate::outcome::{Outcome, Refusal};
use crate::task::{Payload, Task, Work};

impl Apply<'_> {
    pub(super) fn enqueue(&mut self, enqueue: &Enqueue) -> Result<Outcome, Refusal> {
        let known = self.known_attempt(enqueue);
        let repeated = known.is_some();
        let outcome = known.unwrap_or_else(|| self.accept(enqueue));
        if let Ok(outcome) = &outcome {
            self.remember_attempt(enqueue, outcome);
        }
        // An upload serves one attempt: what the attempt did not take is let go.
        let taken = !repeated && outcome.is_ok();
        if let (Some((upload, _)), false) = (enqueue.work.payload().and_then(|p| p.upload), taken) {
            self.drop_upload(upload);
        }
        outcome
    }

    /// All that can be refused is checked before anything is changed.
    fn accept(&mut self, enqueue: &Enqueue) -> Result<Outcome, Refusal> {
        if let Some(payload) = enqueue.work.payload() {
            self.check_payload(payload)?;
        }
        let place = self.place(enqueue)?;
        let work = self.work(&enqueue.work);
        let uid = self.state.next_task;
        self.state.next_task = uid.next();
        let mut task = Task {
            uid,
            kind: enqueue.work.kind(),
            status: TaskStatus::Enqueued,
            index_uid: enqueue.index_uid.clone(),
            index: place.index,
            creates: place.creates,
            brings_key: place.brings_key.clone(),
            units: enqueue.work.units(),
            work,
            waits: OrdSet::new(),
            holders: OrdSet::new(),
            counts: OrdMap::new(),
            counted: 0,
            details: enqueue.details.clone(),
            error: enqueue.work.error(),
            enqueued_at: self.now,
            started_at: None,
            finished_at: None,
            custom_metadata: enqueue.custom_metadata.clone(),
        };
        self.join_queues(&place, &mut task);
        self.state.tasks.insert(uid, task);
        self.state.names.unfinished.entry(enqueue.index_uid.clone()).or_default().insert(uid);
        self.settle_queues(place.index);
        self.advance([uid]);
        Ok(Outcome::Enqueued { task: uid, at: self.now, replayed: false })
    }

    fn work(&mut self, work: &EnqueueWork) -> Work {
        match work {
            EnqueueWork::Refused { .. } | EnqueueWork::CreateIndex => Work::Nothing,
            EnqueueWork::Documents { mode, skip_creation, payload, .. } => {
                Work::Documents { mode: *mode, skip_creation: *skip_creation, payload: self.payload(payload) }
            }
            EnqueueWork::DeleteIds { payload, .. } => Work::DeleteIds { payload: self.payload(payload) },
            EnqueueWork::DeleteFilter { filter } => Work::DeleteFilter { filter: filter.clone() },
            EnqueueWork::DeleteAll => Work::DeleteAll,
            EnqueueWork::Settings { patch } => Work::Settings { patch: patch.clone() },
            EnqueueWork::DeleteIndex => Work::DeleteIndex,
            EnqueueWork::SetPrimaryKey => Work::SetPrimaryKey,
        }
    }

    fn payload(&mut self, source: &PayloadSource) -> Payload {
        let chunks = self.take_payload(source);
        let bytes = chunks.iter().filter_map(|id| self.state.chunks.get(id)).map(|meta| u64::from(meta.len));
        Payload { bytes: bytes.sum(), frames: source.frames, chunks }
    }

    /// Puts the task behind what each node that it touches still has to do, and orders its effects.
    fn join_queues(&mut self, place: &Place, task: &mut Task) {
        let Some(index) = place.index.and_then(|id| self.state.indexes.get_mut(&id)) else { return };
        index.unfinished.insert(task.uid);
        for (node, required) in queues_touched(index, task) {
            task.holders.insert(node.clone());
            if required {
                task.waits.insert(node);
            }
        }
        for node in &task.holders {
            if let Some(queue) = index.queues.get_mut(node) {
                queue.pending.insert(task.uid);
            }
        }
        if task.work.is_counted() {
            task.counts = counting(index, task.units);
        }
        match &task.work {
            Work::Settings { .. } => index.settings.ordered += 1,
            Work::Documents { .. } => index.may_hold_documents = true,
            Work::DeleteAll => index.may_hold_documents = false,
            Work::DeleteIndex => {
                index.deleting = true;
                self.state.names.ordered.remove(&task.index_uid);
            }
            _ => {}
        }
    }
}

/// The nodes that must be given something of the task, and whether it waits for them. A task that creates the index is held by all of them: it is not
/// done before the index is everywhere.
fn queues_touched(index: &Index, task: &Task) -> Vec<(NodeId, bool)> {
    let touches = |node: &NodeId| task.creates || index.units_of(node).intersects(task.units);
    (index.queues.iter())
        .filter(|(node, _)| touches(node))
        .map(|(node, queue)| (node.clone(), queue.required))
        .collect()
}

/// Which node counts which units for the whole cluster: of each shard, the first required copy.
fn counting(index: &Index, units: UnitSet) -> OrdMap<NodeId, UnitSet> {
    let mut counts = OrdMap::new();
    for shard in index.shards.shards() {
        let touched = shard.range.units().intersection(units);
        let required = |node: &&NodeId| index.queues.get(*node).is_some_and(|queue| queue.required);
        let counter = shard.copies.keys().find(required);
        if let (Some(node), false) = (counter, touched.is_empty()) {
            let sum: UnitSet = counts.get(node).copied().unwrap_or_default();
            counts.insert(node.clone(), sum.union(touched));
        }
    }
    counts
}

impl EnqueueWork {
    /// Where its bytes are.
    pub fn payload(&self) -> Option<&PayloadSource> {
        match self {
            Self::Documents { payload, .. } | Self::DeleteIds { payload, .. } => Some(payload),
            _ => None,
        }
    }

    fn kind(&self) -> TaskKind {
        match self {
            Self::Refused { kind, .. } => *kind,
            Self::Documents { .. } => TaskKind::DocumentAdditionOrUpdate,
            Self::DeleteIds { .. } | Self::DeleteFilter { .. } | Self::DeleteAll => {
                TaskKind::DocumentDeletion
            }
            Self::Settings { .. } => TaskKind::SettingsUpdate,
            Self::CreateIndex => TaskKind::IndexCreation,
            Self::DeleteIndex => TaskKind::IndexDeletion,
            Self::SetPrimaryKey => TaskKind::IndexUpdate,
        }
    }

    fn units(&self) -> UnitSet {
        match self {
            Self::Documents { units, .. } | Self::DeleteIds { units, .. } => *units,
            Self::DeleteFilter { .. } | Self::DeleteAll | Self::Settings { .. } | Self::DeleteIndex => {
                UnitSet::ALL
            }
            Self::Refused { .. } | Self::CreateIndex | Self::SetPrimaryKey => UnitSet::EMPTY,
        }
    }

    fn error(&self) -> Option<miroir_api::ResponseError> {
        match self {
            Self::Refused { error, .. } => Some(error.clone()),
            _ => None,
        }
    }
}
