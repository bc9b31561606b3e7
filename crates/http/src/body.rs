//! The body of a request, whole, refused in Meilisearch's shape when it is too large.

use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use bytes::Bytes;
use miroir_api::ErrorCode;

use crate::error::ApiError;

/// The body of a request.
pub(crate) struct Body(pub(crate) Bytes);

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        Bytes::from_request(request, state).await.map(Self).map_err(|rejection| {
            if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
                return ApiError::new(
                    ErrorCode::PayloadTooLarge,
                    "The provided payload reached the size limit. The maximum accepted payload size is 100 MiB.",
                );
            }
            ApiError::new(ErrorCode::BadRequest, rejection.body_text())
        })
    }
}
