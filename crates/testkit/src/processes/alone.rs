//! One node without a cluster.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::{PATIENCE, program};

/// The master key of a node alone.
pub const MASTER_KEY: &str = "a master key for tests only";

/// A Meilisearch server, official or embedded, in a process and a directory of its own. Both end when this is dropped.
#[derive(Debug)]
pub struct Alone {
    /// Where it serves.
    pub url: String,
    command: Vec<String>,
    dir: TempDir,
    child: Mutex<Option<Child>>,
}

impl Alone {
    /// The official server that `MIROIR_MEILISEARCH` names, once it answers; nothing, and a line that says so, where it
    /// names none.
    pub async fn official(arguments: &[&str]) -> Option<Self> {
        let Some(program) = std::env::var_os("MIROIR_MEILISEARCH").map(PathBuf::from) else {
            eprintln!("not run: MIROIR_MEILISEARCH names no program");
            return None;
        };
        let program = program.display().to_string();
        Some(Self::run([&[&*program, "--no-analytics"], arguments].concat()).await)
    }

    /// That one, or else the embedded one.
    pub async fn start() -> Self {
        if std::env::var_os("MIROIR_MEILISEARCH").is_some()
            && let Some(official) = Self::official(&[]).await
        {
            return official;
        }
        let program = program("miroir").display().to_string();
        Self::run(vec![&*program, "node"]).await
    }

    async fn run(command: Vec<&str>) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
        let address = free.expect("a free port").to_string();
        let common = ["--http-addr", &*address, "--db-path", "data", "--master-key", MASTER_KEY];
        let alone = Self {
            url: format!("http://{address}"),
            command: [&command[..], &common].concat().into_iter().map(str::to_owned).collect(),
            dir: tempfile::tempdir().expect("a directory"),
            child: Mutex::default(),
        };
        alone.start_again().await;
        alone
    }

    /// Starts it on what it had, and waits until it answers.
    pub async fn start_again(&self) {
        let child = Command::new(&self.command[0])
            .args(&self.command[1..])
            .current_dir(self.dir.path())
            .env("TMPDIR", self.dir.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it can be started");
        *self.child() = Some(child);
        let started = Instant::now();
        while reqwest::get(format!("{}/health", self.url)).await.is_err() {
            assert!(started.elapsed() < PATIENCE, "{} does not start", self.command[0]);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Kills it with -9, and is back when it is gone.
    pub fn kill(&self) {
        if let Some(mut child) = self.child().take() {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    fn child(&self) -> MutexGuard<'_, Option<Child>> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        self.kill();
    }
}
