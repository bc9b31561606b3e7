//! Document ids: where they stand in a document, their canonical text, their slot.
//!
//! A primary key `a.b` names the member `a.b`, or the member `b` of the member `a`; of `a.b.c` every split counts so.
//! The canonical text of an id is its decimal digits or its characters: `1` and `"1"` are one document.

use std::borrow::Cow;
use std::fmt;

use miroir_api::ErrorCode;
use miroir_model::Slot;
use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;
use xxhash_rust::xxh3::xxh3_64;

use crate::Refusal;
use crate::check::Name;

/// The slot of a document, from the canonical text of its id.
pub fn slot_of_id(canonical: &str) -> Slot {
    Slot::of_hash(xxh3_64(canonical.as_bytes()))
}

/// The canonical text of an id given as text, as in a URL. Nothing when no document can have it: an id is 1 to 511
/// ASCII letters, digits, `-` and `_`.
pub fn canonical_id(text: &str) -> Option<&str> {
    let legal = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    ((1..512).contains(&text.len()) && text.bytes().all(legal)).then_some(text)
}

/// How deep an id may lie. What is nested deeper cannot be read anyway, and each level takes stack.
const DEEPEST: u8 = 127;

/// What a document has where its id should be.
#[derive(Debug, Default)]
pub(crate) enum Found<'de> {
    /// No such member, so far.
    #[default]
    Nothing,
    /// An id, in its canonical text.
    Id(Cow<'de, str>),
    /// More than one.
    Several,
    /// A value that is no id.
    Invalid(&'de RawValue),
}

impl<'de> Found<'de> {
    /// Looks at a member of the document. What was wrong once stays wrong.
    pub(crate) fn look(&mut self, primary_key: &str, name: &str, value: &'de RawValue) {
        self.look_at(0, primary_key, name, value);
    }

    fn look_at(&mut self, depth: u8, primary_key: &str, name: &str, value: &'de RawValue) {
        if name.is_empty() || matches!(self, Self::Several | Self::Invalid(_)) {
            return;
        }
        match primary_key.strip_prefix(name) {
            Some("") => self.meet(value),
            Some(rest) => match rest.strip_prefix('.') {
                Some("") => self.meet(value),
                // A value that is no object has no such member: that is no error here.
                Some(rest) if depth < DEEPEST => {
                    _ = value.deserialize_map(Inside { depth: depth + 1, rest, found: self });
                }
                Some(_) | None => {}
            },
            None => {}
        }
    }

    fn meet(&mut self, value: &'de RawValue) {
        *self = match (&self, parse(value.get())) {
            (_, None) => Self::Invalid(value),
            (Self::Nothing, Some(id)) => Self::Id(id),
            (_, Some(_)) => Self::Several,
        };
    }

    /// The canonical id of a document.
    ///
    /// # Errors
    /// When there is none, more than one, or one that breaks the rules.
    pub(crate) fn into_id(self, primary_key: &str, document: &RawValue) -> Result<Cow<'de, str>, IdError> {
        let shown = || serde_json::from_str::<Value>(document.get()).map_err(IdError::Unreadable);
        Err(match self {
            Self::Id(id) => return Ok(id),
            Self::Nothing => IdError::Refused(Refusal::new(
                ErrorCode::MissingDocumentId,
                format!("Document doesn't have a `{primary_key}` attribute: `{}`.", shown()?),
            )),
            Self::Several => IdError::Refused(Refusal::new(
                ErrorCode::InvalidDocumentId,
                format!("Document have too many matching `{primary_key}` attribute: `{}`.", shown()?),
            )),
            Self::Invalid(value) => {
                let value: Value = serde_json::from_str(value.get()).map_err(IdError::Unreadable)?;
                IdError::Refused(Refusal::new(
                    ErrorCode::InvalidDocumentId,
                    format!(
                        "Document identifier `{value}` is invalid. A document identifier can be of type integer \
                         or string, only composed of alphanumeric characters (a-z A-Z 0-9), hyphens (-) and \
                         underscores (_), and can not be more than 511 bytes."
                    ),
                ))
            }
        })
    }
}

/// Why a document has no usable id.
pub(crate) enum IdError {
    /// It breaks the rules of ids.
    Refused(Refusal),
    /// What the message should show cannot be read (a number out of range, half a surrogate pair).
    Unreadable(serde_json::Error),
}

/// The canonical text of an id given as JSON.
fn parse(json: &str) -> Option<Cow<'_, str>> {
    match json.as_bytes().first()? {
        b'"' => match json.get(1..json.len() - 1).filter(|inner| !inner.contains('\\')) {
            Some(plain) => canonical_id(plain).map(Cow::Borrowed),
            None => {
                let text: String = serde_json::from_str(json).ok()?;
                canonical_id(&text)?;
                Some(Cow::Owned(text))
            }
        },
        // The digits of a JSON integer are already canonical; `-0` is a float to Meilisearch.
        b'-' => json.parse::<i64>().ok().filter(|n| *n != 0).map(|_| Cow::Borrowed(json)),
        b'0'..=b'9' => json.parse::<u64>().ok().map(|_| Cow::Borrowed(json)),
        _ => None,
    }
}

/// Looks for the rest of a nested key inside a value.
struct Inside<'f, 'de> {
    depth: u8,
    rest: &'f str,
    found: &'f mut Found<'de>,
}

impl<'de> Visitor<'de> for Inside<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while let Some((Name(name), value)) = members.next_entry::<Name<'de>, &'de RawValue>()? {
            self.found.look_at(self.depth, self.rest, &name, value);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn integers_and_plain_strings_are_ids() {
        for (json, id) in [
            ("1", "1"),
            ("\"1\"", "1"),
            ("\"\\u0031\"", "1"),
            ("\"007\"", "007"),
            ("-1", "-1"),
            ("18446744073709551615", "18446744073709551615"),
            ("-9223372036854775808", "-9223372036854775808"),
            ("\"a-b_C\"", "a-b_C"),
        ] {
            assert_eq!(parse(json).as_deref(), Some(id), "{json}");
        }
        let long = format!("\"{}\"", "a".repeat(512));
        for json in [
            "1.0",
            "1e3",
            "-0",
            "0.5",
            "18446744073709551616",
            "-9223372036854775809",
            "true",
            "null",
            "[1]",
            "{\"a\":1}",
            "\"\"",
            "\"a b\"",
            "\"é\"",
            "\"\\n\"",
            "\"\\ud800\"",
            &long,
        ] {
            assert_eq!(parse(json), None, "{json}");
        }
        let longest = format!("\"{}\"", "a".repeat(511));
        assert!(parse(&longest).is_some());
    }

    /// Frozen: documents lie on nodes by these slots.
    #[test]
    fn golden_slots() {
        let slots = ["1", "2", "-1", "tt0111161", "a"].map(|id| slot_of_id(id).get());
        assert_eq!(slots, [6515, 16101, 12041, 15520, 14769]);
    }

    proptest! {
        #[test]
        fn a_number_and_its_text_are_one_id(n: i64, m: u64) {
            for text in [n.to_string(), m.to_string()] {
                let quoted = format!("\"{text}\"");
                prop_assert_eq!(parse(&text), parse(&quoted));
                let id = parse(&text);
                prop_assert_eq!(id.as_deref(), Some(text.as_str()));
            }
        }
    }
}
