//! What searches take while one node answers late, and what is asked besides for that.

use std::time::Duration;

use futures::future::join_all;
use miroir_testkit::processes::{Member, Mesh, Shape};
use miroir_testkit::proxy::{Flow, Link};
use serde_json::json;

use crate::corpus;
use crate::figure::{Figures, Target, percentile};
use crate::server::{Server, ready};

const CITIES: usize = 20_000;
/// Searches before and while the node is slow.
const SEARCHES: usize = 2_000;
const PEERS: usize = 3;
const CLIENTS: usize = 4;
/// By so much the node answers later.
const LATE: Duration = Duration::from_millis(200);

pub(crate) async fn measure(rounds: u32, figures: &mut Figures) {
    let off = "\n[search]\nhedge = false\nadaptive = false";
    let came = slowed(off, rounds).await;
    figures.add("search p99, one node 200 ms late, nothing done", "ms", Target::None, &came.late);
    let came = slowed("", rounds).await;
    figures.add("search p99, 2 copies, through proxies", "ms", Target::None, &came.usual);
    figures.add("the same, one node 200 ms late", "ms", Target::None, &came.late);
    let ratio: Vec<f64> = came.late.iter().zip(&came.usual).map(|(late, usual)| late / usual).collect();
    figures.add("one node late / none", "x", Target::AtMost(2.0), &ratio);
    figures.add("requests for hedging and probing", "%", Target::AtMost(5.0), &came.besides);
}

/// What came of the rounds: p99 in milliseconds, and the share of requests that were sent besides, in percent.
#[derive(Default)]
struct Came {
    usual: Vec<f64>,
    late: Vec<f64>,
    besides: Vec<f64>,
}

/// A cluster whose peers have these lines more in their configuration.
async fn slowed(lines: &str, rounds: u32) -> Came {
    let shape = Shape {
        peers: PEERS,
        nodes: 3,
        factor: 2,
        limits: lines.to_owned(),
        defaults: String::new(),
        each_node: String::new(),
        log: "warn".to_owned(),
    };
    let mesh = Mesh::start(&shape).await;
    let peers: Vec<Server> = (0..PEERS).map(|peer| Server::new(mesh.peer_url(peer), None)).collect();
    ready(&peers).await;
    let cities = corpus::cities(CITIES);
    let queries = corpus::queries(&cities, SEARCHES);
    let task = peers[0].load("cities", cities.join("\n")).await;
    peers[0].done(task).await;
    let mut came = Came::default();
    for _ in 0..rounds {
        quick_again(&peers, &queries).await;
        let before = Asked::read(&peers).await;
        came.usual.push(p99(&ask(&peers, &queries).await));
        set(&mesh, Link { down: Flow::Delay(LATE), ..Link::default() }).await;
        came.late.push(p99(&ask(&peers, &queries).await));
        set(&mesh, Link::default()).await;
        came.besides.push(Asked::read(&peers).await.besides_since(&before) * 100.0);
    }
    came
}

/// All peers' links to the first node.
async fn set(mesh: &Mesh, link: Link) {
    for peer in 0..PEERS {
        mesh.link(peer, Member::Node(0)).set(link).await.expect("the proxy runs");
    }
}

/// Several clients at once, each with a part of the queries.
async fn ask(peers: &[Server], queries: &[String]) -> Vec<f64> {
    let clients = queries.chunks(queries.len().div_ceil(CLIENTS)).map(|queries| async move {
        let mut times = Vec::new();
        for (peer, query) in peers.iter().cycle().zip(queries) {
            times.push(peer.search("cities", &json!({ "q": query })).await);
        }
        times
    });
    join_all(clients).await.concat()
}

/// Searches until no peer avoids a node.
async fn quick_again(peers: &[Server], queries: &[String]) {
    loop {
        ask(peers, queries).await;
        let slow = join_all(peers.iter().map(|peer| peer.sum("miroir_search_slow_indexes")));
        if slow.await.iter().all(|slow| *slow == 0.0) {
            break;
        }
    }
}

fn p99(times: &[f64]) -> f64 {
    percentile(times, 99) * 1e3
}

/// How many requests nodes were sent, by the peers' own counts.
struct Asked {
    all: f64,
    besides: f64,
}

impl Asked {
    async fn read(peers: &[Server]) -> Self {
        let (mut all, mut besides) = (0.0, 0.0);
        for peer in peers {
            all += peer.sum("miroir_search_node_seconds_count").await;
            besides += peer.sum("miroir_search_hedge_requests_total").await;
            besides += peer.sum("miroir_search_probes_total").await;
        }
        Self { all, besides }
    }

    fn besides_since(&self, before: &Self) -> f64 {
        (self.besides - before.besides) / (self.all - before.all)
    }
}
