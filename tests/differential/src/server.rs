//! One node: the embedded engine in this process, or an official server as its child.

use std::net::TcpListener as StdListener;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use miroir_node::{ApiKey, Connections, HttpNode, Node, Timeouts};
use tempfile::TempDir;
use tokio::net::TcpListener;

pub(crate) const MASTER_KEY: &str = "a master key for tests only";

/// What nodes are.
#[derive(Debug, Clone)]
pub(crate) enum Program {
    Embedded,
    Official(PathBuf),
}

impl Program {
    /// What `MIROIR_MEILISEARCH` says.
    pub(crate) fn from_env() -> Self {
        std::env::var_os("MIROIR_MEILISEARCH").map_or(Self::Embedded, |path| Self::Official(path.into()))
    }
}

/// A running node. Its directory goes with it.
pub(crate) struct Server {
    pub(crate) url: String,
    child: Option<Child>,
    _directory: TempDir,
}

impl Server {
    pub(crate) async fn start(program: &Program) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let server = match program {
            Program::Embedded => Self::embedded(directory).await,
            Program::Official(program) => Self::official(program, directory),
        };
        let node = server.node();
        let up = async {
            while node.health().await.is_err() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), up).await.expect("a node starts within a minute");
        server
    }

    async fn embedded(directory: TempDir) -> Self {
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
        Self { url, child: None, _directory: directory }
    }

    fn official(program: &PathBuf, directory: TempDir) -> Self {
        let port = StdListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = Command::new(program)
            .current_dir(directory.path())
            .args(["--no-analytics", "--db-path", "data", "--master-key", MASTER_KEY])
            .args(["--max-indexing-threads", "1", "--http-addr", &format!("127.0.0.1:{port}")])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { url: format!("http://127.0.0.1:{port}"), child: Some(child), _directory: directory }
    }

    /// With the rights of the master key.
    pub(crate) fn node(&self) -> HttpNode {
        let connections = Connections::new(Timeouts::default()).unwrap();
        HttpNode::new(&connections, &self.url, ApiKey::new(MASTER_KEY)).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
