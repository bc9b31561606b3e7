//! Whole clusters of real processes, and single nodes.
//!
//! [`Dev`] is a `miroir dev` on a directory of its own, with the programs that were built with the one that runs; a
//! [`Mesh`] is peers and nodes with a [proxy](crate::proxy) on each link between them. What a user would see broken ends
//! the test: these functions panic, with the words of the program above.

use std::path::PathBuf;
use std::process::Output;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

mod alone;
mod client;
mod dev;
mod member;
mod mesh;

pub use alone::{Alone, MASTER_KEY};
pub use client::{ended, get, post};
pub use dev::Dev;
pub use mesh::{Member, Mesh, Shape};

/// How long anything may take that must happen. Only a broken product waits so long.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// A program of the workspace, built with the one that runs: in its directory, or in the one above `deps`.
pub fn program(name: &str) -> PathBuf {
    let own = std::env::current_exe().expect("a program knows its path");
    let built = own.ancestors().skip(1).take(2).map(|dir| dir.join(name)).find(|path| path.is_file());
    built.unwrap_or_else(|| unreachable!("`{name}` is missing: build with `--workspace`"))
}

/// What `miroir-ctl verify --json` finds: its report if nothing is wrong, else its words. Copies that searches leave out
/// cannot be compared until they are back, which is waited for.
pub fn verified(verify: impl Fn() -> Output) -> Result<Value, String> {
    let started = Instant::now();
    loop {
        let output = verify();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let report: Value = serde_json::from_str(&said).map_err(|error| format!("{error}: {said}"))?;
        if output.status.success() {
            return Ok(report);
        }
        let violations = report["violations"].as_array().map_or(&[][..], Vec::as_slice);
        let left_out = |violation: &Value| {
            violation["kind"] == "copy_not_read"
                && violation["text"].as_str().is_some_and(|text| text.contains("searches leave"))
        };
        if violations.is_empty() || !violations.iter().all(left_out) || started.elapsed() > PATIENCE {
            return Err(said);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn signal(pid: u32, signal: Signal) {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).expect("a pid");
    let _ = kill_process(pid, signal);
}

/// How many ports a cluster may have, from the one that was drawn for it.
const SPAN: u16 = 30;

/// A port such that these ports behind it, less than [`SPAN`], are free now. No other cluster of this process is given
/// any port of the span: a member that is killed finds its own free when it starts again.
///
/// None of those that the system gives to connections: while a member is killed, whoever tries to reach it would sooner
/// or later be given the member's own port to call from, and keep it.
fn free_base(needed: impl IntoIterator<Item = u16> + Clone) -> u16 {
    const FIRST: u32 = 10_000;
    static DRAWN: AtomicU32 = AtomicU32::new(0);
    loop {
        let drawn = std::process::id().wrapping_mul(7) + DRAWN.fetch_add(1, Ordering::Relaxed);
        let base = u16::try_from(FIRST + drawn % 700 * u32::from(SPAN)).expect("at most 31,000");
        let open = |offset: u16| {
            base.checked_add(offset)
                .is_some_and(|port| std::net::TcpListener::bind(("127.0.0.1", port)).is_ok())
        };
        if needed.clone().into_iter().all(open) {
            return base;
        }
    }
}
