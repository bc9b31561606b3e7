//! What a name stands for never goes back: a peer that has shown one index under a name shows no earlier one there.
//!
//! Peers learn of an exchange one after the other, so this holds for each of them. For all of them together it holds
//! from when the exchange is reported done, which bounds every single answer.

use std::collections::BTreeMap;

use super::Violation;
use crate::chaos::op::At;

/// An answer that is right for some of what its name has stood for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sight {
    pub(crate) index: String,
    pub(crate) peer: usize,
    pub(crate) span: (At, At),
    /// The places that it is right for, ascending.
    pub(crate) right: Vec<usize>,
}

/// The answers that cannot be put into order with what the same peer had answered before they were asked for.
pub(crate) fn went_back(mut sights: Vec<Sight>) -> Vec<Violation> {
    sights.sort_by_key(|sight| sight.span);
    let mut found = Vec::new();
    // By name and peer: answers with the place that they show at least, by when they came.
    let mut before: BTreeMap<(&str, usize), BTreeMap<At, usize>> = BTreeMap::new();
    for sight in &sights {
        let known = before.entry((sight.index.as_str(), sight.peer)).or_default();
        let reached = known.range(..sight.span.0).map(|(_, place)| *place).max().unwrap_or_default();
        match sight.right.iter().find(|place| **place >= reached) {
            Some(place) => {
                let at = known.entry(sight.span.1).or_default();
                *at = (*place).max(*at);
            }
            None => {
                let text = format!("{sight:?}, and it had shown place {reached}");
                found.push(Violation::new("what a name stands for never goes back", text));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sight(peer: usize, span: (At, At), right: &[usize]) -> Sight {
        Sight { index: "a".to_owned(), peer, span, right: right.to_vec() }
    }

    #[test]
    fn an_answer_from_before_the_exchange_after_one_from_behind_it_is_found() {
        let (old, new, either) = ([1].as_slice(), [2].as_slice(), [1, 2].as_slice());
        let rules = |sights: &[Sight]| went_back(sights.to_vec()).len();
        assert_eq!(rules(&[sight(0, (0, 5), old), sight(0, (6, 9), new), sight(0, (10, 12), new)]), 0);
        assert_eq!(rules(&[sight(0, (0, 5), new), sight(0, (6, 9), old)]), 1);
        assert_eq!(rules(&[sight(0, (0, 5), new), sight(1, (6, 9), old)]), 0, "that peer is behind");
        assert_eq!(rules(&[sight(0, (0, 5), new), sight(0, (5, 9), old)]), 0, "they overlap");
        // What may be either is what was there before.
        assert_eq!(rules(&[sight(0, (0, 5), either), sight(0, (6, 9), old)]), 0);
        let between = [sight(0, (0, 5), new), sight(0, (6, 9), either), sight(0, (10, 12), old)];
        assert_eq!(rules(&between), 1);
    }
}
