//! A peer that reaches one node less: nothing listens where it looks for that one.

use std::sync::{Arc, Mutex};

use miroir_cluster::{Ledger, State};
use miroir_model::NodeId;
use miroir_testkit::{Interpose, LocalLedger};

/// Port 1 of loopback: nobody listens there.
const NOWHERE: &str = "http://127.0.0.1:1";

pub(crate) struct Dead {
    ledger: LocalLedger,
    node: NodeId,
    /// The newest state that was asked for, as this peer sees it.
    seen: Mutex<Option<Arc<State>>>,
}

impl Dead {
    pub(crate) fn new(ledger: &LocalLedger, node: NodeId) -> Self {
        Self { ledger: ledger.clone(), node, seen: Mutex::default() }
    }
}

#[async_trait::async_trait]
impl Interpose for Dead {
    fn inner(&self) -> &dyn Ledger {
        &self.ledger
    }

    fn state(&self) -> Arc<State> {
        let (state, mut seen) = (self.ledger.state(), self.seen.lock().unwrap());
        if let Some(known) = seen.as_ref().filter(|known| known.version() == state.version()) {
            return Arc::clone(known);
        }
        let mut state = State::clone(&state);
        if let Some(node) = state.nodes.get_mut(&self.node) {
            NOWHERE.clone_into(&mut node.url);
        }
        Arc::clone(seen.insert(Arc::new(state)))
    }
}
