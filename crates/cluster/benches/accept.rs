//! What it costs to accept a write and to record a lane's steps, with few and with many tasks pending.
//!
//! Each measured command meets a state of which another handle is kept, as a peer keeps the one that it has published:
//! what the command changes is copied first.

use std::hint::black_box;

use bytes::Bytes;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use miroir_cluster::{
    Action, Adopt, Command, Credentials, Defaults, DispatchResult, Enqueue, EnqueueWork, Found, LaneStep,
    Outcome, PayloadSource, PeerStarted, ProposalId, QueueStep, Slice, State, Target, WriteMode,
};
use miroir_model::{NodeId, PeerId, PeerLife, PhysicalId, Slot, TaskUid, Timestamp, UnitSet};
use miroir_tasks::TaskDetails;

const PENDING: [u64; 2] = [10, 100_000];
const LIFE: PeerLife = PeerLife { peer: PeerId(1), boot: 1 };
const NODES: [&str; 3] = ["n1", "n2", "n3"];

fn apply(state: &mut State, command: &Command) -> Outcome {
    let outcome = state.apply(Timestamp(1), command).outcome;
    assert!(!matches!(outcome, Outcome::Refused(_)), "{outcome:?}");
    outcome
}

fn lane(node: &str, step: QueueStep) -> LaneStep {
    LaneStep { node: NodeId::new(node), index: PhysicalId(0), epoch: miroir_model::Epoch(1), step }
}

/// One small document.
fn write(number: u64) -> Command {
    let slot = Slot::of_hash(number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let units: UnitSet = [slot.unit()].into_iter().collect();
    let inline = vec![Bytes::from_static(&[b'd'; 300])];
    let payload = PayloadSource { frames: 1, inline, upload: None };
    let key = Some("id".to_owned());
    let target = match number {
        0 => Target::Creates { primary_key: key, shape: Default::default() },
        _ => Target::Existing { index: PhysicalId(0), settings: 0, primary_key: key },
    };
    Command::Enqueue(Box::new(Enqueue {
        proposal: ProposalId { life: LIFE, number },
        idempotency: None,
        index_uid: "movies".parse().ok(),
        target,
        work: EnqueueWork::Documents { mode: WriteMode::Replace, skip_creation: false, payload, units },
        details: TaskDetails::Addition { received: 1, indexed: None },
        custom_metadata: None,
    }))
}

/// Three nodes, six shards with two copies each, and so many writes that no node was given yet.
fn pending(tasks: u64) -> State {
    let mut state = State::new();
    let defaults = Defaults { shards: Some(6), factor: 2, ..Defaults::default() };
    apply(&mut state, &Command::Found(Found { cluster: "bench".to_owned(), defaults }));
    let text = || "text".to_owned();
    let started = PeerStarted { life: LIFE, name: text(), http: text(), grpc: text() };
    apply(&mut state, &Command::PeerStarted(started));
    for node in NODES.map(NodeId::new) {
        let credentials =
            Credentials { master_key: text(), lane_key: text(), search_key: text(), adoption: text() };
        let adopt =
            Adopt { node: node.clone(), url: text(), group: 0, weight: 1, version: text(), credentials };
        apply(&mut state, &Command::Adopt(Box::new(adopt)));
        apply(&mut state, &Command::AssignLane { node: node.clone(), peer: Some(LIFE.peer) });
        apply(&mut state, &Command::TakeLane { node, life: LIFE });
    }
    (0..tasks).for_each(|number| drop(apply(&mut state, &write(number))));
    state
}

fn done() -> DispatchResult {
    DispatchResult::Done { node_task: Some(1), deleted: Vec::new() }
}

/// The next tasks of a node, whole.
fn send(state: &State, node: &str, tasks: usize) -> Vec<Slice> {
    let pending = &state.indexes[&PhysicalId(0)].queues[&NodeId::new(node)].pending;
    let uids: Vec<TaskUid> = pending.iter().take(tasks).copied().collect();
    let slice = |uid: &TaskUid| Slice { task: *uid, from: Default::default(), to: None };
    uids.iter().map(slice).collect()
}

/// The state in which each lane has sent `tasks` tasks, and the command that ends these requests and records the next.
fn sent(mut state: State, tasks: usize) -> (State, Command) {
    for node in NODES {
        let configure = Action::Configure { version: 0 };
        let start = QueueStep::Start { action: Action::Create, node_task: None };
        let finish = |number, next| QueueStep::Finish { number, result: done(), next };
        let steps = [start, finish(0, Some(configure)), finish(1, None)].map(|step| lane(node, step));
        apply(&mut state, &Command::Lanes(steps.into()));
        let action = Action::Send(send(&state, node, tasks));
        let start = QueueStep::Start { action, node_task: None };
        let outcome = apply(&mut state, &Command::Lanes(vec![lane(node, start)]));
        assert_eq!(outcome, Outcome::Lanes(vec![Ok(())]));
    }
    let ends = NODES.map(|node| {
        let slices = send(&state, node, 2 * tasks);
        let next = slices.get(tasks..).filter(|slices| !slices.is_empty()).map(<[Slice]>::to_vec);
        lane(node, QueueStep::Finish { number: 2, result: done(), next: next.map(Action::Send) })
    });
    (state, Command::Lanes(ends.into()))
}

fn accept(c: &mut Criterion) {
    let mut group = c.benchmark_group("accept");
    for tasks in PENDING {
        let state = pending(tasks);
        let command = write(tasks);
        group.throughput(Throughput::Elements(1));
        group.bench_function(format!("one document, {tasks} pending"), |b| {
            b.iter_batched_ref(
                || state.clone(),
                |state| black_box(apply(state, &command)),
                BatchSize::SmallInput,
            );
        });
    }
}

fn lanes(c: &mut Criterion) {
    let mut group = c.benchmark_group("lane steps");
    for tasks in PENDING {
        let state = pending(tasks);
        for joined in [1, 100] {
            let (state, command) = sent(state.clone(), joined);
            group.throughput(Throughput::Elements(NODES.len() as u64));
            group.bench_function(format!("3 requests of {joined} end, {tasks} pending"), |b| {
                b.iter_batched_ref(
                    || state.clone(),
                    |state| black_box(apply(state, &command)),
                    BatchSize::SmallInput,
                );
            });
        }
    }
}

criterion_group!(benches, accept, lanes);
criterion_main!(benches);
