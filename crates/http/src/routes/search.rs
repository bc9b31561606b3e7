//! `GET` and `POST /indexes/{uid}/search`, and searches among the values of a facet.

use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use miroir_api::ResponseError;
use miroir_model::IndexUid;
use miroir_query::{RequestError, SearchRequest};
use miroir_search::{Ids, SearchError};

use crate::app::App;
use crate::body::JsonBody;
use crate::error::ApiError;
use crate::params::Params;
use crate::partial;
use crate::path::Path;
use crate::request_id;

impl From<RequestError> for ApiError {
    fn from(error: RequestError) -> Self {
        ResponseError::from(error).into()
    }
}

impl From<SearchError> for ApiError {
    fn from(error: SearchError) -> Self {
        ResponseError::from(error).into()
    }
}

pub(crate) async fn post(
    State(app): State<App>,
    Path(uid): Path<String>,
    headers: HeaderMap,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let uid: IndexUid = uid.parse()?;
    // Meilisearch takes an empty object for no body at all only on GET.
    search(&app, &uid, miroir_query::from_json(&body)?, &headers).await
}

/// `POST /indexes/{uid}/facet-search`.
pub(crate) async fn facet_values(
    State(app): State<App>,
    Path(uid): Path<String>,
    headers: HeaderMap,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let uid: IndexUid = uid.parse()?;
    let request = miroir_query::facet_search_from_json(&body)?;
    let found = app.searcher().facet_search(&uid, &request, request_id::of(&headers)).await?;
    partial::answer(&app, found)
}

pub(crate) async fn get(
    State(app): State<App>,
    Path(uid): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let uid: IndexUid = uid.parse()?;
    let params = Params::parse(query.as_deref());
    search(&app, &uid, miroir_query::from_parameters(params.iter())?, &headers).await
}

async fn search(
    app: &App,
    uid: &IndexUid,
    request: SearchRequest,
    headers: &HeaderMap,
) -> Result<Response, ApiError> {
    let found = app.searcher().search(uid, &request, &ids(headers)).await?;
    partial::answer(app, found)
}

/// By what the searches of a request are known. Answers tell more of them where a header asks for that.
pub(super) fn ids(headers: &HeaderMap) -> Ids<'_> {
    let asked = headers.get("meili-include-metadata").and_then(|value| value.to_str().ok());
    let described = asked.is_some_and(|value| value.eq_ignore_ascii_case("true") || value == "1");
    Ids::new(request_id::of(headers)).describing(described)
}
