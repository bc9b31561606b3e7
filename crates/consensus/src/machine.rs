//! The state machine: applies entries to the state, keeps rows and chunks beside it, makes and installs snapshots.
//!
//! The state is in memory. After a restart it is the last snapshot and then the log, so rows and chunks are written
//! again; both do not mind. A snapshot counts, and the log may be purged, only when rows, chunks and the snapshot file
//! are all durable up to its place.

use std::io;
use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwap;
use futures::{Stream, StreamExt};
use miroir_cluster::{Applied, ChunkId, Command, Row, State};
use openraft::OptionalSend;
use openraft::storage::{EntryResponder, RaftSnapshotBuilder, RaftStateMachine};
use tokio::sync::watch;

use crate::rows::RowStore;
use crate::segments::Segments;
use crate::snapshot::{SnapshotData, Snapshots};
use crate::spool;
use crate::types::{Entry, Group, LogId, Membership, Payload, Proposal, Reply, Snapshot, SnapshotMeta};

/// How many entries are applied before readers see the state and proposers get their answers.
const BATCH: usize = 128;

/// What is shared by the state machine and those who read: the state as of the last batch and what is beside it.
pub(crate) struct Shared {
    state: ArcSwap<State>,
    version: watch::Sender<u64>,
    applied: watch::Sender<u64>,
    /// The history.
    pub(crate) rows: RowStore,
    /// The payload bytes.
    pub(crate) segments: Segments,
    /// The snapshots.
    pub(crate) snapshots: Snapshots,
}

impl Shared {
    /// Opens what a peer keeps beside its log.
    ///
    /// # Errors
    /// When a directory cannot be used, or something in it is damaged.
    pub(crate) fn open(dir: &Path, segment_bytes: u64) -> io::Result<Self> {
        let shared = Self {
            state: ArcSwap::from_pointee(State::new()),
            version: watch::Sender::new(0),
            applied: watch::Sender::new(0),
            rows: RowStore::open(&dir.join("rows"))?,
            segments: Segments::open(&dir.join("segments"), segment_bytes)?,
            snapshots: Snapshots::open(&dir.join("snapshots"))?,
        };
        shared.check()?;
        Ok(shared)
    }

    /// Whether rows and chunks that the last snapshot counts on are there. The log does not bring them again.
    fn check(&self) -> io::Result<()> {
        let Some((meta, state)) = self.snapshots.current() else { return Ok(()) };
        let damaged = |text| Err(io::Error::new(io::ErrorKind::InvalidData, text));
        let (synced, needed) = (self.rows.synced_to()?, index(&meta));
        if synced < Some(needed) {
            return damaged(format!("rows: they were written up to entry {needed}, and that is gone"));
        }
        match state.chunks().find(|(chunk, _)| !self.segments.contains(*chunk)) {
            Some((chunk, _)) => damaged(format!("segments: chunk {} was kept, and is gone", chunk.0)),
            None => Ok(()),
        }
    }

    /// The state as of the last batch.
    pub(crate) fn state(&self) -> Arc<State> {
        self.state.load_full()
    }

    /// The state, once its version is above `since`.
    pub(crate) async fn changed(&self, since: u64) -> Arc<State> {
        // The sender lives as long as `self`, so waiting cannot fail.
        let _ = self.version.subscribe().wait_for(|version| *version > since).await;
        self.state()
    }

    /// The index of the last entry applied.
    pub(crate) fn applied(&self) -> u64 {
        *self.applied.borrow()
    }

    /// Waits until an entry is applied.
    pub(crate) async fn wait_applied(&self, index: u64) {
        let _ = self.applied.subscribe().wait_for(|applied| *applied >= index).await;
    }

    fn publish(&self, state: Arc<State>, last: Option<LogId>) {
        let version = state.version();
        self.state.store(state);
        self.version.send_replace(version);
        self.applied.send_replace(last.map_or(0, |id| id.index));
    }
}

/// The state machine of one peer.
pub(crate) struct Machine {
    shared: Arc<Shared>,
    state: State,
    last: Option<LogId>,
    membership: Membership,
}

impl Machine {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, state: State::new(), last: None, membership: Membership::default() }
    }

    fn apply_entry(&mut self, entry: Entry, rows: &mut Vec<Row>) -> io::Result<Reply> {
        self.last = Some(entry.log_id);
        match entry.payload {
            Payload::Blank => Ok(Reply(None)),
            Payload::Membership(membership) => {
                self.membership = Membership::new(Some(entry.log_id), membership);
                Ok(Reply(None))
            }
            Payload::Normal(Proposal { stamp, command }) => {
                let command = Command::decode(&command).map_err(io::Error::other)?;
                let Applied { outcome, rows: new, forgotten, stored } = self.state.apply(stamp, &command);
                if let Some(first) = forgotten {
                    // In order: a task that ends late is kept although its neighbours are gone.
                    self.shared.rows.write(std::mem::take(rows))?;
                    self.shared.rows.forget(first)?;
                }
                for (chunk, bytes) in &stored {
                    self.shared.segments.store(*chunk, bytes)?;
                }
                rows.extend(new);
                Ok(Reply(Some(outcome)))
            }
        }
    }

    fn meta(&self) -> SnapshotMeta {
        SnapshotMeta { last_log_id: self.last, last_membership: self.membership.clone() }
    }
}

/// Makes one snapshot, of the moment when it was asked for.
pub(crate) struct Builder {
    shared: Arc<Shared>,
    meta: SnapshotMeta,
    state: Arc<State>,
}

impl RaftSnapshotBuilder<Group> for Builder {
    type SnapshotData = SnapshotData;

    async fn build_snapshot(&mut self) -> io::Result<Snapshot> {
        let (shared, meta, state) = (self.shared.clone(), self.meta.clone(), self.state.clone());
        blocking(move || {
            shared.segments.sync()?;
            shared.rows.sync(index(&meta))?;
            shared.snapshots.save(&meta, &state)?;
            collect(&shared, &state)?;
            Ok(Snapshot { meta, snapshot: SnapshotData { state, rows: None } })
        })
        .await
    }
}

/// Forgets the chunks that are dead in a durable snapshot and in those that are on their way to another peer. Ids are
/// never reused, so newer chunks are those beyond.
fn collect(shared: &Shared, durable: &State) -> io::Result<()> {
    let held = shared.snapshots.held();
    let named = |chunk: &ChunkId| held.iter().any(|state| state.chunks.contains_key(chunk));
    shared
        .segments
        .collect(|chunk| chunk >= durable.next_chunk || durable.chunks.contains_key(&chunk) || named(&chunk))
}

fn index(meta: &SnapshotMeta) -> u64 {
    meta.last_log_id.map_or(0, |id| id.index)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

impl RaftStateMachine<Group> for Machine {
    type SnapshotData = SnapshotData;
    type SnapshotBuilder = Builder;

    async fn applied_state(&mut self) -> io::Result<(Option<LogId>, Membership)> {
        Ok((self.last, self.membership.clone()))
    }

    async fn apply<S>(&mut self, entries: S) -> io::Result<()>
    where
        S: Stream<Item = io::Result<EntryResponder<Group>>> + Unpin + OptionalSend,
    {
        let mut batches = entries.ready_chunks(BATCH);
        while let Some(batch) = batches.next().await {
            miroir_fault::point("machine.apply")?;
            let mut rows = Vec::new();
            let mut answers = Vec::new();
            for item in batch {
                let (entry, responder) = item?;
                let reply = self.apply_entry(entry, &mut rows)?;
                answers.extend(responder.map(|responder| (responder, reply)));
            }
            if !rows.is_empty() {
                self.shared.rows.write(rows)?;
            }
            miroir_fault::point("machine.applied")?;
            // Before the answers: who proposed reads its own write here.
            self.shared.publish(Arc::new(self.state.clone()), self.last);
            answers.into_iter().for_each(|(responder, reply)| responder.send(reply));
        }
        Ok(())
    }

    async fn get_snapshot_builder(&mut self) -> Builder {
        Builder { shared: self.shared.clone(), meta: self.meta(), state: Arc::new(self.state.clone()) }
    }

    async fn install_snapshot(&mut self, meta: &SnapshotMeta, data: SnapshotData) -> io::Result<()> {
        let known = self.shared.snapshots.current().is_some_and(|(current, _)| current == *meta);
        let (shared, meta_, state) = (self.shared.clone(), meta.clone(), data.state.clone());
        blocking(move || {
            if let Some((chunk, _)) = state.chunks().find(|(chunk, _)| !shared.segments.contains(*chunk)) {
                let text = format!("chunk {} of the snapshot is not here", chunk.0);
                return Err(io::Error::new(io::ErrorKind::InvalidData, text));
            }
            if known {
                return Ok(());
            }
            miroir_fault::point("install.begin")?;
            shared.segments.sync()?;
            if let Some(rows) = &data.rows {
                shared.rows.replace(spool::read(&rows.0)?)?;
            }
            miroir_fault::point("install.rows")?;
            shared.rows.sync(index(&meta_))?;
            shared.snapshots.save(&meta_, &state)
        })
        .await?;
        miroir_fault::point("install.saved")?;
        self.state = State::clone(&data.state);
        self.last = meta.last_log_id;
        self.membership = meta.last_membership.clone();
        self.shared.publish(data.state.clone(), self.last);
        // Only now: who reads by the state that was published before must not miss what that one names.
        let shared = self.shared.clone();
        blocking(move || collect(&shared, &data.state)).await
    }

    async fn get_current_snapshot(&mut self) -> io::Result<Option<Snapshot>> {
        let current = self.shared.snapshots.hand_out();
        Ok(current.map(|(meta, state)| Snapshot { meta, snapshot: SnapshotData { state, rows: None } }))
    }
}
