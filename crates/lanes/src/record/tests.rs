use std::sync::Mutex;

use async_trait::async_trait;
use miroir_cluster::QueueStep;
use miroir_model::{Epoch, NodeId, PhysicalId};
use miroir_testkit::{Around, Interpose, LocalCluster, LocalLedger, adopt, defaults};

use super::*;

/// Takes so many steps in a command, and notes how many came.
struct Narrow {
    ledger: LocalLedger,
    limit: usize,
    came: Mutex<Vec<usize>>,
}

#[async_trait]
impl Interpose for Narrow {
    fn inner(&self) -> &dyn Ledger {
        &self.ledger
    }

    async fn propose(&self, command: Command) -> Result<Outcome, ProposeError> {
        let Command::Lanes(steps) = &command else { return Err(ProposeError::Unknown) };
        self.came.lock().expect("not poisoned").push(steps.len());
        if steps.len() > self.limit {
            return Err(ProposeError::TooLarge { bytes: steps.len(), limit: self.limit });
        }
        self.ledger.propose(command).await
    }
}

fn step(node: &str, epoch: Epoch) -> LaneStep {
    LaneStep { node: NodeId::new(node), index: PhysicalId(1), epoch, step: QueueStep::Fault { fault: None } }
}

#[tokio::test]
async fn what_is_too_large_together_goes_apart_and_answers_stay_in_order() {
    let cluster = LocalCluster::founded(defaults(4), [adopt("node-0", "http://127.0.0.1:9")]);
    let ledger = cluster.start(1);
    let assign = Command::AssignLane { node: NodeId::new("node-0"), peer: Some(ledger.me().peer) };
    assert_eq!(ledger.propose(assign).await, Ok(Outcome::Done));
    let take = Command::TakeLane { node: NodeId::new("node-0"), life: ledger.me() };
    let taken = ledger.propose(take).await;
    let Ok(Outcome::LaneTaken { epoch }) = taken else { panic!("{taken:?}") };
    let ledger = Around(Narrow { ledger, limit: 2, came: Mutex::default() });
    let names = ["node-0", "x", "x", "node-0", "x"];
    let answers = propose(&ledger, names.map(|name| step(name, epoch)).to_vec()).await;
    assert_eq!(*ledger.came.lock().expect("not poisoned"), [5, 2, 3, 1, 2]);
    let alone = async |name| propose(&ledger, vec![step(name, epoch)]).await.remove(0);
    let mut expected: Vec<Answer> = Vec::new();
    for name in names {
        expected.push(alone(name).await);
    }
    assert_eq!(answers, expected);
    assert_ne!(expected[0], expected[1], "or their order could not be told");

    let never = Around(Narrow { limit: 0, ..ledger.0 });
    let answer = propose(&never, vec![step("x", epoch)]).await;
    assert_eq!(answer, [Err(ProposeError::TooLarge { bytes: 1, limit: 0 })]);
}
