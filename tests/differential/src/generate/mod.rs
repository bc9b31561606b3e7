//! Requests, from numbers: those of request `n` of a run depend on its seed and on `n` only.

mod changes;
mod choices;
mod documents;
mod federated;
mod filter;
mod near;
mod options;
mod request;
mod values;
mod words;
mod wrong;

use serde_json::{Map, Value};

use crate::compare::Class;
use crate::corpus::Corpus;
use crate::profile::{PROFILES, Profile};
pub(crate) use changes::{Change, change};
pub(crate) use choices::{Choices, tree};
pub(crate) use documents::{Documents, documents};
pub(crate) use federated::{Federated, federated};
pub(crate) use near::{Like, like};
pub(crate) use request::Request;
pub(crate) use values::{AmongValues, among_values};

/// One request of a run.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Case {
    pub(crate) number: u64,
    pub(crate) profile: Profile,
    pub(crate) request: Request,
}

impl Case {
    pub(crate) fn is_distinct(&self) -> bool {
        self.profile.distinct.is_some() || self.request.has("distinct")
    }

    /// Why totals are estimates, where they are.
    pub(crate) fn estimated_totals(&self) -> Option<Class> {
        let (threshold, hybrid) = (self.request.has("rankingScoreThreshold"), self.request.has("hybrid"));
        if self.is_distinct() && (threshold || hybrid || !self.request.is_paged()) {
            return Some(Class::DistinctCounts);
        }
        // In hybrid searches it ends what vectors find and not what words find.
        (threshold && (hybrid || self.request.is_paged())).then_some(Class::ThresholdCounts)
    }
}

/// What a request is made from.
struct Source<'a> {
    profile: Profile,
    corpus: &'a Corpus,
    dice: &'a mut Choices,
    members: Map<String, Value>,
}

/// A search. Its number decides who is asked.
pub(crate) fn case<'a>(number: u64, dice: &mut Choices, corpus_of: impl Fn(&Profile) -> &'a Corpus) -> Case {
    let (profile, mut source) = source(dice, corpus_of);
    source.words();
    source.filter();
    source.sort();
    source.page();
    source.options();
    source.near();
    source.go_wrong();
    source.show_ids();
    let get = source.dice.chance(25) && source.members.values().all(is_plain);
    let request = Request { members: source.members, get };
    Case { number, profile, request }
}

/// The index of a request, and what the request is made from.
fn source<'a, 'b: 'a>(
    dice: &'a mut Choices,
    corpus_of: impl Fn(&Profile) -> &'b Corpus,
) -> (Profile, Source<'a>) {
    let mut profile = *dice.pick(&PROFILES);
    if profile.one_shard {
        profile = *dice.pick(&PROFILES);
    }
    (profile, Source { profile, corpus: corpus_of(&profile), dice, members: Map::new() })
}

/// A parameter of a URL cannot tell a wrong type from a text.
fn is_plain(value: &Value) -> bool {
    !value.is_object() && !value.is_null()
}

impl Source<'_> {
    fn set(&mut self, name: &str, value: impl Into<Value>) {
        self.members.insert(name.to_owned(), value.into());
    }

    /// The value of an attribute (or of `a.b`) in some document; null where that one has none.
    fn value_of(&mut self, attribute: &str) -> Value {
        let document = &self.corpus.documents[self.dice.below(self.corpus.documents.len())];
        let mut value = Value::from(document.clone());
        for name in attribute.split('.') {
            value = value[name].take();
        }
        match value {
            Value::Array(values) if !values.is_empty() => self.dice.pick(&values).clone(),
            Value::Array(_) => Value::Null,
            value => value,
        }
    }

    /// Which of several documents stands for a distinct value can be told by their ids only.
    fn show_ids(&mut self) {
        let distinct = self.profile.distinct.is_some() || self.members.contains_key("distinct");
        if let Some(Value::Array(names)) = self.members.get_mut("attributesToRetrieve").filter(|_| distinct) {
            names.push("id".into());
        }
    }

    /// A point near a place of some document.
    fn point(&mut self) -> (f64, f64) {
        let place = self.value_of("_geo");
        let near = |value: &Value, dice: &mut Choices| {
            let value = value.as_f64().unwrap_or(10.0) + dice.below(400) as f64 / 100.0 - 2.0;
            (value * 1000.0).round() / 1000.0
        };
        let (lat, lng) = (near(&place["lat"], self.dice), near(&place["lng"], self.dice));
        (lat.clamp(-85.0, 85.0), lng.clamp(-175.0, 175.0))
    }

    fn sort(&mut self) {
        if !self.dice.chance(55) {
            return;
        }
        let mut sort = Vec::new();
        if self.profile.geo && self.dice.chance(30) {
            let (lat, lng) = self.point();
            sort.push(format!("_geoPoint({lat}, {lng}):{}", self.direction()));
        } else {
            for _ in 0..=self.dice.below(2) {
                let attribute = *self.dice.pick(self.profile.sortable);
                sort.push(format!("{attribute}:{}", self.direction()));
            }
        }
        if self.dice.chance(60) {
            sort.push(format!("id:{}", self.direction()));
        }
        self.set("sort", sort);
    }

    fn direction(&mut self) -> &'static str {
        if self.dice.chance(50) { "desc" } else { "asc" }
    }

    fn page(&mut self) {
        let dice = &mut *self.dice;
        let (offset, limit) = (dice.below(9), 2 + dice.below(24));
        match dice.below(10) {
            0..=2 => {}
            3 | 4 => self.set("limit", limit),
            5 | 6 => {
                self.set("limit", limit);
                self.set("offset", offset);
            }
            7 => self.set("page", 1 + offset / 6),
            8 => self.set("hitsPerPage", limit),
            _ => {
                self.set("page", (offset + 2) / 4);
                self.set("hitsPerPage", limit);
            }
        }
        if self.dice.chance(3) {
            // Beyond what can be reached.
            let offset = self.profile.max_total_hits - 3 + self.dice.below(6);
            self.set("offset", offset);
        }
    }

    fn facets(&mut self) {
        let names = self.profile.filterable();
        let some: Vec<_> = (0..=self.dice.below(3)).map(|_| *self.dice.pick(&names)).collect();
        // Not `*`: where a user's rules are plain names 1.50 refuses it, and takes it once our rule, a pattern, is there.
        self.set("facets", some);
    }
}
