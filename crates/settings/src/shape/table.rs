//! The shape and the default of every setting.

use miroir_api::ApiVersion;
use serde_json::{Map, Value};

use super::locales::LOCALES;
use super::{Member, Need, Object, Shape};
use crate::name::SettingName;

/// What the setting takes, `null` apart, which resets any of them.
pub(crate) fn shape_of(name: SettingName) -> &'static Shape {
    match name {
        SettingName::DisplayedAttributes | SettingName::SearchableAttributes => &TEXTS,
        SettingName::FilterableAttributes => &Shape::List(&Shape::FilterableRule),
        SettingName::ForeignKeys => &Shape::List(&Shape::Object(FOREIGN_KEY)),
        SettingName::RankingRules => &Shape::List(&Shape::RankingRule),
        SettingName::SortableAttributes
        | SettingName::StopWords
        | SettingName::NonSeparatorTokens
        | SettingName::SeparatorTokens
        | SettingName::Dictionary => &Shape::TextSet,
        SettingName::Synonyms => &Shape::Map(&TEXTS),
        SettingName::DistinctAttribute => &Shape::Text,
        SettingName::ProximityPrecision => &Shape::OneOf(&["byWord", "byAttribute"]),
        SettingName::TypoTolerance => &Shape::Object(TYPO_TOLERANCE),
        SettingName::Faceting => &Shape::Object(FACETING),
        SettingName::Pagination => &Shape::Object(PAGINATION),
        SettingName::Embedders => &Shape::Map(&Shape::Nullable(&Shape::Object(EMBEDDER))),
        SettingName::SearchCutoffMs => &COUNT,
        SettingName::LocalizedAttributes => &Shape::List(&Shape::Object(LOCALIZED_ATTRIBUTES)),
        SettingName::FacetSearch => &Shape::Flag,
        SettingName::PrefixSearch => &Shape::OneOf(&["indexingTime", "disabled"]),
        SettingName::Chat => &Shape::Object(CHAT),
    }
}

/// The value of a setting that nobody set.
pub(crate) fn default_of(name: SettingName, version: ApiVersion) -> Value {
    constant(match name {
        SettingName::DisplayedAttributes | SettingName::SearchableAttributes => r#"["*"]"#,
        SettingName::RankingRules => return version.default_ranking_rules().iter().copied().collect(),
        SettingName::FilterableAttributes
        | SettingName::ForeignKeys
        | SettingName::SortableAttributes
        | SettingName::StopWords
        | SettingName::NonSeparatorTokens
        | SettingName::SeparatorTokens
        | SettingName::Dictionary => "[]",
        SettingName::Synonyms | SettingName::Embedders => "{}",
        SettingName::DistinctAttribute | SettingName::SearchCutoffMs | SettingName::LocalizedAttributes => {
            "null"
        }
        SettingName::ProximityPrecision => r#""byWord""#,
        SettingName::TypoTolerance => {
            r#"{"enabled":true,"minWordSizeForTypos":{"oneTypo":5,"twoTypos":9},"disableOnWords":[],"disableOnAttributes":[],"disableOnNumbers":false}"#
        }
        SettingName::Faceting => r#"{"maxValuesPerFacet":100,"sortFacetValuesBy":{"*":"alpha"}}"#,
        SettingName::Pagination => r#"{"maxTotalHits":1000}"#,
        SettingName::FacetSearch => "true",
        SettingName::PrefixSearch => r#""indexingTime""#,
        SettingName::Chat => {
            r#"{"description":"","documentTemplate":"{% for field in fields %}{% if field.is_searchable and field.value != nil %}{{ field.name }}: {{ field.value }}\n{% endif %}{% endfor %}","documentTemplateMaxBytes":400,"searchParameters":{}}"#
        }
    })
}

/// The value of a JSON text of this file.
pub(crate) fn constant(json: &'static str) -> Value {
    serde_json::from_str(json).expect("a constant of this file; a test reads them all")
}

const TEXTS: Shape = Shape::List(&Shape::Text);
const COUNT: Shape = Shape::Count(u64::MAX);
const SIZE: Shape = Shape::Count(u8::MAX as u64);

const fn setting(name: &'static str, shape: Shape) -> Member {
    Member { name, shape, need: Need::Setting, since: ApiVersion::V1_15 }
}

const fn setting_since(since: ApiVersion, name: &'static str, shape: Shape) -> Member {
    Member { name, shape, need: Need::Setting, since }
}

const fn required(name: &'static str, shape: Shape) -> Member {
    Member { name, shape, need: Need::Required, since: ApiVersion::V1_15 }
}

const fn optional(name: &'static str, shape: Shape, default: &'static str) -> Member {
    Member { name, shape, need: Need::Default(default), since: ApiVersion::V1_15 }
}

const fn object(members: &'static [Member]) -> Object {
    Object { members, open: false, rule: None }
}

const FOREIGN_KEY: &Object =
    &object(&[required("foreignIndexUid", Shape::Text), required("fieldName", Shape::Text)]);

const LOCALIZED_ATTRIBUTES: &Object = &object(&[
    required("attributePatterns", TEXTS),
    required("locales", Shape::List(&Shape::OneOf(LOCALES))),
]);

const PAGINATION: &Object = &object(&[setting("maxTotalHits", Shape::Positive)]);

const FACETING: &Object = &object(&[
    setting("maxValuesPerFacet", COUNT),
    setting("sortFacetValuesBy", Shape::Map(&Shape::OneOf(&["alpha", "count"]))),
]);

const TYPO_TOLERANCE: &Object = &object(&[
    setting("enabled", Shape::Flag),
    setting("minWordSizeForTypos", Shape::Object(WORD_SIZES)),
    setting("disableOnWords", Shape::TextSet),
    setting("disableOnAttributes", Shape::TextSet),
    setting("disableOnNumbers", Shape::Flag),
]);

const WORD_SIZES: &Object = &Object {
    members: &[setting("oneTypo", SIZE), setting("twoTypos", SIZE)],
    open: false,
    rule: Some(word_sizes_in_order),
};

/// Meilisearch's rule for `minWordSizeForTypos`, when both sizes are there. The text, stray quote included, is its own.
pub(crate) fn word_sizes_in_order(sizes: &Map<String, Value>) -> Result<(), String> {
    let size = |name: &str| sizes.get(name).and_then(Value::as_u64);
    match (size("oneTypo"), size("twoTypos")) {
        (Some(one), Some(two)) if one > two => Err(format!(
            "`minWordSizeForTypos` setting is invalid. `oneTypo` and `twoTypos` fields should be between `0` and \
             `255`, and `twoTypos` should be greater or equals to `oneTypo` but found `oneTypo: {one}` and \
             twoTypos: {two}`."
        )),
        _ => Ok(()),
    }
}

pub(super) const FILTERABLE_PATTERNS: &Object = &object(&[
    required("attributePatterns", TEXTS),
    optional(
        "features",
        Shape::Object(FEATURES),
        r#"{"facetSearch":false,"filter":{"equality":true,"comparison":false}}"#,
    ),
]);

const FEATURES: &Object = &object(&[
    optional("facetSearch", Shape::Flag, "false"),
    optional("filter", Shape::Object(FILTER), r#"{"equality":true,"comparison":false}"#),
]);

const FILTER: &Object =
    &object(&[optional("equality", Shape::Flag, "true"), optional("comparison", Shape::Flag, "false")]);

const SOURCE: Shape = Shape::OneOf(&["openAi", "huggingFace", "ollama", "userProvided", "rest", "composite"]);
const POOLING: Shape = Shape::OneOf(&["useModel", "forceCls", "forceMean"]);
const FRAGMENTS: Shape = Shape::Map(&Shape::Nullable(&Shape::Object(FRAGMENT)));
const HEADERS: Shape = Shape::Map(&Shape::Text);

const FRAGMENT: &Object = &Object { members: &[required("value", Shape::Anything)], open: true, rule: None };

const EMBEDDER: &Object = &object(&[
    setting("source", SOURCE),
    setting("model", Shape::Text),
    setting("revision", Shape::Text),
    setting("pooling", POOLING),
    setting("apiKey", Shape::Text),
    setting("dimensions", COUNT),
    setting("binaryQuantized", Shape::Flag),
    setting("documentTemplate", Shape::Text),
    setting("documentTemplateMaxBytes", COUNT),
    setting("url", Shape::Text),
    setting_since(ApiVersion::V1_50, "indexingFragments", FRAGMENTS),
    setting_since(ApiVersion::V1_50, "searchFragments", FRAGMENTS),
    setting("request", Shape::Anything),
    setting("response", Shape::Anything),
    setting("headers", HEADERS),
    setting("searchEmbedder", Shape::Object(NESTED_EMBEDDER)),
    setting("indexingEmbedder", Shape::Object(NESTED_EMBEDDER)),
    setting("distribution", Shape::Object(DISTRIBUTION)),
]);

/// The last four are known only so that a better error than "unknown field" can refuse them.
const NESTED_EMBEDDER: &Object = &object(&[
    setting("source", SOURCE),
    setting("model", Shape::Text),
    setting("revision", Shape::Text),
    setting("pooling", POOLING),
    setting("apiKey", Shape::Text),
    setting("dimensions", COUNT),
    setting("documentTemplate", Shape::Text),
    setting("documentTemplateMaxBytes", COUNT),
    setting("url", Shape::Text),
    setting_since(ApiVersion::V1_50, "indexingFragments", FRAGMENTS),
    setting_since(ApiVersion::V1_50, "searchFragments", FRAGMENTS),
    setting("request", Shape::Anything),
    setting("response", Shape::Anything),
    setting("headers", HEADERS),
    setting("distribution", Shape::Object(DISTRIBUTION)),
    setting("binaryQuantized", Shape::Flag),
    setting("searchEmbedder", Shape::Anything),
    setting("indexingEmbedder", Shape::Anything),
]);

const DISTRIBUTION: &Object = &Object {
    members: &[required("mean", Shape::Float), required("sigma", Shape::Float)],
    open: false,
    rule: Some(distribution_in_range),
};

fn distribution_in_range(distribution: &Map<String, Value>) -> Result<(), String> {
    let number = |name: &str| distribution.get(name).and_then(Value::as_f64).unwrap_or_default();
    let (mean, sigma) = (number("mean"), number("sigma"));
    if !(0.0..=1.0).contains(&mean) {
        return Err(format!("the distribution mean must be in the range [0, 1], got {mean}"));
    }
    if sigma <= 0.0 || sigma > 1.0 {
        return Err(format!("the distribution sigma must be in the range ]0, 1], got {sigma}"));
    }
    Ok(())
}

const CHAT: &Object = &object(&[
    setting("description", Shape::Text),
    setting("documentTemplate", Shape::Text),
    setting("documentTemplateMaxBytes", COUNT),
    setting("searchParameters", Shape::Object(CHAT_SEARCH)),
]);

const CHAT_SEARCH: &Object = &object(&[
    setting("hybrid", Shape::Object(HYBRID)),
    setting("limit", COUNT),
    setting("sort", TEXTS),
    setting("distinct", Shape::Text),
    setting("matchingStrategy", Shape::OneOf(&["last", "all", "frequency"])),
    setting("attributesToSearchOn", TEXTS),
    setting("rankingScoreThreshold", Shape::Ratio("rankingScoreThreshold")),
]);

const HYBRID: &Object = &object(&[
    optional("semanticRatio", Shape::Ratio("semanticRatio"), "0.5"),
    required("embedder", Shape::Text),
]);

#[cfg(test)]
mod tests {
    use deserr::ValuePointerRef;

    use super::*;
    use crate::shape::check;

    #[test]
    fn defaults_are_read_and_fit_their_shapes() {
        for version in [ApiVersion::V1_15, ApiVersion::V1_50] {
            for name in SettingName::of_version(version) {
                let default = default_of(name, version);
                let shape = Shape::Nullable(shape_of(name));
                assert_eq!(check(&shape, &default, ValuePointerRef::Origin, version), Ok(default), "{name}");
            }
        }
        for object in [FILTERABLE_PATTERNS, FEATURES, FILTER, HYBRID] {
            for member in object.members {
                if let Need::Default(json) = member.need {
                    constant(json);
                }
            }
        }
    }
}
