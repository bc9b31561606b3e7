//! Meilisearch's error codes and JSON shapes, by version.
//!
//! Clients of Meilisearch read these forms; they change only with the version that a cluster speaks. Nothing here
//! knows a route or a state.

mod code;
mod error;
pub mod rfc3339;
mod version;
mod views;

pub use code::{ErrorCode, ErrorType, UnknownErrorCode};
pub use error::ResponseError;
pub use version::{ApiVersion, VersionTraits};
pub use views::{HealthView, IndexView, Page, SummarizedTask, VersionView};
