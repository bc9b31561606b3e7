//! By what hits of different searches are compared.
//!
//! The rules that scores are made of become one number for each run of them that no sort interrupts; what hits are sorted
//! by stands between these (`ScoreDetails::weighted_score_values` and `WeightedScoreValue` of Meilisearch). The numbers
//! are those that one node with all documents would give: they are made of the common maximum of typos.
//!
//! A score is a fraction; one run of rules is the score that nodes give. Of several runs each is put together of the
//! rules' own fractions. What nodes say of a rule does not always tell the greatest rank that it has, only the rank as a
//! part of it: where that matters, what the rule has for this many words is taken, if it fits.

use std::cmp::Ordering;

use serde_json::value::RawValue;

use crate::merge::{Key, Rule, Rules, SortValue, Text, fraction, sort_key};

/// One part of what a hit is compared by.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    /// A score times the weight of the search.
    Score(f64),
    /// A value that hits are sorted by.
    Sort(Key<'static>),
}

/// What is known about a hit beside its details.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known {
    /// The most typos among all nodes' hits that are equal in the rules before.
    pub(crate) most_typos: u64,
    /// Its score, of all rules or of the first run.
    pub(crate) score: f64,
    /// The score is that of the first run (1.15), not of all rules.
    pub(crate) of_first_run: bool,
}

/// What a hit with these details is compared by, first rule first, its scores times a weight.
pub(crate) fn values(details: &RawValue, known: Known, weight: f64) -> serde_json::Result<Vec<Value>> {
    let Rules(rules) = serde_json::from_str(details.get())?;
    let mut values = Values::default();
    let mut words = None;
    for (Text(name), rule) in &rules {
        if name == "words" {
            words = rule.matching_words;
        }
        match ranks(name, rule, (known.most_typos, words)) {
            Some(ranks) => ranks.into_iter().for_each(|rank| values.add(rank)),
            None => values.end_run(sorted_by(name, rule)),
        }
    }
    values.end_run(None);
    let Values { list, runs, .. } = values;
    let by_vectors = rules.iter().any(|(Text(name), _)| name == "vectorSort");
    let one = ((runs == 1 || known.of_first_run) && !by_vectors).then_some(known.score);
    let mut scores = one.into_iter();
    let weighted = list.into_iter().map(|value| match value {
        Value::Score(score) => Value::Score(scores.next().unwrap_or(score) * weight),
        sort => sort,
    });
    Ok(weighted.collect())
}

/// The scores of a hit with these details by the rules up to each (`ScoreDetails::global_score`).
pub(crate) fn scores_by_rule(details: &RawValue, known: Known) -> serde_json::Result<Vec<f64>> {
    let Rules(rules) = serde_json::from_str(details.get())?;
    let (mut words, mut run, mut vector, mut ended): (_, Option<Rank>, _, _) = (None, None, None, false);
    let mut scores = Vec::with_capacity(rules.len());
    for (Text(name), rule) in &rules {
        if name == "words" {
            words = rule.matching_words;
        }
        match ranks(name, rule, (known.most_typos, words)) {
            Some(ranks) if !ended => {
                run =
                    ranks.into_iter().fold(run, |run, rank| Some(run.map_or(rank, |outer| outer.then(rank))));
            }
            Some(_) => {}
            None => ended |= known.of_first_run && run.is_some(),
        }
        if name == "vectorSort" && !ended {
            vector = Some(f64::from(rule.similarity.unwrap_or(0.0) as f32));
        }
        scores.push(vector.or(run.map(Rank::score)).unwrap_or(1.0));
    }
    // Of all rules it is known.
    let last = scores.last().copied();
    scores.iter_mut().filter(|score| Some(**score) == last).for_each(|score| *score = known.score);
    Ok(scores)
}

/// What is there so far, and the run of rules that is not ended.
#[derive(Default)]
struct Values {
    list: Vec<Value>,
    run: Option<Rank>,
    runs: usize,
}

impl Values {
    fn add(&mut self, rank: Rank) {
        self.run = Some(self.run.map_or(rank, |outer| outer.then(rank)));
    }

    fn end_run(&mut self, by: Option<Value>) {
        if let Some(run) = self.run.take() {
            self.list.push(Value::Score(run.score()));
            self.runs += 1;
        }
        self.list.extend(by);
    }
}

/// The values of a sort rule; nothing for the rule that orders ties, which users do not know.
fn sorted_by(name: &str, rule: &Rule<'_>) -> Option<Value> {
    if name.strip_suffix(":asc") == Some(miroir_model::RESERVED_MEMBER) {
        return None;
    }
    match name {
        // Meilisearch computes with 32 bits, however many digits it shows.
        "vectorSort" => Some(Value::Score(f64::from(rule.similarity.unwrap_or(0.0) as f32))),
        name => sort_key(name, rule).map(|key| Value::Sort(key.into_owned())),
    }
}

/// The ranks of a rule that scores are made of; the last two rules of 1.15 have two parts.
fn ranks(name: &str, rule: &Rule<'_>, (most_typos, words): (u64, Option<u64>)) -> Option<Vec<Rank>> {
    let part = |score: Option<f64>, of| Rank::of_score(score.unwrap_or(0.0), of);
    Some(match name {
        "words" => vec![Rank::new(rule.matching_words?, rule.max_matching_words?)],
        "typo" => vec![Rank::new((most_typos + 1).saturating_sub(rule.typo_count?), most_typos + 1)],
        "proximity" => vec![part(rule.score, words.map(|words| 3 * words.saturating_sub(1) + 1))],
        "attributeRank" => vec![part(rule.score, None)],
        "wordPosition" => vec![part(rule.score, words.map(|words| 10 * words + 1))],
        "attribute" => vec![
            part(rule.attribute_ranking_order_score, None),
            part(rule.query_word_distance_score, words.map(|words| 10 * words + 1)),
        ],
        "exactness" => {
            let kind = match rule.match_type.as_ref().map(|Text(kind)| kind.as_ref()) {
                Some("exactMatch") => 3,
                Some("matchesStart") => 2,
                _ => 1,
            };
            // Of a match of the whole query all words are exact.
            let exact = rule.matching_words.zip(rule.max_matching_words);
            let exact = exact.map_or(Rank::new(1, 1), |(words, most)| Rank::new(words + 1, most + 1));
            vec![Rank::new(kind, 3), exact]
        }
        "skipped" => vec![Rank::new(0, 1)],
        _ => return None,
    })
}

/// A rank from 1, and the greatest there is (`Rank` of `milli/src/score_details.rs`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Rank {
    rank: u64,
    most: u64,
}

impl Rank {
    fn new(rank: u64, most: u64) -> Self {
        Self { rank, most }
    }

    /// Of a rank as a part of the greatest, which may be known.
    fn of_score(score: f64, most: Option<u64>) -> Self {
        // The number was read by `serde_json`, which may be wrong in the last digit.
        let near = [score, score.next_up(), score.next_down()];
        let simplest = near.into_iter().filter_map(fraction).min_by_key(|(_, least)| *least);
        let (rank, least) = simplest.unwrap_or((0, 1));
        let times = most.filter(|most| most % least == 0).map_or(1, |most| most / least);
        Self { rank: rank * times, most: least * times }
    }

    /// This one, and another among equals of it. Where numbers get too large they are no fractions any more.
    fn then(self, inner: Self) -> Self {
        let rank = self.rank.saturating_sub(1).saturating_mul(inner.most).saturating_add(inner.rank);
        Self { rank, most: self.most.saturating_mul(inner.most) }
    }

    fn score(self) -> f64 {
        self.rank as f64 / self.most as f64
    }
}

/// What one hit is compared by, as a whole.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Compared {
    pub(crate) values: Vec<Value>,
    /// Its score times the weight.
    pub(crate) score: f64,
}

impl Compared {
    /// `Greater` is the better hit (`search/federated/weighted_scores.rs`): value by value; where two are of different
    /// kinds the hit with more left, and then the one with the greater score; where one has no more values, the other.
    pub(crate) fn compare(&self, other: &Self) -> Ordering {
        let both = self.values.iter().zip(&other.values).enumerate();
        for (at, (ours, theirs)) in both {
            match ours.compare(theirs) {
                Some(Ordering::Equal) => {}
                Some(order) => return order,
                None => {
                    let left = |all: &Self| all.values.len() - at;
                    let score = || self.score.total_cmp(&other.score);
                    return left(self).cmp(&left(other)).then_with(score);
                }
            }
        }
        self.values.len().cmp(&other.values.len())
    }
}

impl Value {
    /// None for values of different kinds.
    fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Score(a), Self::Score(b)) => Some(compare_numbers(*a, *b)),
            (Self::Sort(Key::Sort { ascending: a, .. }), Self::Sort(Key::Sort { ascending: b, .. }))
                if a == b =>
            {
                let (Self::Sort(ours), Self::Sort(theirs)) = (self, other) else { return None };
                Some(ours.compare(theirs))
            }
            (
                Self::Sort(Key::Geo { ascending: a, distance: ours }),
                Self::Sort(Key::Geo { ascending: b, distance: theirs }),
            ) if a == b => Some(match (ours, theirs) {
                // Meilisearch takes the farther one for the better one, even where the nearest come first: in a list of
                // several searches its order is that of each search only.
                (Some(a), Some(b)) => compare_numbers(*a, *b),
                (ours, theirs) => ours.is_some().cmp(&theirs.is_some()),
            }),
            _ => None,
        }
    }
}

fn compare_numbers(a: f64, b: f64) -> Ordering {
    if (a - b).abs() <= f64::EPSILON { Ordering::Equal } else { a.total_cmp(&b) }
}

impl Key<'_> {
    /// The same, of its own.
    fn into_owned(self) -> Key<'static> {
        match self {
            Key::Rank(score) => Key::Rank(score),
            Key::Sort { ascending, value } => Key::Sort {
                ascending,
                value: match value {
                    SortValue::Number(number) => SortValue::Number(number),
                    SortValue::Text(text) => SortValue::Text(text.into_owned().into()),
                    SortValue::None => SortValue::None,
                },
            },
            Key::Geo { ascending, distance } => Key::Geo { ascending, distance },
            Key::Skipped => Key::Skipped,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Known = Known { most_typos: 0, score: 1.0, of_first_run: false };

    fn of(details: &serde_json::Value, known: Known, weight: f64) -> Vec<Value> {
        let raw = RawValue::from_string(details.to_string()).expect("JSON");
        values(&raw, known, weight).expect("details")
    }

    fn compared(values: Vec<Value>) -> Compared {
        Compared { values, score: 0.5 }
    }

    fn by(ascending: bool, number: f64) -> Value {
        Value::Sort(Key::Sort { ascending, value: SortValue::Number(number) })
    }

    /// Two words of three, no typo of one, 2/4 of proximity; then a price; then 7/21 and one exact word of two.
    #[test]
    fn each_run_of_rules_is_one_fraction() {
        let details = serde_json::json!({
            "words": {"order": 0, "matchingWords": 2, "maxMatchingWords": 3, "score": 0.66},
            "typo": {"order": 1, "typoCount": 0, "maxTypoCount": 1, "score": 1.0},
            "proximity": {"order": 2, "score": 0.5},
            "price:asc": {"order": 3, "value": 12.5},
            "wordPosition": {"order": 4, "score": 1.0},
            "exactness": {"order": 5, "matchType": "noExactMatch", "matchingWords": 1, "maxMatchingWords": 2, "score": 0.2},
            "_miroir:asc": {"order": 6, "value": "x"},
        });
        // ((2, 3) then (2, 2)) then (2, 4), and (21, 21) then (1, 3) then (2, 3).
        let (first, last) = (14.0 / 24.0, 182.0 / 189.0);
        let known = Known { most_typos: 1, ..ONE };
        assert_eq!(
            of(&details, known, 2.0),
            [Value::Score(first * 2.0), by(true, 12.5), Value::Score(last * 2.0)]
        );
        let of_first = Known { of_first_run: true, score: 0.25, ..known };
        assert_eq!(of(&details, of_first, 2.0)[0], Value::Score(0.5));
    }

    /// Then it is what nodes give, to the last digit.
    #[test]
    fn one_run_is_the_score() {
        let details = serde_json::json!({
            "words": {"order": 0, "matchingWords": 1, "maxMatchingWords": 1, "score": 1.0},
            "attribute": {"order": 1, "attributeRankingOrderScore": 0.5, "queryWordDistanceScore": 0.9, "score": 0.4},
        });
        assert_eq!(of(&details, Known { score: 0.123, ..ONE }, 0.5), [Value::Score(0.0615)]);
        assert_eq!(of(&serde_json::json!({}), ONE, 1.0), []);
    }

    #[test]
    fn hits_compare_value_by_value() {
        let score = |score| compared(vec![Value::Score(score)]);
        assert_eq!(score(0.5).compare(&score(0.25)), Ordering::Greater);
        assert_eq!(score(0.5).compare(&score(0.5 + f64::EPSILON)), Ordering::Equal);
        let sorted = |price| compared(vec![Value::Score(1.0), by(true, price)]);
        assert_eq!(sorted(1.0).compare(&sorted(2.0)), Ordering::Greater, "ascending");
        assert_eq!(compared(vec![]).compare(&sorted(1.0)), Ordering::Less, "nothing left");
        let other = compared(vec![Value::Score(1.0), by(false, 1.0)]);
        assert_eq!(sorted(1.0).compare(&other), Ordering::Equal, "as many left, of the same score");
        let longer = compared(vec![Value::Score(1.0), by(false, 1.0), Value::Score(0.1)]);
        assert_eq!(sorted(1.0).compare(&longer), Ordering::Less, "of another kind, with less left");
        let geo = |distance| compared(vec![Value::Sort(Key::Geo { ascending: true, distance })]);
        assert_eq!(geo(Some(9.0)).compare(&geo(Some(1.0))), Ordering::Greater, "as Meilisearch has it");
        assert_eq!(geo(None).compare(&geo(Some(1.0))), Ordering::Less);
    }
}
