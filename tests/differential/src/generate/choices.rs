//! The numbers that requests are made from.

use proptest::collection::vec;
use proptest::prelude::any;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// No request needs more numbers; where one does, the rest is 0.
const LENGTH: usize = 4096;

/// Numbers to choose by. A smaller one makes a simpler choice, 0 the simplest: so `proptest` can shrink a request that
/// fails.
#[derive(Debug)]
pub(crate) struct Choices(std::vec::IntoIter<u32>);

/// The numbers of a request of the run with this seed, with what can be made of them when it fails.
pub(crate) fn tree(seed: u64, number: u64) -> impl ValueTree<Value = Vec<u32>> {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    bytes[8..16].copy_from_slice(&number.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    vec(any::<u32>(), LENGTH).new_tree(&mut runner).expect("nothing is rejected")
}

impl From<Vec<u32>> for Choices {
    fn from(numbers: Vec<u32>) -> Self {
        Self(numbers.into_iter())
    }
}

impl Choices {
    /// Less than `bound`, which is not 0.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let number = u64::from(self.0.next().unwrap_or(0));
        ((number * bound as u64) >> 32) as usize
    }

    /// True so many times of a hundred; false in a simpler request.
    pub(crate) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) >= 100 - percent
    }

    /// One of the items, of which there are some; the first in a simpler request.
    pub(crate) fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }
}
