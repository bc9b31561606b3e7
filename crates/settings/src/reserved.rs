//! The reserved member may be named in no setting.
//!
//! A pattern that happens to match it (`*`) is fine: the node settings take care of that. A setting that names it would
//! show it, search it or sort by it, and no document of a user has it.

use miroir_api::{ErrorCode, ResponseError};
use miroir_model::RESERVED_MEMBER;
use serde_json::Value;

use crate::attributes::lies_in;
use crate::name::SettingName;

/// Refuses a value that names the reserved member or something in it.
pub(crate) fn check(name: SettingName, value: &Value) -> Result<(), ResponseError> {
    if matches!(name, SettingName::NonSeparatorTokens | SettingName::Dictionary) {
        return check_digits(name, value);
    }
    match attributes(name, value).into_iter().find(|attribute| lies_in(attribute, RESERVED_MEMBER)) {
        None => Ok(()),
        Some(attribute) => Err(ResponseError::new(
            ErrorCode::MiroirReservedAttribute,
            format!("`{attribute}` in `{name}`: the attribute `{RESERVED_MEMBER}` is reserved for Miroir."),
        )),
    }
}

/// The values of the reserved member are written in characters that separate words, so no query finds them. A setting
/// must not make words of them.
fn check_digits(name: SettingName, value: &Value) -> Result<(), ResponseError> {
    let is_digits =
        |word: &&str| !word.is_empty() && word.chars().all(|c| matches!(c, '\u{22C0}'..='\u{22DF}'));
    match texts(value).into_iter().find(is_digits) {
        None => Ok(()),
        Some(word) => Err(ResponseError::new(
            ErrorCode::MiroirReservedAttribute,
            format!("`{word}` in `{name}`: the characters U+22C0 to U+22DF are reserved for Miroir."),
        )),
    }
}

/// The attributes and patterns that a setting names.
fn attributes(name: SettingName, value: &Value) -> Vec<&str> {
    match name {
        SettingName::DisplayedAttributes
        | SettingName::SearchableAttributes
        | SettingName::SortableAttributes => texts(value),
        SettingName::FilterableAttributes => {
            [texts(value), texts_of_each(value, "attributePatterns")].concat()
        }
        SettingName::LocalizedAttributes => texts_of_each(value, "attributePatterns"),
        SettingName::RankingRules => {
            texts(value).into_iter().filter_map(|rule| Some(rule.rsplit_once(':')?.0)).collect()
        }
        SettingName::DistinctAttribute => value.as_str().into_iter().collect(),
        SettingName::TypoTolerance => value.get("disableOnAttributes").map(texts).unwrap_or_default(),
        SettingName::Faceting => {
            let order = value.get("sortFacetValuesBy").and_then(Value::as_object);
            order.into_iter().flat_map(|order| order.keys()).map(String::as_str).collect()
        }
        SettingName::ForeignKeys => {
            let keys = value.as_array().into_iter().flatten();
            keys.filter_map(|key| key.get("fieldName")?.as_str()).collect()
        }
        _ => Vec::new(),
    }
}

fn texts(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

fn texts_of_each<'v>(list: &'v Value, member: &str) -> Vec<&'v str> {
    list.as_array().into_iter().flatten().filter_map(|rule| rule.get(member)).flat_map(texts).collect()
}
