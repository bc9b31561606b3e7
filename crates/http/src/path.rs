//! The parts of a path that a route names, refused in Meilisearch's shape when they are no text.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use miroir_api::ErrorCode;
use serde::de::DeserializeOwned;

use crate::error::ApiError;

/// The parts of a path, decoded.
pub(crate) struct Path<T>(pub(crate) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match axum::extract::Path::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(named)) => Ok(Self(named)),
            Err(rejection) => Err(ApiError::new(ErrorCode::BadRequest, rejection.body_text())),
        }
    }
}
