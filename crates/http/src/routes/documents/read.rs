//! Reading documents: one, a list, a fetch.

use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use miroir_api::ErrorCode;
use miroir_model::IndexUid;
use miroir_query::{ListRequest, RequestError, list_from_json, list_from_parameters};
use miroir_search::ById;

use crate::app::App;
use crate::body::{JsonBody, json, long};
use crate::error::ApiError;
use crate::params::Params;
use crate::path::Path;
use crate::request_id;

async fn answer(
    app: &App,
    uid: &str,
    request: &ListRequest,
    headers: &HeaderMap,
) -> Result<Response, ApiError> {
    let uid: IndexUid = uid.parse()?;
    long(app, app.searcher().list(&uid, request, request_id::of(headers)).await?)
}

pub(crate) async fn list(
    State(app): State<App>,
    Path(uid): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let params = Params::parse(query.as_deref());
    answer(&app, &uid, &list_from_parameters(params.iter())?, &headers).await
}

pub(crate) async fn fetch(
    State(app): State<App>,
    Path(uid): Path<String>,
    headers: HeaderMap,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    answer(&app, &uid, &list_from_json(&body)?, &headers).await
}

pub(crate) async fn one(
    State(app): State<App>,
    Path((uid, id)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let uid: IndexUid = uid.parse()?;
    let mut params = Params::parse(query.as_deref());
    let fields = params.take("fields");
    let vectors = params.boolean("retrieveVectors", ErrorCode::InvalidDocumentRetrieveVectors)?;
    if params.take("useNetwork").is_some() {
        return Err(RequestError::Unsupported("useNetwork").into());
    }
    params.finish(&["fields", "retrieveVectors", "useNetwork"])?;
    let wanted = ById { id: &id, fields: fields.as_deref(), vectors: vectors.unwrap_or_default() };
    let document = app.searcher().document(&uid, wanted, request_id::of(&headers)).await?;
    let missing = || ApiError::new(ErrorCode::DocumentNotFound, format!("Document `{id}` not found."));
    Ok(json(document.ok_or_else(missing)?))
}
