//! A client's write becomes a task.

use std::collections::BTreeSet;

use imbl::{OrdMap, OrdSet};
use miroir_model::{IndexUid, NodeId, PhysicalId, TaskUid, UnitSet};
use miroir_tasks::{TaskKind, TaskStatus};

use super::Apply;
use super::place::Place;
use crate::command::{Enqueue, EnqueueWork, NameChange, PayloadSource, Target};
use crate::index::Index;
use crate::outcome::{Outcome, Refusal};
use crate::queue::Queue;
use crate::task::{Payload, Recheck, Task, Trial, Work};

impl Apply<'_> {
    pub(super) fn enqueue(&mut self, enqueue: &Enqueue) -> Result<Outcome, Refusal> {
        if let Some(settled) = self.settled_attempt(enqueue.proposal) {
            return settled;
        }
        let outcome = self.replay(enqueue).unwrap_or_else(|| self.accept(enqueue));
        self.remember_attempt(enqueue, &outcome);
        // An upload serves one attempt: what the attempt did not take is let go.
        if let Some((upload, _)) = enqueue.work.payload().and_then(|payload| payload.upload) {
            self.drop_upload(upload);
        }
        outcome
    }

    /// All that can be refused is checked before anything is changed.
    fn accept(&mut self, enqueue: &Enqueue) -> Result<Outcome, Refusal> {
        enqueue.check()?;
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
            names: place.names.clone(),
            primary_key: place.primary_key.clone(),
            brings_key: place.brings_key,
            units: if place.rekeys { UnitSet::ALL } else { enqueue.work.units() },
            work,
            waits: OrdSet::new(),
            holders: OrdSet::new(),
            counts: OrdMap::new(),
            counted: Some(0),
            details: enqueue.details.clone(),
            error: enqueue.work.error(),
            refusals: OrdMap::new(),
            passed: OrdSet::new(),
            recheck: Recheck::No,
            trial: Trial::None,
            enqueued_at: self.now,
            started_at: None,
            finished_at: None,
            canceled_by: None,
            custom_metadata: enqueue.custom_metadata.clone(),
        };
        self.take_places(&task);
        self.join_queues(&place, &mut task);
        self.state.tasks.insert(uid, task);
        if let EnqueueWork::Cancel { tasks } = &enqueue.work {
            self.cancel(uid, tasks);
        }
        if let Some(index) = place.index {
            self.settle_new(index, uid);
        }
        self.advance([uid]);
        self.forget_history();
        Ok(Outcome::Enqueued { task: uid, at: self.now, replayed: false })
    }

    fn work(&mut self, work: &EnqueueWork) -> Work {
        match work {
            EnqueueWork::Refused { .. }
            | EnqueueWork::CreateIndex
            | EnqueueWork::Rename
            | EnqueueWork::Swap
            | EnqueueWork::Cancel { .. } => Work::Nothing,
            EnqueueWork::Documents { mode, skip_creation, payload, .. } => {
                Work::Documents { mode: *mode, skip_creation: *skip_creation, payload: self.payload(payload) }
            }
            EnqueueWork::DeleteIds { payload, .. } => Work::DeleteIds { payload: self.payload(payload) },
            EnqueueWork::DeleteFilter { filter } => Work::DeleteFilter { filter: filter.clone() },
            EnqueueWork::DeleteAll => Work::DeleteAll,
            EnqueueWork::Settings { patch } => Work::Settings { patch: patch.clone() },
            EnqueueWork::DeleteIndex => Work::DeleteIndex,
            EnqueueWork::SetPrimaryKey => Work::SetPrimaryKey,
            EnqueueWork::Edit(edit) => Work::Edit(edit.clone()),
        }
    }

    fn payload(&mut self, source: &PayloadSource) -> Payload {
        let chunks = self.take_payload(source);
        let bytes = chunks.iter().filter_map(|id| self.state.chunks.get(id)).map(|meta| u64::from(meta.len));
        Payload { bytes: bytes.sum(), frames: source.frames, chunks }
    }

    /// A new task can only be through at once where it is the first.
    fn settle_new(&mut self, id: PhysicalId, uid: TaskUid) {
        let Some(index) = self.state.indexes.get(&id) else { return };
        let first = |queue: &Queue| queue.pending.get_min() == Some(&uid);
        let nodes: Vec<NodeId> =
            (index.queues.iter()).filter(|(_, queue)| first(queue)).map(|(node, _)| node.clone()).collect();
        nodes.iter().for_each(|node| self.settle_queue(id, node));
        self.decide_settings(id);
    }

    /// Later tasks of its names and indexes wait for it.
    fn take_places(&mut self, task: &Task) {
        for name in task.names_touched() {
            self.state.names.unfinished.entry(name.clone()).or_default().insert(task.uid);
        }
        if task.renames() {
            self.state.renames.insert(task.uid);
        }
        for id in task.indexes_touched() {
            if let Some(index) = self.state.indexes.get_mut(&id) {
                index.unfinished.insert(task.uid);
            }
        }
    }

    /// Puts the task behind what each node that it touches still has to do, and orders its effects.
    fn join_queues(&mut self, place: &Place, task: &mut Task) {
        let Some(index) = place.index.and_then(|id| self.state.indexes.get_mut(&id)) else { return };
        for (node, required) in queues_touched(index, task) {
            task.holders.insert(node.clone());
            if required {
                task.waits.insert(node);
            }
        }
        for node in &task.holders {
            if let Some(queue) = index.queues.get_mut(node) {
                queue.pending.insert(task.uid);
                queue.pending_bytes += task.payload_bytes();
            }
        }
        if task.work.is_counted() {
            task.counts = counting(index, task.units);
        }
        match &task.work {
            Work::Settings { .. } => {
                index.settings.ordered += 1;
                index.settings.undecided.insert(task.uid);
            }
            Work::Documents { .. } => index.may_hold_documents = true,
            Work::Edit(_) if index.shards.shards().len() > 1 => task.trial = Trial::By(OrdSet::new()),
            Work::DeleteAll => index.may_hold_documents = false,
            Work::DeleteIndex => {
                index.deleting = true;
                if let Some(uid) = &task.index_uid {
                    self.state.names.ordered.remove(uid);
                }
            }
            _ => {}
        }
    }
}

/// The nodes that must be given something of the task, and whether it waits for them. A task that creates the index
/// is held by all of them: it is not done before the index is everywhere. What is lost is only deleted.
fn queues_touched(index: &Index, task: &Task) -> Vec<(NodeId, bool)> {
    let touches = |node: &NodeId| task.creates || index.units_of(node).intersects(task.units);
    let takes = |queue: &Queue| queue.is_delivered() || matches!(task.work, Work::DeleteIndex);
    (index.queues.iter())
        .filter(|(node, queue)| touches(node) && takes(queue))
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

impl Enqueue {
    /// Whether its parts fit each other, whatever the state.
    fn check(&self) -> Result<(), Refusal> {
        let fits = match (&self.target, &self.work) {
            (Target::Names(changes), work) => self.changes_names(changes, work),
            (_, EnqueueWork::Rename | EnqueueWork::Swap | EnqueueWork::Cancel { .. }) => false,
            (_, _) if self.index_uid.is_none() => false,
            (_, EnqueueWork::Refused { .. }) => true,
            (Target::Missing, _) => false,
            (Target::Creates { .. }, work) => matches!(
                work,
                EnqueueWork::CreateIndex | EnqueueWork::Documents { .. } | EnqueueWork::Settings { .. }
            ),
            (Target::Existing { .. }, work) => !matches!(work, EnqueueWork::CreateIndex),
        };
        if !fits {
            return Err(Refusal::Malformed("the work does not fit its target".to_owned()));
        }
        let frames = self.work.payload().map_or(0, |payload| payload.frames);
        if frames > 0 && self.work.units().is_empty() {
            return Err(Refusal::Malformed("the payload touches no unit".to_owned()));
        }
        Ok(())
    }

    /// Whether the names that it changes are each named once, and no index gets lost or a second name.
    fn changes_names(&self, changes: &[NameChange], work: &EnqueueWork) -> bool {
        let names: BTreeSet<&IndexUid> = changes.iter().map(|change| &change.name).collect();
        let sorted = |of: fn(&NameChange) -> Option<PhysicalId>| {
            let mut ids: Vec<PhysicalId> = changes.iter().filter_map(of).collect();
            ids.sort();
            ids
        };
        let of_index = match work {
            EnqueueWork::Rename => self.index_uid.as_ref().is_some_and(|uid| names.contains(uid)),
            EnqueueWork::Refused { kind, .. } => self.index_uid.is_none() || *kind == TaskKind::IndexUpdate,
            EnqueueWork::Swap | EnqueueWork::Cancel { .. } => self.index_uid.is_none(),
            _ => false,
        };
        let changes_nothing = || changes.iter().all(|change| change.from == change.to);
        of_index
            && names.len() == changes.len()
            && sorted(|change| change.from) == sorted(|change| change.to)
            && (matches!(work, EnqueueWork::Rename | EnqueueWork::Swap) || changes_nothing())
    }
}

impl EnqueueWork {
    /// Where its bytes are.
    pub fn payload(&self) -> Option<&PayloadSource> {
        match self {
            Self::Documents { payload, .. } | Self::DeleteIds { payload, .. } => Some(payload),
            _ => None,
        }
    }

    /// Where its bytes are, to be moved.
    pub fn payload_mut(&mut self) -> Option<&mut PayloadSource> {
        match self {
            Self::Documents { payload, .. } | Self::DeleteIds { payload, .. } => Some(payload),
            _ => None,
        }
    }

    pub(super) fn kind(&self) -> TaskKind {
        match self {
            Self::Refused { kind, .. } => *kind,
            Self::Documents { .. } => TaskKind::DocumentAdditionOrUpdate,
            Self::DeleteIds { .. } | Self::DeleteFilter { .. } | Self::DeleteAll => {
                TaskKind::DocumentDeletion
            }
            Self::Settings { .. } => TaskKind::SettingsUpdate,
            Self::CreateIndex => TaskKind::IndexCreation,
            Self::DeleteIndex => TaskKind::IndexDeletion,
            Self::SetPrimaryKey | Self::Rename => TaskKind::IndexUpdate,
            Self::Swap => TaskKind::IndexSwap,
            Self::Cancel { .. } => TaskKind::TaskCancelation,
            Self::Edit(_) => TaskKind::DocumentEdition,
        }
    }

    /// The units that it touches.
    pub fn units(&self) -> UnitSet {
        match self {
            Self::Documents { units, .. } | Self::DeleteIds { units, .. } => *units,
            Self::DeleteFilter { .. }
            | Self::DeleteAll
            | Self::Settings { .. }
            | Self::DeleteIndex
            | Self::Edit(_) => UnitSet::ALL,
            Self::Refused { .. }
            | Self::CreateIndex
            | Self::SetPrimaryKey
            | Self::Rename
            | Self::Swap
            | Self::Cancel { .. } => UnitSet::EMPTY,
        }
    }

    fn error(&self) -> Option<miroir_api::ResponseError> {
        match self {
            Self::Refused { error, .. } => Some(error.clone()),
            _ => None,
        }
    }
}
