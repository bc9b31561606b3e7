//! The HTTP routes that a cluster calls on a node, with Meilisearch's paths, bodies and codes.

mod documents;
mod edit;
mod fields;
mod indexes;
mod keys;
mod multi_search;
mod params;
mod search;
mod settings;
mod similar;
mod stats;
mod tasks;

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tower_http::decompression::RequestDecompressionLayer;

use crate::engine::Engine;
use crate::error::ApiError;
use crate::keys::{Action, Grant};

pub(crate) use fields::Fields;
use params::Params;

/// Bytes of a request's body, decompressed (`--http-payload-size-limit`).
const BODY_LIMIT: usize = 100_000_000;

type Shared = Arc<Engine>;
type Answer = Result<Json<Value>, ApiError>;

/// All routes over one engine.
pub(crate) fn router(engine: Shared) -> Router {
    let documents =
        get(documents::list).post(documents::replace).put(documents::update).delete(documents::clear);
    Router::new()
        .route("/health", get(stats::health))
        .route("/version", get(stats::version))
        .route("/experimental-features", get(edit::features).patch(edit::switch))
        .route("/stats", get(stats::all))
        .route("/keys", get(keys::list).post(keys::create))
        .route("/keys/{key}", get(keys::get).delete(keys::delete))
        .route("/tasks", get(tasks::list).delete(tasks::delete))
        .route("/tasks/{uid}", get(tasks::get))
        .route("/indexes", get(indexes::list).post(indexes::create))
        .route("/indexes/{index}", get(indexes::get).patch(indexes::update).delete(indexes::delete))
        .route("/indexes/{index}/stats", get(stats::one))
        .route(
            "/indexes/{index}/settings",
            get(settings::get).patch(settings::update).delete(settings::reset),
        )
        .route("/indexes/{index}/search", post(search::post).get(search::get))
        .route("/indexes/{index}/facet-search", post(search::values))
        .route("/indexes/{index}/similar", post(similar::post).get(similar::get))
        .route("/multi-search", post(multi_search::post))
        .route("/indexes/{index}/documents", documents)
        .route("/indexes/{index}/documents/fetch", post(documents::fetch))
        .route("/indexes/{index}/documents/delete-batch", post(documents::delete_batch))
        .route("/indexes/{index}/documents/delete", post(documents::delete_by_filter))
        .route("/indexes/{index}/documents/edit", post(edit::documents))
        .route("/indexes/{index}/documents/{id}", get(documents::one).delete(documents::delete_one))
        .fallback(unknown)
        .method_not_allowed_fallback(unknown)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(RequestDecompressionLayer::new())
        .with_state(engine)
}

async fn unknown(method: Method, uri: Uri) -> ApiError {
    ApiError::new("not_found", format!("The route `{method} {}` does not exist on this node.", uri.path()))
}

/// A request's body, whole and decompressed.
pub(crate) struct Payload(Bytes);

impl<S: Send + Sync> FromRequest<S> for Payload {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let read = Bytes::from_request(request, state).await;
        read.map(Self).map_err(|error| match error.status() {
            StatusCode::PAYLOAD_TOO_LARGE => {
                let limit = BODY_LIMIT as f64 / f64::from(1 << 20);
                let text = format!("The provided payload reached the size limit. The maximum accepted payload size is {limit:.2} MiB.");
                ApiError::new("payload_too_large", text)
            }
            _ => ApiError::new("bad_request", error.body_text()),
        })
    }
}

/// The key of a request.
pub(crate) struct Token(Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for Token {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let header = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        Ok(Self(header.and_then(|value| value.strip_prefix("Bearer ")).map(|token| token.trim().to_owned())))
    }
}

impl Token {
    /// Whether the request may do `action`, on `index` when its route names one.
    fn allows(&self, engine: &Engine, action: &'static str, index: Option<&str>) -> Result<Grant, ApiError> {
        let grant = engine.keys.authorize(self.0.as_deref(), Action(action), index)?;
        index.map_or(Ok(()), check_uid)?;
        Ok(grant)
    }
}

/// An index name: letters, digits, `-` and `_`, at most 400 bytes.
fn check_uid(uid: &str) -> Result<(), ApiError> {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if !uid.is_empty() && uid.len() <= 400 && uid.bytes().all(letter) {
        return Ok(());
    }
    let text = format!(
        "`{uid}` is not a valid index uid. Index uid can be an integer or a string containing only alphanumeric \
         characters, hyphens (-) and underscores (_), and can not be more than 400 bytes."
    );
    Err(ApiError::new("invalid_index_uid", text))
}

/// Reads a JSON body, whatever its content type says.
fn read_json(headers: &HeaderMap, body: &[u8]) -> Result<Value, ApiError> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    match kind.map(|kind| kind.split(';').next().unwrap_or_default().trim()) {
        Some("application/json") => (),
        None => {
            let text = "A Content-Type header is missing. Accepted values for the Content-Type header are: \
                        `application/json`";
            return Err(ApiError::new("missing_content_type", text));
        }
        Some(kind) => {
            let text = format!(
                "The Content-Type `{kind}` is invalid. Accepted values for the Content-Type header are: \
                 `application/json`"
            );
            return Err(ApiError::new("invalid_content_type", text));
        }
    }
    if body.is_empty() {
        return Err(ApiError::new("missing_payload", "A json payload is missing."));
    }
    serde_json::from_slice(body).map_err(|error| {
        ApiError::new("malformed_payload", format!("The json payload provided is malformed. `{error}`."))
    })
}

/// Reads a JSON object.
fn read_object(headers: &HeaderMap, body: &[u8]) -> Result<serde_json::Map<String, Value>, ApiError> {
    match read_json(headers, body)? {
        Value::Object(object) => Ok(object),
        other => Err(ApiError::new(
            "bad_request",
            format!("Invalid value type: expected an object, but found {other}"),
        )),
    }
}

/// Runs what reads or writes the disk off the threads that serve connections.
async fn blocking<T: Send + 'static>(
    engine: Shared,
    work: impl FnOnce(&Engine) -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    tokio::task::spawn_blocking(move || work(&engine)).await.map_err(ApiError::internal)?
}

/// A page of a list.
fn page(results: Vec<Value>, offset: usize, limit: usize, total: u64) -> Json<Value> {
    Json(json!({ "results": results, "offset": offset, "limit": limit, "total": total }))
}
