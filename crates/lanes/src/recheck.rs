//! Documents that were accepted by settings which never came to be.
//!
//! They were validated against the settings as ordered; a change before them was rolled back. The first lane that reaches
//! them validates them again, whole, by the settings that are decided, before anything of them is sent.

use miroir_api::ResponseError;
use miroir_cluster::{Index, QueueStep, Task, recordable};
use miroir_documents::{Embedder, RevalidateError, Rules, revalidate};
use miroir_model::TaskUid;
use tracing::debug;

use crate::payload::ReadError;
use crate::queue::{Driver, Gone, View};

impl Driver {
    /// Validates a task again and records what came of it.
    pub(crate) async fn check(&mut self, view: &View, uid: TaskUid) -> Result<(), Gone> {
        let Some(task) = view.state.tasks.get(&uid) else { return Ok(()) };
        let error = match self.validate(view, task).await {
            Ok(error) => error,
            Err(error) => return self.unreadable(error).await,
        };
        let settings = view.index.settings.version;
        let step = QueueStep::Checked { task: uid, settings, error };
        if !self.try_record(step, |_| true).await? {
            debug!(index = %self.index, node = %self.lane.node, task = %uid, "a look at documents was refused");
        }
        // Whoever was first: this peer's state shows it soon.
        self.lane.ledger.changed(view.state.version()).await;
        Ok(())
    }

    async fn validate(&self, view: &View, task: &Task) -> Result<Option<ResponseError>, ReadError> {
        let mut blocks = Vec::new();
        for chunk in task.work.payload().map(|payload| payload.chunks.as_slice()).unwrap_or_default() {
            blocks.push(self.lane.ledger.payload(*chunk).await?);
        }
        match judge(&view.index, task, blocks) {
            Ok(()) => Ok(None),
            Err(RevalidateError::Refused(refusal)) => {
                let mut error = ResponseError::from(refusal);
                error.message = recordable(error.message);
                Ok(Some(error))
            }
            Err(RevalidateError::Damaged(damaged)) => Err(damaged.into()),
            Err(RevalidateError::NotStamped) => Err(ReadError::Short(0)),
        }
    }
}

fn judge<B: AsRef<[u8]>>(index: &Index, task: &Task, blocks: Vec<B>) -> Result<(), RevalidateError> {
    let settings = &index.settings.decided;
    let dimensions = |number: Option<u64>| number.and_then(|number| usize::try_from(number).ok());
    let embedders: Vec<Embedder> = (settings.embedders().into_iter())
        .map(|known| Embedder { name: known.name, dimensions: dimensions(known.dimensions) })
        .collect();
    let rules = Rules {
        index_uid: task.name(),
        primary_key: task.primary_key.as_deref(),
        requested_key: None,
        geo: settings.names_geo(),
        embedders: &embedders,
    };
    revalidate(blocks, &rules)
}
