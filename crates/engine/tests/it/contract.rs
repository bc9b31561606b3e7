//! The contract that official Meilisearch passes, and its recorded answers.

use miroir_node::conformance::{self, Target};
use miroir_node::fixtures;
use serde_json::Value;

use crate::harness::MASTER;
use crate::process::Process;

/// `MIROIR_CHECK` runs those checks only whose name contains it.
#[tokio::test(flavor = "multi_thread")]
async fn the_engine_keeps_the_contract() {
    let dir = tempfile::tempdir().expect("a directory");
    let process = Process::start(dir.path()).await;
    let target = Target { url: process.url(), master_key: MASTER.to_owned(), crash: Some(&process) };
    let filter = std::env::var("MIROIR_CHECK").unwrap_or_default();
    let report = conformance::run(&target, &filter).await.expect("it can be adopted");
    println!("{report}");
    assert!(report.is_ok(), "{report}");
    assert!(report.skipped.is_empty() && !report.passed.is_empty());
}

/// The answers are those of 1.50. Where 1.15, which this engine is, answers otherwise, the difference is known, and
/// nothing else may differ.
#[tokio::test(flavor = "multi_thread")]
async fn the_engine_gives_the_recorded_answers() {
    let dir = tempfile::tempdir().expect("a directory");
    let process = Process::start(dir.path()).await;
    let target = Target { url: process.url(), master_key: MASTER.to_owned(), crash: None };
    let differences = fixtures::check(&target).await.expect("it can be asked");
    let unknown: Vec<_> = differences.iter().filter(|difference| !is_of_1_15(difference)).collect();
    for fixtures::Difference { recorded, answer } in &unknown {
        println!("{}\n  official {}\n  engine   {answer}", recorded.request, recorded.answer);
    }
    assert!(
        unknown.is_empty(),
        "{} answers differ, {} of them unexpectedly",
        differences.len(),
        unknown.len()
    );
}

/// In 1.15 the score of a hit ends at the first sort, the rules after it do not count; and the length of a word, which
/// decides how many typos it may have, is that of its bytes, not of its letters.
fn is_of_1_15(difference: &fixtures::Difference) -> bool {
    let fixtures::Difference { recorded, answer } = difference;
    let without = |member: &str| {
        let mut answers = [recorded.answer.clone(), answer.clone()];
        for answer in &mut answers {
            for hit in answer["hits"].as_array_mut().into_iter().flatten() {
                hit.pointer_mut(member).map(Value::take);
            }
        }
        answers[0] == answers[1]
    };
    let is_sorted = recorded.request["sort"].as_array().is_some_and(|sort| !sort.is_empty());
    let is_ascii = recorded.request["q"].as_str().is_none_or(str::is_ascii);
    (is_sorted && without("/_rankingScore"))
        || (!is_ascii && without("/_rankingScoreDetails/typo/maxTypoCount"))
}
