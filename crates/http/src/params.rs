//! Query parameters and small JSON bodies, refused in Meilisearch's words.

use std::str::FromStr;

use deserr::errors::helpers::did_you_mean;
use miroir_api::{ErrorCode, ResponseError};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::{Map, Value};

type Refused = ResponseError;

/// The parameters of a query string. Each is taken once; what is left at the end is unknown.
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    pub(crate) fn parse(query: Option<&str>) -> Self {
        Self(form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned().collect())
    }

    /// All of them, as they were given.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Takes a parameter; the last one counts when it is given twice.
    pub(crate) fn take(&mut self, name: &str) -> Option<String> {
        let mut taken = None;
        self.0.retain(|(known, value)| {
            let matches = known == name;
            if matches {
                taken = Some(value.clone());
            }
            !matches
        });
        taken
    }

    /// Takes a number that is not negative.
    pub(crate) fn number(&mut self, name: &str, code: ErrorCode) -> Result<Option<usize>, Refused> {
        self.parsed(name, code, "as a positive integer")
    }

    /// Takes `true` or `false`.
    pub(crate) fn boolean(&mut self, name: &str, code: ErrorCode) -> Result<Option<bool>, Refused> {
        self.parsed(name, code, "as a boolean, expected either `true` or `false`")
    }

    /// Takes one of these values.
    pub(crate) fn one_of<'v>(
        &mut self,
        name: &str,
        values: &[&'v str],
        code: ErrorCode,
    ) -> Result<Option<&'v str>, Refused> {
        let Some(text) = self.take(name) else { return Ok(None) };
        values.iter().find(|value| **value == text).copied().map(Some).ok_or_else(|| {
            let text = format!("Unknown value `{text}` for parameter `{name}`: {}", expected(&text, values));
            ResponseError::new(code, text)
        })
    }

    fn parsed<T: FromStr>(&mut self, name: &str, code: ErrorCode, what: &str) -> Result<Option<T>, Refused> {
        let Some(text) = self.take(name) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| {
            let text = format!("Invalid value in parameter `{name}`: could not parse `{text}` {what}");
            ResponseError::new(code, text)
        })
    }

    /// Refuses what is left. `known` are the names that the route takes, as Meilisearch lists them.
    pub(crate) fn finish(self, known: &[&str]) -> Result<(), Refused> {
        match self.0.first() {
            None => Ok(()),
            Some((name, _)) => Err(ResponseError::new(
                ErrorCode::BadRequest,
                format!("Unknown parameter `{name}`: {}", expected(name, known)),
            )),
        }
    }
}

/// What may stand there, and which of it may have been meant.
fn expected(name: &str, known: &[&str]) -> String {
    let listed = known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    format!("{}expected one of {listed}", did_you_mean(name, known))
}

/// A small JSON object as the body of a request.
pub(crate) struct Object(Map<String, Value>);

impl Object {
    /// Reads a body, and refuses members that are not known.
    pub(crate) fn parse(body: &[u8], known: &[&str]) -> Result<Self, Refused> {
        let value = json_body(body)?;
        let Value::Object(members) = value else {
            return Err(wrong_type("", "an object", &value, ErrorCode::BadRequest));
        };
        if let Some(name) = members.keys().find(|name| !known.contains(&name.as_str())) {
            return Err(ResponseError::new(
                ErrorCode::BadRequest,
                format!("Unknown field `{name}`: {}", expected(name, known)),
            ));
        }
        Ok(Self(members))
    }

    /// A member; `null` counts as absent.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// Takes a member, `null` or not.
    pub(crate) fn take(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name)
    }

    /// A text.
    pub(crate) fn text(&self, name: &str, code: ErrorCode) -> Result<Option<&str>, Refused> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(wrong_type(name, "a string", other, code)),
        }
    }
}

/// The value of a JSON body.
pub(crate) fn json_body(body: &[u8]) -> Result<Value, Refused> {
    read_json(body)
}

/// That a body is JSON, without keeping what it says.
pub(crate) fn json_syntax(body: &[u8]) -> Result<(), Refused> {
    read_json::<IgnoredAny>(body).map(drop)
}

fn read_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refused> {
    if body.is_empty() {
        return Err(ResponseError::new(ErrorCode::MissingPayload, "A json payload is missing."));
    }
    serde_json::from_slice(body).map_err(|error| {
        ResponseError::new(
            ErrorCode::MalformedPayload,
            format!("The json payload provided is malformed. `{error}`."),
        )
    })
}

pub(crate) fn wrong_type(name: &str, wanted: &str, found: &Value, code: ErrorCode) -> ResponseError {
    let kind = match found {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(number) if number.is_f64() => "a number",
        Value::Number(number) if number.is_i64() && number.as_i64() < Some(0) => "a negative integer",
        Value::Number(_) => "a positive integer",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    };
    let place = match name {
        "" => String::new(),
        // A place in a list.
        _ if name.starts_with('[') => format!(" at `{name}`"),
        _ => format!(" at `.{name}`"),
    };
    let value = if found.is_null() { String::new() } else { format!(": `{found}`") };
    ResponseError::new(code, format!("Invalid value type{place}: expected {wanted}, but found {kind}{value}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Texts of a real server (`tests/index/errors.rs`).
    #[test]
    fn refused_in_meilisearchs_words() {
        let mut params = Params::parse(Some("offset=doggo&limit=3"));
        let error = params.number("offset", ErrorCode::InvalidIndexOffset).expect_err("no number");
        assert_eq!(
            error.message,
            "Invalid value in parameter `offset`: could not parse `doggo` as a positive integer"
        );
        assert_eq!(params.number("limit", ErrorCode::InvalidIndexLimit), Ok(Some(3)));
        let error = Params::parse(Some("doggo=nolimit")).finish(&["offset", "limit"]).expect_err("unknown");
        assert_eq!(error.message, "Unknown parameter `doggo`: expected one of `offset`, `limit`");
        let error =
            Params::parse(Some("field=title")).finish(&["fields", "retrieveVectors"]).expect_err("unknown");
        assert_eq!(
            error.message,
            "Unknown parameter `field`: did you mean `fields`? expected one of `fields`, `retrieveVectors`"
        );
        let object = Object::parse(br#"{"uid":true,"primaryKey":["the"]}"#, &["uid", "primaryKey"])
            .expect("an object");
        let error = object.text("uid", ErrorCode::InvalidIndexUid).expect_err("no text");
        assert_eq!(
            error.message,
            "Invalid value type at `.uid`: expected a string, but found a boolean: `true`"
        );
        let error = object.text("primaryKey", ErrorCode::InvalidIndexPrimaryKey).expect_err("no text");
        assert_eq!(
            error.message,
            "Invalid value type at `.primaryKey`: expected a string, but found an array: `[\"the\"]`"
        );
    }

    #[test]
    fn parameters_are_decoded() {
        let mut params = Params::parse(Some("q=caf%C3%A9+au%20lait&x=%zz&y"));
        assert_eq!(params.take("q").as_deref(), Some("café au lait"));
        assert_eq!(params.take("x").as_deref(), Some("%zz"));
        assert_eq!(params.take("y").as_deref(), Some(""));
        assert!(params.finish(&[]).is_ok());
    }
}
