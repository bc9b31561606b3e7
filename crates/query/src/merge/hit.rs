//! A hit of a node: read for the order, written for the user.

use std::borrow::Cow;
use std::cmp::Ordering;

use miroir_model::RESERVED_MEMBER;
use serde_json::Value;
use serde_json::value::RawValue;

use super::facets::{FacetValue, facet_values, id_text};
use super::keys::{Key, Keys, NOT_NEAR, Typo};
use super::members::{Members, ObjectWriter, float};
use super::score::rescored;
use crate::federated::{self, Compared, FederatedHit, Known, scores_by_rule, values};
use crate::path;
use crate::plan::Plan;
use crate::plan::fields::{Fields, VECTORS};

const FORMATTED: &str = "_formatted";
const MATCHES: &str = "_matchesPosition";
const SCORE: &str = "_rankingScore";
const DETAILS: &str = "_rankingScoreDetails";

/// A hit, and by what it is ordered.
#[derive(Debug)]
pub(crate) struct Hit<'a> {
    pub(crate) members: Members<'a>,
    pub(crate) keys: Keys<'a>,
    pub(crate) id: Cow<'a, str>,
    /// Which answer it is from.
    pub(crate) answer: usize,
    /// The greatest `maxTypoCount` among hits that are equal in the rules before, of all nodes.
    pub(crate) common_typos: u64,
}

impl<'a> Hit<'a> {
    pub(crate) fn read(raw: &'a RawValue, plan: &Plan, answer: usize) -> serde_json::Result<Self> {
        let members: Members<'a> = serde_json::from_str(raw.get())?;
        let keys: Keys<'a> = match members.get(DETAILS) {
            Some(details) => serde_json::from_str(details.get())?,
            None => Keys::default(),
        };
        let id = plan.primary_key.as_deref().and_then(|key| id_of(&members, key)).unwrap_or_default();
        let common_typos = keys.typo.map_or(0, |typo| typo.max);
        Ok(Self { members, keys, id, answer, common_typos })
    }

    /// `Less` comes first: the better hit, then the smaller id.
    pub(crate) fn order(&self, other: &Self) -> Ordering {
        other.keys.compare(&self.keys).then_with(|| self.id.cmp(&other.id))
    }

    pub(crate) fn ties(&self, other: &Self) -> bool {
        self.keys.compare(&other.keys).is_eq()
    }

    /// Its score, as a node with all documents would give it; `None` when nodes were not asked for it.
    pub(crate) fn score(&self) -> Option<f64> {
        // `serde_json` may be wrong in the last digit, which would show once a score is computed with.
        let score: f64 = self.members.get(SCORE)?.get().parse().ok()?;
        Some(match self.other_typos() {
            Some(typo) => rescored(score, self.keys.words, typo.max, self.common_typos),
            None => score,
        })
    }

    /// What the typo rule said, where the node's maximum is not the common one and the score can be rewritten.
    fn other_typos(&self) -> Option<Typo> {
        self.keys.typo.filter(|typo| typo.max != self.common_typos && typo.after_words_only)
    }

    /// Whether no hit after it has a greater score: what scores are made of orders it before anything else does.
    pub(crate) fn scores_fall(&self) -> bool {
        let mut ranks = self.keys.keys.iter().skip_while(|key| matches!(key, Key::Rank(_)));
        !ranks.any(|key| matches!(key, Key::Rank(_) | Key::Skipped))
    }

    /// The keys of the rules before the typo rule.
    pub(crate) fn before_typos(&self) -> Option<&[Key<'a>]> {
        self.keys.typo.and_then(|typo| self.keys.keys.get(..typo.at))
    }

    /// The values of an attribute, as facets compare them.
    pub(crate) fn values_of(&self, attribute: &str) -> Vec<FacetValue> {
        let mut values = Vec::new();
        for (name, raw) in &self.members.0 {
            if path::covers(name, attribute)
                && let Ok(value) = serde_json::from_str::<Value>(raw.get())
            {
                path::visit(name, &value, attribute, &mut |value| facet_values(value, &mut values));
            }
        }
        values
    }

    /// By what it is compared with hits of other searches, its scores times a weight.
    pub(crate) fn values(&self, plan: &Plan, weight: f64) -> serde_json::Result<Vec<federated::Value>> {
        let details = self.members.get(DETAILS);
        details.map_or(Ok(Vec::new()), |details| values(details, self.known(plan), weight))
    }

    /// Its scores by the rules up to each.
    pub(crate) fn scores_by_rule(&self, plan: &Plan) -> serde_json::Result<Vec<f64>> {
        let details = self.members.get(DETAILS);
        details.map_or(Ok(Vec::new()), |details| scores_by_rule(details, self.known(plan)))
    }

    fn known(&self, plan: &Plan) -> Known {
        let score = self.score().unwrap_or(1.0);
        let of_first_run = !plan.version.traits().scores_of_all_rules;
        Known { most_typos: self.common_typos, score, of_first_run }
    }

    /// Whether it has a vector that was compared.
    pub(crate) fn is_near(&self) -> bool {
        self.keys.keys.first() != Some(&NOT_NEAR)
    }

    /// Takes over where the words are in it from the same document as another search shows it.
    pub(crate) fn take_marks(&mut self, other: &Self) {
        for (name, raw) in self.members.0.iter_mut().filter(|(name, _)| name == FORMATTED || name == MATCHES)
        {
            *raw = other.members.get(name).unwrap_or(raw);
        }
    }

    /// What it is distinct by. The engine keeps numbers as floats: `1` and `1.0` are one value.
    pub(crate) fn distinct_values(&self, attribute: &str) -> Vec<FacetValue> {
        self.values_of(attribute).into_iter().map(FacetValue::kept).collect()
    }

    /// What it brings to a list of the hits of several searches.
    pub(crate) fn contribute(&self, plan: &Plan) -> serde_json::Result<FederatedHit> {
        let federated = plan.federated.as_ref();
        let weight = federated.map_or(1.0, |part| part.weight);
        let values = self.values(plan, weight)?;
        let mut text = String::new();
        self.write(plan, &mut text);
        let reads = federated.iter().flat_map(|part| &part.reads);
        Ok(FederatedHit {
            text,
            id: self.id.clone().into_owned(),
            compared: Compared { values, score: self.score().unwrap_or(1.0) * weight },
            near: self.keys.by_vector,
            facets: reads.map(|name| (name.clone(), self.values_of(name))).collect(),
        })
    }

    pub(crate) fn write(&self, plan: &Plan, out: &mut String) {
        let mut hit = ObjectWriter::new(out);
        for (name, raw) in &self.members.0 {
            match name.as_ref() {
                RESERVED_MEMBER => {}
                // What is said about a place in a list takes the place of a member of that name.
                "_federation" if plan.federated.is_some() => {}
                FORMATTED => write_formatted(raw, &plan.fields, &mut hit),
                MATCHES => write_matches(raw, &plan.fields, hit.name(name)),
                SCORE if plan.request.show_ranking_score => self.write_score(raw, hit.name(name)),
                DETAILS if plan.request.show_ranking_score_details => {
                    self.write_details(raw, plan, hit.name(name));
                }
                SCORE | DETAILS => {}
                // Nodes show it to who asks for it only, whatever names are asked for.
                VECTORS if plan.request.retrieve_vectors => hit.raw(name, raw.get()),
                _ => write_member(name, raw, &plan.fields, &mut hit),
            }
        }
        hit.end();
    }

    fn write_score(&self, raw: &RawValue, out: &mut String) {
        match self.score().filter(|_| self.other_typos().is_some()) {
            Some(score) => out.push_str(&float(score)),
            None => out.push_str(raw.get()),
        }
    }

    /// Without the tie rule, with the common number of typos, and with what the settings hide hidden as Meilisearch does.
    fn write_details(&self, raw: &RawValue, plan: &Plan, out: &mut String) {
        let Ok(rules) = serde_json::from_str::<Members<'_>>(raw.get()) else {
            return out.push_str(raw.get());
        };
        let mut details = ObjectWriter::new(out);
        for (name, rule) in &rules.0 {
            let attribute = sorted_attribute(name);
            if attribute == Some(RESERVED_MEMBER) || (plan.similar && name != "vectorSort") {
                continue;
            }
            let hidden = attribute.zip(plan.fields.displayed.as_ref());
            match (self.keys.typo, hidden) {
                (Some(typo), _) if name == "typo" && typo.max != self.common_typos => {
                    let (at, count, max) = (typo.at, typo.count, self.common_typos);
                    let score = float((max + 1).saturating_sub(count) as f64 / (max + 1) as f64);
                    let text = format!(
                        "{{\"order\":{at},\"typoCount\":{count},\"maxTypoCount\":{max},\"score\":{score}}}"
                    );
                    details.raw(name, &text);
                }
                (_, Some((attribute, displayed))) if !displayed.iter().any(|name| name == attribute) => {
                    let order = order_of(rule);
                    let text = format!("{{\"order\":{order},\"value\":\"<hidden>\"}}");
                    details.raw(&format!("<hidden-rule-{order}>"), &text);
                }
                _ => details.raw(name, rule.get()),
            }
        }
        details.end();
    }
}

/// The attribute of a rule `attribute:asc` or `attribute:desc`.
fn sorted_attribute(rule: &str) -> Option<&str> {
    let attribute = rule.strip_suffix(":asc").or_else(|| rule.strip_suffix(":desc"))?;
    (!attribute.starts_with("_geoPoint(")).then_some(attribute)
}

fn order_of(rule: &RawValue) -> u64 {
    serde_json::from_str::<Value>(rule.get()).ok().and_then(|rule| rule["order"].as_u64()).unwrap_or(0)
}

fn id_of<'a>(members: &Members<'a>, key: &str) -> Option<Cow<'a, str>> {
    if let Some((_, raw)) = members.0.iter().find(|(name, _)| name == key) {
        return id_text(raw.get());
    }
    let (root, raw) = members.0.iter().find(|(name, _)| path::covers(name, key))?;
    let mut id = None;
    path::visit(root, &serde_json::from_str(raw.get()).ok()?, key, &mut |value: &Value| {
        id = id_text(&value.to_string()).map(|text| Cow::Owned(text.into_owned()));
    });
    id
}

/// A document's member, as far as the user may see it. One that only a part is shown of, and that has more because the
/// merge needed it, is decoded.
fn write_member(name: &str, raw: &RawValue, fields: &Fields, hit: &mut ObjectWriter<'_>) {
    let (Some(visible), Some(retrieved)) = (&fields.visible, &fields.retrieved) else {
        return hit.raw(name, raw.get());
    };
    if name == "_geoDistance" || visible.iter().any(|visible| path::covers(visible, name)) {
        return hit.raw(name, raw.get());
    }
    let shown: Vec<&str> =
        visible.iter().map(String::as_str).filter(|visible| path::covers(name, visible)).collect();
    if shown.is_empty() {
        return;
    }
    if !retrieved[visible.len()..].iter().any(|added| path::covers(name, added)) {
        return hit.raw(name, raw.get());
    }
    let value = serde_json::from_str(raw.get()).ok();
    if let Some(left) = value.and_then(|value: Value| path::select(name, &value, &shown)) {
        hit.raw(name, &left.to_string());
    }
}

/// Nothing where nothing of it is seen.
fn write_formatted(raw: &RawValue, fields: &Fields, hit: &mut ObjectWriter<'_>) {
    let seen = |name: &str| {
        let visible = fields.visible.as_ref();
        visible.is_none_or(|names| {
            names.iter().any(|visible| path::related(visible, name)) || fields.is_formatted(name)
        })
    };
    let mut formatted = String::new();
    write_some(raw, seen, &mut formatted);
    if formatted != "{}" {
        hit.raw(FORMATTED, &formatted);
    }
}

fn write_matches(raw: &RawValue, fields: &Fields, out: &mut String) {
    let displayed = fields.displayed.as_ref();
    write_some(
        raw,
        |name| displayed.is_none_or(|names| names.iter().any(|shown| path::related(shown, name))),
        out,
    );
}

/// The members of an object that are seen, the reserved one never.
pub(crate) fn write_some(raw: &RawValue, seen: impl Fn(&str) -> bool, out: &mut String) {
    let Ok(members) = serde_json::from_str::<Members<'_>>(raw.get()) else { return out.push_str(raw.get()) };
    let mut object = ObjectWriter::new(out);
    for (name, value) in members.0.iter().filter(|(name, _)| name != RESERVED_MEMBER && seen(name)) {
        object.raw(name, value.get());
    }
    object.end();
}
