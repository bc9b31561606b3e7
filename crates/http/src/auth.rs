//! Who may ask: the master key, or anybody where there is none.

use axum::extract::{Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use miroir_api::ErrorCode;
use subtle::ConstantTimeEq;

use crate::app::App;
use crate::error::ApiError;

/// Lets a request through that carries the master key.
pub(crate) async fn master_key(State(app): State<App>, request: Request, next: Next) -> Response {
    match check(app.master_key(), &request) {
        Ok(()) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}

fn check(master_key: Option<&str>, request: &Request) -> Result<(), ApiError> {
    let Some(master_key) = master_key else { return Ok(()) };
    let header = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = header.and_then(|value| value.strip_prefix("Bearer ")).map(str::trim);
    match token {
        None => Err(ApiError::new(
            ErrorCode::MissingAuthorizationHeader,
            "The Authorization header is missing. It must use the bearer authorization method.",
        )),
        Some(token) if bool::from(token.as_bytes().ct_eq(master_key.as_bytes())) => Ok(()),
        Some(_) => Err(ApiError::new(ErrorCode::InvalidApiKey, "The provided API key is invalid.")),
    }
}
