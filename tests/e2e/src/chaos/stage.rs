//! What everybody in a run shares: the cluster, the clock, the gate, and the notes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use miroir_testkit::processes::Mesh;
use serde_json::Value;
use tokio::sync::{RwLock, watch};

use super::checker::Violation;
use super::checker::excuses::Excuses;
use super::checker::log::Task;
use super::checker::reads::Read;
use super::checker::refusals::Refusal;
use super::checker::tasks::{Look, Tasks};
use super::model::Done;
use super::op::{At, Name, Number, Uid};
use super::record::{Fate, Record};
use super::report::Counts;

/// Names that stand for an index from the beginning to the end.
pub(crate) const FIXED: [Name; 3] = ["alpha", "beta", "gamma"];
/// Indexes that come and go.
pub(crate) const FLEETING: [Name; 2] = ["eps-0", "eps-1"];

/// How long anything may take that must happen, also on a machine that is busy with other things.
pub(crate) const PATIENCE: Duration = Duration::from_secs(180);

/// So much of a violation is printed at once, in characters. Whole it is printed at the end.
const LONGEST: usize = 600;

/// What everybody shares.
pub(crate) struct Stage {
    pub(crate) mesh: Mesh,
    pub(crate) peers: usize,
    pub(crate) nodes: usize,
    begun: Instant,
    /// Clients pass it for each thing they do; who holds it alone has quiet.
    pub(crate) gate: RwLock<()>,
    notes: Mutex<Notes>,
    over: AtomicBool,
    /// How many writes are accepted and not known to be done.
    pub(crate) open: watch::Sender<usize>,
}

/// What was seen so far.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    pub(crate) record: Record,
    pub(crate) tasks: Tasks,
    /// What was reported done.
    pub(crate) done: Done,
    pub(crate) reads: Vec<Read>,
    pub(crate) refusals: Vec<Refusal>,
    pub(crate) excuses: Excuses,
    pub(crate) violations: Vec<Violation>,
    pub(crate) counts: Counts,
}

impl Stage {
    pub(crate) fn new(mesh: Mesh, peers: usize, nodes: usize) -> Self {
        Self {
            mesh,
            peers,
            nodes,
            begun: Instant::now(),
            gate: RwLock::new(()),
            notes: Mutex::default(),
            over: AtomicBool::new(false),
            open: watch::Sender::new(0),
        }
    }

    pub(crate) fn now(&self) -> At {
        u64::try_from(self.begun.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    pub(crate) fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn url(&self, peer: usize, path: &str) -> String {
        format!("{}{path}", self.mesh.peer_url(peer))
    }

    /// Something is wrong.
    pub(crate) fn report(&self, found: impl IntoIterator<Item = Violation>) {
        for violation in found {
            let text: String = violation.to_string().chars().take(LONGEST).collect();
            self.say(&format!("VIOLATION {text}"));
            self.notes().violations.push(violation);
        }
    }

    /// A line for people, with the time.
    pub(crate) fn say(&self, text: &str) {
        eprintln!("{:>9.3} s {text}", self.now() as f64 / 1e6);
    }

    pub(crate) fn end(&self) {
        self.over.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// The fate of a write is known.
    pub(crate) fn answered(&self, number: Number, fate: Fate) {
        let at = self.now();
        let mut notes = self.notes();
        notes.record.end(number, fate, at);
        if let Fate::Accepted(uid) = fate {
            notes.tasks.acknowledged(uid, at);
        }
        self.open.send_replace(notes.record.open().len());
    }

    /// Tasks as a peer showed them.
    pub(crate) fn looked(&self, peer: usize, span: (At, At), looks: &[(Uid, Option<Value>)]) {
        let mut found = Vec::new();
        let mut notes = self.notes();
        for (uid, task) in looks {
            found.extend(notes.tasks.look(&Look { uid: *uid, peer, span, found: task.as_ref() }));
            notes.counts.looks += 1;
            notes.ended(*uid);
        }
        self.open.send_replace(notes.record.open().len());
        drop(notes);
        self.report(found);
    }
}

impl Notes {
    /// If it has, writers wait for it no longer, and readers must see it. One that was canceled tells nothing of those
    /// before it: it did not wait for its turn.
    fn ended(&mut self, uid: Uid) {
        let Some(task) = self.tasks.ended(uid).and_then(Task::read) else { return };
        self.record.done(uid);
        if !task.is_done() {
            return;
        }
        let noted = task.number.and_then(|number| self.record.get(number));
        if let Some(write) = noted.or_else(|| self.record.answered_with(uid)) {
            for name in write.names() {
                let last = self.done.entry(name.to_owned()).or_default();
                *last = uid.max(*last);
            }
        }
    }
}
