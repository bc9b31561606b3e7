//! The nodes as searches speak to them: one client each, kept as long as the node's address and key stay.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use miroir_model::NodeId;
use miroir_node::{ApiKey, GatedError, HttpNode, Node, Pools};

/// Clients by node.
#[derive(Debug)]
pub(crate) struct Clients {
    pools: Pools,
    known: Mutex<BTreeMap<NodeId, Known>>,
}

#[derive(Debug, Clone)]
struct Known {
    url: String,
    key: ApiKey,
    client: Arc<dyn Node>,
}

impl Clients {
    pub(crate) fn new(pools: Pools) -> Self {
        Self { pools, known: Mutex::default() }
    }

    /// The client of a node, with the key of searches.
    pub(crate) fn of(&self, node: &miroir_cluster::Node) -> Result<Arc<dyn Node>, GatedError> {
        let key = ApiKey::new(&node.credentials.search_key);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = known.get(&node.id).filter(|entry| entry.url == node.url && entry.key == key) {
            return Ok(Arc::clone(&entry.client));
        }
        let connections = self.pools.of(&node.id, &node.url)?;
        let client: Arc<dyn Node> = Arc::new(HttpNode::new(&connections, &node.url, key.clone())?);
        let entry = Known { url: node.url.clone(), key, client: Arc::clone(&client) };
        known.insert(node.id.clone(), entry);
        Ok(client)
    }
}
