//! `<dir>/pid`: which process runs on a directory, for people and for `dev`, which stops by it.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::process::{Pid, test_kill_process};

/// Written at the start, removed at the end of a process.
pub(crate) struct PidFile(PathBuf);

impl PidFile {
    /// Writes this process's id to `dir/pid`.
    pub(crate) fn write(dir: &Path) -> std::io::Result<Self> {
        let path = dir.join("pid");
        fs::write(&path, format!("{}\n", std::process::id()))?;
        Ok(Self(path))
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        // It may have been replaced by a later process on the same directory.
        if read(self.0.parent().unwrap_or(Path::new("."))) == Pid::from_raw(std::process::id() as i32) {
            let _ = fs::remove_file(&self.0);
        }
    }
}

/// The process that a directory's file names, whether or not it runs.
pub(crate) fn read(dir: &Path) -> Option<Pid> {
    let text = fs::read_to_string(dir.join("pid")).ok()?;
    Pid::from_raw(text.trim().parse().ok()?)
}

/// The process of a directory, when it runs.
pub(crate) fn running(dir: &Path) -> Option<Pid> {
    read(dir).filter(|pid| test_kill_process(*pid).is_ok())
}
