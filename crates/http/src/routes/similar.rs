//! `GET` and `POST /indexes/{uid}/similar`.

use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use miroir_model::IndexUid;
use miroir_query::{SimilarRequest, similar_from_json, similar_from_parameters};

use crate::app::App;
use crate::body::JsonBody;
use crate::error::ApiError;
use crate::params::Params;
use crate::partial;
use crate::path::Path;
use crate::request_id;

pub(crate) async fn post(
    State(app): State<App>,
    Path(uid): Path<String>,
    headers: HeaderMap,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let uid: IndexUid = uid.parse()?;
    similar(&app, &uid, similar_from_json(&body)?, &headers).await
}

pub(crate) async fn get(
    State(app): State<App>,
    Path(uid): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let uid: IndexUid = uid.parse()?;
    let params = Params::parse(query.as_deref());
    similar(&app, &uid, similar_from_parameters(params.iter())?, &headers).await
}

async fn similar(
    app: &App,
    uid: &IndexUid,
    request: SimilarRequest,
    headers: &HeaderMap,
) -> Result<Response, ApiError> {
    let found = app.searcher().similar(uid, &request, request_id::of(headers)).await?;
    partial::answer(app, found)
}
