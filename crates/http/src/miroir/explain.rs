//! `POST /_miroir/indexes/{uid}/explain`.

use std::time::Instant;

use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use miroir_api::{ErrorCode, ResponseError};
use miroir_model::IndexUid;
use miroir_search::{Explained, Ids};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::app::App;
use crate::body::{JsonBody, json};
use crate::error::ApiError;
use crate::params::Params;
use crate::path::Path;
use crate::request_id;

/// The plan, and what came of it when it was carried out.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Executed {
    #[serde(flatten)]
    explained: Explained,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<Box<RawValue>>,
    /// Why there is no answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ResponseError>,
    /// How long that took, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    took_ms: Option<f64>,
}

/// The plan of a search whose body this is; with `?execute=true` its answer too.
pub(crate) async fn explain(
    State(app): State<App>,
    Path(uid): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let uid: IndexUid = uid.parse()?;
    let mut params = Params::parse(query.as_deref());
    let execute = params.boolean("execute", ErrorCode::BadRequest)?.unwrap_or_default();
    params.finish(&["execute"])?;
    let request = miroir_query::from_json(&body)?;
    let explained = app.searcher().explain(&uid, &request).await?;
    let mut executed = Executed { explained, answer: None, error: None, took_ms: None };
    if execute {
        let started = Instant::now();
        // What is refused has a plan all the same, and that is what was asked for.
        match app.searcher().search(&uid, &request, &Ids::new(request_id::of(&headers))).await {
            Ok(found) => executed.answer = RawValue::from_string(found.answer).ok(),
            Err(error) => executed.error = Some(error.into()),
        }
        executed.took_ms = Some(started.elapsed().as_secs_f64() * 1e3);
    }
    let text = serde_json::to_string(&executed)
        .map_err(|error| ResponseError::new(ErrorCode::Internal, error.to_string()))?;
    Ok(json(text))
}
