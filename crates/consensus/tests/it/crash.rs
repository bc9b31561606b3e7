//! A peer that is killed at random moments loses nothing that it acknowledged, forgets no vote, and starts again.
//!
//! The peer is a child process, running [`child`] alone. It checks what the parent noted, then uploads, drops uploads
//! and has tasks done, and says on its output what was acknowledged.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ExitStatus};
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use miroir_api::{ErrorCode, ResponseError};
use miroir_cluster::{Command, Enqueue, EnqueueWork, Ledger, Outcome, ProposalId, Target, finished_tasks};
use miroir_consensus::{Limits, Peer};
use miroir_model::TaskUid;
use miroir_tasks::{TaskDetails, TaskKind};
use miroir_testkit::Dice;

use crate::children;
use crate::support::{UPLOADER, assert_uploaded, chunk, config, eventually, insist, register, start, upload};

const MAX: usize = 60 << 10;
const DIR: &str = "MIROIR_TEST_CRASH_DIR";
/// Files are as large as they are by default.
const LARGE: &str = "MIROIR_TEST_CRASH_LARGE";
/// How many uploads are kept.
const KEPT: u64 = 60;

/// What the parent knows: up to which number uploads and tasks were acknowledged, and up to which uploads may have been
/// dropped.
#[derive(Default)]
pub(crate) struct Known {
    pub(crate) uploaded: u64,
    dropping: u64,
    done: u64,
    pub(crate) term: u64,
}

impl Known {
    fn read(dir: &Path) -> Self {
        let text = std::fs::read_to_string(dir.join("known")).unwrap_or_default();
        let mut numbers = text.split_whitespace().filter_map(|number| number.parse().ok());
        let mut next = || numbers.next().unwrap_or(0);
        Self { uploaded: next(), dropping: next(), done: next(), term: next() }
    }

    fn write(&self, dir: &Path) {
        let text = format!("{} {} {} {}", self.uploaded, self.dropping, self.done, self.term);
        std::fs::write(dir.join("known"), text).expect("writes");
    }

    fn note(&mut self, line: &str) {
        let mut words = line.split_whitespace();
        let (verb, number) = (words.next(), words.next().and_then(|word| word.parse().ok()));
        match (verb, number) {
            (Some("uploaded"), Some(number)) => self.uploaded = number,
            (Some("dropping"), Some(number)) => self.dropping = number,
            (Some("done"), Some(number)) => self.done = number,
            (Some("term"), Some(term)) => {
                // Each life is elected anew, and a vote that was forgotten would be given again.
                assert!(term > self.term, "elected in term {term} after term {}", self.term);
                self.term = term;
            }
            _ => {}
        }
    }
}

/// One run of the child on a directory.
pub(crate) struct Life<'a> {
    child: Child,
    known: &'a mut Known,
    lines: Box<dyn Iterator<Item = String>>,
}

impl<'a> Life<'a> {
    pub(crate) fn begin(dir: &Path, known: &'a mut Known, faults: &str) -> Self {
        known.write(dir);
        let environment = [(DIR, dir.as_os_str()), ("MIROIR_FAULTS", OsStr::new(faults))];
        Self::of(children::start("crash::child", &environment), known)
    }

    /// The same with large files, of which none can grow beyond 8 MiB.
    pub(crate) fn begin_limited(dir: &Path, known: &'a mut Known) -> Self {
        known.write(dir);
        let environment = [(DIR, dir.as_os_str()), (LARGE, OsStr::new("1"))];
        Self::of(children::start_limited("crash::child", &environment), known)
    }

    fn of(mut child: Child, known: &'a mut Known) -> Self {
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        Self { child, known, lines: Box::new(lines.map(|line| line.expect("text"))) }
    }

    /// Waits until it has found everything that was acknowledged before.
    pub(crate) fn ready(&mut self) {
        let known = &mut *self.known;
        let ready = self.lines.by_ref().inspect(|line| known.note(line)).any(|line| line.contains("ready"));
        assert!(ready, "the child ended before it was ready: {:?}", self.child.wait());
    }

    /// Lets it work, and kills it after a time; `None` when it had to be.
    pub(crate) fn end(mut self, after: Duration) -> Option<ExitStatus> {
        let (over, is_over) = std::sync::mpsc::channel::<()>();
        let child = &mut self.child;
        let by_itself = std::thread::scope(|scope| {
            let killer = scope.spawn(move || {
                let by_itself = is_over.recv_timeout(after) == Err(RecvTimeoutError::Disconnected);
                child.kill().expect("kills");
                by_itself
            });
            self.lines.by_ref().for_each(|line| self.known.note(&line));
            drop(over);
            killer.join().expect("ends")
        });
        let status = self.child.wait().expect("ends");
        by_itself.then_some(status)
    }
}

#[test]
fn what_was_acknowledged_survives_kills() {
    let rounds = if miroir_testkit::long() { 1000 } else { 50 };
    let seed = miroir_testkit::seed().unwrap_or(1);
    println!("repeat with MIROIR_SEED={seed}");
    let dir = tempfile::tempdir().expect("a directory");
    let mut known = Known::default();
    let mut dice = Dice::from(seed);
    for round in 0..rounds {
        let after = Duration::from_micros(dice.between(1000, 251_000));
        let mut life = Life::begin(dir.path(), &mut known, "");
        life.ready();
        life.end(after);
        if round % 10 == 9 {
            println!("{} rounds: {} uploads, term {}", round + 1, known.uploaded, known.term);
        }
    }
    assert!(known.uploaded > rounds, "too little was written to mean anything");
}

/// A task that is done, failed, as soon as it is applied: a row of history that tells its number.
fn task(number: u64) -> Command {
    let error = ResponseError::new(ErrorCode::BadRequest, "planned");
    Command::Enqueue(Box::new(Enqueue {
        proposal: ProposalId { life: UPLOADER, number },
        idempotency: None,
        index_uid: "none".parse().ok(),
        target: Target::Missing,
        work: EnqueueWork::Refused { kind: TaskKind::DocumentDeletion, error },
        details: TaskDetails::Deletion { provided: 0, deleted: None, filter: None },
        custom_metadata: Some(number.to_string()),
    }))
}

/// Proposes until it is done, which the same attempt is once.
pub(crate) async fn have_done(peer: &Peer, number: u64) {
    loop {
        if let Ok(outcome) = peer.propose(task(number)).await {
            return assert!(matches!(outcome, Outcome::Enqueued { .. }), "{outcome:?}");
        }
        tokio::task::yield_now().await;
    }
}

fn assert_done(peer: &Peer, upto: u64) {
    let rows = peer.rows();
    let tasks = finished_tasks(&*rows, TaskUid(0)..=TaskUid(u64::MAX));
    let tasks = tasks.map(|task| task.expect("reads"));
    let numbers: Vec<u64> = tasks.filter_map(|task| task.custom_metadata?.parse().ok()).collect();
    let expected = (1..=*numbers.first().unwrap_or(&0)).rev();
    assert!(numbers.iter().copied().eq(expected), "the history has holes: {numbers:?}");
    assert!(numbers.len() as u64 >= upto, "of {upto} tasks {} are left", numbers.len());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "the child of the test above"]
async fn child() {
    let Some(dir) = std::env::var_os(DIR) else { return };
    let dir = Path::new(&dir);
    let known = Known::read(dir);
    let small = Limits {
        snapshot: 1 << 20,
        log: 1 << 20,
        log_file: 256 << 10,
        segment_file: 512 << 10,
        ..Limits::default()
    };
    let limits = if std::env::var_os(LARGE).is_some() { Limits::default() } else { small };
    let peers = BTreeMap::from([("a".to_owned(), "127.0.0.1:1".to_owned())]);
    let mut config = config(&dir.join("data"), "a", peers, limits);
    config.timing.heartbeat = Duration::from_millis(20);
    config.timing.election = (Duration::from_millis(50), Duration::from_millis(100));
    config.timing.upkeep = Duration::from_millis(20);
    let peer = match Peer::start(config.clone()).await {
        Err(error) if std::env::var("MIROIR_FAULTS").is_ok_and(|faults| !faults.is_empty()) => {
            eprintln!("{error}");
            std::process::exit(error.exit_code().into());
        }
        Err(_) => start(config).await,
        Ok(peer) => peer,
    };
    tokio::select! {
        failure = peer.failed() => {
            eprintln!("{failure}");
            std::process::exit(failure.exit_code().into());
        }
        () = work(&peer, known) => {}
    }
}

async fn work(peer: &Peer, known: Known) {
    let say = |text: String| writeln!(std::io::stdout(), "\n{text}").expect("says");
    eventually("it leads", || peer.leadership().is_leader.then_some(())).await;
    // Where its disk has failed meanwhile, that is noticed beside this.
    while peer.read_barrier().await.is_err() {
        tokio::task::yield_now().await;
    }
    let state = peer.state();
    for number in known.dropping + 1..=known.uploaded {
        assert_uploaded(peer, &state, number, MAX).await;
    }
    assert_done(peer, known.done);
    register(peer).await;
    // The former life may have ended in between.
    for number in known.done + 1..=known.uploaded {
        have_done(peer, number).await;
    }
    say("ready".to_owned());
    say(format!("term {}", peer.leadership().term));
    for number in known.uploaded + 1.. {
        insist(peer, chunk(number, MAX)).await;
        say(format!("uploaded {number}"));
        have_done(peer, number).await;
        say(format!("done {number}"));
        if let Some(old) = number.checked_sub(KEPT) {
            say(format!("dropping {old}"));
            insist(peer, Command::DropUpload { upload: upload(old) }).await;
        }
    }
}
