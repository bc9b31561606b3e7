//! How long a client waits for the 202 of a write of one document.

use std::time::Instant;

use miroir_testkit::processes::Dev;

use crate::corpus;
use crate::figure::{Figures, Target, percentile};
use crate::server::{Alone, Server};

/// Writes of a round.
const WRITES: usize = 200;

pub(crate) async fn measure(rounds: u32, figures: &mut Figures) {
    let alone = Alone::start().await;
    let dev = Dev::start(&["--shards", "6"]).await;
    let peers: Vec<Server> = (1..=3).map(|peer| Server::new(dev.peer(peer), None)).collect();
    let cities = corpus::cities(WRITES);
    let nodes = [alone.server.clone()];
    // The first write creates the index.
    for servers in [&nodes[..], &peers[..]] {
        write(servers, &cities[..1]).await;
    }
    let (mut one, mut cluster) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        one.push(write(&nodes, &cities).await);
        cluster.push(write(&peers, &cities).await);
    }
    for percent in [50, 99] {
        let of = |times: &[Vec<f64>]| -> Vec<f64> {
            times.iter().map(|times| percentile(times, percent) * 1e3).collect()
        };
        let (one, cluster) = (of(&one), of(&cluster));
        let ratio: Vec<f64> = one.iter().zip(&cluster).map(|(one, cluster)| cluster / one).collect();
        figures.add(&format!("ack p{percent}, one node"), "ms", Target::None, &one);
        figures.add(&format!("ack p{percent}, cluster"), "ms", Target::None, &cluster);
        let target = if percent == 50 { Target::AtMost(3.0) } else { Target::None };
        figures.add(&format!("ack p{percent}, cluster / one node"), "x", target, &ratio);
    }
}

/// Writes one document after the other, to each of the servers in turn; the seconds to each 202. It returns when all is
/// done, so that the next round finds the machine at rest.
async fn write(servers: &[Server], cities: &[String]) -> Vec<f64> {
    let mut times = Vec::new();
    let mut last = 0;
    for (server, city) in servers.iter().cycle().zip(cities) {
        let line = city.clone();
        let started = Instant::now();
        last = server.load("cities", line).await;
        times.push(started.elapsed().as_secs_f64());
    }
    servers[0].done(last).await;
    times
}
