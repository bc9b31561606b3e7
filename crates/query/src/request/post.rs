//! The JSON form.

use miroir_api::{ErrorCode, ResponseError};
use serde_json::Value;

use super::body::{CROP_LENGTH, CROP_MARKER, Given, POST_TAG, PRE_TAG, Threshold, search_body};
use super::refusal::{JsonRefusal, Search};
use super::{DEFAULT_LIMIT, MatchingStrategy, Paging, RequestError, SearchRequest, hybrid};

search_body!(Body about Search, Given, {}, {});

/// Parses the body of a POST.
///
/// # Errors
/// Meilisearch's error where the body is wrong, and where it asks for what is not there yet.
pub fn from_json(body: &[u8]) -> Result<SearchRequest, RequestError> {
    let body: Body = deserr::deserialize(parse(body)?).map_err(|error: JsonRefusal<Search>| error.0)?;
    body.search()
}

/// The body as JSON, of whatever form.
pub(crate) fn parse(body: &[u8]) -> Result<Value, ResponseError> {
    if body.is_empty() {
        return Err(ResponseError::new(ErrorCode::MissingPayload, "A json payload is missing."));
    }
    serde_json::from_slice(body).map_err(|error| {
        let text = format!("The json payload provided is malformed. `{error}`.");
        ResponseError::new(ErrorCode::MalformedPayload, text)
    })
}
