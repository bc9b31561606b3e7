//! Routes of Meilisearch that are not there yet: 501, never 404, and never a false success.

use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, any};
use miroir_api::ErrorCode;

use crate::app::App;
use crate::error::ApiError;

/// Of Meilisearch 1.50, as its own list of routes has them.
const ROUTES: [&str; 25] = [
    "/indexes/{uid}/fields",
    "/indexes/{uid}/compact",
    "/batches",
    "/batches/{uid}",
    "/tasks/compact",
    "/tasks/{uid}/documents",
    "/keys",
    "/keys/{key}",
    "/dumps",
    "/snapshots",
    "/export",
    "/webhooks",
    "/webhooks/{uuid}",
    "/network",
    "/network/control",
    "/metrics",
    "/logs/stream",
    "/logs/stderr",
    "/dynamic-search-rules",
    "/dynamic-search-rules/{uid}",
    "/chats",
    "/chats/{workspace}",
    "/chats/{workspace}/settings",
    "/chats/{workspace}/chat/completions",
    "/render-template",
];

/// All of them, whatever the method.
pub(crate) fn routes() -> impl Iterator<Item = (&'static str, MethodRouter<App>)> {
    ROUTES.into_iter().map(|path| (path, any(answer)))
}

/// One of them.
pub(crate) async fn answer(request: Request) -> Response {
    ApiError::not_implemented(&format!("`{} {}`", request.method(), request.uri().path())).into_response()
}

/// A path that Meilisearch does not have either.
pub(crate) async fn unknown(request: Request) -> Response {
    let path = request.uri().path();
    let text =
        format!("There is no `{path}`, neither in Meilisearch's API nor in Miroir's, below `/_miroir/`.");
    ApiError::new(ErrorCode::BadRequest, text).with_status(StatusCode::NOT_FOUND).into_response()
}

/// A method that a route does not have: 405, with those that it has in `Allow`.
pub(crate) async fn method(request: Request) -> Response {
    let text = format!(
        "`{}` does not take `{}`; the header `Allow` names the methods that it takes.",
        request.uri().path(),
        request.method()
    );
    ApiError::new(ErrorCode::BadRequest, text).with_status(StatusCode::METHOD_NOT_ALLOWED).into_response()
}
