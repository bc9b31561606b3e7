//! Figures, printed. Run with `cargo test -p miroir-consensus measure -- --ignored --nocapture`.

use std::time::{Duration, Instant};

use miroir_cluster::{Command, Ledger};
use miroir_consensus::Limits;

use crate::support::{Group, chunk, insist, upload};

fn percentiles(what: &str, mut took: Vec<Duration>) {
    took.sort();
    let at = |percent: usize| took.get((took.len() * percent / 100).min(took.len() - 1));
    println!("{what}: p50 {:?}, p99 {:?} over {}", at(50).expect("some"), at(99).expect("some"), took.len());
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmRSS")).expect("a line");
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("a number")
}

/// A command of a few bytes.
fn small() -> Command {
    Command::DropUpload { upload: upload(u64::MAX) }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "prints figures"]
async fn latencies() {
    let before = resident_kib();
    let group = Group::start(3, Limits::default()).await;
    println!("three idle peers in one process: {} KiB more than none", resident_kib() - before);
    let leader = group.leader().await;
    let follower = if leader == "a" { "b" } else { "a" };
    for (what, name) in [("leader", leader.as_str()), ("follower", follower)] {
        let peer = group.peer(name);
        let mut took = Vec::new();
        for _ in 0..1000 {
            let begun = Instant::now();
            insist(&**peer, small()).await;
            took.push(begun.elapsed());
        }
        percentiles(&format!("one proposal at a time on the {what}"), took);
        let mut took = Vec::new();
        for _ in 0..1000 {
            let begun = Instant::now();
            peer.read_barrier().await.expect("a quorum");
            took.push(begun.elapsed());
        }
        percentiles(&format!("one barrier at a time on the {what}"), took);
    }
    let begun = Instant::now();
    let tasks: Vec<_> = (0..64).map(|at| (at, group.peers().nth(at % 3).expect("three").clone())).collect();
    let tasks = tasks.into_iter().map(|(_, peer)| {
        tokio::spawn(async move {
            let mut took = Vec::new();
            for _ in 0..100 {
                let begun = Instant::now();
                insist(&*peer, small()).await;
                took.push(begun.elapsed());
            }
            took
        })
    });
    let took = futures::future::join_all(tasks).await;
    let took: Vec<_> = took.into_iter().flat_map(|took| took.expect("ends")).collect();
    let rate = took.len() as f64 / begun.elapsed().as_secs_f64();
    percentiles(&format!("64 at once over all peers, {rate:.0} a second"), took);
    uploads(&group, follower).await;
}

/// What small proposals see while 300 MB are uploaded.
async fn uploads(group: &Group, name: &str) {
    let peers: Vec<_> = group.peers().cloned().collect();
    let begun = Instant::now();
    let uploads = (0..3_u64).map(|client| {
        let peer = peers[client as usize].clone();
        tokio::spawn(async move {
            for number in 0..100 {
                insist(&*peer, chunk(1000 * (client + 1) + number, 1 << 20)).await;
            }
        })
    });
    let mut uploads = std::pin::pin!(futures::future::join_all(uploads));
    let mut took = Vec::new();
    loop {
        let one = async {
            let begun = Instant::now();
            insist(&**group.peer(name), small()).await;
            begun.elapsed()
        };
        tokio::select! {
            _ = &mut uploads => break,
            one = one => took.push(one),
        }
    }
    let rate = 150.0 / begun.elapsed().as_secs_f64();
    percentiles(&format!("one at a time while 3 x 100 chunks come in, about {rate:.0} MB/s"), took);
}
