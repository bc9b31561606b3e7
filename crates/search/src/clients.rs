//! The nodes as searches speak to them: one client each, kept as long as the node's address and key stay.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use miroir_model::NodeId;
use miroir_node::{ApiKey, Connections, HttpNode, InvalidUrl, Node};

/// Clients by node.
#[derive(Debug)]
pub(crate) struct Clients {
    connections: Connections,
    known: Mutex<BTreeMap<NodeId, Known>>,
}

#[derive(Debug, Clone)]
struct Known {
    url: String,
    key: ApiKey,
    client: Arc<dyn Node>,
}

impl Clients {
    pub(crate) fn new(connections: Connections) -> Self {
        Self { connections, known: Mutex::default() }
    }

    /// The client of a node, with the key of searches.
    pub(crate) fn of(&self, node: &miroir_cluster::Node) -> Result<Arc<dyn Node>, InvalidUrl> {
        let key = ApiKey::new(&node.credentials.search_key);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = known.get(&node.id).filter(|entry| entry.url == node.url && entry.key == key) {
            return Ok(Arc::clone(&entry.client));
        }
        let client: Arc<dyn Node> = Arc::new(HttpNode::new(&self.connections, &node.url, key.clone())?);
        let entry = Known { url: node.url.clone(), key, client: Arc::clone(&client) };
        known.insert(node.id.clone(), entry);
        Ok(client)
    }
}
