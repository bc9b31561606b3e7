//! Real nodes: the official server that `MIROIR_MEILISEARCH` names.

use miroir_node::{ApiKey, Connections, HttpNode, Timeouts};
use miroir_testkit::processes::Alone;
pub(crate) use miroir_testkit::processes::MASTER_KEY;

/// A node that ends with the test.
pub(crate) struct Server {
    pub(crate) url: String,
    _process: Alone,
}

impl Server {
    /// The official server; `None`, and a line that says so, when there is no program.
    pub(crate) async fn official() -> Option<Self> {
        let process = Alone::official(&[]).await?;
        Some(Self { url: process.url.clone(), _process: process })
    }

    /// The server with its master key.
    pub(crate) fn node(&self) -> HttpNode {
        HttpNode::new(&connections(), &self.url, ApiKey::new(MASTER_KEY)).unwrap()
    }
}

pub(crate) fn connections() -> Connections {
    Connections::new(Timeouts::default()).unwrap()
}
