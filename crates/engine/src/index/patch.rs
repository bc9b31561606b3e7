//! Settings as a client sends them: each one set, reset (null) or left alone.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::str::FromStr;

use milli::index::PrefixSearch;
use milli::proximity::ProximityPrecision;
use milli::update::Setting;
use milli::vector::settings::EmbeddingSettings;
use milli::{AttributePatterns, Criterion, FilterableAttributesRule, OrderBy};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::error::ApiError;

/// The settings of 1.15. `chat`, which is about another product's route, is not among them.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub(crate) struct SettingsPatch {
    #[serde(skip_serializing_if = "Setting::is_not_set", serialize_with = "or_wildcard")]
    pub(crate) displayed_attributes: Setting<Vec<String>>,
    #[serde(skip_serializing_if = "Setting::is_not_set", serialize_with = "or_wildcard")]
    pub(crate) searchable_attributes: Setting<Vec<String>>,
    #[serde(skip_serializing_if = "Setting::is_not_set")]
    pub(crate) filterable_attributes: Setting<Vec<FilterableAttributesRule>>,
    #[serde(skip_serializing_if = "Setting::is_not_set")]
    pub(crate) sortable_attributes: Setting<BTreeSet<String>>,
    #[serde(skip_serializing_if = "Setting::is_not_set")]
    pub(crate) ranking_rules: Setting<Vec<String>>,
    #[serde(skip_serializing_if = "Setting::is_not_set")]
    pub(crate) stop_words: Setting<BTreeSet<String>>,
    #[serde(skip_serializing_if = "Setting::is_not_set")]
    pub(crate) non_separator_tokens: Setting<BTreeSet<String>>,
    #[serde(skip_serializing_if = "Setting::is_not_set")]
    pub(crate) separator_tokens: Setting<BTreeSet<String>>,
    #[serde(skip_serializing_if = "Setting::is_not_set")]
    pub(crate) dictionary: Setting<BTreeSet<String>>,
    #[serde(skip_serializing_if = "Setting::is_not_set")]
    pub(crate) synonyms: Setting<BTreeMap<String, Vec<String>>>,
    #[serde(skip_serializing_if = "Setting::is_not_set")]
    pub(crate) distinct_attribute: Setting<String>,
    #[serde(skip_serializing_if = "Setting::is_not_set")]
    pub(crate) proximity_precision: Setting<ProximityPrecision>,
    #[serde(skip_serializing_if = "Setting::is_not_set")]
    pub(crate) typo_tolerance: Setting<Typos>,
    #[serde(skip_serializing_if = "Setting::is_not_set")]
    pub(crate) faceting: Setting<Faceting>,
    #[serde(skip_serializing_if = "Setting::is_not_set")]
    pub(crate) pagination: Setting<Pagination>,
    #[serde(skip_serializing_if = "Setting::is_not_set")]
    pub(crate) embedders: Setting<BTreeMap<String, Setting<EmbeddingSettings>>>,
    #[serde(skip_serializing_if = "Setting::is_not_set")]
    pub(crate) search_cutoff_ms: Setting<u64>,
    #[serde(skip_serializing_if = "Setting::is_not_set")]
    pub(crate) localized_attributes: Setting<Vec<Localized>>,
    #[serde(skip_serializing_if = "Setting::is_not_set")]
    pub(crate) facet_search: Setting<bool>,
    #[serde(skip_serializing_if = "Setting::is_not_set")]
    pub(crate) prefix_search: Setting<PrefixSearch>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub(crate) struct Typos {
    #[serde(skip_serializing_if = "Setting::is_not_set")]
    pub(crate) enabled: Setting<bool>,
    #[serde(skip_serializing_if = "Setting::is_not_set")]
    pub(crate) min_word_size_for_typos: Setting<MinWordSizes>,
    #[serde(skip_serializing_if = "Setting::is_not_set")]
    pub(crate) disable_on_words: Setting<BTreeSet<String>>,
    #[serde(skip_serializing_if = "Setting::is_not_set")]
    pub(crate) disable_on_attributes: Setting<BTreeSet<String>>,
    #[serde(skip_serializing_if = "Setting::is_not_set")]
    pub(crate) disable_on_numbers: Setting<bool>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub(crate) struct MinWordSizes {
    #[serde(skip_serializing_if = "Setting::is_not_set")]
    pub(crate) one_typo: Setting<u8>,
    #[serde(skip_serializing_if = "Setting::is_not_set")]
    pub(crate) two_typos: Setting<u8>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub(crate) struct Faceting {
    #[serde(skip_serializing_if = "Setting::is_not_set")]
    pub(crate) max_values_per_facet: Setting<usize>,
    #[serde(skip_serializing_if = "Setting::is_not_set")]
    pub(crate) sort_facet_values_by: Setting<BTreeMap<String, FacetOrder>>,
}

/// The API's names for milli's orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum FacetOrder {
    Alpha,
    Count,
}

impl From<FacetOrder> for OrderBy {
    fn from(order: FacetOrder) -> Self {
        match order {
            FacetOrder::Alpha => Self::Lexicographic,
            FacetOrder::Count => Self::Count,
        }
    }
}

impl From<OrderBy> for FacetOrder {
    fn from(order: OrderBy) -> Self {
        match order {
            OrderBy::Lexicographic => Self::Alpha,
            OrderBy::Count => Self::Count,
        }
    }
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub(crate) struct Pagination {
    #[serde(skip_serializing_if = "Setting::is_not_set")]
    pub(crate) max_total_hits: Setting<NonZeroUsize>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Localized {
    pub(crate) attribute_patterns: AttributePatterns,
    pub(crate) locales: Vec<String>,
}

/// Absent lists of attributes mean all of them, and are shown so.
fn or_wildcard<S: Serializer>(setting: &Setting<Vec<String>>, serializer: S) -> Result<S::Ok, S::Error> {
    match setting {
        Setting::Set(names) => names.serialize(serializer),
        Setting::Reset | Setting::NotSet => ["*"].serialize(serializer),
    }
}

impl SettingsPatch {
    /// Reads the body of a settings request.
    ///
    /// # Errors
    /// The code of the setting that is wrong, `bad_request` for an unknown one.
    pub(crate) fn parse(body: Value) -> Result<Self, ApiError> {
        let Value::Object(members) = body else {
            return Err(ApiError::new("bad_request", "Invalid value type: expected an object"));
        };
        let mut patch = Self::default();
        for (name, value) in &members {
            let alone = Map::from_iter([(name.clone(), value.clone())]);
            patch = serde_json::from_value(Value::Object(alone))
                .map_err(|error| refusal(name, &error.to_string()))?;
            patch.check().map_err(|text| refusal(name, &text))?;
        }
        // Each was read alone only to know which is to blame.
        if members.len() == 1 {
            return Ok(patch);
        }
        serde_json::from_value(Value::Object(members))
            .map_err(|error| ApiError::new("bad_request", error.to_string()))
    }

    /// What the types do not say.
    fn check(&self) -> Result<(), String> {
        if let Setting::Set(rules) = &self.ranking_rules {
            for rule in rules {
                Criterion::from_str(rule).map_err(|error| error.to_string())?;
            }
        }
        if let Setting::Set(rules) = &self.localized_attributes {
            for code in rules.iter().flat_map(|rule| &rule.locales) {
                super::language(code).ok_or_else(|| format!("Unsupported locale `{code}`"))?;
            }
        }
        if let Setting::Set(embedders) = &self.embedders {
            for (name, settings) in embedders {
                let checked = milli::update::validate_embedding_settings(settings.clone(), name);
                checked.map_err(|error| error.to_string())?;
            }
        }
        Ok(())
    }

    /// Every setting at its default.
    pub(crate) fn cleared() -> Self {
        Self {
            displayed_attributes: Setting::Reset,
            searchable_attributes: Setting::Reset,
            filterable_attributes: Setting::Reset,
            sortable_attributes: Setting::Reset,
            ranking_rules: Setting::Reset,
            stop_words: Setting::Reset,
            non_separator_tokens: Setting::Reset,
            separator_tokens: Setting::Reset,
            dictionary: Setting::Reset,
            synonyms: Setting::Reset,
            distinct_attribute: Setting::Reset,
            proximity_precision: Setting::Reset,
            typo_tolerance: Setting::Reset,
            faceting: Setting::Reset,
            pagination: Setting::Reset,
            embedders: Setting::Reset,
            search_cutoff_ms: Setting::Reset,
            localized_attributes: Setting::Reset,
            facet_search: Setting::Reset,
            prefix_search: Setting::Reset,
        }
    }
}

/// `invalid_settings_<name>` for a setting that exists.
fn refusal(name: &str, text: &str) -> ApiError {
    let known = serde_json::to_value(SettingsPatch::cleared()).is_ok_and(|all| all.get(name).is_some());
    if !known {
        return ApiError::new("bad_request", format!("Unknown field `{name}`: {text}"));
    }
    let snake: String = name
        .chars()
        .flat_map(|letter| match letter.is_ascii_uppercase() {
            true => vec!['_', letter.to_ascii_lowercase()],
            false => vec![letter],
        })
        .collect();
    ApiError::new(format!("invalid_settings_{snake}"), format!("Invalid value at `.{name}`: {text}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_setting_to_blame_names_the_code() {
        let code = |body| SettingsPatch::parse(body).expect_err("refused").code.into_owned();
        assert_eq!(code(json!({ "rankingRules": ["doggo"] })), "invalid_settings_ranking_rules");
        assert_eq!(code(json!({ "stopWords": 3, "synonyms": {} })), "invalid_settings_stop_words");
        assert_eq!(code(json!({ "typoTolerance": { "oneTypo": 3 } })), "invalid_settings_typo_tolerance");
        assert_eq!(
            code(json!({ "localizedAttributes": [{ "attributePatterns": ["*"], "locales": ["xx"] }] })),
            "invalid_settings_localized_attributes"
        );
        assert_eq!(code(json!({ "doggo": 1 })), "bad_request");
        assert_eq!(code(json!([1])), "bad_request");
    }

    #[test]
    fn what_was_sent_is_shown_and_nothing_else() {
        let body = json!({
            "searchableAttributes": ["a"],
            "filterableAttributes": ["b", { "attributePatterns": ["c*"] }],
            "typoTolerance": { "minWordSizeForTypos": { "oneTypo": 4 }, "enabled": null },
            "stopWords": null,
        });
        let shown = serde_json::to_value(SettingsPatch::parse(body).expect("valid")).expect("JSON");
        assert_eq!(shown["searchableAttributes"], json!(["a"]));
        assert_eq!(shown["stopWords"], Value::Null);
        assert_eq!(
            shown["typoTolerance"],
            json!({ "enabled": null, "minWordSizeForTypos": { "oneTypo": 4 } })
        );
        assert_eq!(shown.as_object().expect("an object").len(), 4);
    }
}
