//! Real nodes: the official server that `MIROIR_MEILISEARCH` names.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use miroir_node::{ApiKey, Connections, HttpNode, Node, Timeouts};
use tempfile::TempDir;

pub(crate) const MASTER_KEY: &str = "a master key for tests only";

/// A node that ends with the test.
pub(crate) struct Server {
    pub(crate) url: String,
    child: Child,
    _directory: TempDir,
}

impl Server {
    /// The official server; `None`, and a line that says so, when there is no program.
    pub(crate) async fn official() -> Option<Self> {
        let Some(program) = std::env::var_os("MIROIR_MEILISEARCH") else {
            eprintln!("not run: MIROIR_MEILISEARCH names no program");
            return None;
        };
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let directory = tempfile::tempdir().unwrap();
        let child = Command::new(program)
            .current_dir(directory.path())
            .args(["--no-analytics", "--db-path", "data", "--master-key", MASTER_KEY])
            .args(["--http-addr", &format!("127.0.0.1:{port}")])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let url = format!("http://127.0.0.1:{port}");
        Some(Self { url, child, _directory: directory })
    }

    /// The server with its master key, once it answers.
    pub(crate) async fn node(&self) -> HttpNode {
        let node = HttpNode::new(&connections(), &self.url, ApiKey::new(MASTER_KEY)).unwrap();
        let up = async {
            while node.health().await.is_err() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), up).await.expect("a node starts within a minute");
        node
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn connections() -> Connections {
    Connections::new(Timeouts::default()).unwrap()
}
