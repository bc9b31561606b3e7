//! Requests one after the other, and the simplest of those that fail.

use std::fmt::Debug;
use std::ops::Range;

use proptest::strategy::ValueTree;

use crate::generate::{Choices, tree};

/// A run ends with so many failures.
const ENOUGH: usize = 3;

/// So often a request that fails is tried in a simpler form.
const TRIES: usize = 1_500;

/// What the environment asks for.
pub(crate) struct Run {
    pub(crate) seed: u64,
    /// The requests of each part that are sent.
    rounds: Option<Range<u64>>,
    /// The only part that is run.
    part: Option<String>,
}

/// The requests of one kind.
pub(crate) struct Part {
    pub(crate) name: &'static str,
    /// So many are sent.
    pub(crate) count: u64,
}

impl Run {
    /// `MIROIR_SEED`, `MIROIR_PART`, `MIROIR_ROUNDS`.
    ///
    /// # Panics
    /// When one of them cannot be read.
    pub(crate) fn from_env() -> Self {
        let rounds = std::env::var("MIROIR_ROUNDS").ok().map(|text| {
            let number = |text: &str| text.parse().expect("MIROIR_ROUNDS is `7`, `7..` or `7..20`");
            match text.split_once("..") {
                None => number(&text)..number(&text) + 1,
                Some((first, "")) => number(first)..u64::MAX,
                Some((first, end)) => number(first)..number(end),
            }
        });
        let part = std::env::var("MIROIR_PART").ok();
        Self { seed: miroir_testkit::seed().unwrap_or(1), rounds, part }
    }

    /// Whether all parts are run whole.
    pub(crate) fn is_whole(&self) -> bool {
        self.rounds.is_none() && self.part.is_none()
    }

    /// Which requests of a part are sent.
    pub(crate) fn rounds_of(&self, part: &Part) -> Range<u64> {
        if self.part.as_ref().is_some_and(|wanted| wanted != part.name) {
            return 0..0;
        }
        let Range { start, end } = self.rounds.clone().unwrap_or(0..u64::MAX);
        start.min(part.count)..end.min(part.count)
    }

    /// Sends the requests of a part. Of one that fails the simplest form that still does is told.
    ///
    /// # Panics
    /// When one failed.
    pub(crate) async fn rounds<R: PartialEq + Debug>(
        &self,
        part: Part,
        make: impl Fn(u64, &mut Choices) -> R,
        mut check: impl AsyncFnMut(&R) -> Result<(), String>,
    ) {
        let mut failures = 0;
        for round in self.rounds_of(&part) {
            // The parts have other numbers, each.
            let part_of_number = part.name.bytes().fold(0, |sum, byte| sum * 31 + u64::from(byte)) << 32;
            let tree = tree(self.seed, part_of_number ^ round);
            let make = |numbers| make(round, &mut Choices::from(numbers));
            let request = make(tree.current());
            let Err(why) = check(&request).await else { continue };
            let (seed, name) = (self.seed, part.name);
            let repeat = format!("repeat: MIROIR_SEED={seed} MIROIR_PART={name} MIROIR_ROUNDS={round}");
            eprintln!("{name}, round {round}: {why}\n{repeat}\n{request:?}");
            let (simplest, why) = simplest(tree, (request, why), make, &mut check).await;
            eprintln!("{name}, round {round}, simplest form: {why}\n{repeat}\n{simplest:?}\n");
            failures += 1;
            if failures == ENOUGH {
                break;
            }
        }
        assert_eq!(failures, 0, "{}: answers differ", part.name);
    }
}

/// The simplest request that fails which is found in so many tries, and why it does.
async fn simplest<R: PartialEq>(
    mut tree: impl ValueTree<Value = Vec<u32>>,
    mut found: (R, String),
    make: impl Fn(Vec<u32>) -> R,
    mut check: impl AsyncFnMut(&R) -> Result<(), String>,
) -> (R, String) {
    let mut tries = 0;
    let mut goes_on = tree.simplify();
    while goes_on && tries < TRIES {
        let request = make(tree.current());
        let fails = if request == found.0 {
            true
        } else {
            tries += 1;
            match check(&request).await {
                Ok(()) => false,
                Err(why) => {
                    found = (request, why);
                    true
                }
            }
        };
        goes_on = if fails { tree.simplify() } else { tree.complicate() };
    }
    found
}
