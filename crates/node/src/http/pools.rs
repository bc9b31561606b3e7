//! The connections of a peer to its nodes: one pool for each node, so that each has its own gate.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use miroir_model::NodeId;

use super::{Connections, GatedError, Timeouts};
use crate::Gate;

/// Makes the gate of a node.
type Gates = dyn Fn(&NodeId) -> Arc<dyn Gate> + Send + Sync;

/// Pools of connections by node, kept as long as the node's address stays. Clones share them.
#[derive(Clone)]
pub struct Pools(Arc<Shared>);

struct Shared {
    bare: Connections,
    timeouts: Timeouts,
    /// None in tests whose nodes have no history.
    gates: Option<Box<Gates>>,
    known: Mutex<BTreeMap<NodeId, (String, Connections)>>,
}

impl Pools {
    /// Whose connections pass these gates. `bare` are those that pass none.
    pub fn gated(
        bare: Connections,
        timeouts: Timeouts,
        gates: impl Fn(&NodeId) -> Arc<dyn Gate> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(Shared { bare, timeouts, gates: Some(Box::new(gates)), known: Mutex::default() }))
    }

    /// Whose connections pass no gate: for tests.
    pub fn open(bare: Connections) -> Self {
        let timeouts = Timeouts::default();
        Self(Arc::new(Shared { bare, timeouts, gates: None, known: Mutex::default() }))
    }

    /// Connections that pass no gate: for adoption, and for judging a node.
    pub fn bare(&self) -> &Connections {
        &self.0.bare
    }

    /// The connections to a node at this address.
    ///
    /// # Errors
    /// When the address is none, or the system gives the client no resolver.
    pub fn of(&self, node: &NodeId, url: &str) -> Result<Connections, GatedError> {
        let Some(gates) = &self.0.gates else { return Ok(self.0.bare.clone()) };
        let mut known = self.0.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, connections)) = known.get(node).filter(|(at, _)| at == url) {
            return Ok(connections.clone());
        }
        let connections = Connections::gated(self.0.timeouts, url, gates(node))?;
        known.insert(node.clone(), (url.to_owned(), connections.clone()));
        Ok(connections)
    }
}

impl fmt::Debug for Pools {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pools").finish_non_exhaustive()
    }
}
