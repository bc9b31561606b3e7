//! The contract on the official Meilisearch that `MIROIR_MEILISEARCH` names.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use miroir_node::conformance::{self, Crash, Target};
use miroir_node::fixtures;
use miroir_node::{ApiKey, Connections, HttpNode, Node, Timeouts};

pub(crate) const MASTER_KEY: &str = "a master key for tests only";

/// An official server, ended with the test.
pub(crate) struct Official {
    program: PathBuf,
    directory: tempfile::TempDir,
    port: u16,
    child: Mutex<Option<Child>>,
}

impl Official {
    /// Start one; `None`, and a line that says so, when there is no program.
    pub(crate) async fn start() -> Option<Self> {
        let Some(program) = std::env::var_os("MIROIR_MEILISEARCH") else {
            eprintln!("not run: MIROIR_MEILISEARCH names no program");
            return None;
        };
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let directory = tempfile::tempdir().unwrap();
        let official = Self { program: program.into(), directory, port, child: Mutex::default() };
        official.spawn().await;
        Some(official)
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn node(&self) -> HttpNode {
        let connections = Connections::new(Timeouts::default()).unwrap();
        HttpNode::new(&connections, &self.url(), ApiKey::new(MASTER_KEY)).unwrap()
    }

    pub(crate) fn target(&self) -> Target<'_> {
        Target { url: self.url(), master_key: MASTER_KEY.to_owned(), crash: Some(self) }
    }

    async fn spawn(&self) {
        let child = Command::new(&self.program)
            .current_dir(self.directory.path())
            .args(["--no-analytics", "--db-path", "data", "--master-key", MASTER_KEY])
            .args(["--http-addr", &format!("127.0.0.1:{}", self.port)])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        *self.child.lock().unwrap() = Some(child);
        let node = self.node();
        let up = async {
            while node.health().await.is_err() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), up).await.expect("Meilisearch starts within a minute");
    }

    fn kill(&self) {
        if let Some(mut child) = self.child.lock().unwrap().take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

impl Drop for Official {
    fn drop(&mut self) {
        self.kill();
    }
}

#[async_trait]
impl Crash for Official {
    async fn crash_and_restart(&self) -> Result<(), String> {
        self.kill();
        self.spawn().await;
        Ok(())
    }
}

/// `MIROIR_CHECK` runs those checks only whose name contains it.
#[tokio::test(flavor = "multi_thread")]
async fn official_meilisearch_keeps_the_contract() {
    let Some(official) = Official::start().await else { return };
    let target = official.target();
    let filter = std::env::var("MIROIR_CHECK").unwrap_or_default();
    let report = conformance::run(&target, &filter).await.unwrap();
    println!("{report}");
    assert!(report.is_ok(), "{report}");
    assert!(report.skipped.is_empty() && !report.passed.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn official_meilisearch_gives_the_recorded_answers() {
    let Some(official) = Official::start().await else { return };
    let differences = fixtures::check(&official.target()).await.unwrap();
    assert!(differences.is_empty(), "{differences:#?}");
}
