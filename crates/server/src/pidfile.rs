//! `<dir>/pid`: which process runs on a directory, for people and for `dev`, which stops by it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{fs, io};

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
fn read(dir: &Path) -> Option<Pid> {
    let text = fs::read_to_string(dir.join("pid")).ok()?;
    Pid::from_raw(text.trim().parse().ok()?)
}

/// The process of a directory, when it runs.
pub(crate) fn running(dir: &Path) -> Option<Pid> {
    read(dir).filter(|pid| runs_on(*pid, dir))
}

/// Whether a process runs that was started with something in a directory. A file may name a process that is long gone
/// (it was killed, or the machine went down), and its id may be another's by now, which is to be left alone.
pub(crate) fn runs_on(pid: Pid, dir: &Path) -> bool {
    match arguments(pid) {
        Ok(line) => String::from_utf8_lossy(&line).contains(&format!("{}/", dir.display())),
        Err(_) if Path::new("/proc/self").exists() => false,
        // A system that does not tell: the file is believed.
        Err(_) => test_kill_process(pid).is_ok(),
    }
}

/// What a process was started with. One that has just been started has no arguments for a moment; one that has ended and
/// was not waited for has none any more, nor a program.
fn arguments(pid: Pid) -> io::Result<Vec<u8>> {
    let process = PathBuf::from(format!("/proc/{}", pid.as_raw_nonzero()));
    let started = Instant::now();
    loop {
        let line = fs::read(process.join("cmdline"))?;
        let starting = line.is_empty() && fs::read_link(process.join("exe")).is_ok();
        if !starting || started.elapsed() > Duration::from_millis(100) {
            return Ok(line);
        }
        std::thread::yield_now();
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_process_of_another_is_not_taken_for_ours() {
        let keep = tempfile::tempdir().expect("a directory");
        let dir = keep.path().join("peer-1");
        fs::create_dir(&dir).expect("a directory");
        let log = dir.join("output.log");
        fs::write(&log, "").expect("a file");
        let tail = Command::new("tail").arg("-f").arg(&log).stdout(Stdio::null()).spawn();
        let mut tail = tail.expect("`tail` is everywhere");
        fs::write(dir.join("pid"), tail.id().to_string()).expect("written");
        assert_eq!(running(&dir), Pid::from_raw(tail.id() as i32));
        assert!(!runs_on(running(&dir).expect("it runs"), &keep.path().join("peer-10")));
        tail.kill().and_then(|()| tail.wait()).expect("it ends");
        assert_eq!(running(&dir), None, "it has ended");
        // Its id goes to a process that has nothing to do with the directory.
        fs::write(dir.join("pid"), std::process::id().to_string()).expect("written");
        assert_eq!(running(&dir), None);
    }
}
