//! `_vectors`: an object with, for each embedder, what its vectors are.
//!
//! A value is null (no vectors), a vector, a list of vectors, or an object with `regenerate` and maybe `embeddings`.
//! The kind of each value is checked for every name, known or not; what is inside only for the index's embedders.

use std::fmt::{self, Write as _};

use miroir_api::ErrorCode;
use serde::de::{Deserializer as _, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use super::json::last_members;
use super::{Embedder, Rules};
use crate::Refusal;

/// Checks the value of `_vectors`.
pub(super) fn check(rules: &Rules<'_>, id: &str, vectors: &RawValue) -> Result<(), Refusal> {
    // Meilisearch's own words and code for a value that is no object.
    let entries = last_members(vectors)
        .map_err(|error| Refusal::while_indexing(rules.index_uid, ErrorCode::Internal, error))?;
    for (name, value) in &entries {
        let embeddings = kind_of(name, value).map_err(|problem| bad_configuration(rules, id, &problem))?;
        let embedder = rules.embedders.iter().find(|embedder| embedder.name == *name);
        if let (Some(embedder), Some((path, value))) = (embedder, embeddings) {
            check_embeddings(rules, id, embedder, (&path, value))?;
        }
    }
    Ok(())
}

fn bad_configuration(rules: &Rules<'_>, id: &str, problem: &str) -> Refusal {
    let text = format!("Bad embedder configuration in the document with id: `{id}`. {problem}");
    Refusal::while_indexing(rules.index_uid, ErrorCode::InvalidVectorsType, text)
}

/// The vectors of an entry and where they stand, if it has some; or what is wrong with it.
fn kind_of<'v>(name: &str, entry: &'v RawValue) -> Result<Option<(String, &'v RawValue)>, String> {
    let path = format!("._vectors.{name}");
    // An entry that is left half read ends here, as in Meilisearch: its text is the parser's, not the visitor's.
    let kind = entry
        .deserialize_any(Entry { path: &path })
        .map_err(|error| format!("Could not parse `{path}`: {error}"))??;
    Ok(match kind {
        Kind::Nothing => None,
        Kind::Bare => Some((path, entry)),
        Kind::Explicit(embeddings) => embeddings.map(|value| (format!("{path}.embeddings"), value)),
    })
}

/// What an entry of `_vectors` is.
enum Kind<'v> {
    Nothing,
    Bare,
    Explicit(Option<&'v RawValue>),
}

struct Entry<'p> {
    path: &'p str,
}

impl<'v> Entry<'_> {
    fn wrong<E>(&self, kind: &str, value: impl fmt::Display) -> Result<Result<Kind<'v>, String>, E> {
        Ok(Err(format!(
            "Expected `{}` to be an array of floats, an array of arrays of floats, or an object with at least the \
             field `regenerate`, but got the {kind} `{value}`",
            self.path
        )))
    }
}

impl<'v> Visitor<'v> for Entry<'_> {
    type Value = Result<Kind<'v>, String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map containing at least `regenerate`, or an array of floats`")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Ok(Kind::Nothing))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        self.wrong("boolean", value)
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        self.wrong("integer", value)
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        self.wrong("integer", value)
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        self.wrong("number", value)
    }

    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        self.wrong("string", value)
    }

    fn visit_seq<A: SeqAccess<'v>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        while items.next_element::<&'v RawValue>()?.is_some() {}
        Ok(Ok(Kind::Bare))
    }

    fn visit_map<A: MapAccess<'v>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let path = self.path;
        let (mut regenerate, mut embeddings) = (false, None);
        loop {
            match members.next_key::<&str>() {
                Ok(Some("regenerate")) => match members.next_value::<bool>() {
                    Ok(_) => regenerate = true,
                    Err(error) => return Ok(Err(format!("Could not parse `{path}.regenerate`: {error}"))),
                },
                Ok(Some("embeddings")) => {
                    let value: &'v RawValue = members.next_value()?;
                    if value.get() != "null" {
                        embeddings = Some(value);
                    }
                }
                Ok(Some(other)) => return Ok(Err(format!("Unexpected field `{path}.{other}`"))),
                Ok(None) => break,
                Err(error) => return Ok(Err(format!("Could not parse a field at `{path}`: {error}"))),
            }
        }
        Ok(if regenerate {
            Ok(Kind::Explicit(embeddings))
        } else {
            Err(format!(
                "Missing field `{path}.regenerate`\n  - note: `{path}` must be an array of floats, an array of arrays \
                 of floats, or an object with field `regenerate`"
            ))
        })
    }
}

/// Checks that a value is a vector or a list of vectors, each of the embedder's dimensions.
fn check_embeddings(
    rules: &Rules<'_>,
    id: &str,
    embedder: &Embedder,
    (path, value): (&str, &RawValue),
) -> Result<(), Refusal> {
    let value =
        serde_json::from_str(value.get()).map_err(|error| super::unreadable(rules.index_uid, &error))?;
    let dimensions = dimensions(path, &value).map_err(|problem| bad_configuration(rules, id, &problem))?;
    let Some(expected) = embedder.dimensions else { return Ok(()) };
    match dimensions.iter().enumerate().find(|(_, found)| **found != expected) {
        None => Ok(()),
        Some((index, found)) => {
            let name = &embedder.name;
            let text = format!(
                "Invalid vector dimensions in document with id `{id}` in `._vectors.{name}`.\n  - note: embedding \
                 #{index} has dimensions {found}\n  - note: embedder `{name}` requires {expected}"
            );
            Err(Refusal::while_indexing(rules.index_uid, ErrorCode::InvalidVectorDimensions, text))
        }
    }
}

/// The dimensions of each vector; or what is wrong with the first bad value.
fn dimensions(path: &str, value: &Value) -> Result<Vec<usize>, String> {
    let Value::Array(items) = value else { return Err(wrong_type(path, "null or an array", value)) };
    match items.first() {
        None => Ok(Vec::new()),
        Some(Value::Number(_)) => numbers(path, items).map(|count| vec![count]),
        Some(Value::Array(_)) => items
            .iter()
            .enumerate()
            .map(|(index, item)| {
                let path = format!("{path}[{index}]");
                match item {
                    Value::Array(items) => numbers(&path, items),
                    other => Err(wrong_type(&path, "an array", other)),
                }
            })
            .collect(),
        Some(other) => Err(wrong_type(&format!("{path}[0]"), "a number or an array", other)),
    }
}

fn numbers(path: &str, items: &[Value]) -> Result<usize, String> {
    match items.iter().enumerate().find(|(_, item)| !item.is_number()) {
        None => Ok(items.len()),
        Some((index, item)) => Err(wrong_type(&format!("{path}[{index}]"), "a number", item)),
    }
}

fn wrong_type(path: &str, expected: &str, found: &Value) -> String {
    let kind = match found {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(number) if number.is_f64() => "a number",
        Value::Number(number) if number.is_i64() && !number.is_u64() => "a negative integer",
        Value::Number(_) => "a positive integer",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    };
    let mut text = format!("Invalid value type at `{path}`: expected {expected}, but found {kind}");
    if !found.is_null() {
        // Writing to a String cannot fail.
        _ = write!(text, ": `{found}`");
    }
    text
}
