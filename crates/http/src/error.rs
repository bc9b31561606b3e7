//! The one place where what went wrong becomes an HTTP answer.

use std::any::Any;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use miroir_api::{ErrorCode, ResponseError};
use miroir_cluster::{BarrierError, ProposeError, RowsError};
use miroir_model::InvalidIndexUid;

/// An answer that is an error, in Meilisearch's shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiError {
    error: ResponseError,
    /// Where it is not that of the code.
    status: Option<StatusCode>,
}

impl ApiError {
    pub(crate) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        ResponseError::new(code, message).into()
    }

    /// With another status than that of its code.
    pub(crate) fn with_status(self, status: StatusCode) -> Self {
        Self { status: Some(status), ..self }
    }

    pub(crate) fn status(&self) -> StatusCode {
        let own =
            || StatusCode::from_u16(self.error.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        self.status.unwrap_or_else(own)
    }

    /// What it tells.
    pub(crate) fn into_told(self) -> ResponseError {
        self.error
    }

    /// As an error of a multi-search, where an index that is not there makes the request a wrong one.
    pub(crate) fn inside_body(self) -> Self {
        let missing = self.error.code == ErrorCode::IndexNotFound;
        if missing { self.with_status(StatusCode::BAD_REQUEST) } else { self }
    }

    /// As the error of one of its queries.
    pub(crate) fn inside_query(self, place: usize) -> Self {
        let mut inside = self.inside_body();
        inside.error.message = format!("Inside `.queries[{place}]`: {}", inside.error.message);
        inside
    }

    /// What happened, as a name.
    #[cfg(test)]
    pub(crate) fn code(&self) -> ErrorCode {
        self.error.code
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

/// A handler panicked. What it was is in the log.
pub(crate) fn panicked(_: Box<dyn Any + Send>) -> Response {
    ApiError::new(ErrorCode::Internal, "An internal error has occurred.").into_response()
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let retry = self.error.code.retry_after_seconds();
        let mut response = (self.status(), Json(self.error)).into_response();
        if let Some(seconds) = retry {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if response.status() == StatusCode::REQUEST_TIMEOUT {
            // What still comes is the rest of the request that was given up.
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

impl From<ResponseError> for ApiError {
    fn from(error: ResponseError) -> Self {
        Self { error, status: None }
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
                "The disk of this peer, of the leading one or of most is nearly full: new documents are refused until \
                 there is room.",
            ),
            ProposeError::Busy => Self::new(
                ErrorCode::MiroirBackpressure,
                "The cluster takes in as much as it can: too many writes are under way. Nothing was changed; try \
                 again.",
            ),
            ProposeError::TooLarge { bytes, limit } => Self::new(
                ErrorCode::PayloadTooLarge,
                format!(
                    "The write is too large: without its documents (with its settings or its filter, for example) it \
                     takes {bytes} bytes as Miroir stores it, and {limit} are the most."
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
