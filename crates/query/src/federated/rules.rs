//! Whether the hits of several queries can be put in one order.
//!
//! Hits are compared rule by rule, so the rules of two queries must be of the same kinds in the same places
//! (`search/ranking_rules.rs` of Meilisearch 1.50). Rules that do nothing for a query do not count, and a run
//! of rules that rank by relevancy counts once. What is changed in a query's rules is noted for the refusal.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use miroir_api::{ErrorCode, ResponseError};

use crate::request::hybrid::Means;
use crate::request::{MatchingStrategy, SearchRequest};

/// What of a query decides which ranking rules its hits are ordered by.
#[derive(Debug, Clone, Copy)]
pub struct Ranked<'a> {
    /// The index it searches.
    pub index: &'a str,
    /// Its place among the queries of the request.
    pub position: usize,
    /// The ranking rules of the index, as its settings have them.
    pub rules: &'a [String],
    /// What it sorts by, as `attribute:asc`.
    pub sort: Option<&'a [String]>,
    /// Whether hits may lack words.
    pub matching_strategy: MatchingStrategy,
    /// What it looks for.
    pub kind: Kind,
}

impl<'a> Ranked<'a> {
    /// A search of the index of that name, in that place.
    pub fn new((index, position): (&'a str, usize), request: &'a SearchRequest, rules: &'a [String]) -> Self {
        let wordless = request.q.as_ref().is_none_or(String::is_empty);
        Self {
            index,
            position,
            rules,
            sort: request.sort.as_deref(),
            matching_strategy: request.matching_strategy,
            kind: match request.means() {
                Means::Vectors(_) => Kind::Vector,
                _ if wordless => Kind::Placeholder,
                _ => Kind::Keyword,
            },
        }
    }
}

/// What a query looks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Everything.
    Placeholder,
    /// Words, and maybe vectors too.
    Keyword,
    /// Vectors only.
    Vector,
}

/// Holds each query against the one before it, in the order in which Meilisearch looks at them.
#[derive(Debug, Default)]
pub struct Compatible {
    /// The query with the most constraints so far, the last of several.
    previous: Option<Ranking>,
}

impl Compatible {
    /// Takes the next query.
    ///
    /// # Errors
    /// When its hits cannot be compared with those of the queries before.
    pub fn add(&mut self, query: &Ranked<'_>) -> Result<(), ResponseError> {
        // What is wrong with a sort is the search's own error, and found before anything is compared.
        if query.sort.into_iter().flatten().any(|text| sorted_by(text).is_none()) {
            return Ok(());
        }
        let current = Ranking::of(query);
        if let Some(previous) = &self.previous {
            let mut pairs = previous.constraints.iter().zip(&current.constraints);
            if let Some((a, b)) = pairs.find(|(a, b)| a.order != b.order) {
                return Err(refusal((previous, a), (&current, b)));
            }
            if previous.constraints.len() > current.constraints.len() {
                return Ok(());
            }
        }
        self.previous = Some(current);
        Ok(())
    }
}

/// The canonical ranking rules of a query: those that order its hits.
#[derive(Debug, Default)]
struct Ranking {
    index: String,
    position: usize,
    rules: Vec<String>,
    constraints: Vec<Constraint>,
    /// Lines that say how the rules differ from those of the index.
    notes: Vec<String>,
}

/// One thing that hits are compared by.
#[derive(Debug)]
struct Constraint {
    order: Order,
    /// The first and last of the canonical rules that it stands for.
    rules: (usize, usize),
    /// If it comes from the query's `sort`: its place there, duplicates left out, and how it is told.
    sort: Option<(usize, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Relevancy,
    Field { ascending: bool },
    Geo { ascending: bool },
}

/// What counts only where it comes first.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Once<'a> {
    Rule(&'a str),
    Field(&'a str),
    Geo,
    /// The rule in whose place vectors rank.
    Vector,
}

/// Where something stands in the rules of the index, or in the `sort` that one of them makes room for.
#[derive(Debug, Clone, Copy)]
struct Place<'a> {
    name: &'a str,
    rule: usize,
    sort: Option<usize>,
}

/// Makes the rules of a query canonical.
struct Pass<'a> {
    query: &'a Ranked<'a>,
    ranking: Ranking,
    met: BTreeMap<Once<'a>, Place<'a>>,
}

impl Ranking {
    fn of(query: &Ranked<'_>) -> Self {
        let ranking = Self { index: query.index.to_owned(), position: query.position, ..Self::default() };
        let mut pass = Pass { query, ranking, met: BTreeMap::new() };
        for (rule, name) in query.rules.iter().map(String::as_str).enumerate() {
            let place = Place { name, rule, sort: None };
            match name {
                "sort" => pass.sort(place),
                "words" | "typo" | "proximity" | "attribute" | "attributeRank" | "wordPosition"
                | "exactness" => match query.kind {
                    Kind::Placeholder => pass.note(&format!(
                        "Removed relevancy rule `{name}` at position {place} because the query is a \
                         placeholder search (`q`: \"\")"
                    )),
                    Kind::Keyword => pass.keyword(place),
                    Kind::Vector if pass.vector(place) => {}
                    Kind::Vector => break,
                },
                _ => pass.custom(place),
            }
        }
        pass.ranking
    }

    fn describe(&self, Constraint { order, rules: (first, last), sort }: &Constraint) -> String {
        let (index, position) = (&self.index, self.position);
        let span = if first == last { first.to_string() } else { format!("{first}..={last}") };
        let (sorted, told) = match sort {
            Some((nth, told)) => (format!(".sort[{nth}]"), told.clone()),
            None => (String::new(), self.rules.get(*first..=*last).unwrap_or_default().join(", ")),
        };
        format!("`queries[{position}]{sorted}`, `{index}.rankingRules[{span}]`: {order} rule(s) {told}")
    }
}

impl<'a> Pass<'a> {
    /// Words that are all required rank nothing; else they rank before any other relevancy.
    fn keyword(&mut self, place: Place<'a>) {
        let name = place.name;
        let required = self.query.matching_strategy == MatchingStrategy::All;
        let has_words = self.ranking.rules.iter().any(|rule| rule == "words");
        if name != "words" && !required && !has_words {
            let before = format!("before first relevancy rule `{name}` at position {place}");
            self.note(&format!("Prepended rule `words` {before}"));
            self.keep("words", Order::Relevancy);
        }
        if name == "words" && required {
            let why = "`query.matchingWords` is set to `all`";
            return self.note(&format!("Removed rule `words` at position {place} because {why}"));
        }
        if name == "words" && has_words && !self.met.contains_key(&Once::Rule("words")) {
            // So Meilisearch says, but it keeps both.
            let why = "it was previously prepended";
            self.note(&format!("Removed rule `words` at position {place} because {why}"));
        }
        if self.is_first(Once::Rule(name), place) {
            self.keep(name, Order::Relevancy);
        }
    }

    /// Vectors rank once, where relevancy first does. Says whether the rules that follow count.
    fn vector(&mut self, place: Place<'a>) -> bool {
        let Some(&vector) = self.met.get(&Once::Vector) else {
            self.met.insert(Once::Vector, place);
            self.keep(place.name, Order::Relevancy);
            return true;
        };
        // Sorting by a distance does not cut: so it is in Meilisearch.
        let cut = self.met.keys().any(|what| matches!(what, Once::Field(_)));
        let rule = format!("relevancy rule `{}` at position {place}", place.name);
        let because = "because the query is a vector search and `vector` was";
        self.note(&match cut {
            true => format!("Truncated {rule} and later rules {because} inserted at position {vector}"),
            false => format!("Removed {rule} {because} already inserted at position {vector}"),
        });
        !cut
    }

    /// The rule that makes room for what the query sorts by.
    fn sort(&mut self, place: Place<'a>) {
        let Some(sort) = self.query.sort else {
            // Meilisearch indents this one less.
            let text = format!("Removed rule `sort` at position {place} because `query.sort` is empty");
            return self.note_after("   ", &text);
        };
        if !self.is_first(Once::Rule("sort"), place) {
            return;
        }
        let rule = self.ranking.rules.len();
        self.ranking.rules.push("sort".to_owned());
        let mut kept = 0;
        for (nth, text) in sort.iter().enumerate() {
            let Some((by, order)) = sorted_by(text) else { continue };
            let (name, told) = match (&by, order) {
                (Once::Field(field), _) => (text.as_str(), format!("on field `{field}`")),
                (_, Order::Geo { ascending: true }) => ("_geo(..):asc", "default".to_owned()),
                _ => ("_geo(..):desc", "default".to_owned()),
            };
            if self.is_first(by, Place { name, sort: Some(nth), ..place }) {
                let sort = Some((kept, told));
                self.ranking.constraints.push(Constraint { order, rules: (rule, rule), sort });
                kept += 1;
            }
        }
    }

    /// A rule that sorts by a field.
    fn custom(&mut self, place: Place<'a>) {
        let Some((by, order)) = sorted_by(place.name) else { return };
        if self.is_first(by, place) {
            self.keep(place.name, order);
        }
    }

    /// Whether this is met here for the first time; if not, that is noted.
    fn is_first(&mut self, what: Once<'a>, place: Place<'a>) -> bool {
        if let Some(&earlier) = self.met.get(&what) {
            let rule = format!("duplicate rule `{}` at position {place}", earlier.name);
            self.note(&format!("Removed {rule} as it already appears at position {earlier}"));
            return false;
        }
        self.met.insert(what, place);
        true
    }

    fn keep(&mut self, name: &str, order: Order) {
        let Ranking { rules, constraints, .. } = &mut self.ranking;
        let rule = rules.len();
        rules.push(name.to_owned());
        match constraints.last_mut() {
            Some(last) if (last.order, order) == (Order::Relevancy, Order::Relevancy) => last.rules.1 = rule,
            _ => constraints.push(Constraint { order, rules: (rule, rule), sort: None }),
        }
    }

    fn note(&mut self, text: &str) {
        self.note_after("    ", text);
    }

    fn note_after(&mut self, indent: &str, text: &str) {
        let number = self.ranking.notes.len() + 1;
        self.ranking.notes.push(format!("{indent}{number}. {text}\n"));
    }
}

/// Names that nothing can be sorted by.
const RESERVED: [&str; 5] = ["_geo", "_geoDistance", "_geoPoint", "_geoRadius", "_geoBoundingBox"];

/// What this sorts by; none where Meilisearch cannot tell either.
fn sorted_by(text: &str) -> Option<(Once<'_>, Order)> {
    let (by, direction) = text.rsplit_once(':')?;
    let ascending = match direction {
        "asc" => true,
        "desc" => false,
        _ => return None,
    };
    let Some(point) = by.strip_prefix("_geoPoint(").and_then(|point| point.strip_suffix(')')) else {
        let called = ["_geoRadius(", "_geoBoundingBox(", "_geo(", "_geoDistance("];
        let reserved = RESERVED.contains(&by) || called.iter().any(|called| by.starts_with(called));
        return (!reserved).then_some((Once::Field(by), Order::Field { ascending }));
    };
    let (lat, lng) = point.split_once(',')?;
    let within =
        |text: &str, most: f64| text.trim().parse::<f64>().is_ok_and(|degrees| degrees.abs() <= most);
    (within(lat, 90.0) && within(lng, 180.0)).then_some((Once::Geo, Order::Geo { ascending }))
}

type Of<'a> = (&'a Ranking, &'a Constraint);

fn refusal((previous, a): Of<'_>, (current, b): Of<'_>) -> ResponseError {
    let positions = format!("#{} and #{}", previous.position, current.position);
    let (first, second) = (previous.describe(a), current.describe(b));
    let why = why(a.order, b.order);
    let mut text = format!("The results of queries {positions} are incompatible: \n");
    text += &format!("  1. {first}\n  2. {second}\n  - {why}\n");
    for Ranking { position, notes, .. } in [previous, current] {
        if !notes.is_empty() {
            let rules = format!("The ranking rules of query #{position}");
            text += &format!("  - note: {rules} were modified during canonicalization:\n{}", notes.concat());
        }
    }
    ResponseError::new(ErrorCode::InvalidMultiSearchQueryRankingRules, text)
}

/// Why two orders that differ cannot be compared.
fn why(a: Order, b: Order) -> &'static str {
    use Order::{Field, Geo, Relevancy};
    match (a, b) {
        (Field { .. }, Field { .. }) => "cannot compare two sort rules in opposite directions",
        (Geo { .. }, Geo { .. }) => "cannot compare two geosort rules in opposite directions",
        (Relevancy, Geo { .. }) | (Geo { .. }, Relevancy) => {
            "cannot compare a relevancy rule with a geosort rule"
        }
        (Relevancy, _) | (_, Relevancy) => "cannot compare a relevancy rule with a sort rule",
        _ => "cannot compare a sort rule with a geosort rule",
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Relevancy => "relevancy",
            Self::Field { ascending: true } => "ascending sort",
            Self::Field { ascending: false } => "descending sort",
            Self::Geo { ascending: true } => "ascending geo sort",
            Self::Geo { ascending: false } => "descending geo sort",
        })
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rule = self.rule;
        match self.sort {
            None => write!(f, "#{rule} in ranking rules"),
            Some(nth) => write!(f, "#{nth} in `query.sort` (as `sort` is #{rule} in ranking rules)"),
        }
    }
}
