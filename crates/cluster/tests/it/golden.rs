//! Version 2 of the encoding, held by bytes in `tests/golden`.
//!
//! These files are never updated: what they hold is in logs and snapshots of clusters that run. A change that breaks
//! this test needs a new version of the encoding, which reads the former one too, and files of its own.

use std::collections::BTreeSet;
use std::path::Path;

use miroir_cluster::{Command, DecodeError, State, Trial};
use miroir_model::Timestamp;

use crate::world::{Layout, World};
use miroir_testkit::Dice;

/// How many kinds of commands there are.
const KINDS: usize = 16;
/// A log that has every kind of command, its entries framed by a stamp and a length, little-endian.
const LOG: &[u8] = include_bytes!("../golden/log-v2.bin");
/// The state after that log.
const STATE: &[u8] = include_bytes!("../golden/state-v2.bin");

fn entries(mut log: &[u8]) -> Vec<(Timestamp, &[u8])> {
    let mut entries = Vec::new();
    while let Some((head, rest)) = log.split_first_chunk::<12>() {
        let (stamp, length) = head.split_first_chunk::<8>().expect("12 bytes");
        let length = u32::from_le_bytes(length.try_into().expect("4 bytes")) as usize;
        let (entry, rest) = rest.split_at(length);
        entries.push((Timestamp(i64::from_le_bytes(*stamp)), entry));
        log = rest;
    }
    entries
}

#[test]
fn commands_of_version_2_are_read_and_written_as_they_were() {
    let entries = entries(LOG);
    let mut kinds = BTreeSet::new();
    for (_, bytes) in &entries {
        let command = Command::decode(bytes).expect("version 2 is known");
        assert_eq!(command.encode(), *bytes);
        kinds.insert(bytes[1]);
    }
    assert_eq!(kinds.len(), KINDS, "the log has every kind of command");
}

#[test]
fn the_state_of_version_2_is_read_and_written_as_it_was() {
    let state = State::decode(STATE).expect("version 2 is known");
    assert_eq!(state.encode(), STATE);
    assert!(is_telling(&state), "every part of the state has something in it");
}

/// Not only the bytes: peers of two versions of the program apply the same log to the same state.
#[test]
fn the_log_of_version_2_still_makes_the_same_state() {
    let mut state = State::new();
    for (stamp, bytes) in entries(LOG) {
        state.apply(stamp, &Command::decode(bytes).expect("version 2 is known"));
    }
    assert_eq!(state.encode(), STATE);
}

#[test]
fn what_is_damaged_or_newer_is_refused() {
    assert_eq!(State::decode(&[]), Err(DecodeError::Empty));
    let mut newer = STATE.to_vec();
    newer[0] = 3;
    assert_eq!(State::decode(&newer), Err(DecodeError::Version(3)));
    newer[0] = 1;
    assert_eq!(State::decode(&newer), Err(DecodeError::TooOld(1)));
    for end in (1..STATE.len()).step_by(37) {
        assert!(matches!(State::decode(&STATE[..end]), Err(DecodeError::Damaged(_))), "{end}");
    }
    let longer = [STATE, &[0]].concat();
    assert!(matches!(State::decode(&longer), Err(DecodeError::Damaged(_))));
}

/// Whether every part of a state has something in it.
fn is_telling(state: &State) -> bool {
    let queues: Vec<_> = state.indexes.values().flat_map(|index| index.queues.values()).collect();
    let parts = [
        !state.uploads.is_empty(),
        !state.idempotency.is_empty(),
        !state.proposals.is_empty(),
        state.tasks.len() > 10,
        state.tasks.values().any(|task| task.error.is_some()),
        state.indexes.values().any(|index| index.settings.change.is_some()),
        queues.iter().any(|queue| queue.renaming && queue.dispatch.is_some()),
        queues.iter().any(|queue| queue.apart_until.is_some()),
        queues.iter().any(|queue| queue.fault.is_some() && queue.installed.is_some()),
        queues.iter().any(|queue| queue.hidden.is_some() && queue.returns_at.is_none()),
        queues.iter().any(|queue| queue.lost.is_some()),
        !state.showing.is_empty(),
        state.tasks.values().any(|task| !task.names.is_empty()),
        state.tasks.values().any(|task| matches!(&task.trial, Trial::By(nodes) if !nodes.is_empty())),
    ];
    parts.into_iter().all(|part| part)
}

/// Writes the files of a new version, which must not be there: by hand, once for each version.
#[test]
#[ignore = "writes files"]
fn write_a_version() {
    let layout = Layout { nodes: 4, groups: 2, factor: 2, shards: 3 };
    let kinds =
        |world: &World| world.log.iter().map(|(_, command)| command.encode()[1]).collect::<BTreeSet<_>>();
    let history = |history: u64| {
        let mut world = World::new(layout);
        world.shows = false;
        let telling = (0..800).any(|at| {
            let command = world.generate(&mut Dice::from(history * 1_000 + at));
            world.apply(command);
            is_telling(&world.state) && kinds(&world).len() == KINDS
        });
        telling.then_some(world)
    };
    let world = (0..).find_map(history).expect("there are many");
    let mut log = Vec::new();
    for (stamp, command) in &world.log {
        let bytes = command.encode();
        log.extend(stamp.0.to_le_bytes());
        log.extend(u32::try_from(bytes.len()).expect("small").to_le_bytes());
        log.extend(bytes);
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    for (name, bytes) in [("log-v2.bin", log), ("state-v2.bin", world.state.encode())] {
        let file = std::fs::File::options().write(true).create_new(true).open(folder.join(name));
        std::io::Write::write_all(&mut file.expect("it is not there yet"), &bytes).expect("a disk");
    }
}
