//! This test binary again, as a child process that runs one test alone: a process can be killed, and its environment
//! is its own.

use std::ffi::OsStr;
use std::process::{Child, Command, Stdio};

/// A child that runs one test, which is marked `ignore`.
pub(crate) fn start(test: &str, environment: &[(&str, &OsStr)]) -> Child {
    on(Command::new(std::env::current_exe().expect("a program")), test, environment)
}

/// The same, where no file can grow beyond 8 MiB: a write that would fails, as it does on a full disk.
pub(crate) fn start_limited(test: &str, environment: &[(&str, &OsStr)]) -> Child {
    let mut shell = Command::new("sh");
    // In blocks of 512 bytes. The signal that the limit brings is not for us.
    shell.args(["-c", r#"trap '' XFSZ; ulimit -f 16384; exec "$0" "$@""#]);
    shell.arg(std::env::current_exe().expect("a program"));
    on(shell, test, environment)
}

fn on(mut program: Command, test: &str, environment: &[(&str, &OsStr)]) -> Child {
    program
        .args([test, "--exact", "--ignored", "--nocapture"])
        .envs(environment.iter().copied())
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts")
}

/// Has a child run one test, which must pass.
pub(crate) fn run(test: &str, environment: &[(&str, &OsStr)]) {
    let output = start(test, environment).wait_with_output().expect("ends");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{}: {text}", output.status);
}
