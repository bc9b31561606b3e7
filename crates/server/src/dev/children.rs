//! The child processes: started once, stopped by the process ids in their directories.

use std::fs::{self, OpenOptions};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use tokio::process::{Child, Command};

use super::files::failed;
use super::shape::{Kind, Member};
use crate::exit::Exit;
use crate::pidfile;

/// How long a child may take to stop.
const STOP: Duration = Duration::from_secs(15);

/// The children, in the order of the members.
pub(super) struct Children(Vec<Child>);

impl Children {
    /// Starts all of them.
    pub(super) fn start(members: &[Member]) -> Result<Self, Exit> {
        members.iter().map(start).collect::<Result<_, _>>().map(Self)
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

    /// Stops them, those restarted by hand included: peers first, so that none of them sees its nodes go.
    pub(super) async fn stop(&mut self, members: &[Member]) {
        for peers in [true, false] {
            let chosen = |member: &Member| matches!(member.kind, Kind::Peer { .. }) == peers;
            let pids: Vec<Pid> = (members.iter().zip(self.0.iter()))
                .filter(|(member, _)| chosen(member))
                .flat_map(|(member, child)| {
                    let own = child.id().and_then(|id| Pid::from_raw(id as i32));
                    let named = pidfile::running(&member.dir);
                    [own, named.filter(|pid| Some(*pid) != own)]
                })
                .flatten()
                .collect();
            pids.iter().for_each(|pid| signal(*pid, Signal::TERM));
            self.wait_for(&pids).await;
        }
        for member in members {
            let _ = fs::remove_file(member.dir.join("pid"));
        }
    }

    async fn wait_for(&mut self, pids: &[Pid]) {
        let deadline = tokio::time::Instant::now() + STOP;
        loop {
            // A child that has ended is there until it is waited for.
            self.0.iter_mut().for_each(|child| drop(child.try_wait()));
            let left: Vec<_> = pids.iter().filter(|pid| test_kill_process(**pid).is_ok()).collect();
            if left.is_empty() {
                return;
            }
            if tokio::time::Instant::now() > deadline {
                left.iter().for_each(|pid| signal(**pid, Signal::KILL));
                return;
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
    let child = Command::new(program)
        .args(arguments)
        .current_dir(&member.dir)
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(errors)
        // Ctrl-C in the terminal is for `dev` alone: it stops the children in order.
        .process_group(0)
        .kill_on_drop(false)
        .spawn()
        .map_err(|error| Exit::Failed(format!("{program} cannot be started: {error}")))?;
    if let (Some(pid), Kind::Node { .. }) = (child.id(), member.kind) {
        // An official server writes none.
        fs::write(member.dir.join("pid"), format!("{pid}\n")).map_err(|error| failed(&member.dir, error))?;
    }
    Ok(child)
}

/// Where a member's output goes.
pub(super) fn log_file(member: &Member) -> std::path::PathBuf {
    member.dir.join("output.log")
}
