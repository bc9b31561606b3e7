//! How much may be asked twice.
//!
//! A token bucket: each request that a search must send adds a twentieth of a token, each that it sends besides takes a
//! whole one. So hedging adds at most 5 % to what nodes are asked, plus what was saved up, however slow they get: when all
//! are slow, asking more makes them slower.

use std::sync::{Mutex, PoisonError};

/// Tokens are counted in twentieths.
const TOKEN: usize = 20;
/// So many requests can be saved up.
const MOST: usize = 10 * TOKEN;

#[derive(Debug, Default)]
pub(crate) struct Budget(Mutex<usize>);

impl Budget {
    /// So many requests were sent since they had to be.
    pub(crate) fn earn(&self, requests: usize) {
        let mut saved = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *saved = saved.saturating_add(requests).min(MOST);
    }

    /// Whether so many can be sent besides; if so they are paid for.
    pub(crate) fn spend(&self, requests: usize) -> bool {
        let mut saved = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let left = saved.checked_sub(requests.saturating_mul(TOKEN));
        *saved = left.unwrap_or(*saved);
        left.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_twentieth_is_asked_twice_at_most() {
        let budget = Budget::default();
        assert!(!budget.spend(1), "nothing is saved yet");
        let mut besides = 0;
        for _ in 0..10_000 {
            budget.earn(3);
            besides += 2 * usize::from(budget.spend(2));
        }
        assert_eq!(besides, 30_000 / 20);
    }

    #[test]
    fn what_is_saved_has_an_end() {
        let budget = Budget::default();
        budget.earn(1_000_000);
        assert!(!budget.spend(11));
        assert!(budget.spend(10));
        assert!(!budget.spend(1));
    }
}
