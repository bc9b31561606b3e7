//! Adoptions that are under way. Each has a task of its own: a node that hangs delays nothing but itself.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use miroir_api::ApiVersion;
use miroir_cluster::{Adopt, State};
use miroir_model::NodeId;
use tokio::sync::Notify;
use tokio::task::{Id, JoinSet};
use tracing::warn;

use crate::adopt::{AdoptError, ConfiguredNode, adopt};
use crate::run::World;

/// What one leader has begun. Dropping it ends it.
#[derive(Default)]
pub(crate) struct Adoptions {
    tasks: JoinSet<Result<Adopt, AdoptError>>,
    under_way: HashMap<Id, NodeId>,
    /// An attempt has ended.
    ended: Arc<Notify>,
    /// What was last said of a node that cannot be adopted, so that it is said once.
    said: BTreeMap<NodeId, String>,
}

impl Adoptions {
    /// Asks the nodes that the cluster lacks, except those that are being asked.
    pub(crate) fn begin(&mut self, state: &State, configured: &[ConfiguredNode], world: &dyn World) {
        for configured in configured.iter().filter(|node| !state.nodes.contains_key(&node.id)) {
            if self.under_way.values().any(|node| *node == configured.id) {
                continue;
            }
            let node = match world.node(configured) {
                Ok(node) => node,
                Err(text) => {
                    self.failed(&configured.id, text);
                    continue;
                }
            };
            let (asked, ended, version) = (configured.clone(), Arc::clone(&self.ended), version(state));
            let task = self.tasks.spawn(async move {
                let adopted = adopt(&asked, &*node, version).await;
                ended.notify_one();
                adopted
            });
            self.under_way.insert(task.id(), configured.id.clone());
        }
    }

    /// A node that has what an adoption needs, if one has come to that. Those that have not are spoken of.
    pub(crate) fn ready(&mut self) -> Option<Adopt> {
        while let Some(ended) = self.tasks.try_join_next_with_id() {
            let (id, adopted) = match ended {
                Ok((id, adopted)) => (id, adopted.map_err(|error| error.to_string())),
                Err(error) => (error.id(), Err(error.to_string())),
            };
            match (self.under_way.remove(&id), adopted) {
                (_, Ok(adopt)) => return Some(adopt),
                (Some(node), Err(text)) => self.failed(&node, text),
                (None, Err(_)) => {}
            }
        }
        None
    }

    /// Says why a node is not adopted, unless that was said.
    pub(crate) fn failed(&mut self, node: &NodeId, text: String) {
        if self.said.get(node) != Some(&text) {
            warn!(%node, "not adopted: {text}");
            self.said.insert(node.clone(), text);
        }
    }

    /// Waits until an attempt has ended.
    pub(crate) async fn ended(&self) {
        self.ended.notified().await;
    }
}

/// The version that the cluster's nodes run, if it has any.
pub(crate) fn version(state: &State) -> Option<ApiVersion> {
    (!state.nodes.is_empty()).then(|| state.api_version())
}
