//! Whatever the state, what is decided is allowed by `apply`, and following it leaves nothing undelivered.

use miroir_api::{ApiVersion, ErrorCode, ResponseError};
use miroir_cluster::{
    Action, Command, CopyChange, CopyStep, Dispatch, DispatchResult, Edit, Enqueue, EnqueueWork, LaneStep,
    NameChange, Outcome, PayloadSource, ProposalId, QueueStep, Shape, Slice, Target, WriteMode,
};
use miroir_documents::payload::PayloadWriter;
use miroir_documents::slot_of_id;
use miroir_model::{Epoch, IndexUid, PeerId, PeerLife};
use miroir_settings::{Features, Rules, SettingsPatch};
use miroir_tasks::TaskDetails;
use miroir_testkit::{LocalCluster, adopt};
use proptest::prelude::*;
use serde_json::json;

use super::*;

const MOST: usize = 4;

struct Walk {
    cluster: LocalCluster,
    attempts: u64,
    epoch: Epoch,
}

impl Walk {
    fn new(factor: u16) -> Self {
        let defaults = miroir_cluster::Defaults { shards: Some(4), factor, ..Default::default() };
        let nodes = ["a", "b", "c"].map(|name| adopt(name, "http://node"));
        let cluster = LocalCluster::founded(defaults, nodes);
        cluster.start(1);
        let mut epoch = Epoch::default();
        for node in cluster.state().nodes.keys() {
            cluster.apply(&Command::AssignLane { node: node.clone(), peer: Some(PeerId(1)) });
            let taken = cluster.apply(&Command::TakeLane { node: node.clone(), life: peer_life() });
            let Outcome::LaneTaken { epoch: taken } = taken else { panic!("{taken:?}") };
            epoch = taken;
        }
        Self { cluster, attempts: 0, epoch }
    }

    fn enqueue(&mut self, name: &str, work: EnqueueWork) {
        self.attempts += 1;
        let index_uid: IndexUid = name.parse().unwrap();
        let state = self.cluster.state();
        let target = match state.ordered(&index_uid) {
            Some(index) => Target::Existing {
                index: index.id,
                settings: index.settings.ordered,
                primary_key: matches!(work, EnqueueWork::Documents { .. }).then(|| "id".to_owned()),
            },
            None => Target::Creates { primary_key: None, shape: Shape::default() },
        };
        let enqueue = Enqueue {
            proposal: ProposalId { life: peer_life(), number: self.attempts },
            idempotency: None,
            index_uid: Some(index_uid),
            target,
            work,
            details: TaskDetails::Clear { deleted: None },
            custom_metadata: None,
        };
        // A write that does not fit its target is refused, which is as good here.
        self.cluster.apply(&Command::Enqueue(Box::new(enqueue)));
    }

    /// Two names change places, where both stand for an index.
    fn swap(&mut self, one: &str, other: &str) {
        self.attempts += 1;
        let state = self.cluster.state();
        let [one, other] = [one, other].map(|name| name.parse::<IndexUid>().unwrap());
        let [first, second] = [&one, &other].map(|name| state.ordered(name).map(|index| index.id));
        if first.is_none() || second.is_none() {
            return;
        }
        let changes = vec![
            NameChange { name: one, from: first, to: second },
            NameChange { name: other, from: second, to: first },
        ];
        let enqueue = Enqueue {
            proposal: ProposalId { life: peer_life(), number: self.attempts },
            idempotency: None,
            index_uid: None,
            target: Target::Names(changes),
            work: EnqueueWork::Swap,
            details: TaskDetails::Swap { swaps: Vec::new() },
            custom_metadata: None,
        };
        let outcome = self.cluster.apply(&Command::Enqueue(Box::new(enqueue)));
        assert!(matches!(outcome, Outcome::Enqueued { .. }), "{outcome:?}");
    }

    /// Follows what is decided to the end, without unknown outcomes.
    fn drain(&self) {
        while self.queues().iter().any(|queue| {
            self.cluster
                .state()
                .indexes
                .get(&queue.0)
                .is_some_and(|index| index.queues.contains_key(&queue.1))
                && self.step(queue, 3)
        }) {}
    }

    fn queues(&self) -> Vec<(PhysicalId, NodeId)> {
        let state = self.cluster.state();
        let of = |index: &Index| index.queues.keys().map(|node| (index.id, node.clone())).collect::<Vec<_>>();
        state.indexes.values().flat_map(of).collect()
    }

    /// One step of one queue; whether there was one to do.
    fn step(&self, (index, node): &(PhysicalId, NodeId), choice: u8) -> bool {
        let state = self.cluster.state();
        let queue = &state.indexes[index].queues[node];
        let step = match &queue.dispatch {
            None => match decide(&state, *index, node, MOST) {
                Next::Wait(Waiting::Searched | Waiting::Lost) if queue.required => {
                    return self.release(*index, node, queue);
                }
                Next::Wait(_) => return false,
                Next::Check(task) => {
                    let settings = state.indexes[index].settings.version;
                    let error = choice
                        .is_multiple_of(3)
                        .then(|| ResponseError::new(ErrorCode::InvalidDocumentGeoField, "bad"));
                    QueueStep::Checked { task, settings, error }
                }
                Next::Do(step) | Next::Again(step) => {
                    QueueStep::Start { action: action(&state, step, choice), node_task: None }
                }
            },
            Some(open) if queue.renaming => {
                QueueStep::Fenced { number: open.number, arrived: choice.is_multiple_of(2) }
            }
            Some(open) if choice == 0 && open.action == Action::Create => {
                QueueStep::Fenced { number: open.number, arrived: false }
            }
            Some(open) if choice == 0 && queue.stage == Stage::Present => {
                QueueStep::Fence { number: open.number }
            }
            Some(open) if choice % 8 == 5 => {
                let fault = miroir_cluster::Fault { text: "no space".to_owned() };
                QueueStep::Stop { number: open.number, fault }
            }
            Some(open) => {
                self.finish(&state, (index, node), open, choice);
                return true;
            }
        };
        let outcome = self.cluster.apply(&self.command(*index, node, step.clone()));
        assert_eq!(outcome, Outcome::Lanes(vec![Ok(())]), "{step:?} for {queue:?}");
        true
    }

    /// The end of the open request, and with it the next.
    fn finish(&self, state: &State, (index, node): (&PhysicalId, &NodeId), open: &Dispatch, choice: u8) {
        let (number, result) = (open.number, result(&open.action, choice));
        let ended = |next| QueueStep::Finish { number, result: result.clone(), next };
        let queue =
            |state: &State| state.indexes.get(index).and_then(|index| index.queues.get(node)).cloned();
        let is_lost = |state: &State| queue(state).is_some_and(|queue| queue.lost.is_some());
        let mut after = state.clone();
        after.apply(after.stamp, &self.command(*index, node, ended(None)));
        let next = match decide(&after, *index, node, MOST) {
            Next::Do(step) => Some(action(&after, step, choice)),
            Next::Again(_) | Next::Check(_) | Next::Wait(_) => None,
        };
        let outcome = self.cluster.apply(&self.command(*index, node, ended(next.clone())));
        assert_eq!(outcome, Outcome::Lanes(vec![Ok(())]));
        let shown = self.cluster.state();
        // Once peers show what came before, its refusals are judged: this copy may be lost with its request.
        if is_lost(&shown) && !is_lost(&after) {
            return;
        }
        let open = queue(&shown).and_then(|queue| queue.dispatch).map(|open| open.action);
        assert_eq!(open, next, "the next request is recorded with the end of the last");
    }

    /// What a leader says of what is deleted or lost, once no search uses it.
    fn release(&self, index: PhysicalId, node: &NodeId, queue: &Queue) -> bool {
        let change = CopyChange::Release { hidden: queue.hidden.expect("it is hidden") };
        let step = CopyStep { index, node: node.clone(), change };
        assert_eq!(self.cluster.apply(&Command::Copy(step)), Outcome::Done);
        true
    }

    fn command(&self, index: PhysicalId, node: &NodeId, step: QueueStep) -> Command {
        Command::Lanes(vec![LaneStep { node: node.clone(), index, epoch: self.epoch, step }])
    }
}

fn peer_life() -> PeerLife {
    PeerLife { peer: PeerId(1), boot: 1 }
}

/// The action of a step, with its last payload cut somewhere, as full bodies cut them.
fn action(state: &State, step: Step, choice: u8) -> Action {
    match step {
        Step::Create => Action::Create,
        Step::Configure(version) => Action::Configure { version },
        Step::Alone(uid) => Action::Alone(uid),
        Step::Count(uid) => Action::Count(uid),
        Step::Drop => Action::Drop,
        Step::Ahead(uid) => Action::Ahead(uid),
        Step::Try(uid) => Action::Try(uid),
        Step::Send { mut tasks, mut from } => {
            tasks.truncate(1 + usize::from(choice) % MOST);
            let last = tasks.len() - 1;
            let slice = |(i, task): (usize, TaskUid)| {
                let from = std::mem::take(&mut from);
                let frames = state.tasks[&task].work.payload().unwrap().frames;
                let middle = (from.frames + frames).div_ceil(2);
                let cut = i == last && choice.is_multiple_of(3) && from.frames < middle && middle < frames;
                Slice { task, from, to: cut.then_some(middle) }
            };
            Action::Send(tasks.into_iter().enumerate().map(slice).collect())
        }
    }
}

fn result(action: &Action, choice: u8) -> DispatchResult {
    let refused = || DispatchResult::Refused {
        node_task: None,
        error: ResponseError::new(ErrorCode::InvalidDocumentGeoField, "bad"),
    };
    match (action, choice % 4) {
        (Action::Send(slices), 1) if slices.len() > 1 => DispatchResult::Apart { node_task: None },
        (Action::Send(slices), 1) if slices.len() == 1 => refused(),
        (Action::Alone(_) | Action::Try(_), 1) => refused(),
        _ => DispatchResult::Done { node_task: Some(1), deleted: vec![1] },
    }
}

fn work(kind: u8, number: u16) -> EnqueueWork {
    let mut writer = PayloadWriter::new();
    let ids: Vec<String> = (0..=number % 7).map(|n| (number + n).to_string()).collect();
    let mut payload = |deletes: bool| {
        for id in &ids {
            match deletes {
                true => writer.push_deletion(slot_of_id(id), id),
                false => writer.push_document(slot_of_id(id), r#"{"id":1}"#),
            }
        }
        let payload = std::mem::take(&mut writer).finish();
        let inline = payload.blocks.into_iter().map(Into::into).collect();
        (PayloadSource { frames: payload.frames as u32, inline, upload: None }, payload.units)
    };
    match kind {
        0 => EnqueueWork::CreateIndex,
        1 => EnqueueWork::DeleteIndex,
        2 => EnqueueWork::DeleteAll,
        3 if number.is_multiple_of(2) => {
            EnqueueWork::Edit(Edit { function: "doc.n += 1".to_owned(), context: None, filter: None })
        }
        3 => EnqueueWork::DeleteFilter { filter: r#""a = 1""#.to_owned() },
        4 | 5 => {
            let rules = Rules { version: ApiVersion::V1_50, features: Features::default() };
            let sent = json!({ "stopWords": [(number % 3).to_string()] });
            EnqueueWork::Settings { patch: SettingsPatch::parse(&sent, rules).unwrap() }
        }
        6 | 7 => {
            let (payload, units) = payload(true);
            EnqueueWork::DeleteIds { payload, units }
        }
        _ => {
            let mode = if number.is_multiple_of(5) { WriteMode::Update } else { WriteMode::Replace };
            let (payload, units) = payload(false);
            EnqueueWork::Documents { mode, skip_creation: number.is_multiple_of(11), payload, units }
        }
    }
}

/// Load, swap, clear what was swapped out, write to what was swapped in: until the swap is done, only what is before it.
#[test]
fn what_is_ordered_behind_a_change_of_names_waits_for_it() {
    let mut walk = Walk::new(2);
    for name in ["x", "y"] {
        walk.enqueue(name, work(8, 1));
    }
    walk.drain();
    let state = walk.cluster.state();
    let [out, taken_in] = ["x", "y"].map(|name| state.ordered(&name.parse().unwrap()).unwrap().id);
    let load = state.next_task;
    walk.enqueue("y", work(8, 1));
    walk.swap("x", "y");
    walk.enqueue("y", work(2, 0));
    walk.enqueue("x", work(8, 1));
    let state = walk.cluster.state();
    assert_eq!(state.next_task.0, load.0 + 4);
    let next: Vec<Next> = (walk.queues().iter())
        .filter(|(index, node)| !state.indexes[index].queues[node].pending.is_empty())
        .map(|(index, node)| {
            let next = decide(&state, *index, node, MOST);
            match &next {
                Next::Do(Step::Send { tasks, .. }) => {
                    assert_eq!((*index, &tasks[..]), (taken_in, &[load][..]))
                }
                _ => assert!(next == Next::Wait(Waiting::Names), "{next:?}"),
            }
            assert!(*index != out || next == Next::Wait(Waiting::Names));
            next
        })
        .collect();
    assert!(
        next.iter().any(|next| matches!(next, Next::Do(_))) && next.contains(&Next::Wait(Waiting::Names))
    );
    walk.drain();
    assert!(walk.cluster.state().tasks.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn apply_allows_what_is_decided_and_nothing_is_left(
        factor in 1..3u16,
        moves in prop::collection::vec((any::<u8>(), any::<u8>(), 0..1000u16), 1..120),
    ) {
        let mut walk = Walk::new(factor);
        for (kind, choice, number) in moves {
            if choice == 9 {
                walk.swap("x", "y");
            } else if kind < 90 {
                walk.enqueue(["x", "y"][usize::from(number % 2)], work(kind % 16, number));
            } else if let Some(queue) = walk.queues().get(usize::from(number) % walk.queues().len().max(1)) {
                walk.step(queue, choice);
            }
        }
        walk.drain();
        prop_assert!(walk.cluster.state().tasks.is_empty(), "{:?}", walk.cluster.state().tasks);
    }
}
