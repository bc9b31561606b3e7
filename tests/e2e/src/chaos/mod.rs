//! A cluster under attack, and whether it keeps its word.
//!
//! Three peers and three nodes run as processes, with a proxy on every link. Clients write, search and look at tasks
//! through all peers, as fast as they can, while a nemesis kills, stops and cuts off, as its [`plan`] says, which a seed
//! decides. After each fault everything is healed, clients pause, and every peer must answer exactly what the log says.
//!
//! The checker is in two parts. What clients are told is written down as it happens: their writes in [`record`], the
//! tasks that they see and the answers that they get on the [`stage`]. What must be true of it is said by pure functions
//! in [`checker`], against the [`model`]: the accepted writes, replayed in the order of their uids.
//!
//! Names of indexes are exchanged and tasks canceled all the while, so a name may stand for one of two indexes when it is
//! searched: then the answer must be of one of them, whole.
//!
//! Documents carry a counter that edits by function raise: one that is applied twice, or not at all, shows there.

mod checker;
mod clients;
mod document;
mod http;
mod judge;
mod last;
mod model;
mod names;
mod nemesis;
mod op;
mod plan;
mod quiet;
mod record;
mod report;
mod stage;

use std::sync::Arc;

use miroir_testkit::processes::{Mesh, Shape};

use nemesis::Nemesis;
use op::Op;
use quiet::Auditor;
use stage::{FIXED, Stage};

/// What the peers of a run are told, so that snapshots, new log files and purges come every second or two.
const LIMITS: &str = "snapshot = 65536\nlog = 262144\nlog_file = 16384\nsegment_file = 262144";

/// How a run is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Form {
    /// Decides what is done.
    pub seed: u64,
    /// How many faults, with a quiet interval after each.
    pub rounds: usize,
    /// Peers, at least three.
    pub peers: usize,
    /// Nodes, at least two.
    pub nodes: usize,
}

impl Form {
    /// About two minutes: everything that the nemesis can do, once. Every other seed has a node more.
    pub fn short(seed: u64) -> Self {
        Self { seed, rounds: plan::STRETCH, peers: 3, nodes: 3 + usize::from(seed.is_multiple_of(2)) }
    }
}

/// What a run came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// What was done and seen, in words.
    pub counts: String,
    /// What must never be and was; nothing when all is well.
    pub violations: Vec<String>,
    /// What the run did not reach: then it has shown less than it should.
    pub lacking: Vec<String>,
}

/// Runs a cluster under attack to the end.
pub async fn run(form: Form) -> Verdict {
    let log = "info,openraft=warn,raft_log=warn".to_owned();
    let (peers, nodes) = (form.peers, form.nodes);
    let (limits, defaults, each_node) = (LIMITS.to_owned(), String::new(), String::new());
    let mut mesh = Mesh::start(&Shape { peers, nodes, factor: 2, limits, defaults, each_node, log }).await;
    if std::env::var_os("MIROIR_KEEP").is_some() {
        eprintln!("kept: {}", mesh.keep().display());
    }
    let stage = Arc::new(Stage::new(mesh, peers, nodes));
    let verdict = attack(&stage, form).await;
    if !verdict.violations.is_empty() {
        stage.mesh.show_logs(40);
    }
    verdict
}

async fn attack(stage: &Arc<Stage>, form: Form) -> Verdict {
    let mut nemesis = Nemesis::new(stage);
    nemesis.recovered().await;
    clients::enable_edits(stage).await;
    for index in FIXED {
        clients::write_settled(stage, index, if index == "alpha" { Op::Settings } else { Op::CreateIndex })
            .await;
        clients::write_settled(stage, index, Op::Settings).await;
    }
    let mut auditor = Auditor::new(stage);
    auditor.quiet().await;
    assert!(stage.notes().violations.is_empty(), "the cluster does not start");
    let mut clients = clients::start(stage, form.seed);
    for round in plan::plan(form.seed, form.rounds, form.nodes) {
        nemesis.round(&round).await;
        auditor.quiet().await;
        if !stage.notes().violations.is_empty() {
            break;
        }
    }
    stage.end();
    while clients.join_next().await.is_some() {}
    auditor.quiet().await;
    last::check(stage, &auditor).await;
    auditor.tell();
    let mut notes = stage.notes();
    notes.counts.judge(&auditor.tasks);
    Verdict {
        counts: notes.counts.to_string(),
        violations: notes.violations.iter().map(ToString::to_string).collect(),
        lacking: notes.counts.lacking(form.rounds as u64),
    }
}
