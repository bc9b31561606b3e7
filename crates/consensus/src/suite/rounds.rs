//! The stores alone, killed thousands of times, and with the tails torn that were not synced: what was acknowledged is
//! there, or the stores refuse to open, loudly.
//!
//! `MIROIR_LONG=1` runs 10,000 rounds, `MIROIR_SEED` repeats.

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::FileExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use miroir_testkit::Dice;

use super::known::Known;
use super::worker::{self, Worker};

const DIR: &str = "MIROIR_TEST_ROUNDS_DIR";
/// A directory is used for so many rounds.
const ROUNDS: u64 = 250;
/// So many directories at once: most of the time the disk is waited for.
const AT_ONCE: u64 = 4;
/// How a child ends whose stores refuse to open.
const REFUSED: i32 = 4;

#[derive(Default, Debug)]
struct Counts {
    rounds: u64,
    entries: u64,
    unsynced: u64,
    torn_logs: u64,
    torn_segments: u64,
    lost_rows: u64,
    refused: u64,
}

impl Counts {
    fn add(self, other: Self) -> Self {
        Self {
            rounds: self.rounds + other.rounds,
            entries: self.entries + other.entries,
            unsynced: self.unsynced + other.unsynced,
            torn_logs: self.torn_logs + other.torn_logs,
            torn_segments: self.torn_segments + other.torn_segments,
            lost_rows: self.lost_rows + other.lost_rows,
            refused: self.refused + other.refused,
        }
    }
}

#[test]
fn what_the_stores_acknowledged_survives_kills_and_torn_tails() {
    let rounds = if miroir_testkit::long() { 10_000 } else { 80 };
    let seed = miroir_testkit::seed().unwrap_or(1);
    println!("repeat with MIROIR_SEED={seed}");
    let begun = Instant::now();
    let counts = std::thread::scope(|scope| {
        let some = |at| scope.spawn(move || rounds_of(seed + at, rounds / AT_ONCE, begun));
        let all: Vec<_> = (0..AT_ONCE).map(some).collect();
        all.into_iter().map(|some| some.join().expect("holds")).fold(Counts::default(), Counts::add)
    });
    println!("{counts:?} in {:?}", begun.elapsed());
    assert!(counts.entries > 2 * rounds, "too little was written to mean anything");
    assert!(counts.torn_logs > 0 && counts.torn_segments > 0 && counts.lost_rows > 0, "{counts:?}");
}

fn rounds_of(seed: u64, rounds: u64, begun: Instant) -> Counts {
    let (mut dice, mut counts) = (Dice::from(seed), Counts::default());
    while counts.rounds < rounds {
        let dir = tempfile::tempdir().expect("a directory");
        let mut known = Known::default();
        for _ in 0..ROUNDS.min(rounds - counts.rounds) {
            round(dir.path(), &mut known, &mut dice, &mut counts);
        }
        counts.entries += known.sure;
        println!("{counts:?} after {:?}", begun.elapsed());
    }
    counts
}

/// Damages what was not durable, opens it again and lets it work until it is killed.
fn round(dir: &Path, known: &mut Known, dice: &mut Dice, counts: &mut Counts) {
    let torn = tear(dir, known, dice, counts);
    let seed = dice.between(0, 1 << 30);
    let after = Duration::from_micros(dice.between(200, 60_200));
    if !live(dir, known, seed, after) {
        let garbled = torn.expect("it refuses, and nothing was garbled");
        counts.refused += 1;
        garbled.cut();
        assert!(live(dir, known, seed, after), "without the garbled bytes it opens");
    }
    counts.rounds += 1;
}

/// Runs a child, and kills it some time after it began to write. `false` when its stores refuse to open.
fn live(dir: &Path, known: &mut Known, seed: u64, after: Duration) -> bool {
    known.write(&dir.join("known"));
    let mut child = Command::new(std::env::current_exe().expect("a program"))
        .args(["suite::rounds::child", "--exact", "--ignored", "--nocapture"])
        .env(DIR, dir)
        .env("MIROIR_SEED", seed.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts");
    let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let mut lines = lines.map(|line| line.expect("text"));
    let ready = lines.by_ref().inspect(|line| known.note(line)).any(|line| line == "ready");
    if !ready {
        let status = child.wait().expect("ends");
        assert_eq!(status.code(), Some(REFUSED), "it found something else than it should have");
        return false;
    }
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(after);
            child.kill().expect("kills");
        });
        lines.for_each(|line| known.note(&line));
    });
    let status = child.wait().expect("ends");
    assert_eq!(status.signal(), Some(9), "it ended by itself");
    true
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the child of the test above"]
async fn child() {
    let Some(dir) = std::env::var_os(DIR) else { return };
    let dir = Path::new(&dir);
    let dice = Dice::from(miroir_testkit::seed().expect("given"));
    match Worker::open(dir, &Known::read(&dir.join("known"))).await {
        Ok(worker) => worker.work(dice, dir).await.expect("the disk works"),
        Err(error) => {
            println!("\nrefused: {error}");
            std::process::exit(REFUSED);
        }
    }
}

/// A file with bytes behind a place that no power failure leaves: neither what was written nor empty blocks.
struct Garbled(PathBuf, u64);

impl Garbled {
    fn cut(&self) {
        OpenOptions::new().write(true).open(&self.0).and_then(|file| file.set_len(self.1)).expect("cuts");
    }
}

/// What a loss of power may do besides the kill.
fn tear(dir: &Path, known: &Known, dice: &mut Dice, counts: &mut Counts) -> Option<Garbled> {
    if dice.below(3) == 0 {
        lose_rows(dir, known, counts);
    }
    if dice.below(2) == 0
        && let Some((path, _)) = last_file(&dir.join("segments"), 16)
    {
        // Segments count from the last snapshot on only; the log has what is behind it. So the durable part is what
        // the snapshot counts on, and that is not known here: only what is appended is torn.
        counts.torn_segments += 1;
        append_garbage(&path, dice);
    }
    let (path, start) = last_file(&dir.join("log"), 10)?;
    let end = path.metadata().expect("is there").len();
    let synced = known.synced.checked_sub(start).filter(|synced| *synced <= end)?;
    counts.unsynced += u64::from(synced < end);
    match dice.below(6) {
        0 | 1 => None,
        2 => {
            counts.torn_logs += 1;
            let cut = dice.between(synced, end + 1);
            Garbled(path, cut).cut();
            None
        }
        3 => {
            counts.torn_logs += 1;
            let file = OpenOptions::new().write(true).open(&path).expect("opens");
            file.set_len(dice.between(end + 1, end + 5001)).expect("grows");
            None
        }
        4 if synced < end => {
            // A block that was not written, with written ones behind it.
            counts.torn_logs += 1;
            let from = dice.between(synced, end).next_multiple_of(512).min(end);
            let zeros = vec![0; 512.min((end - from) as usize)];
            let file = OpenOptions::new().write(true).open(&path).expect("opens");
            file.write_all_at(&zeros, from).expect("writes");
            (zeros.len() < 512).then_some(Garbled(path, synced))
        }
        _ => {
            counts.torn_logs += 1;
            Garbled(path.clone(), synced).cut();
            append_garbage(&path, dice);
            Some(Garbled(path, synced))
        }
    }
}

fn append_garbage(path: &Path, dice: &mut Dice) {
    let len = 1 + dice.below(900);
    let garbage = dice.bytes(len);
    let file = OpenOptions::new().write(true).open(path).expect("opens");
    let end = file.metadata().expect("is there").len();
    file.write_all_at(&garbage, end).expect("writes");
}

/// Takes the rows back to what was durable when the last snapshot was made.
fn lose_rows(dir: &Path, known: &Known, counts: &mut Counts) {
    let snapshot = last_file(&dir.join("snapshots"), 10);
    if let (Some(copied), Some((_, snapshot))) = (known.copied, snapshot)
        && copied == snapshot
    {
        std::fs::remove_dir_all(dir.join("rows")).expect("removes");
        worker::copy_dir(&dir.join("rows.durable"), &dir.join("rows")).expect("copies");
        counts.lost_rows += 1;
    }
}

/// The file with the greatest number in its name, and the number.
fn last_file(dir: &Path, radix: u32) -> Option<(PathBuf, u64)> {
    let number = |path: &Path| {
        let name = path.file_stem()?.to_str()?;
        let digits: String = name.trim_start_matches("r-").chars().filter(|c| c.is_digit(radix)).collect();
        u64::from_str_radix(&digits, radix).ok()
    };
    let files = std::fs::read_dir(dir).ok()?.map(|file| file.expect("a file").path());
    files.filter_map(|path| Some((number(&path)?, path))).max().map(|(number, path)| (path, number))
}
