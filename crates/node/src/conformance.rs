//! The rules of the contract, each as a check over a running node.
//!
//! What implements a node (official Meilisearch, the embedded engine) passes the whole suite; where two versions of
//! Meilisearch differ, [`Dialect`] says how, and nothing else may. The checks speak to the node as Miroir does: with
//! the master key to adopt it and to create indexes, with a lane key to write, with a search key to read. They work on
//! indexes of their own, so a node that has run them before passes them again, but nothing else may write to it
//! meanwhile.

mod batches;
mod bench;
mod crash;
mod deletions;
mod dialect;
mod documents;
mod errors;
mod facets;
mod failure;
mod fetch;
mod gate;
mod indexes;
mod keys;
mod pages;
mod rename;
mod reserved;
mod search;
mod settings;
mod tasks;
mod unions;
mod vectors;

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use async_trait::async_trait;

pub use bench::Bench;
pub use dialect::Dialect;
pub use failure::Failure;

/// The node to check.
pub struct Target<'a> {
    /// Its address.
    pub url: String,
    /// Its master key.
    pub master_key: String,
    /// How to crash it. Without it the checks that need a crash are not run, and the report says so.
    pub crash: Option<&'a dyn Crash>,
}

/// A way to crash a node.
#[async_trait]
pub trait Crash: Send + Sync {
    /// End the node as `kill -9` does, with no chance to finish anything, and start it again on the same data and at
    /// the same address. Returns once it answers `/health`.
    ///
    /// # Errors
    /// When it does not start again; the text says why.
    async fn crash_and_restart(&self) -> Result<(), String>;
}

/// One rule of the contract and how to see whether a node keeps it.
pub struct Check {
    /// A short name, for reports.
    pub name: &'static str,
    /// The rule.
    pub rule: &'static str,
    run: for<'a> fn(&'a Bench<'a>) -> Outcome<'a>,
}

type Outcome<'a> = Pin<Box<dyn Future<Output = Result<(), Failure>> + Send + 'a>>;

/// The check that an async function makes: its name is the function's.
macro_rules! check {
    ($function:ident, $rule:literal) => {
        $crate::conformance::Check {
            name: stringify!($function),
            rule: $rule,
            run: |bench| Box::pin($function(bench)),
        }
    };
}
use check;

/// Every check, in the order in which they are run.
pub fn checks() -> impl Iterator<Item = &'static Check> {
    [
        tasks::CHECKS,
        keys::CHECKS,
        gate::CHECKS,
        indexes::CHECKS,
        documents::CHECKS,
        deletions::CHECKS,
        settings::CHECKS,
        search::CHECKS,
        pages::CHECKS,
        facets::CHECKS,
        unions::CHECKS,
        vectors::CHECKS,
        reserved::CHECKS,
        fetch::CHECKS,
        rename::CHECKS,
        errors::CHECKS,
        batches::CHECKS,
        crash::CHECKS,
    ]
    .into_iter()
    .flatten()
}

/// What became of each check.
#[derive(Debug, Default)]
pub struct Report {
    /// Names of the checks that the node passed.
    pub passed: Vec<&'static str>,
    /// Names of the checks that were not run, for want of a way to crash the node.
    pub skipped: Vec<&'static str>,
    /// The checks that the node failed, with their rules and how it failed.
    pub failed: Vec<(&'static str, &'static str, Failure)>,
}

impl Report {
    /// Whether no check failed.
    pub fn is_ok(&self) -> bool {
        self.failed.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, rule, failure) in &self.failed {
            writeln!(f, "FAILED {name}: {failure}\n  the rule: {rule}")?;
        }
        for name in &self.skipped {
            writeln!(f, "not run: {name}")?;
        }
        write!(
            f,
            "{} passed, {} failed, {} not run",
            self.passed.len(),
            self.failed.len(),
            self.skipped.len()
        )
    }
}

/// Run the checks whose name contains `filter` (all, when it is empty).
///
/// # Errors
/// When the node cannot be adopted, so that no check can run.
pub async fn run(target: &Target<'_>, filter: &str) -> Result<Report, Failure> {
    let bench = Bench::adopt(target).await?;
    let mut report = Report::default();
    for check in checks().filter(|check| check.name.contains(filter)) {
        match (check.run)(&bench).await {
            Ok(()) => report.passed.push(check.name),
            Err(Failure::NotRun) => report.skipped.push(check.name),
            Err(failure) => report.failed.push((check.name, check.rule, failure)),
        }
    }
    Ok(report)
}
