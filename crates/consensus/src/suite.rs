//! openraft's own tests of a store, and ours of what they leave out: durability.

mod known;
mod rounds;
mod worker;

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use miroir_cluster::{ChunkId, ChunkMeta, Row, Rows, State};
use miroir_model::Timestamp;
use openraft::storage::{RaftLogStorage, RaftLogStorageExt, RaftStateMachine};
use openraft::testing::log::{StoreBuilder, Suite};
use openraft::{RaftLogReader, StorageError};
use tempfile::TempDir;

use crate::log::LogStore;
use crate::machine::{Machine, Shared};
use crate::snapshot::{SnapshotData, Spool};
use crate::spool;
use crate::types::{Entry, Group, LeaderId, LogId, Payload, Proposal, SnapshotMeta, Vote};

const FILE_BYTES: usize = 64 << 10;

fn open(dir: &TempDir) -> io::Result<LogStore> {
    LogStore::open(&dir.path().join("log"), FILE_BYTES)
}

struct Build;

impl StoreBuilder<Group, LogStore, Machine, TempDir> for Build {
    async fn build(&self) -> Result<(TempDir, LogStore, Machine), StorageError<Group>> {
        let dir = tempfile::tempdir().expect("a directory");
        let log = open(&dir).expect("opens");
        let shared = Arc::new(Shared::open(dir.path(), 1 << 20).expect("opens"));
        Ok((dir, log, Machine::new(shared)))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn openrafts_suite_passes() {
    Suite::test_all(Build).await.expect("the suite passes");
}

fn id(index: u64) -> LogId {
    LogId { leader_id: LeaderId { term: 1, node_id: 7 }, index }
}

fn entry(index: u64, len: usize) -> Entry {
    let command = Bytes::from(vec![index as u8; len]);
    Entry {
        log_id: id(index),
        payload: Payload::Normal(Proposal { stamp: Timestamp(index as i64), command }),
    }
}

async fn filled(dir: &TempDir, entries: u64) -> LogStore {
    let mut log = open(dir).expect("opens");
    let leader_id = LeaderId { term: 1, node_id: 7 };
    log.save_vote(&Vote { leader_id, committed: true }).await.expect("votes");
    for index in 1..=entries {
        log.blocking_append([entry(index, 100 * index as usize)]).await.expect("appends");
    }
    log
}

/// The file of the log that is written to.
fn last_file(dir: &TempDir) -> std::path::PathBuf {
    let files = std::fs::read_dir(dir.path().join("log")).expect("lists");
    let files = files.map(|file| file.expect("a file").path());
    files.filter(|path| path.extension().is_some_and(|ext| ext == "wal")).max().expect("one")
}

/// Makes a file of these bytes the only one of the log: opening a torn log begins another behind it.
fn lay(path: &std::path::Path, bytes: &[u8]) {
    let dir = path.parent().expect("a directory");
    std::fs::remove_dir_all(dir).expect("removes");
    std::fs::create_dir(dir).expect("makes a directory");
    std::fs::write(path, bytes).expect("writes");
}

async fn indexes(log: &mut LogStore) -> Vec<u64> {
    let entries = log.try_get_log_entries(..).await.expect("reads");
    entries.iter().map(|entry| entry.log_id.index).collect()
}

#[tokio::test]
async fn what_was_synced_is_there_after_reopening() {
    let dir = tempfile::tempdir().expect("a directory");
    drop(filled(&dir, 60).await);
    let mut log = open(&dir).expect("opens again");
    assert_eq!(indexes(&mut log).await, (1..=60).collect::<Vec<_>>());
    assert_eq!(log.try_get_log_entries(30..=30).await.expect("reads"), [entry(30, 3000)]);
    assert_eq!(log.read_vote().await.expect("reads").map(|vote| vote.leader_id.node_id), Some(7));
    log.purge(id(50)).await.expect("purges");
    log.truncate_after(Some(id(55))).await.expect("truncates");
    drop(log);
    assert_eq!(indexes(&mut open(&dir).expect("opens again")).await, (51..=55).collect::<Vec<_>>());
}

#[tokio::test]
async fn batches_are_limited_by_bytes_but_never_empty() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut log = open(&dir).expect("opens");
    let large = (1..=9).map(|index| entry(index, 700 << 10));
    log.blocking_append(large).await.expect("appends");
    log.blocking_append([entry(10, 3 << 20)]).await.expect("appends");
    let got = |entries: Vec<Entry>| entries.len();
    assert_eq!(got(log.limited_get_log_entries(1, 10).await.expect("reads")), 2);
    assert_eq!(got(log.limited_get_log_entries(10, 11).await.expect("reads")), 1);
}

#[tokio::test]
async fn a_torn_tail_is_cut_wherever_it_was_torn() {
    let dir = tempfile::tempdir().expect("a directory");
    drop(filled(&dir, 20).await);
    let path = last_file(&dir);
    let whole = std::fs::read(&path).expect("reads");
    let mut before = 0;
    for keep in (whole.len() / 2..=whole.len()).step_by(61) {
        // Cut short; blocks that were never written; and a block that was not, with written ones behind it.
        let block = keep / 512 * 512;
        let (mut zeros, mut gap) = (whole.clone(), whole.clone());
        zeros[block..].fill(0);
        gap[block..(block + 512).min(whole.len())].fill(0);
        for torn in [&whole[..keep], &zeros, &gap] {
            lay(&path, torn);
            let found = indexes(&mut open(&dir).expect("opens")).await;
            let last = found.last().copied().unwrap_or(0);
            assert_eq!(found, (1..=last).collect::<Vec<_>>(), "a prefix, kept {keep}");
            assert!(last + 1 >= before, "what was whole before the block stays, kept {keep}");
        }
        lay(&path, &whole[..keep]);
        before = indexes(&mut open(&dir).expect("opens")).await.last().copied().unwrap_or(0);
    }
}

#[tokio::test]
async fn damage_to_what_was_acknowledged_is_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    drop(filled(&dir, 20).await);
    let path = last_file(&dir);
    let whole = std::fs::read(&path).expect("reads");
    for at in (100..whole.len() - 4).step_by(1009) {
        let mut rotten = whole.clone();
        rotten[at] ^= 0x20;
        lay(&path, &rotten);
        match open(&dir) {
            Err(_) => {}
            // A flipped bit in a length can look like a record that ends too early, if it was the last.
            Ok(mut log) => {
                let found = indexes(&mut log).await;
                assert!(found.len() >= 19, "byte {at}: {} entries are left", found.len());
            }
        }
    }
}

fn history(shared: &Shared) -> Vec<(Vec<u8>, Vec<u8>)> {
    shared.rows.scan((b"a", b"z"), 99, false).expect("scans")
}

#[tokio::test]
async fn a_snapshot_from_another_peer_brings_its_history_and_stays() {
    let dir = tempfile::tempdir().expect("a directory");
    let shared = Arc::new(Shared::open(dir.path(), 1 << 20).expect("opens"));
    shared.rows.write([Row { key: b"gone".to_vec(), value: Some(b"old".to_vec()) }]).expect("writes");
    let path = shared.snapshots.spool(1);
    let mut rows = spool::Writer::create(&path).expect("creates");
    rows.push(spool::Row::new(b"key", b"value").expect("a small one")).expect("writes");
    rows.finish().expect("writes");

    let meta = SnapshotMeta { last_log_id: Some(id(9)), ..SnapshotMeta::default() };
    let spool = Some(Arc::new(Spool(path.clone())));
    let mut machine = Machine::new(shared.clone());
    let data = SnapshotData { state: Arc::new(State::new()), rows: spool };
    machine.install_snapshot(&meta, data).await.expect("installs");
    assert_eq!(history(&shared), [(b"key".to_vec(), b"value".to_vec())]);
    assert!(!path.exists(), "the temporary file is gone");

    drop(machine);
    drop(shared);
    let shared = Arc::new(Shared::open(dir.path(), 1 << 20).expect("opens again"));
    let mut machine = Machine::new(shared.clone());
    let found = machine.get_current_snapshot().await.expect("reads").expect("is there");
    assert_eq!(found.meta, meta);
    machine.install_snapshot(&found.meta, found.snapshot).await.expect("installs");
    assert_eq!(machine.applied_state().await.expect("knows").0, meta.last_log_id);
    assert_eq!(history(&shared).len(), 1);
}

#[tokio::test]
async fn a_snapshot_whose_payload_is_not_here_is_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    let shared = Arc::new(Shared::open(dir.path(), 1 << 20).expect("opens"));
    let bytes = Bytes::from_static(b"payload");
    let mut state = State::new();
    state.chunks.insert(ChunkId(3), ChunkMeta::of(&bytes));
    state.next_chunk = ChunkId(4);
    let data = SnapshotData { state: Arc::new(state), rows: None };
    let meta = SnapshotMeta { last_log_id: Some(id(9)), ..SnapshotMeta::default() };
    let mut machine = Machine::new(shared.clone());
    assert!(machine.install_snapshot(&meta, data.clone()).await.is_err());
    assert!(shared.snapshots.current().is_none(), "nothing was changed");
    shared.segments.store(ChunkId(3), &bytes).expect("stores");
    machine.install_snapshot(&meta, data).await.expect("installs");
    assert_eq!(shared.segments.read(ChunkId(3)).expect("reads"), Some(bytes));
}
