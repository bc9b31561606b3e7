//! Whole clusters of real processes.
//!
//! [`Dev`] is a `miroir dev` on a directory of its own, with the programs that were built with the one that runs; a
//! [`Mesh`] is peers and nodes with a [proxy](crate::proxy) on each link between them. What a user would see broken ends
//! the test: these functions panic, with the words of the program above.

use std::path::PathBuf;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

mod client;
mod dev;
mod member;
mod mesh;

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
