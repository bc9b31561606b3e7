//! The settings of an index, as its user sees them.

use std::collections::BTreeMap;

use miroir_api::{ApiVersion, ResponseError};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::name::SettingName;
use crate::patch::SettingsPatch;
use crate::shape::{self, Shape, canonical, default_of, shape_of};
use crate::stored::{Json, object_text};
use crate::{Features, embedders};

/// All settings of an index, with the defaults of a version for those that nobody set.
///
/// Two that show the same are equal: a setting that was set to its default counts as not set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserSettings {
    version: ApiVersion,
    set: BTreeMap<SettingName, Json>,
}

impl UserSettings {
    /// The settings of a new index.
    pub fn new(version: ApiVersion) -> Self {
        Self { version, set: BTreeMap::new() }
    }

    /// The version whose defaults and names these settings have.
    pub fn version(&self) -> ApiVersion {
        self.version
    }

    /// The settings after a change. Applying the same change again changes nothing.
    ///
    /// # Errors
    /// Meilisearch's code and text, when what was sent is right in itself but not together with what holds: the
    /// task that carries the change fails with it. (There Meilisearch puts ``Index `x`: `` before the text.)
    pub fn apply(&self, patch: &SettingsPatch) -> Result<Self, ResponseError> {
        let mut after = self.clone();
        for (name, sent) in patch.sent().filter(|(name, _)| name.exists_in(self.version)) {
            let value = match sent {
                None => None,
                Some(sent) => {
                    let value = self.changed(name, sent);
                    Some(value.map_err(|text| ResponseError::new(name.error_code(), text))?)
                }
            };
            match value.filter(|value| *value != default_of(name, self.version)) {
                None => after.set.remove(&name),
                Some(value) => after.set.insert(name, Json::from(&value)),
            };
        }
        Ok(after)
    }

    /// What `GET /indexes/{uid}/settings` answers, API keys of embedders cut.
    pub fn to_json(&self, features: Features) -> String {
        let listed = SettingName::of_version(self.version).filter(|name| features.list(*name));
        object_text(listed.map(|name| (name.as_str(), self.value_json(name))))
    }

    /// What `GET` of the setting's sub-route answers, API keys of embedders cut.
    pub fn value_json(&self, name: SettingName) -> String {
        match (name, self.set.get(&name)) {
            (SettingName::Embedders, Some(json)) => embedders::hide_secrets(json.value()).to_string(),
            (_, Some(json)) => json.text().to_owned(),
            (_, None) => default_of(name, self.version).to_string(),
        }
    }

    /// The value, secrets included.
    pub(crate) fn value(&self, name: SettingName) -> Value {
        self.set_value(name).unwrap_or_else(|| default_of(name, self.version))
    }

    /// The value, secrets included, `None` when it is the default.
    pub(crate) fn set_value(&self, name: SettingName) -> Option<Value> {
        self.set.get(&name).map(Json::value)
    }

    fn changed(&self, name: SettingName, sent: Value) -> Result<Value, String> {
        let shape = shape_of(name);
        match name {
            SettingName::DisplayedAttributes | SettingName::SearchableAttributes => {
                Ok(all_or_distinct(sent, || default_of(name, self.version)))
            }
            SettingName::Embedders => {
                embedders::merge(members_of(self.value(name)), members_of(sent), self.version)
            }
            SettingName::LocalizedAttributes => Ok(with_shown_locales(sent)),
            SettingName::TypoTolerance
            | SettingName::Faceting
            | SettingName::Pagination
            | SettingName::Chat => {
                let mut value = self.value(name);
                merge(shape, &mut value, sent, &default_of(name, self.version));
                match name {
                    SettingName::TypoTolerance => word_sizes_in_order(&value)?,
                    SettingName::Faceting => order_all_facets(&mut value),
                    _ => {}
                }
                Ok(canonical(shape, &value, self.version))
            }
            _ => Ok(sent),
        }
    }
}

/// `["*"]` when it is named; else the first of each name.
fn all_or_distinct(attributes: Value, all: impl FnOnce() -> Value) -> Value {
    let mut distinct: Vec<Value> = Vec::new();
    for attribute in attributes.as_array().into_iter().flatten() {
        if *attribute == "*" {
            return all();
        }
        if !distinct.contains(attribute) {
            distinct.push(attribute.clone());
        }
    }
    distinct.into()
}

/// The codes of languages, as Meilisearch shows them.
fn with_shown_locales(mut rules: Value) -> Value {
    let rules_of = rules.as_array_mut().into_iter().flatten();
    for locale in rules_of.filter_map(|rule| rule.get_mut("locales")?.as_array_mut()).flatten() {
        if let Some(shown) = locale.as_str().and_then(shape::shown_locale) {
            *locale = shown.into();
        }
    }
    rules
}

/// Takes over the members that were sent; `null` restores the default. Only objects of known members merge: a map that
/// was sent replaces the former one.
fn merge(shape: &Shape, value: &mut Value, sent: Value, default: &Value) {
    let (Shape::Object(object), Value::Object(value)) = (shape, value) else { return };
    for (name, sent) in members_of(sent) {
        let default = default.get(&name).unwrap_or(&Value::Null);
        let member = object.members.iter().find(|member| member.name == name).map(|member| &member.shape);
        match (member, value.get_mut(&name), sent) {
            (_, _, Value::Null) if default.is_null() => drop(value.remove(&name)),
            (_, _, Value::Null) => drop(value.insert(name, default.clone())),
            (Some(shape @ Shape::Object(_)), Some(value), sent) => merge(shape, value, sent, default),
            (_, _, sent) => drop(value.insert(name, sent)),
        }
    }
}

fn members_of(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

fn word_sizes_in_order(typo_tolerance: &Value) -> Result<(), String> {
    match typo_tolerance.get("minWordSizeForTypos").and_then(Value::as_object) {
        Some(sizes) => shape::word_sizes_in_order(sizes),
        None => Ok(()),
    }
}

/// Facets that the client did not name keep an order.
fn order_all_facets(faceting: &mut Value) {
    if let Some(Value::Object(order)) = faceting.get_mut("sortFacetValuesBy") {
        order.entry("*").or_insert_with(|| "alpha".into());
    }
}
