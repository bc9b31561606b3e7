//! Reading the members of a JSON body one by one, so that each has its own error code.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::error::ApiError;

/// The members not read yet.
pub(crate) struct Fields {
    rest: Map<String, Value>,
    /// The code of a wrong member is this and the member's name in snake case.
    code: &'static str,
}

impl Fields {
    pub(crate) fn new(body: Map<String, Value>, code: &'static str) -> Self {
        Self { rest: body, code }
    }

    /// A member of any type; null is absence.
    pub(crate) fn any(&mut self, name: &str) -> Option<Value> {
        self.rest.remove(name).filter(|value| !value.is_null())
    }

    /// A member of the type `T`, which errors call `expected`.
    pub(crate) fn typed<T: DeserializeOwned>(
        &mut self,
        name: &str,
        expected: &str,
    ) -> Result<Option<T>, ApiError> {
        let Some(value) = self.any(name) else { return Ok(None) };
        let found = kind(&value);
        let text =
            || format!("Invalid value type at `.{name}`: expected {expected}, but found {found}: `{value}`");
        match serde_json::from_value(value.clone()) {
            Ok(value) => Ok(Some(value)),
            Err(_) => Err(ApiError::new(format!("{}{}", self.code, snake(name)), text())),
        }
    }

    pub(crate) fn text(&mut self, name: &str) -> Result<Option<String>, ApiError> {
        self.typed(name, "a string")
    }

    pub(crate) fn texts(&mut self, name: &str) -> Result<Option<Vec<String>>, ApiError> {
        self.typed(name, "an array")
    }

    pub(crate) fn size(&mut self, name: &str) -> Result<Option<usize>, ApiError> {
        self.typed(name, "a positive integer")
    }

    pub(crate) fn flag(&mut self, name: &str) -> Result<bool, ApiError> {
        Ok(self.typed(name, "a boolean")?.unwrap_or_default())
    }

    pub(crate) fn object(&mut self, name: &str) -> Result<Option<Map<String, Value>>, ApiError> {
        self.typed(name, "an object")
    }

    /// Every member must have been read.
    pub(crate) fn finish(self) -> Result<(), ApiError> {
        match self.rest.keys().next() {
            None => Ok(()),
            Some(name) => Err(ApiError::new("bad_request", format!("Unknown field `{name}`"))),
        }
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(number) if number.is_u64() => "a positive integer",
        Value::Number(number) if number.is_i64() => "a negative integer",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

fn snake(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}
