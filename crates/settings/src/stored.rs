//! JSON values kept as text.
//!
//! Settings are stored by postcard, which cannot hold a JSON value; and a text that this crate wrote in its canonical
//! form can be compared and shown as it is.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A JSON text in the form in which this crate writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Json(String);

impl Json {
    pub(crate) fn text(&self) -> &str {
        &self.0
    }

    pub(crate) fn value(&self) -> Value {
        serde_json::from_str(&self.0).expect("every way to make one goes through a JSON value")
    }
}

impl From<&Value> for Json {
    fn from(value: &Value) -> Self {
        Self(value.to_string())
    }
}

impl TryFrom<String> for Json {
    type Error = serde_json::Error;

    fn try_from(text: String) -> Result<Self, serde_json::Error> {
        serde_json::from_str::<Value>(&text).map(|_| Self(text))
    }
}

impl From<Json> for String {
    fn from(json: Json) -> Self {
        json.0
    }
}

/// The text of an object with these members.
pub(crate) fn object_text<'m, T: AsRef<str>>(members: impl IntoIterator<Item = (&'m str, T)>) -> String {
    let mut text = String::from("{");
    for (name, value) in members {
        if text.len() > 1 {
            text.push(',');
        }
        text.push('"');
        text.push_str(name);
        text.push_str("\":");
        text.push_str(value.as_ref());
    }
    text.push('}');
    text
}
