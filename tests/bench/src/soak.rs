//! Mixed load for long, with little history kept: what does not stay as it was grows for ever.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use miroir_testkit::processes::{Member, Mesh, Shape};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::figure::{Figures, Target, percentile};
use crate::memory::resident;
use crate::server::{Server, ready};

/// Between two looks.
const LOOK: Duration = Duration::from_secs(10);
/// How much more at the end than after the first quarter is called flat, in percent.
const FLAT: f64 = 10.0;
/// A log that is cut, and payload that is dropped, every few minutes, not every half hour, and little history on nodes:
/// what fills up to its limit is not growth.
const LIMITS: &str = "snapshot = 8388608\nlog_file = 1048576\nsegment_file = 8388608\nnode_history = 1000";
/// Documents come again and again under so many ids.
const IDS: u64 = 2_000;

/// One look at one process.
#[derive(Clone, Copy)]
struct Look {
    memory: f64,
    files: f64,
    disk: f64,
}

/// What is looked at, in which unit.
type Part = (&'static str, &'static str, fn(&Look) -> f64);

pub(crate) async fn measure(minutes: u32, figures: &mut Figures) {
    let shape = Shape {
        peers: 3,
        nodes: 3,
        factor: 2,
        limits: LIMITS.to_owned(),
        defaults: "history = 1000".to_owned(),
        each_node: String::new(),
        log: "warn".to_owned(),
    };
    let mesh = Mesh::start(&shape).await;
    let peers: Vec<Server> = (0..3).map(|peer| Server::new(mesh.peer_url(peer), None)).collect();
    ready(&peers).await;
    let over = Arc::new(AtomicBool::new(false));
    let done = Arc::new(AtomicU64::new(0));
    let load: Vec<_> = (0..6)
        .map(|at| tokio::spawn(client(peers[at % 3].clone(), at, Arc::clone(&over), Arc::clone(&done))))
        .collect();
    let members = mesh.members();
    let mut looks: Vec<Vec<Look>> = vec![Vec::new(); members.len()];
    let (started, length) = (Instant::now(), Duration::from_secs(u64::from(minutes) * 60));
    while started.elapsed() < length {
        sleep(LOOK).await;
        for (member, looks) in members.iter().zip(&mut looks) {
            looks.push(look(&mesh, *member));
        }
    }
    over.store(true, Ordering::Relaxed);
    for client in load {
        client.await.expect("no request fails");
    }
    figures.add("requests", "", Target::None, &[done.load(Ordering::Relaxed) as f64]);
    for (kind, is_kind) in [("peer", true), ("node", false)] {
        let of_kind =
            members.iter().zip(&looks).filter(|(member, _)| matches!(member, Member::Peer(_)) == is_kind);
        let looks: Vec<&Vec<Look>> = of_kind.map(|(_, looks)| looks).collect();
        report(kind, &looks, figures);
    }
}

fn report(kind: &str, looks: &[&Vec<Look>], figures: &mut Figures) {
    let parts: [Part; 3] = [
        ("memory", "MB", |look| look.memory),
        ("open files", "", |look| look.files),
        ("disk", "MB", |look| look.disk),
    ];
    for (what, unit, of) in parts {
        let quarter = |from: usize| -> Vec<f64> {
            let median = |looks: &&Vec<Look>| {
                let part = &looks[looks.len() * from / 4..looks.len() * (from + 1) / 4];
                percentile(&part.iter().map(of).collect::<Vec<_>>(), 50)
            };
            looks.iter().map(median).collect()
        };
        let (early, late) = (quarter(1), quarter(3));
        figures.add(&format!("{what} of a {kind}, second quarter"), unit, Target::None, &early);
        figures.add(&format!("{what} of a {kind}, last quarter"), unit, Target::None, &late);
        let growth: Vec<f64> =
            early.iter().zip(&late).map(|(early, late)| (late / early - 1.0) * 100.0).collect();
        figures.add(&format!("growth of {what} of a {kind}"), "%", Target::AtMost(FLAT), &growth);
    }
}

fn look(mesh: &Mesh, member: Member) -> Look {
    let pid = mesh.pid(member).expect("it runs");
    let files = std::fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count);
    Look { memory: resident(pid), files: files as f64, disk: size(&mesh.dir(member)) as f64 / 1e6 }
}

/// The bytes of all files below, as the disk has them. Files may go while it looks.
fn size(dir: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(meta) if meta.is_dir() => size(&entry.path()),
            Ok(meta) => meta.blocks() * 512,
            Err(_) => 0,
        })
        .sum()
}

/// One client: mostly searches and writes, now and then settings, deletions, an index that comes and goes.
async fn client(peer: Server, at: usize, over: Arc<AtomicBool>, done: Arc<AtomicU64>) {
    let index = format!("index-{}", at % 2);
    let json = "application/json";
    peer.done(peer.load(&index, document(0)).await).await;
    let mut turn = at as u64;
    while !over.load(Ordering::Relaxed) {
        turn += 6;
        let path = format!("/indexes/{index}/documents");
        let task = match turn % 97 {
            0..40 => {
                let query = json!({"q": format!("w{}", turn % 50), "limit": 5});
                peer.search(&index, &query).await;
                None
            }
            40..70 => Some(peer.load(&index, document(turn)).await),
            70..85 => {
                let batch: Vec<String> = (0..50).map(|more| document(turn * 7 + more)).collect();
                Some(peer.load(&index, batch.join("\n")).await)
            }
            85..93 => {
                let ids: Vec<u64> = (0..20).map(|more| (turn * 11 + more) % IDS).collect();
                let body = json!(ids).to_string();
                Some(peer.write(Method::POST, &format!("{path}/delete-batch"), json, body).await)
            }
            93 => {
                let words = json!({"stopWords": [format!("w{}", turn % 3)]}).to_string();
                Some(peer.write(Method::PATCH, &format!("/indexes/{index}/settings"), json, words).await)
            }
            94 | 95 => {
                let fleeting = format!("fleeting-{at}");
                peer.load(&fleeting, document(turn)).await;
                Some(peer.write(Method::DELETE, &format!("/indexes/{fleeting}"), json, String::new()).await)
            }
            _ => {
                peer.get("/tasks?limit=50").await;
                None
            }
        };
        // What is not waited for piles up: the load is what the machine can carry.
        if let Some(task) = task {
            peer.done(task).await;
        }
        done.fetch_add(1, Ordering::Relaxed);
        sleep(Duration::from_millis(20)).await;
    }
}

fn document(number: u64) -> String {
    let value: Value = json!({"id": number % IDS, "n": number, "text": format!("w{} w{} some text", number % 50, number % 31)});
    value.to_string()
}
