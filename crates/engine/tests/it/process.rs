//! An engine in a process of its own, which can be killed. The process is this test binary, told to run one "test".

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use miroir_engine::{Config, serve};
use miroir_node::conformance::Crash;
use tokio::net::TcpListener;

use crate::harness::MASTER;

const DIR: &str = "MIROIR_ENGINE_CHILD_DIR";
const ADDRESS: &str = "MIROIR_ENGINE_CHILD_ADDRESS";

/// Not a test: the engine that the tests start and kill.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "started by other tests, in a process of its own"]
async fn child() {
    let (Some(dir), Ok(address)) = (std::env::var_os(DIR), std::env::var(ADDRESS)) else { return };
    let listener = TcpListener::bind(address).await.expect("its port");
    let config = Config::new(dir, Some(MASTER.to_owned()));
    serve(listener, config, std::future::pending()).await.expect("it only ends when killed");
}

pub(crate) struct Process {
    dir: PathBuf,
    address: String,
    child: Mutex<Option<Child>>,
}

impl Process {
    /// Starts one on a free port; it is ready when this returns.
    pub(crate) async fn start(dir: &Path) -> Self {
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = free.local_addr().expect("its address").to_string();
        drop(free);
        let process = Self { dir: dir.to_owned(), address, child: Mutex::default() };
        process.spawn().await;
        process
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    async fn spawn(&self) {
        let child = Command::new(std::env::current_exe().expect("this binary"))
            .args(["--exact", "process::child", "--ignored", "--nocapture"])
            .env(DIR, &self.dir)
            .env(ADDRESS, &self.address)
            .stdout(Stdio::null())
            .spawn()
            .expect("a child");
        *self.child.lock().expect("not poisoned") = Some(child);
        let up = async {
            while reqwest::get(format!("{}/health", self.url())).await.is_err() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), up).await.expect("the engine starts");
    }

    /// Ends it with SIGKILL.
    pub(crate) fn kill(&self) {
        if let Some(mut child) = self.child.lock().expect("not poisoned").take() {
            child.kill().expect("a signal");
            child.wait().expect("its end");
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

#[async_trait]
impl Crash for Process {
    async fn crash_and_restart(&self) -> Result<(), String> {
        self.kill();
        self.spawn().await;
        Ok(())
    }
}
