//! What a run has covered, and the least that it must.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use crate::client::Answer;
use crate::compare::{Class, Same};
use crate::generate::Case;

/// Counts. Each request goes to all clusters, and each of their answers is compared.
#[derive(Debug, Default)]
pub(crate) struct Report {
    requests: usize,
    /// Requests by what they or their answers had.
    with: BTreeMap<&'static str, usize>,
    comparisons: usize,
    lean_on_ties: usize,
    /// Answers whose ties have the order of a node with the same stamped documents.
    in_order: usize,
    classes: BTreeMap<Class, usize>,
    /// Wrong answers that were refused, by what was wrong.
    refused: BTreeMap<&'static str, usize>,
}

/// Requests, in percent, that must have had this at least.
const LEAST: [(&str, usize); 10] = [
    ("hits of two shards", 50),
    ("hits of all shards", 10),
    ("typos", 10),
    ("facets", 15),
    ("ties", 12),
    // Of nine indexes one ranks by them.
    ("hits by vectors", 4),
    ("hits by words and by vectors", 1),
    ("a filter", 25),
    ("a sort", 25),
    ("a GET", 10),
];

/// Comparisons, in percent, that may be equal by the rule about ties only.
const LEAN_ON_TIES: usize = 20;

/// Comparisons, in percent, in which the order of ties must have been compared.
const IN_ORDER: usize = 40;

/// Comparisons, in percent, that may be equal but for what the words of a node decide.
const WORDS_OF_NODES: usize = 3;

impl Report {
    pub(crate) fn asked(&mut self, case: &Case, answer: &Answer, shards: usize) {
        self.requests += 1;
        let hits = answer.body["hits"].as_array().map(Vec::as_slice).unwrap_or_default();
        let details = |hit: &Value| hit["_rankingScoreDetails"].clone();
        let near = hits.iter().filter(|hit| details(hit).get("vectorSort").is_some()).count();
        let had = [
            ("hits by vectors", near > 0),
            ("hits by words and by vectors", (1..hits.len()).contains(&near)),
            ("hits", !hits.is_empty()),
            ("hits of two shards", shards >= 2),
            ("hits of all shards", shards >= 6),
            ("typos", hits.iter().any(|hit| details(hit)["typo"]["typoCount"].as_u64() > Some(0))),
            ("ties", hits.windows(2).any(|pair| details(&pair[0]) == details(&pair[1]))),
            ("facets", answer.body["facetDistribution"].as_object().is_some_and(|facets| !facets.is_empty())),
            ("a filter", case.request.has("filter")),
            ("a sort", case.request.has("sort")),
            ("a page", case.request.is_paged()),
            ("a GET", case.request.query().is_some()),
            ("a refusal", answer.status != 200),
        ];
        for (name, had) in had {
            *self.with.entry(name).or_default() += usize::from(had);
        }
        *self.with.entry(case.profile.uid).or_default() += 1;
    }

    pub(crate) fn same(&mut self, same: &Same) {
        self.comparisons += 1;
        self.lean_on_ties += usize::from(same.leans_on_ties);
        for class in &same.classes {
            *self.classes.entry(*class).or_default() += 1;
        }
    }

    pub(crate) fn in_order(&mut self) {
        self.in_order += 1;
    }

    pub(crate) fn broke(&mut self, what: &'static str) {
        *self.refused.entry(what).or_default() += 1;
    }

    /// A run that covers little proves little.
    pub(crate) fn assert_shares(&self) {
        for (name, least) in LEAST {
            let count = self.with.get(name).copied().unwrap_or(0);
            assert!(
                count * 100 >= self.requests * least,
                "{name}: {count} of {}, least {least} %",
                self.requests
            );
        }
        let leaning = self.lean_on_ties * 100;
        assert!(
            leaning <= self.comparisons * LEAN_ON_TIES,
            "{} lean on the rule about ties",
            self.lean_on_ties
        );
        let ordered = self.in_order * 100;
        assert!(ordered >= self.comparisons * IN_ORDER, "{} had the order of ties compared", self.in_order);
        for class in [Class::Marks, Class::Mistyped] {
            let count = self.classes.get(&class).copied().unwrap_or(0);
            assert!(count * 100 <= self.comparisons * WORDS_OF_NODES, "{class:?}: {count}");
        }
        assert_eq!(self.refused.len(), crate::breakage::KINDS, "some wrong answers were never made");
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} requests, {} comparisons", self.requests, self.comparisons)?;
        for (name, count) in &self.with {
            writeln!(f, "  {count:5} {name}")?;
        }
        writeln!(f, "  {:5} comparisons lean on the rule about ties", self.lean_on_ties)?;
        writeln!(f, "  {:5} comparisons with the order of ties", self.in_order)?;
        for (class, count) in &self.classes {
            writeln!(f, "  {count:5} comparisons allow {class:?}")?;
        }
        writeln!(f, "wrong answers that were refused")?;
        for (name, count) in &self.refused {
            writeln!(f, "  {count:5} {name}")?;
        }
        Ok(())
    }
}
