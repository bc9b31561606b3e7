//! Commands that mostly fit the state that they are made for, and some that do not.

use bytes::Bytes;
use miroir_api::{ErrorCode, ResponseError};
use miroir_cluster::{
    Action, ChunkId, Command, CopyChange, CopyStep, DispatchResult, EnqueueWork, Fault, Index, PayloadSource,
    Proof, QueueStep, Settled, Slice, State, Target, UploadId, WriteMode,
};
use miroir_model::{Epoch, NodeId, PeerId, PeerLife, PhysicalId, SLOTS, Slot, TaskUid, UnitSet};
use miroir_tasks::TaskKind;

use crate::lane;
use crate::world::{World, adopt, patch, started};
use miroir_testkit::Dice;

/// The last two change nothing at first, and cannot be made of the settings that are there.
pub(crate) const PATCHES: [&str; 6] = [
    r#"{"stopWords":["a"]}"#,
    r#"{"stopWords":["b"],"sortableAttributes":["x"]}"#,
    r#"{"sortableAttributes":["y"]}"#,
    r#"{"stopWords":null}"#,
    r#"{"stopWords":[]}"#,
    r#"{"typoTolerance":{"minWordSizeForTypos":{"twoTypos":3}}}"#,
];

impl World {
    /// The next command of a history, and the time that passes before it.
    pub(crate) fn generate(&mut self, dice: &mut Dice) -> Command {
        let passes = *dice.pick(&[0, 1, 1_000, 1_000, 2_000, 60_000]);
        self.clock = self.clock.plus_millis(passes);
        if dice.chance(2) {
            self.clock = self.clock.plus_millis(*dice.pick(&[660_000, 3_700_000, 90_000_000]));
        }
        match dice.below(100) {
            0..40 => self.lane(dice),
            40..80 => self.client(dice),
            80..86 => chunk(&self.state, dice),
            86 => self.names(dice),
            87 => self.cancelation(dice),
            _ => operate(&self.state, dice),
        }
    }

    fn client(&mut self, dice: &mut Dice) -> Command {
        let name = *dice.pick(&["a", "a", "b", "c"]);
        let index_uid = name.parse().expect("a valid name");
        let state = self.state.clone();
        let index = state.ordered(&index_uid);
        let (work, key) = match index {
            Some(index) => on_existing(&state, index, dice),
            None => on_missing(&state, dice),
        };
        let mut enqueue = self.write(name, work, key);
        if index.is_none() && matches!(enqueue.work, EnqueueWork::Refused { .. }) && dice.chance(80) {
            enqueue.target = Target::Missing;
        }
        if dice.chance(8) {
            spoil(&mut enqueue.target, dice);
        }
        if dice.chance(10) {
            let request = dice.below(2) as u128;
            enqueue.idempotency = Some((format!("key {}", dice.below(20)), request));
        }
        if dice.chance(4) {
            enqueue.proposal.number = dice.below(enqueue.proposal.number as usize + 3) as u64;
        }
        enqueue.custom_metadata = dice.chance(5).then(|| "m".repeat(1 + dice.below(9_000)));
        Command::Enqueue(Box::new(enqueue))
    }

    fn lane(&mut self, dice: &mut Dice) -> Command {
        let queues = lane::queues(&self.state);
        if queues.is_empty() {
            return self.client(dice);
        }
        let start = dice.below(queues.len());
        for (id, node) in queues.iter().cycle().skip(start).take(queues.len()) {
            let step = if dice.chance(12) {
                Some(dishonest(&self.state, dice))
            } else {
                honest(&self.state, &self.state.indexes[id], node, dice)
            };
            if let Some(step) = step {
                let mut command = lane::command(&self.state, *id, node, step);
                if let (Command::Lanes(steps), true) = (&mut command, dice.chance(2)) {
                    steps[0].epoch = Epoch(steps[0].epoch.0.saturating_sub(1));
                }
                return command;
            }
        }
        self.client(dice)
    }
}

fn on_missing(state: &State, dice: &mut Dice) -> (EnqueueWork, Option<&'static str>) {
    let key = dice.chance(70).then_some("id");
    match dice.below(10) {
        0..5 => (documents(state, dice), Some("id")),
        5..7 => (EnqueueWork::CreateIndex, key),
        7 => (settings(dice), None),
        8 => (refused(dice), None),
        _ => (EnqueueWork::DeleteAll, None),
    }
}

fn on_existing(state: &State, index: &Index, dice: &mut Dice) -> (EnqueueWork, Option<&'static str>) {
    match dice.below(100) {
        0..48 => (documents(state, dice), index.primary_key.is_none().then_some("id")),
        48..60 => (EnqueueWork::DeleteIds { payload: payload(state, dice), units: units(dice) }, None),
        60..65 => (EnqueueWork::DeleteFilter { filter: "\"x = 1\"".to_owned() }, None),
        65..68 => (crate::world::edit(), None),
        68..73 => (EnqueueWork::DeleteAll, None),
        73..85 => (settings(dice), None),
        85..89 => (EnqueueWork::DeleteIndex, None),
        89..94 => (EnqueueWork::SetPrimaryKey, Some(*dice.pick(&["id", "key"]))),
        94 => (EnqueueWork::CreateIndex, None),
        _ => (refused(dice), None),
    }
}

fn documents(state: &State, dice: &mut Dice) -> EnqueueWork {
    let mode = *dice.pick(&[WriteMode::Replace, WriteMode::Replace, WriteMode::Update]);
    let payload = payload(state, dice);
    let none = payload.frames == 0 && dice.chance(50);
    let units = if none { UnitSet::EMPTY } else { units(dice) };
    EnqueueWork::Documents { mode, skip_creation: dice.chance(10), payload, units }
}

/// Of a finished upload where there is one, so that uploads are used.
fn payload(state: &State, dice: &mut Dice) -> PayloadSource {
    let frames = dice.below(6) as u32;
    let uploads: Vec<(UploadId, u32)> =
        state.uploads.iter().map(|(id, upload)| (*id, upload.chunks.len() as u32)).collect();
    match uploads.is_empty() || dice.chance(40) {
        true => PayloadSource { frames, inline: vec![bytes(dice)], upload: None },
        false => {
            let (id, chunks) = *dice.pick(&uploads);
            let upload = Some((id, chunks + u32::from(dice.chance(10))));
            PayloadSource { frames, inline: Vec::new(), upload }
        }
    }
}

fn bytes(dice: &mut Dice) -> Bytes {
    Bytes::from(vec![dice.below(256) as u8; 1 + dice.below(40)])
}

pub(crate) fn units(dice: &mut Dice) -> UnitSet {
    let slot = |dice: &mut Dice| Slot::try_from(dice.below(SLOTS.into()) as u16).expect("below the last");
    (0..1 + dice.below(4)).map(|_| slot(dice).unit()).collect()
}

fn settings(dice: &mut Dice) -> EnqueueWork {
    EnqueueWork::Settings { patch: patch(dice.pick::<&str>(&PATCHES)) }
}

pub(crate) fn error() -> ResponseError {
    ResponseError::new(ErrorCode::InvalidDocumentId, "no")
}

pub(crate) fn refused(dice: &mut Dice) -> EnqueueWork {
    EnqueueWork::Refused { kind: *dice.pick(&TaskKind::ALL), error: error() }
}

fn spoil(target: &mut Target, dice: &mut Dice) {
    match (target, dice.below(4)) {
        (Target::Existing { index, .. }, 0) => *index = PhysicalId(index.0 + 1),
        (Target::Existing { settings, .. }, 1) => *settings += 1,
        (Target::Existing { primary_key, .. }, 2) => *primary_key = Some("other".to_owned()),
        (target @ Target::Existing { .. }, _) => {
            *target = Target::Creates { primary_key: None, shape: Default::default() }
        }
        (target, _) => {
            *target = Target::Existing { index: PhysicalId(0), settings: 0, primary_key: None };
        }
    }
}

fn chunk(state: &State, dice: &mut Dice) -> Command {
    let life = present(state, dice);
    let upload = UploadId { life, number: dice.below(3) as u64 };
    if dice.chance(8) {
        return Command::DropUpload { upload };
    }
    let have = state.uploads.get(&upload).map_or(0, |upload| upload.chunks.len());
    let seq = if dice.chance(90) { have } else { dice.below(have + 2) };
    Command::Chunk { upload, seq: seq as u32, bytes: bytes(dice) }
}

fn present(state: &State, dice: &mut Dice) -> PeerLife {
    let peer = PeerId(1 + dice.below(2) as u64);
    PeerLife { peer, boot: state.peers[&peer].boot }
}

fn operate(state: &State, dice: &mut Dice) -> Command {
    let nodes: Vec<&NodeId> = state.nodes.keys().collect();
    let node = (*dice.pick(&nodes)).clone();
    let life = present(state, dice);
    let former = PeerLife { boot: life.boot.saturating_sub(1), ..life };
    match dice.below(16) {
        14 => Command::Features { edit_documents: dice.chance(50).then(|| dice.chance(50)) },
        15.. => Command::Shown { version: state.version().saturating_sub(dice.below(3) as u64) },
        10 => Command::NodeProved { proof: proof(state, &node, dice), node, by: life },
        11..14 => copy(state, node, dice),
        0 => Command::PeerStarted(started(life.peer.0, life.boot + u64::from(dice.chance(50)))),
        1 => Command::PeerAlive { peer: life.peer, alive: dice.chance(60) },
        2 | 3 => Command::NodeSeen { node, by: life, reachable: dice.chance(60) },
        4 => Command::AssignLane { node, peer: Some(life.peer) },
        5..7 => {
            let assigned = state.nodes[&node].lane.assigned.unwrap_or(life.peer);
            let boot = state.peers[&assigned].boot;
            Command::TakeLane { node, life: PeerLife { peer: assigned, boot } }
        }
        7 => Command::TakeLane { node, life: former },
        8 => Command::Adopt(Box::new(adopt(dice.below(9) as u32, 1))),
        _ => {
            let proposals: Vec<_> = state.proposals.keys().copied().collect();
            let proposal = match proposals.is_empty() {
                true => miroir_cluster::ProposalId { life, number: 0 },
                false => *dice.pick(&proposals),
            };
            let number = proposal.number + u64::from(dice.chance(30)) * 1_000_000;
            Command::Settle { proposal: miroir_cluster::ProposalId { number, ..proposal } }
        }
    }
}

/// Only what leaves each shard a searchable copy: otherwise an operator must decide.
fn proof(state: &State, node: &NodeId, dice: &mut Dice) -> Proof {
    let last = state.indexes.values().any(|index| index.last_copies_on(node).next().is_some());
    match dice.below(10) {
        0 if !last => Proof::Older,
        1 if !last => Proof::Foreign,
        2..5 => Proof::Unauthorized,
        _ => Proof::Same,
    }
}

fn copy(state: &State, node: NodeId, dice: &mut Dice) -> Command {
    let held: Vec<_> = state.indexes.values().filter(|index| index.queues.contains_key(&node)).collect();
    let (index, hidden) = match held.is_empty() {
        true => (PhysicalId(9), 0),
        false => {
            let index = dice.pick(&held);
            (index.id, index.queues[&node].hidden.unwrap_or_default())
        }
    };
    let change = match dice.below(20) {
        0..7 => CopyChange::Hide,
        7..13 => CopyChange::Release { hidden: hidden + u64::from(dice.chance(5)) },
        13..19 => CopyChange::Require,
        _ => CopyChange::GiveUp,
    };
    Command::Copy(CopyStep { index, node, change })
}

/// What a lane could do in good faith: requests that succeed, fail, or whose outcome is unknown.
fn honest(state: &State, index: &Index, node: &NodeId, dice: &mut Dice) -> Option<QueueStep> {
    let queue = &index.queues[node];
    let Some(open) = &queue.dispatch else {
        let start = |action| QueueStep::Start { action, node_task: None };
        let step = lane::action(state, index, node, dice).map(start);
        return step.or_else(|| lane::look(state, index, queue, dice));
    };
    let number = open.number;
    if queue.renaming {
        return Some(QueueStep::Fenced { number, arrived: dice.chance(50) });
    }
    let many = matches!(&open.action, Action::Send(slices) if slices.len() > 1);
    let verdict = !many && matches!(open.action, Action::Send(_) | Action::Alone(_) | Action::Try(_));
    Some(match dice.below(100) {
        0..6 if open.action == Action::Create => QueueStep::Fenced { number, arrived: false },
        0..6 => QueueStep::Fence { number },
        6..9 => QueueStep::Stop { number, fault: Fault { text: "full".to_owned() } },
        9..12 => QueueStep::Fault { fault: dice.chance(50).then(|| Fault { text: "full".to_owned() }) },
        12..24 if many => lane::finish(open, DispatchResult::Apart { node_task: None }),
        12..17 if verdict => lane::finish(open, DispatchResult::Refused { node_task: None, error: error() }),
        17..20 => lane::finish(open, DispatchResult::Done { node_task: None, deleted: Vec::new() }),
        20..40 => {
            let next = lane::action(state, index, node, dice);
            QueueStep::Finish { number, result: lane::done(), next }
        }
        _ => lane::finish(open, lane::done()),
    })
}

/// What no lane should do.
fn dishonest(state: &State, dice: &mut Dice) -> QueueStep {
    let task = TaskUid(dice.below(state.next_task.0 as usize + 1) as u64);
    let number = dice.below(6) as u64;
    let slice = Slice { task, from: Default::default(), to: dice.chance(30).then_some(number as u32) };
    let action = match dice.below(8) {
        5 => Action::Ahead(task),
        6 => Action::Try(task),
        0 => Action::Create,
        1 => Action::Configure { version: number },
        2 => Action::Send(vec![slice; dice.below(3)]),
        3 => Action::Alone(task),
        4 => Action::Count(task),
        _ => Action::Drop,
    };
    match dice.below(6) {
        0..3 => QueueStep::Start { action, node_task: Some(3) },
        3 => QueueStep::Finish { number, result: lane::done(), next: Some(action) },
        4 => QueueStep::Fence { number },
        _ => QueueStep::Fenced { number, arrived: dice.chance(50) },
    }
}

/// What the state remembers of chunks and attempts cannot be told from outside, but it must be bounded.
pub(crate) fn is_at_rest(state: &State) -> bool {
    let settled =
        |(_, settled): &(_, Settled)| matches!(settled, Settled::Accepted { .. } | Settled::Refused);
    let uploaded: Vec<ChunkId> =
        state.uploads.values().flat_map(|upload| upload.chunks.iter().copied()).collect();
    state.proposals.values().all(settled)
        && state.tasks.is_empty()
        && state.names.unfinished.is_empty()
        && state.names.served == state.names.ordered
        && state.showing.is_empty()
        && state.chunks.len() == uploaded.len()
        && state.indexes.values().all(|index| {
            !index.gone
                && index.unfinished.is_empty()
                && index.settings.undecided.is_empty()
                && index.settings.change.is_none()
                && index.queues.values().all(|queue| {
                    queue.pending.is_empty()
                        && queue.pending_bytes == 0
                        && queue.dispatch.is_none()
                        && (queue.installed == Some(index.settings.version) || queue.lost.is_some())
                        && queue.searchable == queue.lost.is_none()
                })
        })
}
