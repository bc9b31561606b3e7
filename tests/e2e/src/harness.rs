//! A cluster under test.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

/// How long anything may take that must happen. Only a broken product waits so long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

/// A program that was built with the tests.
pub(crate) fn program(name: &str) -> PathBuf {
    let own = std::env::current_exe().expect("the test is a program");
    let built = own.parent().and_then(Path::parent).expect("tests are in target/<profile>/deps").join(name);
    assert!(built.exists(), "{} is missing: run `cargo test --workspace`", built.display());
    built
}

/// A `miroir dev` and its directory.
pub(crate) struct Dev {
    pub(crate) dir: PathBuf,
    pub(crate) manifest: Value,
    process: Option<Child>,
    flags: Vec<String>,
    _keep: Option<TempDir>,
}

impl Dev {
    /// Starts one on an empty directory. Ports are drawn until some are free.
    pub(crate) async fn start(flags: &[&str]) -> Self {
        let keep = tempfile::tempdir().expect("a directory");
        let flags: Vec<String> = flags.iter().map(ToString::to_string).collect();
        let dir = keep.path().join("cluster");
        for _ in 0..20 {
            let base = free_base();
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
        panic!("no free ports, or `dev` does not start; its words are above");
    }

    /// Starts `dev` again on the same directory.
    pub(crate) async fn start_again(&mut self) {
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
    pub(crate) fn stop(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        signal(process.id(), Signal::INT);
        let status = process.wait().expect("it ends");
        assert!(status.success(), "`miroir dev` ended with {status}");
    }

    /// The HTTP address of a peer, from 1.
    pub(crate) fn peer(&self, number: usize) -> String {
        self.manifest["peers"][number - 1]["http"].as_str().expect("a peer").to_owned()
    }

    fn member(&self, kind: &str, at: usize) -> &Value {
        &self.manifest[kind][at]
    }

    fn pid(&self, kind: &str, at: usize) -> u32 {
        let dir = self.member(kind, at)["dir"].as_str().expect("a directory");
        let text = std::fs::read_to_string(Path::new(dir).join("pid")).expect("a pid file");
        text.trim().parse().expect("a pid")
    }

    /// Kills a member with -9 and waits until it is gone.
    pub(crate) fn kill(&self, kind: &str, at: usize) {
        let pid = self.pid(kind, at);
        signal(pid, Signal::KILL);
        let started = Instant::now();
        // Its parent, `dev`, reaps it in its own time: a zombie is dead enough.
        while std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z ")) {
            assert!(started.elapsed() < PATIENCE, "{kind} {at} does not die");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Starts a killed member by hand, as its `argv` says.
    pub(crate) fn revive(&self, kind: &str, at: usize) {
        let member = self.member(kind, at);
        let argv: Vec<&str> =
            member["argv"].as_array().expect("argv").iter().filter_map(Value::as_str).collect();
        let log = std::fs::OpenOptions::new().append(true).open(member["log"].as_str().expect("a log"));
        let dir = Path::new(member["dir"].as_str().expect("a directory"));
        let mut child = Command::new(argv[0])
            .args(&argv[1..])
            .current_dir(dir)
            .stdout(Stdio::null())
            .stderr(log.expect("the log is there"))
            .spawn()
            .expect("it starts");
        if kind == "nodes" {
            std::fs::write(dir.join("pid"), child.id().to_string()).expect("the pid is written");
        }
        // `dev` will stop it; somebody must take note of its end.
        std::thread::spawn(move || child.wait());
    }

    /// The operator's tool against peer 1.
    pub(crate) fn ctl(&self, arguments: &[&str]) -> Output {
        self.ctl_at(1, arguments)
    }

    /// The operator's tool against any peer.
    pub(crate) fn ctl_at(&self, peer: usize, arguments: &[&str]) -> Output {
        let grpc = self.manifest["peers"][peer - 1]["grpc"].as_str().expect("an address");
        let command = Command::new(program("miroir-ctl")).args(["--peer", grpc]).args(arguments).output();
        command.expect("`miroir-ctl` runs")
    }

    /// `verify`, which must find nothing wrong.
    pub(crate) fn verify(&self) -> Value {
        let output = self.ctl(&["verify", "--json"]);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "verify: {text} {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_str(&text).expect("verify prints JSON")
    }

    /// The document of `/_miroir/topology` at a peer.
    pub(crate) async fn topology(&self, peer: usize) -> Value {
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

fn signal(pid: u32, signal: Signal) {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).expect("a pid");
    let _ = kill_process(pid, signal);
}

/// A port such that the ports that `dev` needs are free now.
fn free_base() -> u16 {
    loop {
        let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
        let base = free.expect("a port").port();
        let needed = [0, 1, 2, 10, 11, 12, 20, 21, 22];
        let open = |offset: &u16| {
            base.checked_add(*offset)
                .is_some_and(|port| std::net::TcpListener::bind(("127.0.0.1", port)).is_ok())
        };
        if needed.iter().all(open) {
            return base;
        }
    }
}

/// A JSON answer; none when the server does not answer.
pub(crate) async fn get(url: &str) -> Option<Value> {
    reqwest::get(url).await.ok()?.json().await.ok()
}

/// Posts JSON and gives status and answer.
pub(crate) async fn post(url: &str, body: &Value) -> (u16, Value) {
    let answer = reqwest::Client::new().post(url).json(body).send().await.expect("the peer answers");
    let status = answer.status().as_u16();
    (status, answer.json().await.unwrap_or_default())
}

/// Waits until a task has ended, and gives it.
pub(crate) async fn ended(peer: &str, task: &Value) -> Value {
    let uid = &task["taskUid"];
    assert!(uid.is_u64(), "no task: {task}");
    let started = Instant::now();
    loop {
        let task = get(&format!("{peer}/tasks/{uid}")).await.unwrap_or_default();
        if matches!(task["status"].as_str(), Some("succeeded" | "failed" | "canceled")) {
            return task;
        }
        assert!(started.elapsed() < PATIENCE, "task {uid} does not end: {task}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Documents that are part of the repository.
pub(crate) fn documents(name: &str) -> Vec<Value> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../differential/data").join(name);
    let text = std::fs::read_to_string(&file).expect("the data is part of the repository");
    text.lines().map(|line| serde_json::from_str(line).expect("a document")).collect()
}
