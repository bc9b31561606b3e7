//! One process of a mesh: started, killed, stopped, continued.

use std::fs::OpenOptions;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::process::Signal;

use crate::processes::{program, signal};

/// What goes wrong in a member: rules, in its directory. Where the file is not there, nothing does.
const FAULTS: &str = "faults";

/// How a member is started, and the process that it is now.
#[derive(Debug)]
pub(super) struct Process {
    arguments: Vec<String>,
    dir: PathBuf,
    child: Mutex<Option<Child>>,
}

impl Process {
    pub(super) fn new(arguments: Vec<String>, dir: PathBuf) -> Self {
        Self { arguments, dir, child: Mutex::default() }
    }

    fn child(&self) -> MutexGuard<'_, Option<Child>> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts it; its words go to `output.log`. Gives its process id.
    pub(super) fn start(&self) -> u32 {
        let log = OpenOptions::new().create(true).append(true).open(self.log()).expect("a log");
        let child = Command::new(program("miroir"))
            .args(&self.arguments)
            .current_dir(&self.dir)
            .env("MIROIR_FAULTS_FILE", self.dir.join(FAULTS))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("it can be started");
        let pid = child.id();
        *self.child() = Some(child);
        pid
    }

    pub(super) fn pid(&self) -> Option<u32> {
        self.child().as_ref().map(Child::id)
    }

    pub(super) fn log(&self) -> PathBuf {
        self.dir.join("output.log")
    }

    pub(super) fn set_faults(&self, rules: &str) {
        // It is read at any moment, so it is changed in one.
        let (next, file) = (self.dir.join("faults.next"), self.dir.join(FAULTS));
        std::fs::write(&next, rules).and_then(|()| std::fs::rename(&next, &file)).expect("a disk");
    }

    pub(super) fn signal(&self, what: Signal) {
        if let Some(child) = &*self.child() {
            signal(child.id(), what);
        }
    }

    /// Kills it with -9, and is back when it is gone.
    pub(super) fn kill(&self) {
        if let Some(mut child) = self.child().take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// How it ended, if it did that by itself.
    pub(super) fn ended(&self) -> Option<ExitStatus> {
        self.child().as_mut().and_then(|child| child.try_wait().ok().flatten())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
