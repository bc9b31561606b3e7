//! The score of one node's hit as a node with all documents would give it.
//!
//! A score is a fraction made of the rules' ranks, first rule first (`Rank::merge` of `milli/src/score_details.rs`). Of
//! its denominators only the typo rule's, `maxTypoCount + 1`, depends on the other documents that the node considered;
//! a node with all documents has the maximum over all nodes, among hits that are equal in the rules before it.
//! With `S` the score of the rules before, `M` the node's denominator and `M'` the common one, the
//! parts from the typo rule on shrink alike: `F' = S − (S − F)·M / M'`.

/// Rewrites a score. `words` are the matching words and their maximum, where the rule is there: then `S = w / W`, else 1.
/// `max` and `common` are the typo rule's maxima: the node's and the common one.
///
/// It is computed in exact fractions, so that the result is the very number that one node would give.
pub(crate) fn rescored(score: f64, words: Option<(u64, u64)>, max: u64, common: u64) -> f64 {
    let (w, of) = words.unwrap_or((1, 1));
    let exact = fraction(score).and_then(|(p, q)| {
        let [w, of, p, q, m, common] = [w, of, p, q, max + 1, common + 1].map(i128::from);
        let lost = w.checked_mul(q)?.checked_sub(p.checked_mul(of)?)?.checked_mul(m)?;
        let numerator = w.checked_mul(q)?.checked_mul(common)?.checked_sub(lost)?;
        let denominator = of.checked_mul(q)?.checked_mul(common)?;
        let divisor = gcd(numerator.unsigned_abs(), denominator.unsigned_abs()).max(1).cast_signed();
        Some((numerator / divisor) as f64 / (denominator / divisor) as f64)
    });
    exact.unwrap_or_else(|| {
        let before = w as f64 / of as f64;
        before - (before - score) * (max + 1) as f64 / (common + 1) as f64
    })
}

/// The fraction of the smallest denominator, below 2^32 as Meilisearch's ranks are, that is this number when divided.
pub(crate) fn fraction(number: f64) -> Option<(u64, u64)> {
    if !(0.0..=1.0).contains(&number) {
        return None;
    }
    let (mut before, mut last) = ((0_u64, 1_u64), (1_u64, 0_u64));
    let mut rest = number;
    for _ in 0..40 {
        let whole = rest.floor();
        let step = |a: u64, b: u64| (whole as u64).checked_mul(b)?.checked_add(a);
        let next = (step(before.0, last.0)?, step(before.1, last.1)?);
        if next.1 > u64::from(u32::MAX) {
            return None;
        }
        if next.0 as f64 / next.1 as f64 == number {
            return Some(next);
        }
        (before, last) = (last, next);
        rest = 1.0 / (rest - whole);
    }
    None
}

fn gcd(a: u128, b: u128) -> u128 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `Rank::global_score`: the reference.
    fn global(ranks: &[(u64, u64)]) -> f64 {
        let merge = |(rank, max): (u64, u64), (r, m): &(u64, u64)| ((rank - 1) * m + r, max * m);
        let (rank, max) = ranks.iter().fold((1, 1), merge);
        rank as f64 / max as f64
    }

    #[test]
    fn the_score_is_that_of_the_common_maximum() {
        let mut checked = 0;
        for (w, of) in [(1, 1), (1, 2), (2, 2), (2, 3), (3, 5), (7, 7)] {
            for (count, max, common) in [(0, 2, 3), (1, 2, 3), (2, 2, 5), (1, 1, 2), (0, 0, 7), (3, 4, 4)] {
                for rest in [vec![(4, 4), (1, 1)], vec![(2, 4), (21, 23), (17, 21), (1, 3), (2, 3)], vec![]] {
                    let with = |max: u64| {
                        let head = [(w, of), (max + 1 - count, max + 1)];
                        global(&head.into_iter().chain(rest.iter().copied()).collect::<Vec<_>>())
                    };
                    assert_eq!(rescored(with(max), Some((w, of)), max, common), with(common));
                    checked += 1;
                }
            }
        }
        assert_eq!(checked, 108);
    }

    /// Seen on 1.50: `sun flower`, a document with one typo and a maximum of 3.
    #[test]
    fn a_real_score_is_reached_from_a_smaller_maximum() {
        let real = 0.874_338_624_338_624_3;
        let smaller = rescored(real, Some((2, 2)), 3, 2);
        assert_eq!(rescored(smaller, Some((2, 2)), 2, 3), real);
    }

    #[test]
    fn fractions_are_found() {
        for (p, q) in [(0, 1), (1, 1), (1, 3), (661, 756), (123_457, 1_000_003)] {
            assert_eq!(fraction(p as f64 / q as f64), Some((p, q)));
        }
        assert_eq!(fraction(1.5), None);
        assert_eq!(fraction(f64::NAN), None);
    }
}
