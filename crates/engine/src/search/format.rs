//! `_formatted` (highlighted and cropped text) and `_matchesPosition`.

use std::collections::{BTreeMap, BTreeSet};

use milli::tokenizer::Language;
use milli::{
    FieldId, FieldsIdsMap, FormatOptions, LocalizedAttributesRule, MatchBounds, MatcherBuilder, Object,
    PatternMatch, is_faceted_by,
};
use serde_json::Value;

use super::hits::names_of;
use super::query::SearchQuery;
use super::select::{each_leaf, select_values};

pub(super) struct Formatter<'a> {
    matcher: MatcherBuilder<'a>,
    /// Names that are changed, and how.
    changed: Vec<(String, FormatOptions)>,
    /// Names that `_formatted` shows: those changed, and those retrieved.
    shown: Vec<String>,
    displayed: Vec<String>,
    positions: bool,
    locales: Option<&'a [Language]>,
    localized: Vec<LocalizedAttributesRule>,
}

/// Where the query's words are, by the name of the attribute.
pub(super) type Positions = BTreeMap<String, Vec<MatchBounds>>;

impl<'a> Formatter<'a> {
    pub(super) fn new(
        query: &'a SearchQuery,
        matcher: MatcherBuilder<'a>,
        names: &FieldsIdsMap,
        (displayed, retrieved): (&BTreeSet<FieldId>, &BTreeSet<FieldId>),
        localized: Vec<LocalizedAttributesRule>,
    ) -> Self {
        let mut options: BTreeMap<FieldId, FormatOptions> = BTreeMap::new();
        for name in &query.attributes_to_highlight {
            for id in matching(name, names, displayed) {
                options.entry(id).or_default().highlight = true;
            }
        }
        for text in &query.attributes_to_crop {
            let (name, length) = match text.rsplit_once(':') {
                Some((name, length)) => (name, length.parse().unwrap_or(query.crop_length)),
                None => (text.as_str(), query.crop_length),
            };
            for id in matching(name, names, displayed) {
                options.entry(id).or_default().crop = Some(length);
            }
        }
        let changed = options
            .iter()
            .filter(|(_, option)| option.should_format())
            .filter_map(|(id, option)| Some((names.name(*id)?.to_owned(), *option)))
            .collect();
        let shown = match options.is_empty() {
            true => Vec::new(),
            false => {
                let ids: BTreeSet<FieldId> = options.keys().chain(retrieved).copied().collect();
                names_of(names, ids.into_iter())
            }
        };
        Self {
            matcher,
            changed,
            shown,
            displayed: names_of(names, displayed.iter().copied()),
            positions: query.show_matches_position,
            locales: query.locales.as_deref(),
            localized,
        }
    }

    /// The formatted copy (empty when nothing is formatted) and the positions (when asked).
    pub(super) fn format(&self, document: &Object) -> (Object, Option<Positions>) {
        let mut positions = self.positions.then(Positions::new);
        if self.shown.is_empty() && positions.is_none() {
            return (Object::new(), None);
        }
        let mut formatted = document.clone();
        let selectors: Vec<&str> = self.displayed.iter().map(String::as_str).collect();
        each_leaf(&mut formatted, &selectors, &mut |name, indices, value| {
            let found = self.format_leaf(name, indices, value);
            if let Some(positions) = &mut positions
                && !found.is_empty()
            {
                // As Meilisearch: the last element of an array that matches is the one shown.
                positions.insert(name.to_owned(), found);
            }
        });
        let formatted = match self.shown.is_empty() {
            true => Object::new(),
            false => select_values(&formatted, self.shown.iter().map(String::as_str)),
        };
        (formatted, positions)
    }

    fn format_leaf(&self, name: &str, indices: &[usize], value: &mut Value) -> Vec<MatchBounds> {
        let text = match std::mem::take(value) {
            Value::String(text) => text,
            Value::Number(number) => number.to_string(),
            other => {
                *value = other;
                return Vec::new();
            }
        };
        // An option for an object holds for all in it, one for a member of it for that member too.
        let option = self
            .changed
            .iter()
            .filter(|(changed, _)| is_faceted_by(changed, name) || is_faceted_by(name, changed))
            .map(|(_, option)| *option)
            .reduce(FormatOptions::merge);
        let mut matcher = self.matcher.build(&text, self.locales.or_else(|| self.locales_of(name)));
        let found = if self.positions { matcher.matches(indices) } else { Vec::new() };
        *value = Value::String(match option {
            Some(option) => matcher.format(option).into_owned(),
            None => text,
        });
        found
    }

    fn locales_of(&self, name: &str) -> Option<&[Language]> {
        let rule = self.localized.iter().find(|rule| rule.match_str(name) == PatternMatch::Match);
        rule.map(LocalizedAttributesRule::locales)
    }
}

fn matching(name: &str, names: &FieldsIdsMap, displayed: &BTreeSet<FieldId>) -> Vec<FieldId> {
    match name {
        "*" => displayed.iter().copied().collect(),
        name => names.id(name).filter(|id| displayed.contains(id)).into_iter().collect(),
    }
}
