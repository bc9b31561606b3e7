//! One peer or node of a `miroir dev`, killed and started by hand.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use super::{Dev, PATIENCE, signal};

/// Whether anything of a process still runs. Its parent, `dev`, reaps it in its own time: a zombie is dead enough, once
/// its other threads are gone too. Until then its ports are taken.
fn is_alive(pid: u32) -> bool {
    let is_zombie = |stat: String| stat.contains(") Z ");
    let threads = || std::fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count);
    match std::fs::read_to_string(format!("/proc/{pid}/stat")) {
        Ok(stat) => !is_zombie(stat) || threads() > 1,
        Err(_) => false,
    }
}

impl Dev {
    fn member(&self, kind: &str, at: usize) -> &Value {
        &self.manifest[kind][at]
    }

    /// The process that runs now. `kind` is `peers` or `nodes`, `at` counts from 0.
    pub fn pid(&self, kind: &str, at: usize) -> u32 {
        let dir = self.member(kind, at)["dir"].as_str().expect("a directory");
        let text = std::fs::read_to_string(Path::new(dir).join("pid")).expect("a pid file");
        text.trim().parse().expect("a pid")
    }

    /// Kills a member with -9 and waits until it is gone.
    pub fn kill(&self, kind: &str, at: usize) {
        self.end(kind, at, Signal::KILL);
    }

    /// Stops a member as an operator does, and waits until it is gone.
    pub fn terminate(&self, kind: &str, at: usize) {
        self.end(kind, at, Signal::TERM);
    }

    fn end(&self, kind: &str, at: usize, how: Signal) {
        let pid = self.pid(kind, at);
        signal(pid, how);
        let started = Instant::now();
        while is_alive(pid) {
            assert!(started.elapsed() < PATIENCE, "{kind} {at} does not die");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Starts a killed member by hand, as its `argv` says.
    pub fn revive(&self, kind: &str, at: usize) {
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
}
