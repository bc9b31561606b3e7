//! A cluster under attack keeps its word: see [`miroir_e2e::chaos`].

use miroir_e2e::chaos::{Form, run};

/// The seed of the usual form.
const SEED: u64 = 1;

/// `MIROIR_SEED=n` is another seed, `MIROIR_SEED=n..m` a range of them; `MIROIR_LONG=1` alone is a hundred.
#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_under_attack_keeps_its_word() {
    let mut failed = Vec::new();
    for seed in seeds() {
        eprintln!("seed {seed}");
        let verdict = run(Form::short(seed)).await;
        eprintln!("seed {seed}: {}", verdict.counts);
        if !verdict.violations.is_empty() || !verdict.lacking.is_empty() {
            eprintln!(
                "seed {seed}: {verdict:#?}\nagain: MIROIR_SEED={seed} cargo test --workspace --test chaos"
            );
            failed.push(seed);
        }
    }
    assert!(failed.is_empty(), "these seeds failed; their words are above: {failed:?}");
}

fn seeds() -> std::ops::Range<u64> {
    let usual = if miroir_testkit::long() { "1..101" } else { "" };
    let given = std::env::var("MIROIR_SEED").unwrap_or_else(|_| usual.to_owned());
    let (first, end) = given.split_once("..").unwrap_or((&given, ""));
    let first = first.parse().unwrap_or(SEED);
    first..end.parse().unwrap_or(first + 1)
}
