//! Small writes beside large ones.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use miroir_testkit::processes::Dev;
use serde_json::json;
use tokio::time::sleep;

use crate::figure::{Figures, Target, percentile};
use crate::server::Server;

/// Uploads at once, of so many bytes each.
const UPLOADS: usize = 3;
const BYTES: usize = 100_000_000;
/// Between two small writes of one writer.
const PAUSE: Duration = Duration::from_millis(5);

pub(crate) async fn measure(rounds: u32, figures: &mut Figures) {
    let dev = Dev::start(&["--shards", "4"]).await;
    let peers: Vec<Server> = (1..=3).map(|peer| Server::new(dev.peer(peer), None)).collect();
    peers[0].done(peers[0].load("small", json!({"id": 0}).to_string()).await).await;
    let large = Arc::new(lines());
    let term = term(&peers[0]).await;
    let (mut ratios, mut alone, mut beside) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..rounds {
        let undisturbed = small(&peers, Arc::new(AtomicBool::new(false)), Duration::from_secs(10)).await;
        let over = Arc::new(AtomicBool::new(false));
        let uploads = (0..UPLOADS).map(|at| {
            let (peer, large) = (peers[at % peers.len()].clone(), Arc::clone(&large));
            tokio::spawn(async move { peer.load(&format!("large-{at}-{round}"), large.to_string()).await })
        });
        let uploads: Vec<_> = uploads.collect();
        let watch = tokio::spawn({
            let (over, peers) = (Arc::clone(&over), peers.clone());
            async move {
                // The large ones are carried out while the small ones go on.
                for upload in uploads {
                    let task = upload.await.expect("it is accepted");
                    peers[0].done(task).await;
                }
                over.store(true, Ordering::Relaxed);
            }
        });
        let disturbed = small(&peers, over, Duration::MAX).await;
        watch.await.expect("the uploads end");
        alone.push(percentile(&undisturbed, 99) * 1e3);
        beside.push(percentile(&disturbed, 99) * 1e3);
        ratios.push(percentile(&disturbed, 99) / percentile(&undisturbed, 99));
    }
    figures.add("acknowledging a small write, p99", "ms", Target::None, &alone);
    figures.add("the same beside 3 uploads of 100 MB", "ms", Target::None, &beside);
    figures.add("ratio", "x", Target::AtMost(3.0), &ratios);
    let elections = self::term(&peers[0]).await - term;
    figures.add("elections meanwhile", "", Target::AtMost(0.0), &[elections]);
}

/// The term that the group is in: each election begins another.
async fn term(peer: &Server) -> f64 {
    let metrics = peer.text("/_miroir/metrics").await.expect("metrics");
    let term = metrics.lines().find_map(|line| line.strip_prefix("miroir_raft_term "));
    term.and_then(|term| term.parse().ok()).expect("they have the term")
}

/// Documents of about a kilobyte, one a line.
fn lines() -> String {
    let words: Vec<String> = (0..140).map(|word| format!("w{}", word * 37 % 997)).collect();
    let text = words.join(" ");
    let mut lines = String::with_capacity(BYTES + 1024);
    let mut id = 0;
    while lines.len() < BYTES {
        let _ = writeln!(lines, "{{\"id\":{id},\"title\":\"document {id}\",\"text\":\"{text}\"}}");
        id += 1;
    }
    lines
}

/// Seconds that small writes took until it is over: one writer at each peer.
async fn small(peers: &[Server], over: Arc<AtomicBool>, at_most: Duration) -> Vec<f64> {
    let started = Instant::now();
    let writer = |(at, peer): (usize, &Server)| {
        let (peer, over) = (peer.clone(), Arc::clone(&over));
        tokio::spawn(async move {
            let mut times = Vec::new();
            while !over.load(Ordering::Relaxed) && started.elapsed() < at_most {
                let sent = Instant::now();
                peer.load("small", json!({"id": at, "n": times.len()}).to_string()).await;
                times.push(sent.elapsed().as_secs_f64());
                sleep(PAUSE).await;
            }
            times
        })
    };
    let writers: Vec<_> = peers.iter().enumerate().map(writer).collect();
    let mut all = Vec::new();
    for writer in writers {
        all.extend(writer.await.expect("it writes"));
    }
    all
}
