//! A peer that is killed at random moments loses nothing that it acknowledged, forgets no vote, and starts again.
//!
//! The peer is a child process: this test binary, running [`child`] alone. It checks what the parent noted, then
//! uploads and drops uploads, and says on its output what was acknowledged.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command as Process, Stdio};
use std::time::Duration;

use miroir_cluster::{Command, Ledger};
use miroir_consensus::Limits;

use crate::support::{assert_uploaded, chunk, config, eventually, insist, register, start, upload};

const MAX: usize = 60 << 10;
const DIR: &str = "MIROIR_TEST_CRASH_DIR";
/// How many uploads are kept.
const KEPT: u64 = 60;

/// What the parent knows: uploads that were acknowledged, and up to where some may have been dropped.
#[derive(Default)]
struct Known {
    acknowledged: u64,
    dropping: u64,
    term: u64,
}

impl Known {
    fn read(dir: &Path) -> Self {
        let text = std::fs::read_to_string(dir.join("known")).unwrap_or_default();
        let mut numbers = text.split_whitespace().filter_map(|number| number.parse().ok());
        let mut next = || numbers.next().unwrap_or(0);
        Self { acknowledged: next(), dropping: next(), term: next() }
    }

    fn write(&self, dir: &Path) {
        let text = format!("{} {} {}", self.acknowledged, self.dropping, self.term);
        std::fs::write(dir.join("known"), text).expect("writes");
    }

    fn note(&mut self, line: &str) {
        let mut words = line.split_whitespace();
        let (verb, number) = (words.next(), words.next().and_then(|word| word.parse().ok()));
        match (verb, number) {
            (Some("uploaded"), Some(number)) => self.acknowledged = number,
            (Some("dropping"), Some(number)) => self.dropping = number,
            (Some("term"), Some(term)) => {
                // Each life is elected anew, and a vote that was forgotten would be given again.
                assert!(term > self.term, "elected in term {term} after term {}", self.term);
                self.term = term;
            }
            _ => {}
        }
    }
}

#[test]
fn what_was_acknowledged_survives_kills() {
    let long = std::env::var_os("MIROIR_LONG").is_some();
    let rounds = if long { 1000 } else { 50 };
    let seed = std::env::var("MIROIR_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1_u64);
    println!("repeat with MIROIR_SEED={seed}");
    let dir = tempfile::tempdir().expect("a directory");
    let mut known = Known::default();
    let mut random = seed | 1;
    for round in 0..rounds {
        random = random.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        let after = Duration::from_micros(1000 + (random >> 33) % 250_000);
        known.write(dir.path());
        run_and_kill(dir.path(), after, &mut known);
        if round % 10 == 9 {
            println!("{} rounds: {} uploads, term {}", round + 1, known.acknowledged, known.term);
        }
    }
    assert!(known.acknowledged > rounds, "too little was written to mean anything");
}

/// Runs a child, kills it some time after it began to write, and notes what it said.
fn run_and_kill(dir: &Path, after: Duration, known: &mut Known) {
    let mut child = Process::new(std::env::current_exe().expect("a program"))
        .args(["crash::child", "--exact", "--ignored", "--nocapture"])
        .env(DIR, dir)
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts");
    let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let mut lines = lines.map(|line| line.expect("text"));
    // Everything that was acknowledged before is there.
    let ready = lines.by_ref().inspect(|line| known.note(line)).any(|line| line.contains("ready"));
    assert!(ready, "the child ended before it was ready: {:?}", child.wait());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(after);
            child.kill().expect("kills");
        });
        lines.for_each(|line| known.note(&line));
    });
    child.wait().expect("ends");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "the child of the test above"]
async fn child() {
    let Some(dir) = std::env::var_os(DIR) else { return };
    let dir = Path::new(&dir);
    let known = Known::read(dir);
    let limits = Limits {
        snapshot: 1 << 20,
        log: 1 << 20,
        log_file: 256 << 10,
        segment_file: 512 << 10,
        ..Limits::default()
    };
    let peers = BTreeMap::from([("a".to_owned(), "127.0.0.1:1".to_owned())]);
    let mut config = config(&dir.join("data"), "a", peers, limits);
    config.timing.heartbeat = Duration::from_millis(20);
    config.timing.election = (Duration::from_millis(50), Duration::from_millis(100));
    config.timing.upkeep = Duration::from_millis(20);
    let peer = start(config).await;
    let say = |text: String| writeln!(std::io::stdout(), "\n{text}").expect("says");
    eventually("it leads", || peer.leadership().is_leader.then_some(())).await;
    peer.read_barrier().await.expect("a quorum of one");
    let state = peer.state();
    for number in known.dropping + 1..=known.acknowledged {
        assert_uploaded(&peer, &state, number, MAX).await;
    }
    register(&peer).await;
    say("ready".to_owned());
    say(format!("term {}", peer.leadership().term));
    for number in known.acknowledged + 1.. {
        insist(&peer, chunk(number, MAX)).await;
        say(format!("uploaded {number}"));
        if let Some(old) = number.checked_sub(KEPT) {
            say(format!("dropping {old}"));
            insist(&peer, Command::DropUpload { upload: upload(old) }).await;
        }
    }
}
