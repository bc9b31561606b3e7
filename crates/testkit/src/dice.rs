//! Chance that a number repeats.

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};

/// A source of chance: the same numbers from the same seed, until the `rand` crate gets another `StdRng`.
///
/// What must never change with a version (golden bytes, recorded answers) is stored and not drawn again.
#[derive(Debug)]
pub struct Dice(StdRng);

impl Dice {
    /// One of the sources of a seed: each `purpose` has its own, so that another draw for one leaves the others as they
    /// were.
    #[must_use]
    pub fn new(seed: u64, purpose: u64) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        bytes[8..16].copy_from_slice(&purpose.to_le_bytes());
        Self(StdRng::from_seed(bytes))
    }

    /// Less than `bound`, which is not 0.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0.random_range(0..bound)
    }

    /// From `low` to less than `high`, which is more.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        self.0.random_range(low..high)
    }

    /// True so many times of a hundred.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// True once in so many times, which are not 0.
    pub fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// One of the items, of which there are some.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }

    /// Another order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        items.shuffle(&mut self.0);
    }

    /// So many bytes, which nothing compresses.
    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.0.fill(&mut bytes[..]);
        bytes
    }
}

/// The source of a seed that has one purpose only.
impl From<u64> for Dice {
    fn from(seed: u64) -> Self {
        Self::new(seed, 0)
    }
}

/// The seed that is asked for: `MIROIR_SEED`.
///
/// # Panics
/// When that is not a number.
#[must_use]
pub fn seed() -> Option<u64> {
    let seed = std::env::var("MIROIR_SEED").ok()?;
    Some(seed.parse().expect("MIROIR_SEED is a whole number"))
}

/// Whether the long forms of tests are asked for: `MIROIR_LONG`.
#[must_use]
pub fn long() -> bool {
    std::env::var_os("MIROIR_LONG").is_some()
}
