//! The walk over a value and its shape.

use std::collections::{BTreeMap, BTreeSet};

use deserr::errors::JsonError;
use deserr::{DeserializeError, ErrorKind, IntoValue, ValueKind, ValuePointerRef, take_cf_content};
use miroir_api::ApiVersion;
use serde_json::{Map, Value};

use super::table::FILTERABLE_PATTERNS;
use super::{Need, Object, Shape};
use crate::ranking::RankingRule;

const FLOAT: &[ValueKind] = &[ValueKind::Float, ValueKind::Integer, ValueKind::NegativeInteger];

/// The value in Meilisearch's own form.
///
/// # Errors
/// The text of the first thing that is wrong, in the client's order.
pub(crate) fn check(
    shape: &Shape,
    value: &Value,
    at: ValuePointerRef<'_>,
    version: ApiVersion,
) -> Result<Value, String> {
    match shape {
        Shape::Nullable(_) if value.is_null() => Ok(Value::Null),
        Shape::Nullable(shape) => check(shape, value, at, version),
        Shape::Anything => Ok(value.clone()),
        Shape::Flag => expect(value.is_boolean(), value, &[ValueKind::Boolean], at),
        Shape::Text => expect(value.is_string(), value, &[ValueKind::String], at),
        Shape::Count(max) => integer(value, *max, at),
        Shape::Positive if value.as_u64() == Some(0) => Err(unexpected(
            format!("a non-zero integer value lower than `{}` was expected, but found a zero", u64::MAX),
            at,
        )),
        Shape::Positive => integer(value, u64::MAX, at),
        Shape::Float => float(value, at).map(shortest),
        Shape::Ratio(name) => match float(value, at)? {
            ratio if (0.0..=1.0).contains(&ratio) => Ok(shortest(ratio)),
            _ => Err(unexpected(
                format!("the value of `{name}` is invalid, expected a float between `0.0` and `1.0`."),
                at,
            )),
        },
        Shape::OneOf(accepted) => match text(value, at)? {
            value if accepted.contains(&value) => Ok(value.into()),
            value => Err(word(ErrorKind::UnknownValue { value, accepted }, at)),
        },
        Shape::RankingRule => match RankingRule::parse(text(value, at)?, version) {
            Ok(rule) => Ok(rule.to_string().into()),
            Err(error) => Err(unexpected(error.to_string(), at)),
        },
        Shape::FilterableRule if value.is_object() => object(FILTERABLE_PATTERNS, value, at, version),
        Shape::FilterableRule => check(&Shape::Text, value, at, version),
        Shape::TextSet => {
            let set: BTreeSet<String> =
                items(value, at, |item, at| Ok(text(item, at)?.to_owned()))?.into_iter().collect();
            Ok(set.into_iter().collect())
        }
        Shape::List(shape) => Ok(items(value, at, |item, at| check(shape, item, at, version))?.into()),
        Shape::Map(shape) => map(shape, value, at, version),
        Shape::Object(members) => object(members, value, at, version),
    }
}

fn object(
    object: &Object,
    value: &Value,
    at: ValuePointerRef<'_>,
    version: ApiVersion,
) -> Result<Value, String> {
    let sent = members(value, at)?;
    let known = || object.members.iter().filter(|member| member.since <= version);
    let mut found: BTreeMap<&str, Value> = BTreeMap::new();
    for (key, value) in sent {
        match known().find(|member| member.name == key) {
            Some(member) => {
                let at = at.push_key(key);
                let value = match member.need {
                    Need::Setting if value.is_null() => Value::Null,
                    _ => check(&member.shape, value, at, version)?,
                };
                found.insert(member.name, value);
            }
            None if object.open => {}
            None => {
                let accepted: Vec<_> = known().map(|member| member.name).collect();
                return Err(word(ErrorKind::UnknownKey { key, accepted: &accepted }, at));
            }
        }
    }
    let mut checked = Map::new();
    for member in known() {
        match (found.remove(member.name), &member.need) {
            (Some(value), _) => drop(checked.insert(member.name.to_owned(), value)),
            (None, Need::Required) => return Err(word(ErrorKind::MissingField { field: member.name }, at)),
            (None, Need::Default(json)) => {
                drop(checked.insert(member.name.to_owned(), super::table::constant(json)));
            }
            (None, Need::Setting) => {}
        }
    }
    match object.rule.map_or(Ok(()), |rule| rule(&checked)) {
        Ok(()) => Ok(checked.into()),
        Err(reason) => Err(unexpected(reason, at)),
    }
}

fn map(shape: &Shape, value: &Value, at: ValuePointerRef<'_>, version: ApiVersion) -> Result<Value, String> {
    let mut sorted = BTreeMap::new();
    for (key, value) in members(value, at)? {
        sorted.insert(key.clone(), check(shape, value, at.push_key(key), version)?);
    }
    Ok(sorted.into_iter().collect())
}

fn items<T>(
    value: &Value,
    at: ValuePointerRef<'_>,
    mut item: impl FnMut(&Value, ValuePointerRef<'_>) -> Result<T, String>,
) -> Result<Vec<T>, String> {
    match value {
        Value::Array(values) => {
            values.iter().enumerate().map(|(index, value)| item(value, at.push_index(index))).collect()
        }
        _ => Err(wrong_kind(value, &[ValueKind::Sequence], at)),
    }
}

/// The members of an object.
///
/// # Errors
/// The text for a value of another kind.
pub(crate) fn members<'v>(
    value: &'v Value,
    at: ValuePointerRef<'_>,
) -> Result<&'v Map<String, Value>, String> {
    value.as_object().ok_or_else(|| wrong_kind(value, &[ValueKind::Map], at))
}

fn text<'v>(value: &'v Value, at: ValuePointerRef<'_>) -> Result<&'v str, String> {
    value.as_str().ok_or_else(|| wrong_kind(value, &[ValueKind::String], at))
}

fn integer(value: &Value, max: u64, at: ValuePointerRef<'_>) -> Result<Value, String> {
    match value.as_u64() {
        Some(number) if number <= max => Ok(number.into()),
        Some(number) => Err(unexpected(
            format!("value: `{number}` is too large to be deserialized, maximum value authorized is `{max}`"),
            at,
        )),
        None => Err(wrong_kind(value, &[ValueKind::Integer], at)),
    }
}

fn float(value: &Value, at: ValuePointerRef<'_>) -> Result<f32, String> {
    value.as_f64().map(|number| number as f32).ok_or_else(|| wrong_kind(value, FLOAT, at))
}

/// Meilisearch keeps these in 32 bits and prints the shortest text that reads back.
fn shortest(number: f32) -> Value {
    number.to_string().parse::<f64>().map_or(Value::Null, Value::from)
}

fn expect(
    right: bool,
    value: &Value,
    accepted: &[ValueKind],
    at: ValuePointerRef<'_>,
) -> Result<Value, String> {
    if right { Ok(value.clone()) } else { Err(wrong_kind(value, accepted, at)) }
}

fn wrong_kind(value: &Value, accepted: &[ValueKind], at: ValuePointerRef<'_>) -> String {
    word(ErrorKind::IncorrectValueKind { actual: value.clone().into_value(), accepted }, at)
}

fn unexpected(msg: String, at: ValuePointerRef<'_>) -> String {
    word(ErrorKind::Unexpected { msg }, at)
}

/// The text of an error in Meilisearch's words.
pub(crate) fn word(error: ErrorKind<'_, Value>, at: ValuePointerRef<'_>) -> String {
    take_cf_content(JsonError::error(None, error, at)).to_string()
}

/// The canonical form of a value that is known to fit.
pub(crate) fn canonical(shape: &Shape, value: &Value, version: ApiVersion) -> Value {
    check(shape, value, ValuePointerRef::Origin, version).unwrap_or_else(|_| value.clone())
}
