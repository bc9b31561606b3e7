//! One node: the embedded engine in this process, or an official server beside it.

use std::num::NonZeroUsize;

use miroir_node::{ApiKey, Connections, HttpNode, Timeouts};
use miroir_testkit::processes::Alone;
pub(crate) use miroir_testkit::processes::MASTER_KEY;
use tempfile::TempDir;
use tokio::net::TcpListener;

/// What nodes are.
#[derive(Debug, Clone)]
pub(crate) enum Program {
    Embedded,
    Official,
}

impl Program {
    /// What `MIROIR_MEILISEARCH` says.
    pub(crate) fn from_env() -> Self {
        std::env::var_os("MIROIR_MEILISEARCH").map_or(Self::Embedded, |_| Self::Official)
    }
}

/// A running node. Its directory goes with it.
pub(crate) struct Server {
    pub(crate) url: String,
    _kept: Kept,
}

enum Kept {
    Embedded { _directory: TempDir },
    Official { _process: Alone },
}

impl Server {
    pub(crate) async fn start(program: &Program) -> Self {
        match program {
            Program::Embedded => Self::embedded().await,
            Program::Official => {
                let process = Alone::official(&["--max-indexing-threads", "1"]).await;
                let process = process.expect("MIROIR_MEILISEARCH names it");
                Self { url: process.url.clone(), _kept: Kept::Official { _process: process } }
            }
        }
    }

    async fn embedded() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let mut config =
            miroir_engine::Config::new(directory.path().join("data"), Some(MASTER_KEY.to_owned()));
        config.indexing_threads = NonZeroUsize::MIN;
        tokio::spawn(async move {
            if let Err(error) = miroir_engine::serve(listener, config, std::future::pending()).await {
                eprintln!("a node stopped: {error}");
            }
        });
        Self { url, _kept: Kept::Embedded { _directory: directory } }
    }

    /// With the rights of the master key.
    pub(crate) fn node(&self) -> HttpNode {
        let connections = Connections::new(Timeouts::default()).unwrap();
        HttpNode::new(&connections, &self.url, ApiKey::new(MASTER_KEY)).unwrap()
    }
}
