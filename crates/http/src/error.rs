//! The one place where what went wrong becomes an HTTP answer.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use miroir_api::{ErrorCode, ResponseError};
use miroir_cluster::{BarrierError, ProposeError, RowsError};
use miroir_model::InvalidIndexUid;

/// An answer that is an error, in Meilisearch's shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiError(pub(crate) ResponseError);

impl ApiError {
    pub(crate) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self(ResponseError::new(code, message))
    }

    /// No leader was found in time; nothing was changed.
    pub(crate) fn no_quorum() -> Self {
        Self::new(
            ErrorCode::MiroirNoQuorum,
            "No leader could be reached: most peers must be up for this. Nothing was changed; try again.",
        )
    }

    /// A route of Meilisearch that Miroir does not have.
    pub(crate) fn not_implemented(what: &str) -> Self {
        Self::new(ErrorCode::MiroirNotImplemented, format!("Miroir does not support {what} yet."))
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let retry = self.0.code.retry_after_seconds();
        let mut response = (status, Json(self.0)).into_response();
        if let Some(seconds) = retry {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl From<ResponseError> for ApiError {
    fn from(error: ResponseError) -> Self {
        Self(error)
    }
}

impl From<InvalidIndexUid> for ApiError {
    fn from(error: InvalidIndexUid) -> Self {
        Self::new(ErrorCode::InvalidIndexUid, error.to_string())
    }
}

impl From<BarrierError> for ApiError {
    fn from(_: BarrierError) -> Self {
        Self::no_quorum()
    }
}

impl From<RowsError> for ApiError {
    fn from(error: RowsError) -> Self {
        Self::new(ErrorCode::Internal, error.to_string())
    }
}

impl From<ProposeError> for ApiError {
    fn from(error: ProposeError) -> Self {
        match error {
            ProposeError::NoQuorum | ProposeError::Stopping => Self::no_quorum(),
            ProposeError::Unknown => Self::new(
                ErrorCode::MiroirOutcomeUnknown,
                "The write may or may not have been accepted: the leader was lost meanwhile. Retry with the same \
                 `Idempotency-Key`.",
            ),
            ProposeError::DiskLow => Self::new(
                ErrorCode::MiroirDiskLow,
                "The disk of the leading peer is nearly full: new documents are refused until there is room.",
            ),
            ProposeError::Busy => Self::new(
                ErrorCode::MiroirBackpressure,
                "The cluster takes in as much as it can: too many writes are under way. Nothing was changed; try \
                 again.",
            ),
            ProposeError::TooLarge { bytes, limit } => Self::new(
                ErrorCode::PayloadTooLarge,
                format!(
                    "The write is too large: what it says besides documents, settings or a filter say, has {bytes} \
                     bytes as Miroir stores it, and may have {limit}."
                ),
            ),
            ProposeError::NotUnderstood => Self::new(
                ErrorCode::Internal,
                "The leading peer runs another version and does not know this write. Nothing was changed; try again \
                 when all peers run the same version.",
            ),
        }
    }
}
