//! An unknown outcome.
//!
//! The request of a dispatch that this driver did not send itself, or got no answer to, may be done, may be waiting on
//! the node, may still be on its way, or may never have left. Looking at the node's tasks can show that it arrived, and
//! never that it did not. So when it is not there, the index is *renamed on the node* to its next generation. A
//! request that arrived before the rename is among the node's tasks once the rename has happened; one that comes later
//! speaks to a name that is gone, and the lane key cannot bring it back. Then, and only then, what the dispatch carried
//! is decided anew.
//!
//! - Whether the rename has happened is told by which name exists: a crash of the node can leave its task failed
//!   although it happened.
//! - A dispatch is sent again without a fence only by the driver that sent it and saw its task fail. So a failed task
//!   that another driver finds proves nothing: a second request may be on its way.
//! - A creation needs the master key, which can bring a name back, so it is not fenced: its name is given up, and the
//!   index is created under the next. A creation that lands late leaves an empty index that nothing ever speaks to.

use std::sync::Arc;

use miroir_cluster::{Action, Dispatch, DispatchResult, QueueStep, Stage, State, Work};
use miroir_model::PhysicalName;
use miroir_node::{NodeError, NodeTask, Origin, TaskQuery, Write};
use tracing::{debug, info};

use crate::queue::{Driver, Gone, View, has_open};
use crate::verdict::End;

/// Where the index is after a rename.
enum Renamed {
    /// Under its new name.
    There,
    /// Under neither: it was deleted.
    Deleted,
}

impl Driver {
    /// Finds out what became of an open dispatch.
    pub(crate) async fn settle(&mut self, view: &View, open: &Dispatch) -> Result<(), Gone> {
        info!(index = %self.index, node = %self.lane.node, dispatch = open.number, "settling");
        self.may_repeat = Some(open.number);
        if !view.queue.renaming {
            if let (Action::Drop, Stage::Absent) = (&open.action, view.queue.stage) {
                return self.finish(open, done_without()).await;
            }
            if let Some(task) = self.look(view, open).await? {
                match self.judge(view, open, &task) {
                    End::Result(result) => return self.finish(open, result).await,
                    End::NameTaken => {}
                    End::Embedder(error) => self.fault(format!("{}: {}", error.code, error.message)).await?,
                    End::Fault(text) => self.fault(text).await?,
                }
            }
            if open.action == Action::Create {
                return self.fenced(open, false).await;
            }
            let number = open.number;
            self.record(QueueStep::Fence { number }, |queue| queue.renaming || !has_open(queue, number))
                .await?;
        }
        let view = self.view()?;
        let found = match self.rename(&view, open).await? {
            Renamed::Deleted => Some(done_without()),
            // A deletion that arrived would have left nothing to rename.
            Renamed::There if matches!(open.action, Action::Drop) => None,
            Renamed::There => match self.look(&view, open).await? {
                Some(task) => match self.judge(&view, open, &task) {
                    End::Result(result) => Some(result),
                    End::Fault(_) | End::Embedder(_) | End::NameTaken => None,
                },
                None => None,
            },
        };
        debug!(index = %self.index, node = %self.lane.node, dispatch = open.number, ?found, "fenced");
        self.fenced(open, found.is_some()).await?;
        match found {
            Some(result) => self.finish(open, result).await,
            None => Ok(()),
        }
    }

    /// The newest task on the node that is this dispatch's, at its end.
    async fn look(&mut self, view: &View, open: &Dispatch) -> Result<Option<NodeTask>, Gone> {
        let mut last = view.queue.generation;
        if view.queue.renaming {
            last = last.next();
        }
        let kind = kind(&view.state, &open.action);
        // Tasks follow a rename, but those that came too late for it do not.
        let mut newest: Option<u32> = None;
        let mut generation = open.generation;
        while generation <= last {
            let name = PhysicalName { index: self.index, generation };
            newest = newest.max(self.newest_under(&name.to_string(), open, kind).await?);
            generation = generation.next();
        }
        match newest {
            Some(uid) => self.follow(uid, open.number).await,
            None => Ok(None),
        }
    }

    async fn newest_under(&mut self, name: &str, open: &Dispatch, kind: &str) -> Result<Option<u32>, Gone> {
        let node = Arc::clone(&self.lane.clients.lane);
        let mark = open.mark(self.index);
        let ours = |task: &NodeTask| match &task.mark {
            Some(theirs) => *theirs == mark,
            // This kind of task, or this kind of node, keeps no marks. Nothing else of its kind was sent since.
            None => task.kind == kind && !is_rename(task),
        };
        let mut from = None;
        loop {
            let query = TaskQuery { index: Some(name.to_owned()), from, limit: 100, ..TaskQuery::default() };
            let Some(page) = self.answered(node.tasks(&query).await).await? else { continue };
            let newer = |task: &&NodeTask| open.node_task.is_none_or(|before| task.uid > before);
            if let Some(task) = page.results.iter().take_while(newer).find(|task| ours(task)) {
                return Ok(Some(task.uid));
            }
            let older = page.results.last().is_some_and(|task| !newer(&task));
            match page.next {
                Some(next) if !older => from = Some(next),
                _ => return Ok(None),
            }
        }
    }

    /// Asks for the rename until it has happened.
    async fn rename(&mut self, view: &View, open: &Dispatch) -> Result<Renamed, Gone> {
        let node = Arc::clone(&self.lane.clients.lane);
        let old = view.queue.name(self.index);
        let new = PhysicalName { generation: old.generation.next(), ..old };
        let (old, new) = (old.to_string(), new.to_string());
        loop {
            // The new name is looked for on both sides of the old one: the rename may happen in between.
            let Some(there) = self.exists(&new).await? else { continue };
            if there {
                return Ok(Renamed::There);
            }
            let Some(there) = self.exists(&old).await? else { continue };
            if !there {
                match self.exists(&new).await? {
                    Some(true) => return Ok(Renamed::There),
                    Some(false) if matches!(open.action, Action::Drop) => return Ok(Renamed::Deleted),
                    Some(false) => {
                        self.fault(format!(
                            "the index is gone from the node: there is no {old} and no {new}"
                        ))
                        .await?;
                        self.backoff.pause().await;
                    }
                    None => {}
                }
                continue;
            }
            let asked = match self.rename_under_way(&old).await? {
                Some(uid) => Some(uid),
                None => {
                    let write = Write::RenameIndex { to: new.clone() };
                    let answer = node.enqueue(&old, &write, Origin::default()).await;
                    self.answered(answer).await?.map(|receipt| receipt.task_uid)
                }
            };
            let Some(uid) = asked else { continue };
            let ended = self.follow(uid, open.number).await?;
            if ended.as_ref().is_none_or(|task| task.error.is_some()) {
                debug!(index = %old, node = %self.lane.node, ?ended, "the rename may have failed");
                self.backoff.pause().await;
            }
        }
    }

    /// A rename that was asked for before and waits on the node.
    async fn rename_under_way(&mut self, old: &str) -> Result<Option<u32>, Gone> {
        let node = Arc::clone(&self.lane.clients.lane);
        let query = TaskQuery { index: Some(old.to_owned()), ..TaskQuery::default() };
        let Some(page) = self.answered(node.tasks(&query).await).await? else { return Ok(None) };
        let waits = |task: &&NodeTask| task.kind == "indexUpdate" && !task.status.is_terminal();
        Ok(page.results.iter().find(waits).map(|task| task.uid))
    }

    /// Whether an index is on the node; `None` when it did not say.
    async fn exists(&mut self, name: &str) -> Result<Option<bool>, Gone> {
        let node = Arc::clone(&self.lane.clients.lane);
        match node.index(name).await {
            Err(error) if error.code() == Some("index_not_found") => Ok(Some(false)),
            answer => Ok(self.answered(answer).await?.map(|_| true)),
        }
    }

    /// The answer, or a pause.
    async fn answered<T>(&mut self, answer: Result<T, NodeError>) -> Result<Option<T>, Gone> {
        match answer {
            Ok(answer) => Ok(Some(answer)),
            Err(error) => {
                debug!(index = %self.index, node = %self.lane.node, %error, "no answer");
                self.view()?;
                self.backoff.pause().await;
                Ok(None)
            }
        }
    }
}

/// Whether a task of the node renames an index.
fn is_rename(task: &NodeTask) -> bool {
    task.details.as_ref().is_some_and(|details| details.new_index_uid.is_some())
}

fn done_without() -> DispatchResult {
    DispatchResult::Done { node_task: None, deleted: Vec::new() }
}

/// The type of an action's task on the node.
fn kind(state: &State, action: &Action) -> &'static str {
    let work = action.tasks().first().and_then(|uid| state.tasks.get(uid)).map(|task| &task.work);
    match (action, work) {
        (Action::Create, _) => "indexCreation",
        (Action::Configure { .. }, _) | (Action::Alone(_), Some(Work::Settings { .. })) => "settingsUpdate",
        (Action::Alone(_), Some(Work::SetPrimaryKey)) => "indexUpdate",
        (Action::Try(_), _) | (Action::Alone(_), Some(Work::Edit(_))) => "documentEdition",
        (Action::Drop | Action::Count(_), _) => "indexDeletion",
        (Action::Send(_), Some(Work::Documents { .. })) => "documentAdditionOrUpdate",
        (Action::Send(_) | Action::Alone(_) | Action::Ahead(_), _) => "documentDeletion",
    }
}
