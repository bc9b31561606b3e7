//! What a filter of a user is refused for before any node sees it.
//!
//! The syntax of a search's filter is left to the nodes, whose texts are those of their version. But they would take the
//! reserved member for an attribute that can be filtered by, and a user must not find it.

use miroir_api::{ErrorCode, ResponseError};
use miroir_cluster::State;
use miroir_model::IndexUid;
use miroir_query::filter::{self, Filter};
use miroir_settings::UserSettings;
use serde_json::Value;

type Refused = ResponseError;

/// The filter of a deletion: right in form, and it says something.
pub(crate) fn check_deletion(filter: &Value) -> Result<(), Refused> {
    let invalid = |text: String| ResponseError::new(ErrorCode::InvalidDocumentFilter, text);
    let filter = filter::parse(filter).map_err(|error| invalid(error.to_string()))?;
    match filter.as_ref().map(Filter::experimental) {
        None => Err(invalid("Sending an empty filter is forbidden.".to_owned())),
        Some(Some(needed)) => Err(ResponseError::new(ErrorCode::FeatureNotEnabled, needed.to_string())),
        Some(None) => Ok(()),
    }
}

/// Refuses a deletion whose filter names the reserved member: the error of its task.
pub(crate) fn check_deleted(
    uid: &IndexUid,
    filter: &Value,
    settings: impl FnOnce() -> UserSettings,
) -> Result<(), Refused> {
    let Some(filter) = naming_reserved(filter) else { return Ok(()) };
    filter.check_filterable(&settings().filterable_attributes()).map_err(|error| {
        ResponseError::new(ErrorCode::InvalidDocumentFilter, format!("Index `{uid}`: {error}"))
    })
}

/// Refuses a list of documents whose filter names the reserved member.
pub(crate) fn check_listed(state: &State, uid: &IndexUid, filter: Option<&Value>) -> Result<(), Refused> {
    let Some(filter) = filter.and_then(naming_reserved) else { return Ok(()) };
    // A name that is not served is found out later.
    let Some(index) = state.served(uid) else { return Ok(()) };
    filter
        .check_filterable(&index.settings.served.filterable_attributes())
        .map_err(|error| ResponseError::new(ErrorCode::InvalidDocumentFilter, error.to_string()))
}

/// Refuses a search whose filter names the reserved member.
pub(crate) fn check_searched(state: &State, uid: &IndexUid, filter: Option<&Value>) -> Result<(), Refused> {
    let Some(filter) = filter.and_then(naming_reserved) else { return Ok(()) };
    let Some(index) = state.served(uid) else { return Ok(()) };
    filter.check_filterable_in_search(&index.settings.served.filterable_attributes()).map_err(|error| {
        ResponseError::new(ErrorCode::InvalidSearchFilter, format!("Index `{uid}`: {error}"))
    })
}

fn naming_reserved(filter: &Value) -> Option<Filter<'_>> {
    filter::parse(filter).ok().flatten().filter(Filter::names_reserved)
}
