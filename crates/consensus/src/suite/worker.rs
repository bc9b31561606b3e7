//! The stores at work, in a process that is to be killed: log and vote, rows, segments and snapshots, used as openraft
//! uses them, and checked against what the parent knows when they are opened again.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream;
use miroir_api::{ErrorCode, ResponseError};
use miroir_cluster::{
    Command, Enqueue, EnqueueWork, PeerStarted, ProposalId, Target, UploadId, finished_tasks,
};
use miroir_model::{PeerId, PeerLife, TaskUid, Timestamp};
use miroir_tasks::{TaskDetails, TaskKind};
use miroir_testkit::Dice;
use openraft::RaftLogReader;
use openraft::storage::{RaftLogStorage, RaftLogStorageExt, RaftSnapshotBuilder, RaftStateMachine};

use super::known::Known;
use crate::log::LogStore;
use crate::machine::{Machine, Shared};
use crate::types::{Entry, LeaderId, LogId, Payload, Proposal, Vote};

const LIFE: PeerLife = PeerLife { peer: PeerId(1), boot: 1 };
/// How many uploads are kept.
const KEPT: u64 = 20;
/// How many finished tasks are read back.
const READ_BACK: u64 = 200;
const LOG_FILE: usize = 64 << 10;
const SEGMENT_FILE: u64 = 96 << 10;

fn say(text: &str) {
    writeln!(io::stdout(), "\n{text}").expect("says");
}

fn leader(term: u64) -> LeaderId {
    LeaderId { term, node_id: 7 }
}

fn upload(number: u64) -> UploadId {
    UploadId { life: LIFE, number }
}

/// The bytes of an upload: told by its number, of very different lengths.
fn payload(number: u64) -> Bytes {
    let len = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 51;
    let byte = |at: u64| (number.wrapping_mul(31).wrapping_add(at * at) >> 3) as u8;
    (0..=len).map(byte).collect::<Vec<_>>().into()
}

/// What every entry says follows from its index.
fn command(index: u64) -> Command {
    let started =
        || PeerStarted { life: LIFE, name: String::new(), http: String::new(), grpc: String::new() };
    match index % 3 {
        _ if index <= 1 => Command::PeerStarted(started()),
        0 => Command::Chunk { upload: upload(index), seq: 0, bytes: payload(index) },
        1 => Command::DropUpload { upload: upload((index - 1).saturating_sub(3 * KEPT)) },
        _ => Command::Enqueue(Box::new(Enqueue {
            proposal: ProposalId { life: LIFE, number: index },
            idempotency: None,
            index_uid: "none".parse().ok(),
            target: Target::Missing,
            work: EnqueueWork::Refused {
                kind: TaskKind::DocumentDeletion,
                error: ResponseError::new(ErrorCode::BadRequest, "planned"),
            },
            details: TaskDetails::Deletion { provided: 0, deleted: None, filter: None },
            custom_metadata: Some(index.to_string()),
        })),
    }
}

fn entry(term: u64, index: u64) -> Entry {
    let proposal = Proposal { stamp: Timestamp(index as i64), command: command(index).encode().into() };
    Entry { log_id: LogId { leader_id: leader(term), index }, payload: Payload::Normal(proposal) }
}

/// The stores of one life.
pub(super) struct Worker {
    log: LogStore,
    shared: Arc<Shared>,
    machine: Machine,
    term: u64,
    last: u64,
    applied: u64,
}

impl Worker {
    /// Opens them as a start does, and checks them.
    pub(super) async fn open(dir: &Path, known: &Known) -> io::Result<Self> {
        let mut log = LogStore::open(&dir.join("log"), LOG_FILE)?;
        let shared = Arc::new(Shared::open(dir, SEGMENT_FILE)?);
        let vote = log.read_vote().await?.map_or(0, |vote| vote.leader_id.term);
        assert!(known.voted <= vote && vote <= known.voting, "voted {vote}, {known:?}");
        let last = check_log(&mut log, &shared, known).await;

        let mut machine = Machine::new(shared.clone());
        if let Some(snapshot) = machine.get_current_snapshot().await? {
            machine.install_snapshot(&snapshot.meta, snapshot.snapshot).await?;
        }
        let from = machine.applied_state().await?.0.map_or(0, |id| id.index);
        let committed = log.read_committed().await?.map_or(0, |id| id.index);
        assert!(committed <= known.committing && from <= known.committing, "{committed}, {from}, {known:?}");
        let mut worker = Self { log, shared, machine, term: vote.max(known.voting), last, applied: from };
        worker.apply(known.committed.max(committed).max(from)).await?;
        worker.check_state();
        Ok(worker)
    }

    async fn apply(&mut self, upto: u64) -> io::Result<()> {
        let entries = self.log.try_get_log_entries(self.applied + 1..=upto).await?;
        assert_eq!(entries.len() as u64, upto - self.applied, "entries are missing");
        self.machine.apply(stream::iter(entries.into_iter().map(|entry| Ok((entry, None))))).await?;
        self.applied = upto;
        Ok(())
    }

    /// Uploads, payload and history are those of the entries that were applied.
    fn check_state(&self) {
        let state = self.shared.state();
        let dropped = (0..=self.applied).rev().find(|index| index % 3 == 1).unwrap_or(0);
        let first = dropped.saturating_sub(1 + 3 * KEPT);
        let live: Vec<u64> = (2..=self.applied).filter(|index| index % 3 == 0 && *index > first).collect();
        let held: Vec<u64> = state.uploads.keys().map(|id| id.number).collect();
        assert_eq!(held, live, "applied {}", self.applied);
        for (id, upload) in &state.uploads {
            let read = self.shared.segments.read(upload.chunks[0]).expect("reads");
            assert_eq!(read, Some(payload(id.number)), "upload {}", id.number);
        }
        let tasks = (2..=self.applied).rev().filter(|index| index % 3 == 2).take(READ_BACK as usize);
        let count = state.next_task.0;
        let rows = finished_tasks(
            &self.shared.rows,
            TaskUid(count.saturating_sub(READ_BACK))..=TaskUid(count.saturating_sub(1)),
        );
        let rows: Vec<u64> =
            rows.filter_map(|task| task.expect("reads").custom_metadata?.parse().ok()).collect();
        assert_eq!(rows, tasks.collect::<Vec<_>>(), "the history, applied {}", self.applied);
    }

    fn say_end(&self) {
        say(&format!("synced {}", self.log.extent().end));
    }

    /// Works until it is killed.
    pub(super) async fn work(mut self, mut dice: Dice, dir: &Path) -> io::Result<()> {
        self.say_end();
        say("ready");
        self.vote().await?;
        loop {
            match dice.below(20) {
                0 => self.vote().await?,
                1 => self.truncate().await?,
                2 => self.snapshot(dir).await?,
                3 => self.purge().await?,
                _ => self.append(dice.between(1, 5)).await?,
            }
            if !dice.one_in(3) {
                self.commit(dice.between(0, 8)).await?;
            }
        }
    }

    async fn vote(&mut self) -> io::Result<()> {
        self.term += 1;
        say(&format!("voting {}", self.term));
        self.log.save_vote(&Vote { leader_id: leader(self.term), committed: true }).await?;
        say(&format!("voted {} {}", self.term, self.log.extent().end));
        Ok(())
    }

    async fn append(&mut self, count: u64) -> io::Result<()> {
        let (first, last) = (self.last + 1, self.last + count);
        self.log.blocking_append((first..=last).map(|index| entry(self.term, index))).await?;
        self.last = last;
        say(&format!("appended {first} {last} {} {}", self.term, self.log.extent().end));
        Ok(())
    }

    async fn commit(&mut self, behind: u64) -> io::Result<()> {
        let upto = self.last.saturating_sub(behind).max(self.applied);
        let id = self.log.try_get_log_entries(upto..=upto).await?.first().map(|entry| entry.log_id);
        say(&format!("committing {upto}"));
        self.log.save_committed(id).await?;
        self.apply(upto).await?;
        say(&format!("committed {upto}"));
        Ok(())
    }

    /// As when a new leader has other entries behind what is committed.
    async fn truncate(&mut self) -> io::Result<()> {
        let keep = self.applied;
        if self.last > keep {
            let id = self.log.try_get_log_entries(keep..=keep).await?.first().map(|entry| entry.log_id);
            if keep > 0 && id.is_none() {
                return Ok(());
            }
            say(&format!("truncating {keep}"));
            self.log.truncate_after(id).await?;
            self.last = keep;
            self.vote().await?;
            self.append(1).await?;
        }
        Ok(())
    }

    async fn snapshot(&mut self, dir: &Path) -> io::Result<()> {
        self.machine.get_snapshot_builder().await.build_snapshot().await?;
        // What is durable of the rows: all that a loss of power would leave, at least.
        let (partial, copy) = (dir.join("rows.partial"), dir.join("rows.durable"));
        let _ = std::fs::remove_dir_all(&partial);
        copy_dir(&dir.join("rows"), &partial)?;
        say("copying");
        let _ = std::fs::remove_dir_all(&copy);
        std::fs::rename(&partial, &copy)?;
        say(&format!("copied {}", self.applied));
        Ok(())
    }

    async fn purge(&mut self) -> io::Result<()> {
        if let Some((meta, _)) = self.shared.snapshots.current()
            && let Some(id) = meta.last_log_id
            && self.log.purged() < Some(id.index)
        {
            // What it removes cannot be brought back by a cut, so from here to its end nothing is cut.
            say("purging");
            self.log.purge(id).await?;
            self.say_end();
        }
        Ok(())
    }
}

/// The log has every entry that was acknowledged and that no snapshot replaces; answers its last.
async fn check_log(log: &mut LogStore, shared: &Shared, known: &Known) -> u64 {
    let snapshot = shared.snapshots.current().and_then(|(meta, _)| Some(meta.last_log_id?.index));
    let purged = log.purged();
    assert!(purged <= snapshot, "purged up to {purged:?}, and the snapshot is of {snapshot:?}");
    let entries = log.try_get_log_entries(..).await.expect("reads");
    let begin = purged.map_or(entries.first().map_or(1, |entry| entry.log_id.index), |purged| purged + 1);
    for (index, found) in (begin..).zip(&entries) {
        let term = match known.term_of(index) {
            Some(term) => term,
            None => {
                let term = found.log_id.leader_id.term;
                // It was not acknowledged; from now on others are told that it is here.
                say(&format!("appended {index} {index} {term} {}", log.extent().end));
                term
            }
        };
        assert!(*found == entry(term, index), "entry {index} of term {term}: {:?}", found.log_id);
    }
    let last = entries.last().map_or(purged.unwrap_or(0), |entry| entry.log_id.index);
    assert!(last >= known.sure, "the log ends at {last}, {known:?}");
    last
}

pub(super) fn copy_dir(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_dir(&entry.path(), &to)?;
        } else {
            std::fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}
