//! Sending one request and following it to its end.

use std::sync::Arc;

use miroir_cluster::{Action, Dispatch, DispatchResult};
use miroir_model::PhysicalName;
use miroir_node::{Node, NodeError, NodeTask, Origin, wait_for_task};
use tracing::debug;

use crate::counting::{Counting, total};
use crate::queue::{Driver, Gone, View};
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
        let Some(write) = &request.write else {
            let deleted = if request.counting == Counting::Nothing { Vec::new() } else { vec![0] };
            let result = DispatchResult::Done { node_task: None, deleted };
            return Attempt::Ended(End::Result(result));
        };
        if let Counting::ByFetch(body) = &request.counting {
            let answer = clients.lane.fetch(&name, body.clone().into(), None).await;
            let counted = answer.and_then(|answer| {
                total(&answer).ok_or_else(|| NodeError::Incompatible("a fetch without total".to_owned()))
            });
            match counted {
                Ok(count) => self.counted = Some((open.number, count)),
                Err(NodeError::Rejected { code, message, .. }) => {
                    return Attempt::Ended(verdict::of_rejection(&open.action, &code, &message));
                }
                Err(error) => return Attempt::NotSent(error),
            }
        }
        let node: &dyn Node = match open.action {
            Action::Create => &*clients.master,
            _ => &*clients.lane,
        };
        let mark = open.mark(self.index);
        match node.enqueue(&name, write, Origin { mark: Some(&mark), request_id: None }).await {
            Ok(receipt) => {
                debug!(index = %name, node = %self.lane.node, dispatch = open.number, task = receipt.task_uid, "sent");
                match self.follow(receipt.task_uid).await {
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

    /// Waits for the end of a task of the node, however long that takes; `None` when the node knows no such task.
    pub(crate) async fn follow(&mut self, uid: u32) -> Result<Option<NodeTask>, Gone> {
        let node = Arc::clone(&self.lane.clients.lane);
        loop {
            match wait_for_task(&*node, uid, self.lane.config.pace).await {
                Ok(task) => {
                    self.seen = self.seen.max(Some(uid));
                    return Ok(Some(task));
                }
                Err(error) if error.code() == Some("task_not_found") => return Ok(None),
                Err(error) => {
                    debug!(index = %self.index, node = %self.lane.node, task = uid, %error, "not followed");
                    self.view()?;
                    self.backoff.pause().await;
                }
            }
        }
    }

    /// What the end of a dispatch's task means.
    pub(crate) fn judge(&self, view: &View, open: &Dispatch, task: &NodeTask) -> End {
        let deleted = match Counting::of(self.place(&view.state), &open.action) {
            Counting::Nothing => Vec::new(),
            Counting::ByTask => task.details.iter().filter_map(|details| details.deleted_documents).collect(),
            // Counted by an owner that is gone: not known any more.
            Counting::ByFetch(_) => {
                self.counted.iter().filter(|(number, _)| *number == open.number).map(|(_, n)| *n).collect()
            }
        };
        verdict::of_task(&open.action, task, deleted)
    }
}
