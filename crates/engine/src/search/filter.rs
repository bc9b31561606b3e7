//! Filters: a string, or an array of strings (all must hold) and of arrays of strings (one must).

use milli::Filter;
use serde_json::Value;

use crate::error::ApiError;

/// Reads a filter; nothing when it is empty.
///
/// # Errors
/// `code`, for what is no filter; `feature_not_enabled` for the operators that are experimental in 1.15.
pub(crate) fn parse<'a>(filter: &'a Value, code: &'static str) -> Result<Option<Filter<'a>>, ApiError> {
    let parsed = match filter {
        Value::String(text) => Filter::from_str(text),
        Value::Array(_) => Filter::from_json(filter),
        other => {
            let text =
                format!("Invalid syntax for the filter parameter: `expected String, Array, found: {other}`.");
            return Err(ApiError::new(code, text));
        }
    };
    let parsed = parsed.map_err(|error| ApiError::new(code, error.to_string()))?;
    if let Some(token) = parsed.as_ref().and_then(Filter::use_contains_operator) {
        let text = "Using `CONTAINS` or `STARTS WITH` in a filter requires enabling the `contains filter` experimental \
                    feature. See https://github.com/orgs/meilisearch/discussions/763";
        return Err(ApiError::new(
            "feature_not_enabled",
            token.as_external_error(NotEnabled(text)).to_string(),
        ));
    }
    Ok(parsed)
}

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct NotEnabled(&'static str);
