//! Errors in Meilisearch's shape: a code, and from the code its type and HTTP status.

use std::borrow::Cow;
use std::io;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use milli::{InternalError, UserError, heed};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// One error, as an answer shows it and as a failed task keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub(crate) struct ApiError {
    pub(crate) message: String,
    pub(crate) code: Cow<'static, str>,
}

impl ApiError {
    pub(crate) fn new(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self { message: message.into(), code: code.into() }
    }

    pub(crate) fn index_not_found(uid: &str) -> Self {
        Self::new("index_not_found", format!("Index `{uid}` not found."))
    }

    pub(crate) fn index_already_exists(uid: &str) -> Self {
        Self::new("index_already_exists", format!("Index `{uid}` already exists."))
    }

    pub(crate) fn internal(message: impl std::fmt::Display) -> Self {
        Self::new("internal", format!("An internal error has occurred. `{message}`."))
    }

    /// An error of the engine that is about one index: Meilisearch puts the index's name first.
    pub(crate) fn in_index(error: &milli::Error, uid: &str) -> Self {
        let Self { message, code } = Self::from(error);
        Self { message: format!("Index `{uid}`: {message}"), code }
    }

    /// The same error under another code, when it is one about a filter (each route has its own code for those).
    pub(crate) fn filter_as(self, code: &'static str) -> Self {
        if self.code == "invalid_search_filter" { Self { code: code.into(), ..self } } else { self }
    }

    /// The same error, with the place in the request that it is about.
    pub(crate) fn inside(self, place: impl std::fmt::Display) -> Self {
        Self { message: format!("Inside `{place}`: {}", self.message), ..self }
    }

    /// The same error, in one query of several.
    pub(crate) fn in_query(self, position: usize) -> Self {
        self.inside(format_args!(".queries[{position}]"))
    }

    /// The object that answers and tasks show.
    pub(crate) fn view(&self) -> Value {
        json!({
            "message": self.message,
            "code": self.code,
            "type": class(&self.code).0,
            "link": format!("https://docs.meilisearch.com/errors#{}", self.code),
        })
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(class(&self.code).1).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, Json(self.view())).into_response()
    }
}

/// The type and the HTTP status of a code (`meilisearch-types/src/error.rs`); most are the caller's fault.
fn class(code: &str) -> (&'static str, u16) {
    match code {
        "invalid_api_key" => ("auth", 403),
        "missing_authorization_header" | "missing_master_key" => ("auth", 401),
        "api_key_already_exists" | "index_already_exists" => ("invalid_request", 409),
        "api_key_not_found" | "document_not_found" | "index_not_found" | "task_not_found" | "not_found" => {
            ("invalid_request", 404)
        }
        "invalid_content_type" | "missing_content_type" => ("invalid_request", 415),
        "payload_too_large" => ("invalid_request", 413),
        "io_error" | "no_space_left_on_device" | "too_many_open_files" => ("system", 422),
        "internal" | "database_size_limit_reached" | "invalid_store_file" => ("internal", 500),
        _ => ("invalid_request", 400),
    }
}

impl From<&milli::Error> for ApiError {
    fn from(error: &milli::Error) -> Self {
        let code = match error {
            milli::Error::InternalError(InternalError::Store(_)) | milli::Error::InternalError(_) => {
                "internal"
            }
            milli::Error::IoError(error) => io_code(error),
            milli::Error::UserError(error) => user_code(error),
        };
        if code == "internal" { Self::internal(error) } else { Self::new(code, error.to_string()) }
    }
}

impl From<milli::Error> for ApiError {
    fn from(error: milli::Error) -> Self {
        Self::from(&error)
    }
}

impl From<heed::Error> for ApiError {
    fn from(error: heed::Error) -> Self {
        match error {
            heed::Error::Io(error) => error.into(),
            heed::Error::Mdb(heed::MdbError::MapFull) => {
                Self::new("database_size_limit_reached", "Maximum database size has been reached.")
            }
            heed::Error::Mdb(heed::MdbError::Invalid) => Self::new("invalid_store_file", error.to_string()),
            error => Self::internal(error),
        }
    }
}

impl From<io::Error> for ApiError {
    fn from(error: io::Error) -> Self {
        match io_code(&error) {
            "internal" => Self::internal(error),
            code => Self::new(code, error.to_string()),
        }
    }
}

fn io_code(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull => "no_space_left_on_device",
        _ => match error.raw_os_error() {
            Some(5) => "io_error",
            Some(24) => "too_many_open_files",
            _ => "internal",
        },
    }
}

/// The code of an error that milli calls the user's (`ErrorCode for milli::Error`).
fn user_code(error: &UserError) -> &'static str {
    use UserError as E;
    match error {
        E::InvalidStoreFile => "invalid_store_file",
        E::NoSpaceLeftOnDevice => "no_space_left_on_device",
        E::MaxDatabaseSizeReached => "database_size_limit_reached",
        E::AttributeLimitReached => "max_fields_limit_exceeded",
        E::InvalidFilter(_) | E::InvalidFilterExpression(..) | E::FilterOperatorNotAllowed { .. } => {
            "invalid_search_filter"
        }
        E::MissingDocumentId { .. } => "missing_document_id",
        E::InvalidDocumentId { .. } | E::TooManyDocumentIds { .. } => "invalid_document_id",
        E::MissingDocumentField(_) => "invalid_document_fields",
        E::NoPrimaryKeyCandidateFound => "index_primary_key_no_candidate_found",
        E::MultiplePrimaryKeyCandidatesFound { .. } => "index_primary_key_multiple_candidates_found",
        E::PrimaryKeyCannotBeChanged(_) => "index_primary_key_already_exists",
        E::InvalidDistinctAttribute { .. } => "invalid_search_distinct",
        E::SortRankingRuleMissing | E::InvalidSortableAttribute { .. } | E::SortError(_) => {
            "invalid_search_sort"
        }
        E::InvalidFacetsDistribution { .. } => "invalid_search_facets",
        E::InvalidFacetSearchFacetName { .. } => "invalid_facet_search_facet_name",
        E::InvalidSearchableAttribute { .. } => "invalid_search_attributes_to_search_on",
        E::CriterionError(_) => "invalid_settings_ranking_rules",
        E::InvalidGeoField(_) => "invalid_document_geo_field",
        E::InvalidVectorDimensions { .. } | E::InvalidIndexingVectorDimensions { .. } => {
            "invalid_vector_dimensions"
        }
        E::InvalidVectorsMapType { .. } | E::InvalidVectorsEmbedderConf { .. } => "invalid_vectors_type",
        E::TooManyVectors(..) => "too_many_vectors",
        E::InvalidMinTypoWordLenSetting(..) => "invalid_settings_typo_tolerance",
        E::InvalidSearchEmbedder(_) => "invalid_search_embedder",
        E::DocumentEditionCannotModifyPrimaryKey
        | E::DocumentEditionDocumentMustBeObject
        | E::DocumentEditionRuntimeError(_)
        | E::DocumentEditionCompilationError(_) => "edit_documents_by_function_error",
        E::VectorEmbeddingError(_) | E::DocumentEmbeddingError(_) => "vector_embedding_error",
        E::SerdeJson(_)
        | E::EnvAlreadyOpened
        | E::DocumentLimitReached
        | E::UnknownInternalDocumentId { .. } => "internal",
        other => embedder_code(other),
    }
}

/// What is left is about the settings of an embedder.
fn embedder_code(error: &UserError) -> &'static str {
    match error {
        UserError::InvalidFieldForSource { .. }
        | UserError::MissingFieldForSource { .. }
        | UserError::InvalidOpenAiModel { .. }
        | UserError::InvalidOpenAiModelDimensions { .. }
        | UserError::InvalidOpenAiModelDimensionsMax { .. }
        | UserError::InvalidSettingsDimensions { .. }
        | UserError::InvalidUrl { .. }
        | UserError::InvalidSettingsDocumentTemplateMaxBytes { .. }
        | UserError::InvalidPrompt(_)
        | UserError::InvalidPromptForEmbeddings(..)
        | UserError::InvalidDisableBinaryQuantization { .. }
        | UserError::InvalidSourceForNested { .. }
        | UserError::MissingSourceForNested { .. }
        | UserError::InvalidSettingsEmbedder { .. }
        | UserError::TooManyEmbedders(_) => "invalid_settings_embedders",
        _ => "internal",
    }
}
