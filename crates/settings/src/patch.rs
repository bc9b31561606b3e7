//! What a client sent to change settings.

use std::collections::BTreeMap;

use deserr::{ErrorKind, ValuePointerRef};
use miroir_api::{ApiVersion, ErrorCode, ResponseError};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::name::SettingName;
use crate::ranking::RankingRule;
use crate::stored::{Json, object_text};
use crate::{Features, embedders, features, reserved, shape};

/// By which rules settings are read.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// The version that the cluster speaks.
    pub version: ApiVersion,
    /// What is switched on.
    pub features: Features,
}

/// The settings that a client sent: each absent, reset, or a value. It says nothing of the settings before, so it is
/// what a task holds; [`UserSettings::apply`](crate::UserSettings::apply) makes of it what then holds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SettingsPatch {
    /// `None` resets the setting.
    sent: BTreeMap<SettingName, Option<Json>>,
}

impl SettingsPatch {
    /// Reads the body of `PATCH /indexes/{uid}/settings`.
    ///
    /// # Errors
    /// Meilisearch's code and text for the first thing that is wrong, and our own for the reserved member.
    pub fn parse(body: &Value, rules: Rules) -> Result<Self, ResponseError> {
        let bad = |text| ResponseError::new(ErrorCode::BadRequest, text);
        let origin = ValuePointerRef::Origin;
        let mut sent = BTreeMap::new();
        for (key, value) in shape::members(body, origin).map_err(bad)? {
            let Some(name) = SettingName::of_version(rules.version).find(|name| name.as_str() == key) else {
                let accepted: Vec<_> =
                    SettingName::of_version(rules.version).map(SettingName::as_str).collect();
                return Err(bad(shape::word(ErrorKind::UnknownKey { key, accepted: &accepted }, origin)));
            };
            sent.insert(name, read(name, value, origin.push_key(key), rules.version)?);
        }
        Self::checked(sent, rules)
    }

    /// Reads the body that a sub-route takes: the value of one setting.
    ///
    /// # Errors
    /// As [`SettingsPatch::parse`].
    pub fn parse_one(name: SettingName, body: &Value, rules: Rules) -> Result<Self, ResponseError> {
        let value = read(name, body, ValuePointerRef::Origin, rules.version)?;
        Self::checked([(name, value)].into(), rules)
    }

    /// Resets one setting: `DELETE` of its sub-route.
    pub fn reset(name: SettingName) -> Self {
        Self { sent: [(name, None)].into() }
    }

    /// Resets every setting: `DELETE /indexes/{uid}/settings`.
    pub fn reset_all(version: ApiVersion) -> Self {
        Self { sent: SettingName::of_version(version).map(|name| (name, None)).collect() }
    }

    /// Whether the client sent nothing.
    pub fn is_empty(&self) -> bool {
        self.sent.is_empty()
    }

    /// What a task shows as its details: the JSON text of an object with what was sent, secrets hidden.
    pub fn details(&self) -> String {
        object_text(SettingName::ALL.into_iter().filter_map(|name| {
            let text = match (name, self.sent.get(&name)?) {
                (SettingName::DisplayedAttributes | SettingName::SearchableAttributes, None) => {
                    r#"["*"]"#.to_owned()
                }
                (_, None) => "null".to_owned(),
                (SettingName::Embedders, Some(json)) => embedders::hide_secrets(json.value()).to_string(),
                (_, Some(json)) => json.text().to_owned(),
            };
            Some((name.as_str(), text))
        }))
    }

    /// What was sent, `None` where a setting is reset.
    pub(crate) fn sent(&self) -> impl Iterator<Item = (SettingName, Option<Value>)> {
        self.sent.iter().map(|(name, json)| (*name, json.as_ref().map(Json::value)))
    }

    /// The checks that look at more than one place, in Meilisearch's order.
    fn checked(sent: BTreeMap<SettingName, Option<Value>>, rules: Rules) -> Result<Self, ResponseError> {
        let set = || sent.iter().filter_map(|(name, value)| Some((*name, value.as_ref()?)));
        features::check(set(), rules.features)?;
        for (name, value) in set() {
            reserved::check(name, value)?;
            let reason = match name {
                SettingName::RankingRules => no_mixed_attribute_rules(value),
                SettingName::Embedders => embedders::check_sent(value, rules.version),
                _ => Ok(()),
            };
            reason.map_err(|text| ResponseError::new(name.error_code(), text))?;
        }
        let text = |value: Option<Value>| value.as_ref().map(Json::from);
        Ok(Self { sent: sent.into_iter().map(|(name, value)| (name, text(value))).collect() })
    }
}

fn read(
    name: SettingName,
    value: &Value,
    at: ValuePointerRef<'_>,
    version: ApiVersion,
) -> Result<Option<Value>, ResponseError> {
    if value.is_null() {
        return Ok(None);
    }
    shape::check(shape::shape_of(name), value, at, version)
        .map(Some)
        .map_err(|text| ResponseError::new(name.error_code(), text))
}

fn no_mixed_attribute_rules(rules: &Value) -> Result<(), String> {
    let has = |rule: RankingRule| {
        let text = rule.to_string();
        rules.as_array().is_some_and(|rules| rules.iter().any(|rule| *rule == text))
    };
    if has(RankingRule::Attribute) && (has(RankingRule::AttributeRank) || has(RankingRule::WordPosition)) {
        return Err(
            "Mixed usage of the attribute, attributeRank, and wordPosition ranking rules. You must either \
                    use the attribute ranking rule alone or the attributeRank and wordPosition ranking rules."
                .to_owned(),
        );
    }
    Ok(())
}
