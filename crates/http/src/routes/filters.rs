//! What the filter of a deletion or an edit is refused for before any node sees it.
//!
//! Nodes would take the reserved member for an attribute that can be filtered by, and a user must not find it. Searches
//! and lists are refused for it where they are planned, by the state that answers them.

use miroir_api::{ErrorCode, ResponseError};
use miroir_model::IndexUid;
use miroir_query::filter::{self, Filter};
use miroir_settings::UserSettings;
use serde_json::Value;

type Refused = ResponseError;

/// The filter of a write: right in form, and it says something.
pub(crate) fn check_form(filter: &Value) -> Result<(), Refused> {
    let invalid = |text: String| ResponseError::new(ErrorCode::InvalidDocumentFilter, text);
    let filter = filter::parse(filter).map_err(|error| invalid(error.to_string()))?;
    match filter.as_ref().map(Filter::experimental) {
        None => Err(invalid("Sending an empty filter is forbidden.".to_owned())),
        Some(Some(needed)) => Err(ResponseError::new(ErrorCode::FeatureNotEnabled, needed.to_string())),
        Some(None) => Ok(()),
    }
}

/// Refuses a write whose filter names the reserved member: the error of its task.
pub(crate) fn check_reserved(
    uid: &IndexUid,
    filter: &Value,
    settings: impl FnOnce() -> UserSettings,
) -> Result<(), Refused> {
    let Some(filter) = naming_reserved(filter) else { return Ok(()) };
    filter.check_filterable(&settings().filterable_attributes()).map_err(|error| {
        ResponseError::new(ErrorCode::InvalidDocumentFilter, format!("Index `{uid}`: {error}"))
    })
}

fn naming_reserved(filter: &Value) -> Option<Filter<'_>> {
    filter::parse(filter).ok().flatten().filter(Filter::names_reserved)
}
