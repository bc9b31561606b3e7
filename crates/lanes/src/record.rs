//! Recording steps in the log: those of all queues of a peer share proposals.

use std::sync::Arc;

use miroir_cluster::{Command, LaneStep, Ledger, Outcome, ProposeError, StepRefused};
use tokio::sync::{mpsc, oneshot};

/// At most so many steps in one proposal.
const STEPS: usize = 256;

/// What became of a step that was proposed.
type Answer = Result<Result<(), StepRefused>, ProposeError>;

/// Where steps are handed in. Clones share proposals.
#[derive(Debug, Clone)]
pub(crate) struct Recorder(mpsc::UnboundedSender<(LaneStep, oneshot::Sender<Answer>)>);

/// Its other end, to be driven by [`Proposer::run`].
#[derive(Debug)]
pub(crate) struct Proposer(mpsc::UnboundedReceiver<(LaneStep, oneshot::Sender<Answer>)>);

/// Both ends.
pub(crate) fn recorder() -> (Recorder, Proposer) {
    // Each queue waits for its answer, so there are never more steps than queues.
    let (sender, receiver) = mpsc::unbounded_channel();
    (Recorder(sender), Proposer(receiver))
}

impl Recorder {
    /// Proposes a step, with those that others hand in meanwhile.
    pub(crate) async fn propose(&self, step: LaneStep) -> Answer {
        let (answer, answered) = oneshot::channel();
        self.0.send((step, answer)).map_err(|_| ProposeError::Stopping)?;
        answered.await.unwrap_or(Err(ProposeError::Stopping))
    }
}

impl Proposer {
    /// Proposes what is handed in, until nobody can hand in anything. One proposal at a time: what comes meanwhile
    /// goes into the next.
    pub(crate) async fn run(mut self, ledger: Arc<dyn Ledger>) {
        let mut waiting = Vec::new();
        while self.0.recv_many(&mut waiting, STEPS).await > 0 {
            let (steps, answers): (Vec<_>, Vec<_>) = waiting.drain(..).unzip();
            for (answer, result) in answers.into_iter().zip(propose(&*ledger, steps).await) {
                // Whoever asked may be gone.
                let _ = answer.send(result);
            }
        }
    }
}

/// Proposes steps together; what is too large for one command, in halves. One step alone never is: it names at most
/// the tasks that a queue may hold.
async fn propose(ledger: &dyn Ledger, steps: Vec<LaneStep>) -> Vec<Answer> {
    let mut answers = Vec::with_capacity(steps.len());
    let mut batches = vec![steps];
    while let Some(mut steps) = batches.pop() {
        let count = steps.len();
        match ledger.propose(Command::Lanes(steps.clone())).await {
            Err(ProposeError::TooLarge { .. }) if count > 1 => {
                batches.push(steps.split_off(count / 2));
                batches.push(steps);
            }
            Err(error) => answers.extend(std::iter::repeat_n(Err(error), count)),
            Ok(Outcome::Lanes(mut results)) if results.len() == count => {
                answers.extend(results.drain(..).map(Ok));
            }
            // No other outcome belongs to this command.
            Ok(_) => answers.extend(std::iter::repeat_n(Err(ProposeError::Unknown), count)),
        }
    }
    answers
}

#[cfg(test)]
mod tests;
