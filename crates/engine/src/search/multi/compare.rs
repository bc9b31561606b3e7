//! Which of two hits comes first when different queries found them (`WeightedScoreValue` and
//! `search/federated/weighted_scores.rs` of 1.50).

use std::cmp::Ordering;

use milli::score_details::{ScoreDetails, WeightedScoreValue, compare_sort_values};

/// What ranks a hit in the list.
pub(super) struct Rank {
    /// What its query says, rule by rule.
    pub(super) scores: Vec<ScoreDetails>,
    /// What the query's scores are multiplied by.
    pub(super) weight: f64,
    /// The query's place.
    pub(super) position: usize,
}

impl Rank {
    /// One number for all rules.
    pub(super) fn score(&self) -> f64 {
        ScoreDetails::global_score(self.scores.iter()) * self.weight
    }

    /// Whether a vector found the hit.
    pub(super) fn has_vector(&self) -> bool {
        self.scores.iter().any(|score| matches!(score, ScoreDetails::Vector(_)))
    }

    /// Whether this comes before the other.
    pub(super) fn precedes(&self, other: &Self) -> bool {
        let order = compare_all(self.values(), other.values())
            .unwrap_or_else(|| self.score().partial_cmp(&other.score()).unwrap_or(Ordering::Equal));
        order.is_gt() || (order.is_eq() && self.position < other.position)
    }

    fn values(&self) -> impl Iterator<Item = WeightedScoreValue> {
        ScoreDetails::weighted_score_values(self.scores.iter(), self.weight)
    }
}

/// `Greater` is better. Where two values are of different kinds the hit with more after them wins; `None` when
/// both have as many.
fn compare_all(
    mut ours: impl Iterator<Item = WeightedScoreValue>,
    mut theirs: impl Iterator<Item = WeightedScoreValue>,
) -> Option<Ordering> {
    loop {
        match (ours.next(), theirs.next()) {
            (None, None) => return Some(Ordering::Equal),
            (None, Some(_)) => return Some(Ordering::Less),
            (Some(_), None) => return Some(Ordering::Greater),
            (Some(our), Some(their)) => match compare(&our, &their) {
                Some(Ordering::Equal) => (),
                Some(order) => return Some(order),
                None => {
                    let order = ours.count().cmp(&theirs.count());
                    return order.is_ne().then_some(order);
                }
            },
        }
    }
}

/// `None` for values of different kinds, and of sorts in opposite directions.
fn compare(ours: &WeightedScoreValue, theirs: &WeightedScoreValue) -> Option<Ordering> {
    use WeightedScoreValue::{GeoSort, Sort, VectorSort, WeightedScore};
    match (ours, theirs) {
        (WeightedScore(a) | VectorSort(a), WeightedScore(b) | VectorSort(b)) => Some(compare_numbers(*a, *b)),
        (Sort { asc, value: a }, Sort { asc: other, value: b }) if asc == other => {
            Some(compare_sort_values(*asc, a, b))
        }
        // As in 1.50 the farther one is better in both directions.
        (GeoSort { asc, distance: a }, GeoSort { asc: other, distance: b }) if asc == other => {
            Some(match (a, b) {
                (Some(a), Some(b)) => compare_numbers(*a, *b),
                (a, b) => a.is_some().cmp(&b.is_some()),
            })
        }
        _ => None,
    }
}

fn compare_numbers(a: f64, b: f64) -> Ordering {
    match (a - b).abs() <= f64::EPSILON {
        true => Ordering::Equal,
        false => a.partial_cmp(&b).unwrap_or(Ordering::Equal),
    }
}

#[cfg(test)]
mod tests {
    use milli::score_details::{GeoSort, Sort, Words};
    use serde_json::json;

    use super::*;

    fn words(matching_words: u32) -> ScoreDetails {
        ScoreDetails::Words(Words { matching_words, max_matching_words: 4 })
    }

    fn by(ascending: bool, price: u32) -> ScoreDetails {
        let value = json!(price);
        ScoreDetails::Sort(Sort { field_name: "price".to_owned(), ascending, redacted: false, value })
    }

    fn far(value: Option<[f64; 2]>) -> ScoreDetails {
        ScoreDetails::GeoSort(GeoSort { target_point: [0.0, 0.0], ascending: true, value })
    }

    fn rank(scores: Vec<ScoreDetails>) -> Rank {
        Rank { scores, weight: 1.0, position: 1 }
    }

    #[test]
    fn weights_count_and_ties_go_to_the_earlier_query() {
        assert!(rank(vec![words(3)]).precedes(&rank(vec![words(2)])));
        let doubled = Rank { weight: 2.0, ..rank(vec![words(2)]) };
        assert!(doubled.precedes(&rank(vec![words(3)])));
        let tie = rank(vec![words(4)]);
        assert!(!doubled.precedes(&tie) && !tie.precedes(&doubled));
        assert!(Rank { position: 0, ..rank(vec![words(4)]) }.precedes(&doubled));
    }

    #[test]
    fn sorts_compare_by_their_values() {
        let cheap = rank(vec![words(4), by(true, 1)]);
        assert!(cheap.precedes(&rank(vec![words(4), by(true, 2)])));
        assert!(cheap.precedes(&rank(vec![words(4)])), "the other has nothing left");
        // Opposite directions: what has more left, then the score.
        let longer = rank(vec![words(4), by(false, 1), words(1)]);
        assert!(longer.precedes(&cheap) && !cheap.precedes(&longer));
        assert!(rank(vec![by(true, 1), words(4)]).precedes(&rank(vec![by(false, 1), words(3)])));
        assert!(rank(vec![far(Some([9.0, 0.0]))]).precedes(&rank(vec![far(Some([1.0, 0.0]))])));
        assert!(rank(vec![far(Some([9.0, 0.0]))]).precedes(&rank(vec![far(None)])));
    }
}
