//! Query strings.

use std::collections::BTreeMap;
use std::str::FromStr;

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use serde_json::Value;

use crate::error::ApiError;

/// The parameters not read yet.
pub(super) struct Params(pub(super) BTreeMap<String, String>);

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Query(params) = Query::from_request_parts(parts, state)
            .await
            .map_err(|error| ApiError::new("bad_request", error.to_string()))?;
        Ok(Self(params))
    }
}

impl Params {
    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        self.0.remove(name)
    }

    /// A number or a boolean, which errors call `expected`.
    pub(super) fn parsed<T: FromStr>(
        &mut self,
        name: &str,
        code: &'static str,
        expected: &str,
    ) -> Result<Option<T>, ApiError> {
        let Some(text) = self.text(name) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| {
            ApiError::new(
                code,
                format!("Invalid value in parameter `{name}`: could not parse `{text}` as {expected}"),
            )
        })
    }

    pub(super) fn size(&mut self, name: &str, code: &'static str) -> Result<Option<usize>, ApiError> {
        self.parsed(name, code, "a positive integer")
    }

    pub(super) fn flag(&mut self, name: &str, code: &'static str) -> Result<bool, ApiError> {
        let flag = self.parsed(name, code, "a boolean, expected either `true` or `false`")?;
        Ok(flag.unwrap_or_default())
    }

    /// A list with commas.
    pub(super) fn list(&mut self, name: &str) -> Option<Vec<String>> {
        self.text(name).map(|text| text.split(',').map(|part| part.trim().to_owned()).collect())
    }

    /// Names of attributes; a star among them means all, as does absence.
    pub(super) fn attributes(&mut self, name: &str) -> Option<Vec<String>> {
        self.list(name).filter(|names| names.iter().all(|name| name != "*"))
    }

    /// A filter is JSON if it can be read as such, else an expression.
    pub(super) fn filter(&mut self) -> Option<Value> {
        self.text("filter").map(|text| serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    /// Every parameter must have been read.
    pub(super) fn finish(self) -> Result<(), ApiError> {
        match self.0.into_keys().next() {
            None => Ok(()),
            Some(name) => Err(ApiError::new("bad_request", format!("Unknown parameter `{name}`"))),
        }
    }
}
