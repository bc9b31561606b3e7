//! How long a search takes, through a cluster and on one node that holds everything.

use std::collections::BTreeMap;
use std::time::Instant;

use miroir_testkit::processes::Dev;
use serde_json::{Value, json};

use crate::corpus;
use crate::figure::{Figures, Target, percentile};
use crate::server::{Alone, Server};

const CITIES: usize = 100_000;
const BATCH: usize = 10_000;
/// Searches of a round.
const SEARCHES: usize = 300;

/// Clients that search at once when what is measured is how much is answered, not how fast.
const CLIENTS: usize = 8;

pub(crate) async fn measure(rounds: u32, figures: &mut Figures) {
    let cities = corpus::cities(CITIES);
    let queries = corpus::queries(&cities, SEARCHES);
    let alone = Alone::start().await;
    load(&alone.server, &cities).await;
    for copies in [1, 2] {
        let dev = Dev::start(&["--shards", "6", "--factor", &copies.to_string()]).await;
        let peers: Vec<Server> = (1..=3).map(|peer| Server::new(dev.peer(peer), None)).collect();
        load(&peers[0], &cities).await;
        let compared = Compared { one: vec![alone.server.clone()], peers, queries: &queries, copies };
        compared.measure(rounds, figures).await;
    }
}

/// One node and a cluster with so many copies, which hold the same.
struct Compared<'a> {
    one: Vec<Server>,
    peers: Vec<Server>,
    queries: &'a [String],
    copies: u32,
}

impl Compared<'_> {
    async fn measure(&self, rounds: u32, figures: &mut Figures) {
        // What is read first is not in memory yet.
        for servers in [&self.one, &self.peers] {
            ask(servers, self.queries).await;
        }
        let (mut one, mut cluster, mut rates) = (Vec::new(), Vec::new(), Vec::new());
        let (mut half, mut tail) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            one.push(ask(&self.one, self.queries).await);
            let before = Overhead::read(&self.peers).await;
            cluster.push(ask(&self.peers, self.queries).await);
            let overhead = Overhead::read(&self.peers).await.since(&before);
            let measured = overhead.last().map_or(0.0, |(_, all)| *all);
            assert_eq!(measured as usize, self.queries.len(), "each search is measured once");
            half.push(quantile(&overhead, 50.0) * 1e3);
            tail.push(quantile(&overhead, 99.0) * 1e3);
            rates.push(rate(&self.peers, self.queries).await / rate(&self.one, self.queries).await);
        }
        let copies = if self.copies == 1 { "1 copy" } else { "2 copies" };
        for percent in [50, 99] {
            let of = |times: &[Vec<f64>]| -> Vec<f64> {
                times.iter().map(|times| percentile(times, percent) * 1e3).collect()
            };
            let (one, cluster) = (of(&one), of(&cluster));
            let ratio: Vec<f64> = one.iter().zip(&cluster).map(|(one, cluster)| cluster / one).collect();
            // The targets are those of nodes that have a third of the documents each.
            let target = match (self.copies, percent) {
                (1, 50) => Target::AtMost(1.5),
                (1, _) => Target::AtMost(2.0),
                _ => Target::None,
            };
            figures.add(&format!("search p{percent}, one node ({copies})"), "ms", Target::None, &one);
            figures.add(&format!("search p{percent}, cluster, {copies}"), "ms", Target::None, &cluster);
            figures.add(&format!("search p{percent}, {copies} / one node"), "x", target, &ratio);
        }
        let target = if self.copies == 1 { Target::AtLeast(0.6) } else { Target::None };
        figures.add(&format!("searches/s, 8 clients, {copies} / one"), "x", target, &rates);
        figures.add(&format!("search p50, over its nodes, {copies}"), "ms", Target::AtMost(1.0), &half);
        figures.add(&format!("search p99, over its nodes, {copies}"), "ms", Target::None, &tail);
    }
}

async fn load(server: &Server, cities: &[String]) {
    let mut last = 0;
    for batch in cities.chunks(BATCH) {
        last = server.load("cities", batch.join("\n")).await;
    }
    server.done(last).await;
}

/// Asks one query after the other, each of the servers in turn; seconds.
async fn ask(servers: &[Server], queries: &[String]) -> Vec<f64> {
    let mut times = Vec::new();
    for (server, query) in servers.iter().cycle().zip(queries) {
        let body: Value = json!({ "q": query });
        times.push(server.search("cities", &body).await);
    }
    times
}

/// How many searches a second are answered when several clients search at once, each of all servers in turn.
async fn rate(servers: &[Server], queries: &[String]) -> f64 {
    let started = Instant::now();
    let clients = (0..CLIENTS).map(|client| {
        let mut servers = servers.to_vec();
        let turn = client % servers.len();
        servers.rotate_left(turn);
        let queries = queries.to_vec();
        tokio::spawn(async move { ask(&servers, &queries).await.len() })
    });
    let mut answered = 0;
    for client in clients.collect::<Vec<_>>() {
        answered += client.await.expect("no search fails");
    }
    answered as f64 / started.elapsed().as_secs_f64()
}

/// What peers measured themselves: what a search took, less its slowest node. Counts by upper bound, in seconds.
#[derive(Debug, Default)]
struct Overhead(BTreeMap<u64, (f64, f64)>);

impl Overhead {
    /// All peers' together, since they started.
    async fn read(peers: &[Server]) -> Self {
        let mut counts: BTreeMap<u64, (f64, f64)> = BTreeMap::new();
        for peer in peers {
            let metrics = peer.text("/_miroir/metrics").await.expect("metrics");
            let lines = metrics.lines();
            for line in
                lines.filter_map(|line| line.strip_prefix("miroir_search_overhead_seconds_bucket{le=\""))
            {
                let (bound, count) = line.split_once("\"} ").expect("Prometheus' text format");
                let bound: f64 = bound.parse().expect("a bound");
                // Bounds are positive, so their bits order as they do.
                counts.entry(bound.to_bits()).or_insert((bound, 0.0)).1 +=
                    count.parse::<f64>().expect("a count");
            }
        }
        Self(counts)
    }

    /// What was counted since, below each bound.
    fn since(&self, before: &Self) -> Vec<(f64, f64)> {
        let then = |bound: &u64| before.0.get(bound).map_or(0.0, |(_, count)| *count);
        self.0.iter().map(|(bits, (bound, count))| (*bound, count - then(bits))).collect()
    }
}

/// The percentile of a histogram: straight between the bounds of its bucket, as Prometheus' `histogram_quantile`.
fn quantile(counts: &[(f64, f64)], percent: f64) -> f64 {
    let wanted = counts.last().map_or(0.0, |(_, all)| all * percent / 100.0);
    let (mut lower, mut below) = (0.0, 0.0);
    for (bound, count) in counts {
        if *count >= wanted && bound.is_finite() {
            return lower + (bound - lower) * (wanted - below) / (count - below).max(1.0);
        }
        (lower, below) = (if bound.is_finite() { *bound } else { lower }, *count);
    }
    lower
}

#[cfg(test)]
mod tests {
    use super::quantile;

    #[test]
    fn quantiles_lie_within_their_bucket() {
        let counts = [(0.5, 10.0), (1.0, 30.0), (f64::INFINITY, 40.0)];
        assert_eq!([25.0, 50.0, 75.0, 99.0].map(|percent| quantile(&counts, percent)), [0.5, 0.75, 1.0, 1.0]);
    }
}
