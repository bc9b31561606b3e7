//! When two answers to one request are the same.
//!
//! The *key* of a hit is its ranking details as they are shown, with its score when that is shown. The sequence of keys
//! must be equal. Hits with equal keys are a tie: a tie that is whole on the page must have the same hits on both sides,
//! in whatever order; a tie that the page cuts must be a part of the whole tie of the single node. Hits are compared by
//! everything that they show. Totals, facets with their order, and all other members must be equal.
//!
//! What may differ is listed ([`Class`]), each with its narrow condition, and counted.

mod facets;
mod hits;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use miroir_model::RESERVED_MEMBER;
use serde_json::{Map, Value};

use crate::client::Answer;

/// A difference that is known and allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    /// With a distinct attribute a node leaves out only what it sees on its way to the page: totals are estimates then but
    /// for those of pages, and each node counts facets over its own best hits.
    DistinctCounts,
    /// Which of several hits that tie stands for a distinct value is arbitrary.
    DistinctChoice,
    /// Of a distinct value a node gives the best hit. Where that one scores less than a threshold, though it comes first by
    /// a sort, one Meilisearch takes the next.
    DistinctThreshold,
    /// Below a threshold of the score nodes count facets, and the totals of pages and of hybrid searches, by their own
    /// scores: estimates.
    ThresholdCounts,
    /// A facet value is shown as one of the documents writes it: which one is arbitrary.
    FacetLabel,
    /// In the order by count a node gives equal counts in the order in which it finds them in its tree of values.
    FacetTies,
    /// Which words are marked, how far, and what a crop keeps round them follows from the words of the node that are
    /// near to the query's: by a typo, by their beginning, in whatever attribute they stand.
    Marks,
    /// From one typo on, and where words stand apart of which the last begins others, the rule `exactness` depends on the
    /// other documents of the node, and from two typos on `proximity` does. `exactness` does for a last word that others
    /// begin with, too: whether it is a whole word is looked up among those of the node. Both do for a word of which few
    /// letters are given: where over a hundred words of a node begin so, it judges them by what it keeps about the
    /// beginning. A least score can then end the hits in another place.
    Mistyped,
}

/// Whether the last word of a request may be the beginning of another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Begun {
    No,
    /// Other words begin with it.
    Yes,
    /// It has few letters, so a node may have kept what begins so.
    Short,
}

/// What is known of the request.
pub(crate) struct Expected<'a> {
    /// Ties too must have one order.
    pub(crate) one_shard: bool,
    /// The page does not begin with the first hit.
    pub(crate) begins_late: bool,
    /// So many hits fill the page.
    pub(crate) full: usize,
    /// Hits below a score are left out.
    pub(crate) threshold: bool,
    /// Why totals are estimates, where they are.
    pub(crate) estimated_totals: Option<Class>,
    /// Whether a facet has its values in the order of their counts.
    pub(crate) by_count: &'a dyn Fn(&str) -> bool,
    /// So many values of a facet are given at most.
    pub(crate) facet_values: usize,
    /// It has words.
    pub(crate) words: bool,
    pub(crate) begun: Begun,
    pub(crate) distinct: bool,
    /// The distinct value of a hit; nothing when the hit does not show which document it is.
    pub(crate) distinct_value: &'a dyn Fn(&Map<String, Value>) -> Option<String>,
}

/// What came of a comparison that found no difference.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Same {
    /// The hits have another order: only the rule about ties makes the answers equal.
    pub(crate) leans_on_ties: bool,
    pub(crate) classes: BTreeSet<Class>,
}

/// Why the answers are not known to be the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// They are not; what differs.
    Different(String),
    /// The page cuts a tie: the single node's hits from the first on are needed.
    NeedsWhole,
}

/// Members that are made anew for each answer.
const OWN: [&str; 2] = ["processingTimeMs", "requestUid"];
const TOTALS: [&str; 3] = ["estimatedTotalHits", "totalHits", "totalPages"];
const JUDGED: [&str; 3] = ["hits", "facetDistribution", "facetStats"];

/// Compares the answers of the single node and of the cluster. `whole` are the hits of the single node from the first on.
pub(crate) fn compare(
    expected: &Expected<'_>,
    (single, cluster): (&Answer, &Answer),
    whole: Option<&Value>,
) -> Result<Same, Verdict> {
    if cluster.body.to_string().contains(RESERVED_MEMBER) {
        return different("the reserved member shows");
    }
    if single.status != cluster.status || single.status != 200 {
        return refusals(single, cluster);
    }
    let mut same = Same::default();
    names(&single.body, &cluster.body)?;
    for (name, value) in single.body.as_object().into_iter().flatten() {
        let (name, other) = (name.as_str(), &cluster.body[name]);
        if TOTALS.contains(&name) && value != other {
            totals(expected, (name, value, other), &mut same)?;
        } else if !OWN.contains(&name) && !TOTALS.contains(&name) && !JUDGED.contains(&name) {
            equal(name, value, other)?;
        }
    }
    facets::compare(expected, (&single.body, &cluster.body), &mut same)?;
    hits::compare(expected, (&single.body["hits"], &cluster.body["hits"]), whole, &mut same)?;
    Ok(same)
}

fn refusals(single: &Answer, cluster: &Answer) -> Result<Same, Verdict> {
    if single.status.max(cluster.status) >= 500 {
        return different(format!("status {}, cluster {}", single.status, cluster.status));
    }
    equal("status", &single.status.into(), &cluster.status.into())?;
    equal("error", &single.body, &cluster.body)?;
    Ok(Same::default())
}

fn names(single: &Value, cluster: &Value) -> Result<(), Verdict> {
    let names = |answer: &Value| -> BTreeSet<String> {
        answer.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect()
    };
    let (single, cluster) = (names(single), names(cluster));
    if single == cluster { Ok(()) } else { different(format!("members: {single:?}, cluster {cluster:?}")) }
}

fn totals(
    expected: &Expected<'_>,
    (name, single, cluster): (&str, &Value, &Value),
    same: &mut Same,
) -> Result<(), Verdict> {
    match expected.estimated_totals.filter(|_| !expected.one_shard) {
        Some(class) if single != cluster => {
            same.classes.insert(class);
            Ok(())
        }
        _ => equal(name, single, cluster),
    }
}

fn equal(name: &str, single: &Value, cluster: &Value) -> Result<(), Verdict> {
    if single == cluster { Ok(()) } else { different(format!("{name}: {single}, cluster {cluster}")) }
}

fn different<T>(text: impl Into<String>) -> Result<T, Verdict> {
    Err(Verdict::Different(text.into()))
}
