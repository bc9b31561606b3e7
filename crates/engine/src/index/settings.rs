//! Applying settings to an index and reading them back (`meilisearch-types/src/settings.rs`).

use std::str::FromStr;

use milli::heed::RoTxn;
use milli::update::{Setting, Settings};
use milli::{Criterion, DEFAULT_VALUES_PER_FACET, Index, LocalizedAttributesRule, Result};
use serde_json::{Value, json};

use super::patch::{FacetOrder, Faceting, Localized, MinWordSizes, Pagination, SettingsPatch, Typos};

/// Hits that pagination reaches when nothing else is set.
pub(crate) const DEFAULT_MAX_TOTAL_HITS: usize = 1000;

/// Calls `$set` with the value or `$reset`, as the setting says.
macro_rules! apply {
    ($builder:ident, $setting:expr, $set:ident, $reset:ident) => {
        apply!($builder, $setting, $set, $reset, |value| value)
    };
    ($builder:ident, $setting:expr, $set:ident, $reset:ident, $convert:expr) => {
        match $setting {
            Setting::Set(value) => $builder.$set($convert(value)),
            Setting::Reset => $builder.$reset(),
            Setting::NotSet => (),
        }
    };
}

impl SettingsPatch {
    /// Puts the patch into milli's own; the last call wins where two name one setting.
    pub(crate) fn apply(self, builder: &mut Settings<'_, '_, '_>) {
        apply!(builder, all_or(self.searchable_attributes), set_searchable_fields, reset_searchable_fields);
        apply!(builder, all_or(self.displayed_attributes), set_displayed_fields, reset_displayed_fields);
        apply!(builder, self.filterable_attributes, set_filterable_fields, reset_filterable_fields);
        let sortable = self.sortable_attributes;
        apply!(builder, sortable, set_sortable_fields, reset_sortable_fields, FromIterator::from_iter);
        apply!(builder, self.ranking_rules, set_criteria, reset_criteria, criteria);
        apply!(builder, self.stop_words, set_stop_words, reset_stop_words);
        apply!(builder, self.non_separator_tokens, set_non_separator_tokens, reset_non_separator_tokens);
        apply!(builder, self.separator_tokens, set_separator_tokens, reset_separator_tokens);
        apply!(builder, self.dictionary, set_dictionary, reset_dictionary);
        apply!(builder, self.synonyms, set_synonyms, reset_synonyms);
        apply!(builder, self.distinct_attribute, set_distinct_field, reset_distinct_field);
        apply!(builder, self.proximity_precision, set_proximity_precision, reset_proximity_precision);
        apply!(builder, self.embedders, set_embedder_settings, reset_embedder_settings);
        apply!(builder, self.search_cutoff_ms, set_search_cutoff, reset_search_cutoff);
        let localized = self.localized_attributes;
        apply!(builder, localized, set_localized_attributes_rules, reset_localized_attributes_rules, rules);
        apply!(builder, self.facet_search, set_facet_search, reset_facet_search);
        apply!(builder, self.prefix_search, set_prefix_search, reset_prefix_search);
        apply_typos(
            builder,
            or_reset(self.typo_tolerance, |reset| Typos {
                enabled: reset.into_setting(),
                min_word_size_for_typos: reset.into_setting(),
                disable_on_words: reset.into_setting(),
                disable_on_attributes: reset.into_setting(),
                disable_on_numbers: reset.into_setting(),
            }),
        );
        let faceting = or_reset(self.faceting, |reset| Faceting {
            max_values_per_facet: reset.into_setting(),
            sort_facet_values_by: reset.into_setting(),
        });
        apply!(builder, faceting.max_values_per_facet, set_max_values_per_facet, reset_max_values_per_facet);
        apply!(
            builder,
            faceting.sort_facet_values_by,
            set_sort_facet_values_by,
            reset_sort_facet_values_by,
            |orders: std::collections::BTreeMap<String, FacetOrder>| {
                orders.into_iter().map(|(name, order)| (name, order.into())).collect()
            }
        );
        let pagination =
            or_reset(self.pagination, |reset| Pagination { max_total_hits: reset.into_setting() });
        apply!(
            builder,
            pagination.max_total_hits,
            set_pagination_max_total_hits,
            reset_pagination_max_total_hits,
            std::num::NonZeroUsize::get
        );
    }
}

fn apply_typos(builder: &mut Settings<'_, '_, '_>, typos: Typos) {
    apply!(builder, typos.enabled, set_autorize_typos, reset_authorize_typos);
    let sizes = or_reset(typos.min_word_size_for_typos, |reset| MinWordSizes {
        one_typo: reset.into_setting(),
        two_typos: reset.into_setting(),
    });
    apply!(builder, sizes.one_typo, set_min_word_len_one_typo, reset_min_word_len_one_typo);
    apply!(builder, sizes.two_typos, set_min_word_len_two_typos, reset_min_word_len_two_typos);
    apply!(builder, typos.disable_on_words, set_exact_words, reset_exact_words);
    let attributes = typos.disable_on_attributes;
    apply!(builder, attributes, set_exact_attributes, reset_exact_attributes, FromIterator::from_iter);
    apply!(builder, typos.disable_on_numbers, set_disable_on_numbers, reset_disable_on_numbers);
}

/// A marker from which any setting can be reset.
#[derive(Clone, Copy)]
struct Reset;

impl Reset {
    fn into_setting<T>(self) -> Setting<T> {
        Setting::Reset
    }
}

/// A group of settings: resetting the group resets each.
fn or_reset<T: Default>(group: Setting<T>, all: impl FnOnce(Reset) -> T) -> T {
    match group {
        Setting::Set(group) => group,
        Setting::Reset => all(Reset),
        Setting::NotSet => T::default(),
    }
}

/// A list that holds a star means all attributes, which is the default.
fn all_or(names: Setting<Vec<String>>) -> Setting<Vec<String>> {
    match names {
        Setting::Set(names) if names.iter().any(|name| name == "*") => Setting::Reset,
        names => names,
    }
}

fn criteria(names: Vec<String>) -> Vec<Criterion> {
    names.iter().filter_map(|name| Criterion::from_str(name).ok()).collect()
}

fn rules(rules: Vec<Localized>) -> Vec<LocalizedAttributesRule> {
    let rule = |rule: Localized| LocalizedAttributesRule {
        attribute_patterns: rule.attribute_patterns,
        locales: rule.locales.iter().filter_map(|code| super::language(code)).collect(),
    };
    rules.into_iter().map(rule).collect()
}

/// All settings of an index, as `GET /indexes/{uid}/settings` shows them.
///
/// # Errors
/// An error of the disk.
pub(crate) fn read(index: &Index, txn: &RoTxn<'_>) -> Result<Value> {
    let stop_words = match index.stop_words(txn)? {
        Some(words) => words.stream().into_strs().map_err(milli::InternalError::from)?,
        None => Vec::new(),
    };
    let embedders: serde_json::Map<String, Value> = index
        .embedding_configs(txn)?
        .into_iter()
        .map(|config| Ok((config.name, hide_key(serde_json::to_value(settings_of(config.config))?))))
        .collect::<std::result::Result<_, serde_json::Error>>()
        .map_err(milli::InternalError::from)?;
    let mut sortable: Vec<_> = index.sortable_fields(txn)?.into_iter().collect();
    sortable.sort_unstable();
    let rules: Vec<String> = index.criteria(txn)?.iter().map(ToString::to_string).collect();
    Ok(json!({
        "displayedAttributes": names_or_all(index.displayed_fields(txn)?),
        "searchableAttributes": names_or_all(index.user_defined_searchable_fields(txn)?),
        "filterableAttributes": index.filterable_attributes_rules(txn)?,
        "sortableAttributes": sortable,
        "rankingRules": rules,
        "stopWords": stop_words,
        "nonSeparatorTokens": index.non_separator_tokens(txn)?.unwrap_or_default(),
        "separatorTokens": index.separator_tokens(txn)?.unwrap_or_default(),
        "dictionary": index.dictionary(txn)?.unwrap_or_default(),
        "synonyms": index.user_defined_synonyms(txn)?,
        "distinctAttribute": index.distinct_field(txn)?,
        "proximityPrecision": index.proximity_precision(txn)?.unwrap_or_default(),
        "typoTolerance": typos(index, txn)?,
        "faceting": faceting(index, txn)?,
        "pagination": { "maxTotalHits": max_total_hits(index, txn)? },
        "embedders": embedders,
        "searchCutoffMs": index.search_cutoff(txn)?,
        "localizedAttributes": localized(index, txn)?,
        "facetSearch": index.facet_search(txn)?,
        "prefixSearch": index.prefix_search(txn)?.unwrap_or_default(),
    }))
}

/// How many hits pagination reaches.
pub(crate) fn max_total_hits(index: &Index, txn: &RoTxn<'_>) -> Result<usize> {
    let set = index.pagination_max_total_hits(txn)?.and_then(|hits| usize::try_from(hits).ok());
    Ok(set.unwrap_or(DEFAULT_MAX_TOTAL_HITS))
}

fn settings_of(config: milli::vector::EmbeddingConfig) -> milli::vector::settings::EmbeddingSettings {
    config.into()
}

fn names_or_all(names: Option<Vec<&str>>) -> Vec<&str> {
    names.unwrap_or_else(|| vec!["*"])
}

fn typos(index: &Index, txn: &RoTxn<'_>) -> Result<Value> {
    let words = match index.exact_words(txn)? {
        Some(words) => words.stream().into_strs().map_err(milli::InternalError::from)?,
        None => Vec::new(),
    };
    let mut attributes = index.exact_attributes(txn)?;
    attributes.sort_unstable();
    Ok(json!({
        "enabled": index.authorize_typos(txn)?,
        "minWordSizeForTypos": {
            "oneTypo": index.min_word_len_one_typo(txn)?,
            "twoTypos": index.min_word_len_two_typos(txn)?,
        },
        "disableOnWords": words,
        "disableOnAttributes": attributes,
        "disableOnNumbers": index.disabled_typos_terms(txn)?.disable_on_numbers,
    }))
}

fn faceting(index: &Index, txn: &RoTxn<'_>) -> Result<Value> {
    let orders: std::collections::BTreeMap<String, FacetOrder> =
        index.sort_facet_values_by(txn)?.into_iter().map(|(name, order)| (name, order.into())).collect();
    let values =
        index.max_values_per_facet(txn)?.map_or(json!(DEFAULT_VALUES_PER_FACET), |values| json!(values));
    Ok(json!({ "maxValuesPerFacet": values, "sortFacetValuesBy": orders }))
}

fn localized(index: &Index, txn: &RoTxn<'_>) -> Result<Option<Vec<Localized>>> {
    let rules = index.localized_attributes_rules(txn)?;
    Ok(rules.map(|rules| {
        rules
            .into_iter()
            .map(|rule| Localized {
                locales: rule.locales().iter().map(|language| language.code().to_owned()).collect(),
                attribute_patterns: rule.attribute_patterns,
            })
            .collect()
    }))
}

/// The API key of an embedder's service is shown by its first characters only.
fn hide_key(mut settings: Value) -> Value {
    if let Some(key) = settings.get("apiKey").and_then(Value::as_str) {
        let (shown, hidden) = match key.len() {
            0..10 => (0, "XXX..."),
            10..20 => (2, "XXXX..."),
            20..30 => (3, "XXXXX..."),
            _ => (5, "XXXXXX..."),
        };
        let hidden = format!("{}{hidden}", key.chars().take(shown).collect::<String>());
        settings["apiKey"] = Value::String(hidden);
    }
    settings
}
