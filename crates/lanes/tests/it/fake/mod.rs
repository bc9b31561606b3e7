//! A node in memory that follows the contract, and fails as a test plans it.

mod filter;
mod node;
mod process;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use miroir_lanes::Clients;
use miroir_node::{NodeError, NodeTask, Write};
use miroir_testkit::Dice;
use serde_json::Value;

/// How often what goes wrong, in percent.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Plan {
    /// A write is accepted and its answer lost.
    pub(crate) lost_answer: usize,
    /// A write is answered with a time-out, and lands later.
    pub(crate) late: usize,
    /// A write never arrives, and nobody can tell.
    pub(crate) vanished: usize,
    /// A write arrives twice, the second one right behind the first.
    pub(crate) twice: usize,
    /// The node cannot be reached.
    pub(crate) unreachable: usize,
    /// A task fails without effect, for a reason of the node's.
    pub(crate) fault: usize,
    /// The node is killed when a task has had its effect, before it could say so: the task is run again.
    pub(crate) rerun: usize,
}

/// A node. Clones are the same node.
#[derive(Debug, Clone)]
pub(crate) struct FakeNode(Arc<Mutex<Inner>>);

/// The node, with the rights of one of its keys.
#[derive(Debug)]
struct Handle {
    node: FakeNode,
    master: bool,
}

#[derive(Debug)]
pub(crate) struct Inner {
    dice: Dice,
    pub(crate) plan: Plan,
    /// Whether tasks are run at all.
    pub(crate) running: bool,
    /// Whether anything is answered.
    pub(crate) reachable: bool,
    /// It was killed and is about to be started again: the next call does not reach it.
    pub(crate) dead: bool,
    /// Whether tasks keep their marks.
    pub(crate) marks: bool,
    /// Whether late requests wait until [`Inner::land`].
    pub(crate) held: bool,
    /// Settings that contain this text are refused.
    pub(crate) refuses: Option<String>,
    /// So many bytes are used for each document.
    pub(crate) weight: u64,
    /// Additions fail with this code.
    pub(crate) adds_fail: Option<&'static str>,
    /// Additions that contain this text fail for a reason of the node's.
    pub(crate) adds_fail_for: Option<&'static str>,
    pub(crate) indexes: BTreeMap<String, FakeIndex>,
    pub(crate) tasks: Vec<(NodeTask, Write)>,
    /// Those of them that came with the master key.
    mastered: BTreeSet<u32>,
    /// The tasks that it was told to forget.
    pub(crate) forgotten: BTreeSet<u32>,
    /// Requests on their way: after so many calls they land.
    late: Vec<(u32, Request)>,
    /// The requests that had an effect: index, mark and what.
    pub(crate) applied: Vec<(String, Option<String>, Write)>,
}

#[derive(Debug, Clone)]
struct Request {
    index: String,
    write: Write,
    mark: Option<String>,
    master: bool,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct FakeIndex {
    pub(crate) documents: BTreeMap<String, Value>,
    pub(crate) settings: Option<String>,
    pub(crate) primary_key: Option<String>,
    /// Every version of every document, in the order in which they came.
    pub(crate) versions: BTreeMap<String, Vec<u64>>,
}

impl FakeNode {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            dice: Dice::from(seed),
            plan: Plan::default(),
            running: true,
            reachable: true,
            dead: false,
            marks: true,
            held: false,
            refuses: None,
            weight: 0,
            adds_fail: None,
            adds_fail_for: None,
            indexes: BTreeMap::new(),
            tasks: Vec::new(),
            mastered: BTreeSet::new(),
            forgotten: BTreeSet::new(),
            late: Vec::new(),
            applied: Vec::new(),
        })))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap()
    }

    pub(crate) fn clients(&self) -> Clients {
        let handle = |master| Arc::new(Handle { node: self.clone(), master });
        Clients { lane: handle(false), master: handle(true), bare: handle(true) }
    }
}

impl Inner {
    /// What happens on the node whenever it is asked anything.
    fn tick(&mut self) -> Result<(), NodeError> {
        for (calls, _) in &mut self.late {
            *calls = calls.saturating_sub(1);
        }
        let due = self.late.iter().position(|(calls, _)| *calls == 0);
        if let Some(due) = due {
            let (_, request) = self.late.remove(due);
            self.accept(request);
        }
        if self.running && self.dice.chance(70) {
            self.process();
        }
        if std::mem::take(&mut self.dead) || !self.reachable || self.dice.chance(self.plan.unreachable) {
            return Err(NodeError::Unreachable("planned".to_owned()));
        }
        Ok(())
    }

    /// What is on its way arrives.
    pub(crate) fn land(&mut self) {
        for (_, request) in std::mem::take(&mut self.late) {
            self.accept(request);
        }
        while self.tasks.iter().any(|(task, _)| !task.status.is_terminal()) {
            self.process();
        }
    }

    fn accept(&mut self, request: Request) -> Option<u32> {
        if request.write.needs_master_key() && !request.master {
            return None;
        }
        let uid = self.tasks.len() as u32;
        let details = match &request.write {
            Write::RenameIndex { to } => {
                Some(miroir_node::Details { new_index_uid: Some(to.clone()), ..Default::default() })
            }
            _ => None,
        };
        let task = NodeTask {
            uid,
            index_uid: Some(request.index),
            status: miroir_node::NodeTaskStatus::Enqueued,
            kind: request.write.task_type().to_owned(),
            mark: request.mark.filter(|_| self.marks && request.write.is_marked()),
            details,
            error: None,
            batch_uid: None,
        };
        if request.master {
            self.mastered.insert(uid);
        }
        self.tasks.push((task, request.write));
        Some(uid)
    }
}
