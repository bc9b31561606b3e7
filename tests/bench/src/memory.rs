//! What a peer needs that has nothing to do.

use std::time::Duration;

use miroir_testkit::processes::Dev;

use crate::figure::{Figures, Target};

/// After a minute what the start needed has been given back or never will be.
const REST: Duration = Duration::from_secs(60);

pub(crate) async fn measure(figures: &mut Figures) {
    let dev = Dev::start(&[]).await;
    tokio::time::sleep(REST).await;
    let peers: Vec<f64> = (0..3).map(|peer| resident(dev.pid("peers", peer))).collect();
    figures.add("memory of an empty peer after 60 s", "MB", Target::AtMost(60.0), &peers);
}

/// Resident memory of a process in megabytes.
pub(crate) fn resident(pid: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the peer runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("Linux gives VmRSS");
    let kibibytes: f64 = line.trim_end_matches("kB").trim().parse().expect("a number");
    kibibytes * 1024.0 / 1e6
}
