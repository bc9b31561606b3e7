//! Searching several times in one request.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use super::{Answer, Payload, Shared, Token, blocking, read_object};
use crate::search::MultiSearch;

pub(super) async fn post(
    State(engine): State<Shared>,
    token: Token,
    headers: HeaderMap,
    Payload(body): Payload,
) -> Response {
    match run(engine, &token, &headers, &body).await {
        Ok(answer) => answer.into_response(),
        // Status 404 is for what the URL names.
        Err(error) if error.code == "index_not_found" => {
            (StatusCode::BAD_REQUEST, Json(error.view())).into_response()
        }
        Err(error) => error.into_response(),
    }
}

async fn run(engine: Shared, token: &Token, headers: &HeaderMap, body: &[u8]) -> Answer {
    token.allows(&engine, "search", None)?;
    let search = MultiSearch::parse(read_object(headers, body)?)?;
    for (position, uid) in search.uids().enumerate() {
        token.allows(&engine, "search", Some(uid)).map_err(|error| error.in_query(position))?;
    }
    blocking(engine, move |engine| search.run(engine).map(Json)).await
}
