//! Attempts, idempotency keys and uploads.

use bytes::Bytes;
use miroir_cluster::{
    Command, Enqueue, EnqueueWork, Outcome, PayloadSource, ProposalId, Refusal, Settled, Stale, Target,
    UploadId, WriteMode,
};
use miroir_model::{PeerId, PeerLife, TaskUid, UnitSet};

use crate::world::{TWO, World, documents, patch, started};
use miroir_testkit::Dice;

const HOUR: i64 = 3_600_000;
const TEN_MINUTES: i64 = 600_000;
const LIFE: PeerLife = PeerLife { peer: PeerId(1), boot: 1 };

fn enqueue(world: &mut World, enqueue: &Enqueue) -> Outcome {
    world.apply(Command::Enqueue(Box::new(enqueue.clone())))
}

fn accepted(outcome: Outcome) -> (TaskUid, bool) {
    let Outcome::Enqueued { task, replayed, .. } = outcome else { unreachable!("{outcome:?}") };
    (task, replayed)
}

fn upload(world: &mut World, number: u64, seq: u32) -> Outcome {
    let upload = UploadId { life: LIFE, number };
    world.apply(Command::Chunk { upload, seq, bytes: Bytes::from(vec![seq as u8; 10]) })
}

fn uploaded(number: u64, chunks: u32) -> EnqueueWork {
    let payload = PayloadSource {
        frames: 2,
        inline: Vec::new(),
        upload: Some((UploadId { life: LIFE, number }, chunks)),
    };
    EnqueueWork::Documents { mode: WriteMode::Replace, skip_creation: false, payload, units: UnitSet::ALL }
}

#[test]
fn an_attempt_that_is_proposed_again_is_the_same_task() {
    let mut world = World::new(TWO);
    let mut write = world.write("a", EnqueueWork::CreateIndex, None);
    write.idempotency = Some(("key".to_owned(), 1));
    let first = enqueue(&mut world, &write);
    let state = world.state.clone();
    assert_eq!(enqueue(&mut world, &write), first);
    assert_eq!((&world.state.tasks, &world.state.names), (&state.tasks, &state.names));
    world.clock = world.clock.plus_millis(TEN_MINUTES);
    assert_eq!(enqueue(&mut world, &write), first, "remembered for ten minutes, however often it comes");
}

/// A peer that was stopped with an attempt in hand, or a network that kept one for long, brings it when nobody remembers
/// that its client was told that nothing was changed.
#[test]
fn an_attempt_that_comes_when_it_is_forgotten_is_refused() {
    let mut world = World::new(TWO);
    let (late, next) =
        (world.write("a", EnqueueWork::CreateIndex, None), world.write("b", EnqueueWork::CreateIndex, None));
    let settle = Command::Settle { proposal: late.proposal };
    assert_eq!(world.apply(settle.clone()), Outcome::Settled(Settled::Refused));
    world.clock = world.clock.plus_millis(TEN_MINUTES + 1);
    accepted(enqueue(&mut world, &next));
    assert_eq!(world.state.proposals.len(), 1, "only the new one is remembered");
    assert_eq!(enqueue(&mut world, &late), Outcome::Refused(Refusal::GivenUp));
    assert!(
        matches!(world.apply(settle), Outcome::Refused(Refusal::Unknown(_))),
        "it may have been accepted"
    );
    assert!(world.state.ordered(&"a".parse().expect("a name")).is_none());

    // So it is when its peer has started again.
    let other = world.write("c", EnqueueWork::CreateIndex, None);
    world.must(Command::PeerStarted(started(1, 2)));
    assert_eq!(enqueue(&mut world, &other), Outcome::Refused(Refusal::GivenUp));
    let new = world.write("c", EnqueueWork::CreateIndex, None);
    accepted(enqueue(&mut world, &new));
}

/// A stale attempt that comes twice, as a log may hold it, stays refused when the state fits it again: its peer has
/// gone on with another.
#[test]
fn a_refused_attempt_stays_refused() {
    let mut world = World::new(TWO);
    let write = world.write("a", EnqueueWork::CreateIndex, None);
    world.enqueue("a", EnqueueWork::CreateIndex, None);
    assert_eq!(enqueue(&mut world, &write), Outcome::Refused(Refusal::Stale(Stale::Index)));
    world.enqueue("a", EnqueueWork::DeleteIndex, None);
    assert_eq!(enqueue(&mut world, &write), Outcome::Refused(Refusal::GivenUp));
    let settle = Command::Settle { proposal: write.proposal };
    assert_eq!(world.apply(settle), Outcome::Settled(Settled::Refused));
}

#[test]
fn settling_refuses_what_has_not_arrived_and_finds_what_has() {
    let mut world = World::new(TWO);
    let (late, found) =
        (world.write("a", EnqueueWork::CreateIndex, None), world.write("b", EnqueueWork::CreateIndex, None));
    let (task, _) = accepted(enqueue(&mut world, &found));
    let settle = |world: &mut World, proposal: ProposalId| world.apply(Command::Settle { proposal });
    assert_eq!(settle(&mut world, late.proposal), Outcome::Settled(Settled::Refused));
    assert_eq!(enqueue(&mut world, &late), Outcome::Refused(Refusal::GivenUp));
    let expected = Settled::Accepted { task, at: world.clock, replayed: false };
    assert_eq!(settle(&mut world, found.proposal), Outcome::Settled(expected));
}

#[test]
fn an_idempotency_key_is_bound_by_the_first_accepted_attempt_for_a_day() {
    let mut world = World::new(TWO);
    let attempt = |world: &mut World, request| {
        let mut write = world.write("a", documents(WriteMode::Replace, UnitSet::ALL, 1), Some("id"));
        write.idempotency = Some(("key".to_owned(), request));
        write
    };
    // A stale attempt binds nothing.
    let mut stale = attempt(&mut world, 1);
    stale.target = Target::Existing { index: miroir_model::PhysicalId(9), settings: 0, primary_key: None };
    assert_eq!(enqueue(&mut world, &stale), Outcome::Refused(Refusal::Stale(Stale::Index)));

    let first = attempt(&mut world, 2);
    let (task, replayed) = accepted(enqueue(&mut world, &first));
    assert!(!replayed);
    world.clock = world.clock.plus_millis(24 * HOUR);
    let again = attempt(&mut world, 2);
    assert_eq!(accepted(enqueue(&mut world, &again)), (task, true));
    let other = attempt(&mut world, 3);
    assert_eq!(enqueue(&mut world, &other), Outcome::Refused(Refusal::IdempotencyConflict));
    world.clock = world.clock.plus_millis(1_000);
    let next_day = attempt(&mut world, 3);
    assert_eq!(accepted(enqueue(&mut world, &next_day)), (task.next(), false));
}

#[test]
fn an_upload_serves_one_attempt() {
    let mut world = World::new(TWO);
    for seq in [0, 1] {
        assert_eq!(upload(&mut world, 0, seq), Outcome::Done);
    }
    assert_eq!(upload(&mut world, 0, 1), Outcome::Done, "proposed again");
    assert_eq!(upload(&mut world, 0, 3), Outcome::Refused(Refusal::UploadBroken { have: 2, want: 3 }));
    let write = world.write("a", uploaded(0, 2), Some("id"));
    let (task, _) = accepted(enqueue(&mut world, &write));
    let payload = world.state.tasks[&task].work.payload().expect("documents").clone();
    assert_eq!((payload.chunks.len(), payload.bytes, world.state.uploads.len()), (2, 20, 0));

    // What a stale attempt brought is let go.
    assert_eq!(upload(&mut world, 1, 0), Outcome::Done);
    let write = world.write("a", uploaded(1, 1), None);
    world.enqueue("a", EnqueueWork::Settings { patch: patch(r#"{"stopWords":["x"]}"#) }, None);
    assert_eq!(enqueue(&mut world, &write), Outcome::Refused(Refusal::Stale(Stale::Settings)));
    let outcome = enqueue(&mut world, &Enqueue { proposal: ProposalId { life: LIFE, number: 999 }, ..write });
    assert!(matches!(outcome, Outcome::Refused(Refusal::UploadBroken { have: 0, want: 1 })));
    assert_eq!(world.state.chunks.len(), 2);
    world.drain(&mut Dice::from(1));
    assert_eq!(world.state.chunks.len(), 0);
}

#[test]
fn an_upload_ends_with_its_life_or_in_silence() {
    let mut world = World::new(TWO);
    assert_eq!(upload(&mut world, 0, 0), Outcome::Done);
    world.must(Command::PeerStarted(started(1, 2)));
    assert_eq!((world.state.uploads.len(), world.state.chunks.len()), (0, 0));
    assert!(matches!(upload(&mut world, 0, 0), Outcome::Refused(Refusal::Unknown(_))), "that life is over");

    let life = PeerLife { boot: 2, ..LIFE };
    let chunk =
        |seq| Command::Chunk { upload: UploadId { life, number: 0 }, seq, bytes: Bytes::from_static(b"x") };
    world.must(chunk(0));
    world.clock = world.clock.plus_millis(600_000);
    world.must(chunk(1));
    world.clock = world.clock.plus_millis(600_000);
    world.must(Command::PeerAlive { peer: PeerId(2), alive: true });
    assert_eq!(world.state.uploads.len(), 1);
    world.clock = world.clock.plus_millis(1);
    world.must(Command::PeerAlive { peer: PeerId(2), alive: true });
    assert_eq!((world.state.uploads.len(), world.state.chunks.len()), (0, 0));
}
