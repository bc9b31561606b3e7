//! The languages of a query.

use std::convert::Infallible;

use deserr::{DeserializeError, Deserr, ErrorKind, IntoValue, ValueKind, ValuePointerRef, take_cf_content};
use itertools::Itertools;
use miroir_settings::LOCALES;

use super::get::FromText;
use super::refusal::{InvalidParameter, JsonRefusal, Subject};

/// The code of a language.
pub(crate) struct Locale(String);

impl<S: Subject> Deserr<JsonRefusal<S>> for Locale {
    fn deserialize_from_value<V: IntoValue>(
        value: deserr::Value<V>,
        at: ValuePointerRef<'_>,
    ) -> Result<Self, JsonRefusal<S>> {
        let wrong = match value {
            deserr::Value::String(code) if LOCALES.contains(&code.as_str()) => return Ok(Self(code)),
            deserr::Value::String(code) => {
                let unknown = ErrorKind::UnknownValue { value: &code, accepted: LOCALES };
                return Err(take_cf_content(JsonRefusal::error::<Infallible>(None, unknown, at)));
            }
            other => ErrorKind::IncorrectValueKind { actual: other, accepted: &[ValueKind::String] },
        };
        Err(take_cf_content(JsonRefusal::error(None, wrong, at)))
    }
}

/// The codes alone.
pub(crate) fn codes(locales: Option<Vec<Locale>>) -> Option<Vec<String>> {
    Some(locales?.into_iter().map(|Locale(code)| code).collect())
}

/// Codes separated by commas; empty texts do not count.
pub(super) struct Locales(pub(super) Vec<String>);

impl FromText for Locales {
    const EXPECTED: &'static str = "list of locales";

    fn from_text(text: &str) -> Option<Self> {
        let known = |code: &str| LOCALES.contains(&code).then(|| code.to_owned());
        items(text).map(known).collect::<Option<_>>().map(Self)
    }

    fn refused(text: String) -> InvalidParameter {
        let unknown = items(&text).find(|code| !LOCALES.contains(code)).unwrap_or_default();
        InvalidParameter::Locale {
            unknown: unknown.to_owned(),
            known: LOCALES.iter().sorted_by_key(|code| (code.len(), **code)).join(", "),
        }
    }
}

fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').filter(|item| !item.is_empty())
}
