//! The child processes: started once, stopped by the process ids in their directories.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use futures::future::join_all;
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};

use super::files::failed;
use super::shape::{Kind, Member};
use crate::exit::Exit;
use crate::pidfile;

/// How long a child may take to stop.
const STOP: Duration = Duration::from_secs(15);

/// The children, in the order of the members.
#[derive(Default)]
pub(super) struct Children(Vec<Child>);

impl Children {
    /// Starts all of them. When one cannot be started, those before it run until they are [stopped](Self::stop).
    pub(super) fn start(&mut self, members: &[Member]) -> Result<(), Exit> {
        for member in members {
            let child = start(member)?;
            let pid = child.id();
            self.0.push(child);
            if let (Some(pid), Kind::Node { .. }) = (pid, member.kind) {
                // An official server writes none.
                let written = fs::write(member.dir.join("pid"), format!("{pid}\n"));
                written.map_err(|error| failed(&member.dir, error))?;
            }
        }
        Ok(())
    }

    /// The process id of each member, as it was started.
    pub(super) fn pids(&self) -> impl Iterator<Item = Option<u32>> + '_ {
        self.0.iter().map(Child::id)
    }

    /// The first member that has ended by itself.
    pub(super) fn ended<'a>(&mut self, members: &'a [Member]) -> Option<(&'a Member, ExitStatus)> {
        let pairs = self.0.iter_mut().zip(members);
        pairs.filter_map(|(child, member)| Some((member, child.try_wait().ok()??))).next()
    }

    /// Says which of them end by themselves, until all have.
    pub(super) async fn watch(&mut self, members: &[Member]) {
        let ends = self.0.iter_mut().zip(members).map(async |(child, member)| {
            if let Ok(status) = child.wait().await {
                let log = log_file(member);
                eprintln!("{} ended ({status}), and stays so; its log is {}", member.id, log.display());
            }
        });
        join_all(ends).await;
    }

    /// Stops them, those restarted by hand included: peers first, so that none of them sees its nodes go.
    pub(super) async fn stop(&mut self, members: &[Member]) {
        for peers in [true, false] {
            let mut running: Vec<(Pid, &Path)> = Vec::new();
            for (at, member) in members.iter().enumerate() {
                if matches!(member.kind, Kind::Peer { .. }) == peers {
                    let own = self.0.get(at).and_then(Child::id).and_then(|id| Pid::from_raw(id as i32));
                    let named = pidfile::running(&member.dir).filter(|pid| Some(*pid) != own);
                    running.extend([own, named].into_iter().flatten().map(|pid| (pid, &*member.dir)));
                }
            }
            running.iter().for_each(|(pid, _)| signal(*pid, Signal::TERM));
            self.wait_for(running).await;
        }
        for member in members {
            let _ = fs::remove_file(member.dir.join("pid"));
        }
    }

    async fn wait_for(&mut self, mut running: Vec<(Pid, &Path)>) {
        let deadline = tokio::time::Instant::now() + STOP;
        loop {
            // A child that has ended is there until it is waited for; then its id may become another's.
            self.0.iter_mut().for_each(|child| drop(child.try_wait()));
            running.retain(|(pid, dir)| pidfile::runs_on(*pid, dir));
            if running.is_empty() {
                return;
            }
            if tokio::time::Instant::now() > deadline {
                return running.iter().for_each(|(pid, _)| signal(*pid, Signal::KILL));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// A process that is gone already needs no signal.
fn signal(pid: Pid, signal: Signal) {
    let _gone = kill_process(pid, signal);
}

fn start(member: &Member) -> Result<Child, Exit> {
    let log = log_file(member);
    let open = OpenOptions::new().create(true).append(true).open(&log);
    let log = open.map_err(|error| failed(&log, error))?;
    let errors = log.try_clone().map_err(|error| failed(&member.dir, error))?;
    let (program, arguments) = member.argv.split_first().expect("an argv has a program");
    Command::new(program)
        .args(arguments)
        .env_clear()
        .envs(std::env::vars_os().filter(|(name, _)| is_for_children(&name.to_string_lossy())))
        .current_dir(&member.dir)
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(errors)
        // Ctrl-C in the terminal is for `dev` alone: it stops the children in order.
        .process_group(0)
        .kill_on_drop(false)
        .spawn()
        .map_err(|error| Exit::Failed(format!("{program} cannot be started: {error}")))
}

/// What `dev` is told is not for all its children: the environment would win over the file of each.
fn is_for_children(name: &str) -> bool {
    let settings = ["MIROIR_", "MEILI_"].iter().any(|prefix| name.starts_with(prefix));
    !settings || ["MIROIR_LOG", "MIROIR_LOG_FORMAT", "MIROIR_FAULTS"].contains(&name)
}

/// Where a member's output goes.
pub(super) fn log_file(member: &Member) -> PathBuf {
    member.dir.join("output.log")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A node that follows its own log.
    fn member(dir: &Path, id: &str, program: &str) -> Member {
        let dir = dir.join(id);
        fs::create_dir(&dir).expect("a directory");
        let log = dir.join("followed").to_string_lossy().into_owned();
        fs::write(&log, "").expect("a file");
        let argv = [program, "-f", &log].map(str::to_owned).to_vec();
        let http = "127.0.0.1:1".parse().expect("an address");
        Member { kind: Kind::Node { group: 0 }, id: id.to_owned(), dir, http, argv }
    }

    #[test]
    fn children_are_told_by_their_files() {
        for (name, told) in [
            ("MIROIR_MASTER_KEY", false),
            ("MIROIR_DATA_DIR", false),
            ("MEILI_MASTER_KEY", false),
            ("MIROIR_LOG", true),
            ("MIROIR_FAULTS", true),
            ("PATH", true),
        ] {
            assert_eq!(is_for_children(name), told, "{name}");
        }
    }

    #[tokio::test]
    async fn those_that_were_started_stop_when_another_cannot_be_started() {
        let keep = tempfile::tempdir().expect("a directory");
        let members =
            [member(keep.path(), "node-0", "tail"), member(keep.path(), "node-1", "no-such-program")];
        let mut children = Children::default();
        let refused = children.start(&members).expect_err("the second cannot be started");
        assert!(refused.to_string().contains("no-such-program"), "{refused}");
        let first = pidfile::running(&members[0].dir).expect("the first runs");
        children.stop(&members).await;
        assert!(!pidfile::runs_on(first, &members[0].dir));
        assert!(!members[0].dir.join("pid").exists());
    }
}
