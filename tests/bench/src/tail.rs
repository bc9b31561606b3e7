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
    let shape = Shape {
        peers: PEERS,
        nodes: 3,
        factor: 2,
        limits: String::new(),
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
    let (mut usual, mut late, mut ratio, mut besides) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        quick_again(&peers, &queries).await;
        let before = Asked::read(&peers).await;
        let quick = p99(&ask(&peers, &queries).await);
        set(&mesh, Link { down: Flow::Delay(LATE), ..Link::default() }).await;
        let slow = p99(&ask(&peers, &queries).await);
        set(&mesh, Link::default()).await;
        let after = Asked::read(&peers).await;
        usual.push(quick);
        late.push(slow);
        ratio.push(slow / quick);
        besides.push(after.besides_since(&before) * 100.0);
    }
    figures.add("search p99, 2 copies, through proxies", "ms", Target::None, &usual);
    figures.add("the same, one node 200 ms late", "ms", Target::None, &late);
    figures.add("one node late / none", "x", Target::AtMost(2.0), &ratio);
    figures.add("requests for hedging and probing", "%", Target::AtMost(5.0), &besides);
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
