//! `miroir dev`, as its user starts and stops it.

use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use super::{PATIENCE, free_base, get, program, signal, verified};

/// A `miroir dev` and its directory. It stops when this is dropped.
#[derive(Debug)]
pub struct Dev {
    /// Its `--data-dir`.
    pub dir: PathBuf,
    /// What `dev.json` said when it was ready last.
    pub manifest: Value,
    process: Option<Child>,
    flags: Vec<String>,
    _keep: Option<TempDir>,
}

impl Dev {
    /// Starts one on an empty directory. Ports are drawn until some are free.
    pub async fn start(flags: &[&str]) -> Self {
        let keep = tempfile::tempdir().expect("a directory");
        let flags: Vec<String> = flags.iter().map(ToString::to_string).collect();
        let dir = keep.path().join("cluster");
        let mut tries = 0;
        loop {
            assert!(tries < 20, "no free ports, or `dev` does not start; its words are above");
            tries += 1;
            let base = free_base([0, 1, 2, 10, 11, 12, 20, 21, 22]);
            let mut dev = Self {
                dir: dir.clone(),
                manifest: Value::Null,
                process: None,
                flags: [flags.clone(), vec!["--http".to_owned(), format!("127.0.0.1:{base}")]].concat(),
                _keep: None,
            };
            if dev.run().await {
                dev._keep = Some(keep);
                return dev;
            }
            std::fs::remove_dir_all(&dir).ok();
        }
    }

    /// Starts `dev` again on the same directory.
    pub async fn start_again(&mut self) {
        assert!(self.run().await, "`dev` does not start again");
    }

    async fn run(&mut self) -> bool {
        let mut command = Command::new(program("miroir"));
        command.arg("dev").args(&self.flags).arg("--data-dir").arg(&self.dir).stdout(Stdio::null());
        let mut process = command.spawn().expect("`miroir dev` can be started");
        let started = Instant::now();
        let file = self.dir.join("dev.json");
        loop {
            if let Some(status) = process.try_wait().expect("it can be waited for") {
                eprintln!("`miroir dev` ended: {status}");
                return false;
            }
            if let Ok(text) = std::fs::read_to_string(&file) {
                self.manifest = serde_json::from_str(&text).expect("dev.json is JSON");
                self.process = Some(process);
                return true;
            }
            assert!(started.elapsed() < PATIENCE, "`miroir dev` is not ready");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Stops it as Ctrl-C does, and waits for its end.
    pub fn stop(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        signal(process.id(), Signal::INT);
        let status = process.wait().expect("it ends");
        assert!(status.success(), "`miroir dev` ended with {status}");
    }

    /// The HTTP address of a peer, from 1.
    pub fn peer(&self, number: usize) -> String {
        self.manifest["peers"][number - 1]["http"].as_str().expect("a peer").to_owned()
    }

    /// The operator's tool against peer 1.
    pub fn ctl(&self, arguments: &[&str]) -> Output {
        self.ctl_at(1, arguments)
    }

    /// The operator's tool against any peer.
    pub fn ctl_at(&self, peer: usize, arguments: &[&str]) -> Output {
        let grpc = self.manifest["peers"][peer - 1]["grpc"].as_str().expect("an address");
        let command = Command::new(program("miroir-ctl")).args(["--peer", grpc]).args(arguments).output();
        command.expect("`miroir-ctl` runs")
    }

    /// [`verified`], of these.
    pub fn verify(&self) -> Value {
        verified(|| self.ctl(&["verify", "--json"])).expect("`verify` finds nothing wrong")
    }

    /// The document of `/_miroir/topology` at a peer.
    pub async fn topology(&self, peer: usize) -> Value {
        get(&format!("{}/_miroir/topology", self.peer(peer))).await.unwrap_or_default()
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        signal(process.id(), Signal::INT);
        let _ = process.wait();
        if std::thread::panicking() {
            self.show_logs();
        }
    }
}

impl Dev {
    fn show_logs(&self) {
        for kind in ["peers", "nodes"] {
            for member in self.manifest[kind].as_array().into_iter().flatten() {
                let log = member["log"].as_str().unwrap_or_default();
                let text = std::fs::read_to_string(log).unwrap_or_default();
                let lines: Vec<_> = text.lines().collect();
                let tail = lines[lines.len().saturating_sub(40)..].join("\n");
                eprintln!("---- {log}\n{tail}");
            }
        }
    }
}
