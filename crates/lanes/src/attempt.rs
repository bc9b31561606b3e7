//! Sending one request and following it to its end.

use std::sync::Arc;

use miroir_cluster::{Dispatch, DispatchResult};
use miroir_model::PhysicalName;
use miroir_node::{Node, NodeError, NodeTask, Origin, wait_for_task};
use tracing::debug;

use crate::counting::{Counting, total};
use crate::queue::{Driver, Gone, View, has_open};
use crate::request::Request;
use crate::verdict::{self, End};

/// What became of a request.
pub(crate) enum Attempt {
    /// It has ended.
    Ended(End),
    /// It was not sent.
    NotSent(NodeError),
    /// It may have been done, or may still be.
    Unknown(NodeError),
}

impl Driver {
    /// Sends the request of an open dispatch once.
    pub(crate) async fn attempt(&mut self, view: &View, open: &Dispatch, request: &Request) -> Attempt {
        let name = PhysicalName { index: self.index, generation: open.generation }.to_string();
        let clients = self.lane.clients.clone();
        let Some(write) = &request.write else { return self.without_a_write(&name, open, request).await };
        let node: &dyn Node = if write.needs_master_key() { &*clients.master } else { &*clients.lane };
        let mark = open.mark(self.index);
        match node.enqueue(&name, write, Origin { mark: Some(&mark), request_id: None }).await {
            Ok(receipt) => {
                debug!(index = %name, node = %self.lane.node, dispatch = open.number, task = receipt.task_uid, "sent");
                match self.follow(receipt.task_uid, open.number).await {
                    Ok(Some(task)) => Attempt::Ended(self.judge(view, open, &task)),
                    Ok(None) | Err(Gone) => {
                        Attempt::Unknown(NodeError::Unknown("its task cannot be followed".to_owned()))
                    }
                }
            }
            Err(NodeError::Rejected { code, message, .. }) => {
                Attempt::Ended(verdict::of_rejection(&open.action, &code, &message))
            }
            Err(error @ NodeError::Unreachable(_)) => Attempt::NotSent(error),
            Err(error) => Attempt::Unknown(error),
        }
    }

    /// What is done without changing the node.
    async fn without_a_write(&self, name: &str, open: &Dispatch, request: &Request) -> Attempt {
        let deleted = match &request.counting {
            Counting::Nothing | Counting::ByTask => Vec::new(),
            Counting::Zero => vec![0],
            Counting::ByFetch(body) => {
                let answer = self.lane.clients.lane.fetch(name, body.clone().into(), None).await;
                let counted = answer.and_then(|answer| {
                    total(&answer).ok_or_else(|| NodeError::Incompatible("a fetch without total".to_owned()))
                });
                match counted {
                    Ok(count) => vec![count],
                    Err(NodeError::Rejected { code, message, .. }) => {
                        return Attempt::Ended(verdict::of_rejection(&open.action, &code, &message));
                    }
                    Err(error) => return Attempt::NotSent(error),
                }
            }
        };
        Attempt::Ended(End::Result(DispatchResult::Done { node_task: None, deleted }))
    }

    /// Waits for the end of a task of the node, however long that takes; `None` when the node knows no such task, or
    /// when nobody waits for it any more: its dispatch is not open, since the copy is lost.
    pub(crate) async fn follow(&mut self, uid: u32, number: u64) -> Result<Option<NodeTask>, Gone> {
        let node = Arc::clone(&self.lane.clients.lane);
        loop {
            let ended = tokio::select! {
                ended = wait_for_task(&*node, uid, self.lane.config.pace) => ended,
                withdrawn = self.withdrawn(number) => return withdrawn.map(|()| None),
            };
            match ended {
                Ok(task) => {
                    self.seen = self.seen.max(Some(uid));
                    return Ok(Some(task));
                }
                Err(error) if error.code() == Some("task_not_found") => return Ok(None),
                Err(error) => {
                    // The node may have died with its task half done, and do it again.
                    self.may_repeat = Some(number);
                    debug!(index = %self.index, node = %self.lane.node, task = uid, %error, "not followed");
                    self.view()?;
                    self.backoff.pause().await;
                }
            }
        }
    }

    /// Waits until a dispatch is not the open one.
    async fn withdrawn(&self, number: u64) -> Result<(), Gone> {
        loop {
            let view = self.view()?;
            if !has_open(&view.queue, number) {
                return Ok(());
            }
            self.lane.ledger.changed(view.state.version()).await;
        }
    }

    /// What the end of a dispatch's task means.
    pub(crate) fn judge(&self, view: &View, open: &Dispatch, task: &NodeTask) -> End {
        let deleted = match Counting::of(self.place(&view.state), &open.action) {
            // A second run takes less than the first did, which nobody was told of.
            Counting::ByTask if self.may_repeat == Some(open.number) => Vec::new(),
            Counting::ByTask => task.details.iter().filter_map(|details| details.deleted_documents).collect(),
            Counting::Nothing | Counting::Zero | Counting::ByFetch(_) => Vec::new(),
        };
        verdict::of_task(&open.action, task, deleted)
    }
}
