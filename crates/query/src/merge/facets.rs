//! Facets of several nodes as one node would give them.
//!
//! Counts add by the value as Meilisearch compares it: texts trimmed, decomposed (NFKD) and in lower case. Meilisearch
//! has three ways to order and cut the values; which one depends on the number of candidates, here
//! the global one:
//!
//! | order | candidates | numbers | texts | cut |
//! |---|---|---|---|---|
//! | `alpha` | ≤ 3000 | by their decimal text | by value | numbers and texts together are at most the limit |
//! | `alpha` | > 3000 | by value | by value | the list ends when its length *is* the limit |
//! | `count` | any | most documents first, then the greater | likewise | likewise |
//!
//! The last rule is Meilisearch's: when numbers fill the list exactly, the first text makes it longer than the limit, and
//! then nothing ends it. A text is shown as the first node that has it writes it. A number and a text of the same
//! characters cannot be told apart here; both count as the number.

use std::borrow::Cow;
use std::collections::BTreeMap;

use miroir_model::RESERVED_MEMBER;
use miroir_settings::{FacetOrder, FacetOrders};
use serde::Deserialize;
use unicode_normalization::UnicodeNormalization;

use super::members::{Members, ObjectWriter, Text, float};

/// Up to so many candidates Meilisearch goes through documents, beyond it through values (`CANDIDATES_THRESHOLD`).
const FEW_CANDIDATES: u64 = 3000;

/// The distribution over all nodes, facets by name.
#[derive(Default)]
pub(crate) struct Distribution<'a>(BTreeMap<Cow<'a, str>, Values<'a>>);

#[derive(Default)]
struct Values<'a> {
    numbers: BTreeMap<Cow<'a, str>, (f64, u64)>,
    texts: BTreeMap<String, (Cow<'a, str>, u64)>,
}

/// A value of a facet: a number as it is written, or a text as texts are compared.
#[derive(Debug, Clone, Copy)]
pub(super) enum Value<'s> {
    Number(&'s str),
    Text(&'s str),
}

impl<'a> Distribution<'a> {
    /// Adds what one node says.
    pub(crate) fn add(&mut self, facets: &Members<'a>) -> serde_json::Result<()> {
        for (facet, values) in facets.0.iter().filter(|(facet, _)| facet != RESERVED_MEMBER) {
            let values: Members<'a> = serde_json::from_str(values.get())?;
            let sums = self.0.entry(facet.clone()).or_default();
            for (label, count) in values.0 {
                sums.add(label, serde_json::from_str(count.get())?);
            }
        }
        Ok(())
    }

    /// Adds the values of one facet.
    pub(super) fn join(&mut self, other: &Self, facet: &str) {
        let Some(values) = other.0.get(facet) else { return };
        let sums = self.0.entry(Cow::Owned(facet.to_owned())).or_default();
        for (label, (number, count)) in &values.numbers {
            sums.numbers.entry(label.clone()).or_insert((*number, 0)).1 += count;
        }
        for (text, (label, count)) in &values.texts {
            sums.texts.entry(text.clone()).or_insert_with(|| (label.clone(), 0)).1 += count;
        }
    }

    /// How many values a facet has, and their counts together; `None` if it was not asked for.
    pub(super) fn sums(&self, facet: &str) -> Option<(u64, u64)> {
        let Values { numbers, texts } = self.0.get(facet)?;
        let counts = numbers.values().map(|(_, count)| count).chain(texts.values().map(|(_, count)| count));
        Some(((numbers.len() + texts.len()) as u64, counts.sum()))
    }

    /// How many documents have a value.
    pub(super) fn count(&self, facet: &str, value: Value<'_>) -> u64 {
        let Some(Values { numbers, texts }) = self.0.get(facet) else { return 0 };
        match value {
            Value::Number(label) => numbers.get(label).map_or(0, |(_, count)| *count),
            Value::Text(text) => texts.get(text).map_or(0, |(_, count)| *count),
        }
    }

    /// Has each count made anew.
    pub(super) fn recount(&mut self, count: impl Fn(&str, Value<'_>) -> u64) {
        for (facet, Values { numbers, texts }) in &mut self.0 {
            numbers.iter_mut().for_each(|(label, (_, of))| *of = count(facet, Value::Number(label)));
            texts.iter_mut().for_each(|(text, (_, of))| *of = count(facet, Value::Text(text)));
        }
    }

    /// The values of each facet, in its order and cut to the limit.
    pub(crate) fn lists<'s>(
        &'s self,
        (orders, limit): (&'s FacetOrders, usize),
        candidates: u64,
    ) -> impl Iterator<Item = (&'s str, Vec<(&'s str, u64)>)> {
        self.0
            .iter()
            .map(move |(facet, values)| (facet.as_ref(), values.list(orders.of(facet), candidates, limit)))
    }

    /// Writes the object, each facet in its order and cut to the user's limit.
    pub(crate) fn write(&self, shape: (&FacetOrders, usize), candidates: u64, out: &mut String) {
        write_lists(self.lists(shape, candidates), out);
    }
}

/// Writes facets with their values.
pub(crate) fn write_lists<'s>(
    facets: impl Iterator<Item = (&'s str, Vec<(&'s str, u64)>)>,
    out: &mut String,
) {
    let mut object = ObjectWriter::new(out);
    for (facet, values) in facets {
        let mut list = ObjectWriter::new(object.name(facet));
        values.iter().for_each(|(label, count)| list.raw(label, &count.to_string()));
        list.end();
    }
    object.end();
}

impl<'a> Values<'a> {
    fn add(&mut self, label: Cow<'a, str>, count: u64) {
        match as_number(&label) {
            Some(number) => self.numbers.entry(label).or_insert((number, 0)).1 += count,
            None => self.texts.entry(normalized(&label)).or_insert((label, 0)).1 += count,
        }
    }

    fn list(&self, order: FacetOrder, candidates: u64, limit: usize) -> Vec<(&str, u64)> {
        let mut numbers: Vec<_> =
            self.numbers.iter().map(|(text, (value, count))| (text.as_ref(), *value, *count)).collect();
        let mut texts: Vec<_> = self.texts.values().map(|(label, count)| (label.as_ref(), *count)).collect();
        if order == FacetOrder::Alpha && candidates <= FEW_CANDIDATES {
            let all =
                numbers.into_iter().map(|(text, _, count)| (text, count)).take(limit).collect::<Vec<_>>();
            let room = limit - all.len();
            return all.into_iter().chain(texts.into_iter().take(room)).collect();
        }
        numbers.sort_by(|a, b| a.1.total_cmp(&b.1));
        if order == FacetOrder::Count {
            // Stable, after turning round: equal counts have the greater value first.
            numbers.reverse();
            numbers.sort_by_key(|(_, _, count)| std::cmp::Reverse(*count));
            texts.reverse();
            texts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        }
        let mut list = Vec::new();
        fill(&mut list, numbers.into_iter().map(|(text, _, count)| (text, count)), limit);
        fill(&mut list, texts.into_iter(), limit);
        list
    }
}

/// Ends only when the length is the limit after a value was added.
fn fill<'a>(list: &mut Vec<(&'a str, u64)>, values: impl Iterator<Item = (&'a str, u64)>, limit: usize) {
    for value in values {
        list.push(value);
        if list.len() == limit {
            return;
        }
    }
}

/// The number that Meilisearch writes so.
fn as_number(label: &str) -> Option<f64> {
    let number: f64 = label.parse().ok()?;
    (number.is_finite() && number.to_string() == label).then_some(number)
}

/// A text as Meilisearch compares it (`normalize_facet`).
pub(crate) fn normalized(text: &str) -> String {
    text.trim().nfkd().collect::<String>().to_lowercase()
}

/// The least and greatest number of each facet.
#[derive(Default)]
pub(crate) struct Stats<'a>(pub(crate) BTreeMap<Cow<'a, str>, Extremes>);

/// The least and the greatest number of a facet.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub(crate) struct Extremes {
    min: f64,
    max: f64,
}

impl Extremes {
    pub(crate) fn and(self, other: Self) -> Self {
        Self { min: self.min.min(other.min), max: self.max.max(other.max) }
    }
}

impl<'a> Stats<'a> {
    /// Adds what one node says.
    pub(crate) fn add(&mut self, stats: &Members<'a>) -> serde_json::Result<()> {
        for (facet, extremes) in stats.0.iter().filter(|(facet, _)| facet != RESERVED_MEMBER) {
            let new: Extremes = serde_json::from_str(extremes.get())?;
            self.0.entry(facet.clone()).and_modify(|all| *all = all.and(new)).or_insert(new);
        }
        Ok(())
    }

    pub(crate) fn write(&self, out: &mut String) {
        write_stats(self.0.iter().map(|(facet, extremes)| (facet.as_ref(), *extremes)), out);
    }
}

/// Writes the statistics of facets.
pub(crate) fn write_stats<'s>(stats: impl Iterator<Item = (&'s str, Extremes)>, out: &mut String) {
    let mut facets = ObjectWriter::new(out);
    for (facet, Extremes { min, max }) in stats {
        facets.raw(facet, &format!("{{\"min\":{},\"max\":{}}}", float(min), float(max)));
    }
    facets.end();
}

/// A value of a document as facets compare it: what a distinct attribute is distinct by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum FacetValue {
    Number(String),
    Text(String),
}

impl FacetValue {
    /// As the engine keeps it: numbers are 64-bit floats.
    pub(crate) fn kept(self) -> Self {
        match self {
            Self::Number(text) => Self::Number(text.parse().map_or(text, float)),
            text => text,
        }
    }
}

/// The values in a member's value; an array has several.
pub(crate) fn facet_values(value: &serde_json::Value, values: &mut Vec<FacetValue>) {
    use serde_json::Value;
    match value {
        Value::Bool(flag) => values.push(FacetValue::Text(flag.to_string())),
        Value::Number(number) => values.push(FacetValue::Number(number.to_string())),
        Value::String(text) => values.push(FacetValue::Text(normalized(text))),
        Value::Array(items) => {
            items.iter().filter(|item| !item.is_array()).for_each(|item| facet_values(item, values));
        }
        Value::Null | Value::Object(_) => {}
    }
}

/// The document's own text of its id: `1` and `"1"` are one.
pub(crate) fn id_text(raw: &str) -> Option<Cow<'_, str>> {
    if raw.starts_with('"') {
        return serde_json::from_str::<Text<'_>>(raw).ok().map(|Text(text)| text);
    }
    Some(Cow::Borrowed(raw))
}
