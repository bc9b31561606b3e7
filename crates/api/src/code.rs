//! Error codes: names, HTTP statuses and types.
//!
//! The names, statuses and types are Meilisearch 1.50's (`meilisearch-types/src/error.rs`, MIT), as far as a route of
//! ours or a task can give them; a code is added here with the first route that gives it. Names that begin with
//! `miroir_` are ours.
//!
//! A code is stored and sent as its name, never as a number, so the order of the table means nothing.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Who must act on an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorType {
    /// The client: the request is wrong.
    InvalidRequest,
    /// Whoever gives out keys.
    Auth,
    /// The developers: a fault of the program.
    Internal,
    /// The operator, or time: the state of the system.
    System,
}

/// A text that is no [`ErrorCode`] of the table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no known error code")]
pub struct UnknownErrorCode(pub String);

macro_rules! error_codes {
    ($($code:ident = $name:literal, $kind:ident, $status:literal;)*) => {
        /// What went wrong, as a stable name. Serialises as that name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(into = "&'static str", try_from = "String")]
        pub enum ErrorCode {
            $(#[doc = concat!("`", $name, "`")] $code,)*
        }

        impl ErrorCode {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$code,)*];

            /// The name.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$code => $name,)*
                }
            }

            /// Who must act.
            pub fn error_type(self) -> ErrorType {
                match self {
                    $(Self::$code => ErrorType::$kind,)*
                }
            }

            /// The HTTP status of an answer that carries it.
            pub fn http_status(self) -> u16 {
                match self {
                    $(Self::$code => $status,)*
                }
            }
        }

        impl FromStr for ErrorCode {
            type Err = UnknownErrorCode;

            fn from_str(name: &str) -> Result<Self, UnknownErrorCode> {
                match name {
                    $($name => Ok(Self::$code),)*
                    _ => Err(UnknownErrorCode(name.to_owned())),
                }
            }
        }
    };
}

error_codes! {
    BadRequest = "bad_request", InvalidRequest, 400;
    DatabaseSizeLimitReached = "database_size_limit_reached", Internal, 500;
    DocumentNotFound = "document_not_found", InvalidRequest, 404;
    EditDocumentsByFunctionError = "edit_documents_by_function_error", InvalidRequest, 400;
    FacetSearchDisabled = "facet_search_disabled", InvalidRequest, 400;
    FeatureNotEnabled = "feature_not_enabled", InvalidRequest, 400;
    ImmutableIndexCreatedAt = "immutable_index_created_at", InvalidRequest, 400;
    ImmutableIndexUpdatedAt = "immutable_index_updated_at", InvalidRequest, 400;
    IndexAlreadyExists = "index_already_exists", InvalidRequest, 409;
    IndexCreationFailed = "index_creation_failed", Internal, 500;
    IndexNotFound = "index_not_found", InvalidRequest, 404;
    IndexPrimaryKeyAlreadyExists = "index_primary_key_already_exists", InvalidRequest, 400;
    IndexPrimaryKeyMultipleCandidatesFound = "index_primary_key_multiple_candidates_found", InvalidRequest, 400;
    IndexPrimaryKeyNoCandidateFound = "index_primary_key_no_candidate_found", InvalidRequest, 400;
    Internal = "internal", Internal, 500;
    InvalidApiKey = "invalid_api_key", Auth, 403;
    InvalidBatchUids = "invalid_batch_uids", InvalidRequest, 400;
    InvalidContentType = "invalid_content_type", InvalidRequest, 415;
    InvalidDocumentCsvDelimiter = "invalid_document_csv_delimiter", InvalidRequest, 400;
    InvalidDocumentEditionContext = "invalid_document_edition_context", InvalidRequest, 400;
    InvalidDocumentEditionFunctionFilter = "invalid_document_edition_function_filter", InvalidRequest, 400;
    InvalidDocumentFields = "invalid_document_fields", InvalidRequest, 400;
    InvalidDocumentFilter = "invalid_document_filter", InvalidRequest, 400;
    InvalidDocumentGeoField = "invalid_document_geo_field", InvalidRequest, 400;
    InvalidDocumentGeojsonField = "invalid_document_geojson_field", InvalidRequest, 400;
    InvalidDocumentId = "invalid_document_id", InvalidRequest, 400;
    InvalidDocumentIds = "invalid_document_ids", InvalidRequest, 400;
    InvalidDocumentLimit = "invalid_document_limit", InvalidRequest, 400;
    InvalidDocumentOffset = "invalid_document_offset", InvalidRequest, 400;
    InvalidDocumentRetrieveVectors = "invalid_document_retrieve_vectors", InvalidRequest, 400;
    InvalidDocumentSort = "invalid_document_sort", InvalidRequest, 400;
    InvalidFacetSearchExhaustiveFacetCount = "invalid_facet_search_exhaustive_facet_count", InvalidRequest, 400;
    InvalidFacetSearchFacetName = "invalid_facet_search_facet_name", InvalidRequest, 400;
    InvalidFacetSearchQuery = "invalid_facet_search_query", InvalidRequest, 400;
    InvalidHeaderValue = "invalid_header_value", InvalidRequest, 400;
    InvalidIndexCustomMetadata = "invalid_index_custom_metadata", InvalidRequest, 400;
    InvalidIndexLimit = "invalid_index_limit", InvalidRequest, 400;
    InvalidIndexOffset = "invalid_index_offset", InvalidRequest, 400;
    InvalidIndexPrimaryKey = "invalid_index_primary_key", InvalidRequest, 400;
    InvalidIndexUid = "invalid_index_uid", InvalidRequest, 400;
    InvalidMultiSearchDistinct = "invalid_multi_search_distinct", InvalidRequest, 400;
    InvalidMultiSearchFacetOrder = "invalid_multi_search_facet_order", InvalidRequest, 400;
    InvalidMultiSearchFacetsByIndex = "invalid_multi_search_facets_by_index", InvalidRequest, 400;
    InvalidMultiSearchFederationOptions = "invalid_multi_search_federation_options", InvalidRequest, 400;
    InvalidMultiSearchMaxValuesPerFacet = "invalid_multi_search_max_values_per_facet", InvalidRequest, 400;
    InvalidMultiSearchMergeFacets = "invalid_multi_search_merge_facets", InvalidRequest, 400;
    InvalidMultiSearchQueryFacets = "invalid_multi_search_query_facets", InvalidRequest, 400;
    InvalidMultiSearchQueryPagination = "invalid_multi_search_query_pagination", InvalidRequest, 400;
    InvalidMultiSearchQueryPersonalization = "invalid_multi_search_query_personalization", InvalidRequest, 400;
    InvalidMultiSearchQueryPosition = "invalid_multi_search_query_position", InvalidRequest, 400;
    InvalidMultiSearchQueryRankingRules = "invalid_multi_search_query_ranking_rules", InvalidRequest, 400;
    InvalidMultiSearchQueryShowPerformanceDetails =
        "invalid_multi_search_query_show_performance_details", InvalidRequest, 400;
    InvalidMultiSearchRemote = "invalid_multi_search_remote", InvalidRequest, 400;
    InvalidMultiSearchWeight = "invalid_multi_search_weight", InvalidRequest, 400;
    InvalidSearchAttributesToCrop = "invalid_search_attributes_to_crop", InvalidRequest, 400;
    InvalidSearchAttributesToHighlight = "invalid_search_attributes_to_highlight", InvalidRequest, 400;
    InvalidSearchAttributesToRetrieve = "invalid_search_attributes_to_retrieve", InvalidRequest, 400;
    InvalidSearchAttributesToSearchOn = "invalid_search_attributes_to_search_on", InvalidRequest, 400;
    InvalidSearchCropLength = "invalid_search_crop_length", InvalidRequest, 400;
    InvalidSearchCropMarker = "invalid_search_crop_marker", InvalidRequest, 400;
    InvalidSearchDistinct = "invalid_search_distinct", InvalidRequest, 400;
    InvalidSearchEmbedder = "invalid_search_embedder", InvalidRequest, 400;
    InvalidSearchFacets = "invalid_search_facets", InvalidRequest, 400;
    InvalidSearchFilter = "invalid_search_filter", InvalidRequest, 400;
    InvalidSearchHighlightPostTag = "invalid_search_highlight_post_tag", InvalidRequest, 400;
    InvalidSearchHighlightPreTag = "invalid_search_highlight_pre_tag", InvalidRequest, 400;
    InvalidSearchHitsPerPage = "invalid_search_hits_per_page", InvalidRequest, 400;
    InvalidSearchHybridQuery = "invalid_search_hybrid_query", InvalidRequest, 400;
    InvalidSearchLimit = "invalid_search_limit", InvalidRequest, 400;
    InvalidSearchLocales = "invalid_search_locales", InvalidRequest, 400;
    InvalidSearchMatchingStrategy = "invalid_search_matching_strategy", InvalidRequest, 400;
    InvalidSearchMedia = "invalid_search_media", InvalidRequest, 400;
    InvalidSearchMediaAndVector = "invalid_search_media_and_vector", InvalidRequest, 400;
    InvalidSearchOffset = "invalid_search_offset", InvalidRequest, 400;
    InvalidSearchPage = "invalid_search_page", InvalidRequest, 400;
    InvalidSearchPersonalize = "invalid_search_personalize", InvalidRequest, 400;
    InvalidSearchPersonalizeUserContext = "invalid_search_personalize_user_context", InvalidRequest, 400;
    InvalidSearchQ = "invalid_search_q", InvalidRequest, 400;
    InvalidSearchRankingScoreThreshold = "invalid_search_ranking_score_threshold", InvalidRequest, 400;
    InvalidSearchRetrieveVectors = "invalid_search_retrieve_vectors", InvalidRequest, 400;
    InvalidSearchSemanticRatio = "invalid_search_semantic_ratio", InvalidRequest, 400;
    InvalidSearchShowMatchesPosition = "invalid_search_show_matches_position", InvalidRequest, 400;
    InvalidSearchShowPerformanceDetails = "invalid_search_show_performance_details", InvalidRequest, 400;
    InvalidSearchShowRankingScore = "invalid_search_show_ranking_score", InvalidRequest, 400;
    InvalidSearchShowRankingScoreDetails = "invalid_search_show_ranking_score_details", InvalidRequest, 400;
    InvalidSearchSort = "invalid_search_sort", InvalidRequest, 400;
    InvalidSearchUseNetwork = "invalid_search_use_network", InvalidRequest, 400;
    InvalidSearchVector = "invalid_search_vector", InvalidRequest, 400;
    InvalidSettingsDictionary = "invalid_settings_dictionary", InvalidRequest, 400;
    InvalidSettingsDisplayedAttributes = "invalid_settings_displayed_attributes", InvalidRequest, 400;
    InvalidSettingsDistinctAttribute = "invalid_settings_distinct_attribute", InvalidRequest, 400;
    InvalidSettingsEmbedders = "invalid_settings_embedders", InvalidRequest, 400;
    InvalidSettingsFacetSearch = "invalid_settings_facet_search", InvalidRequest, 400;
    InvalidSettingsFaceting = "invalid_settings_faceting", InvalidRequest, 400;
    InvalidSettingsFilterableAttributes = "invalid_settings_filterable_attributes", InvalidRequest, 400;
    InvalidSettingsForeignKeys = "invalid_settings_foreign_keys", InvalidRequest, 400;
    InvalidSettingsIndexChat = "invalid_settings_index_chat", InvalidRequest, 400;
    InvalidSettingsLocalizedAttributes = "invalid_settings_localized_attributes", InvalidRequest, 400;
    InvalidSettingsNonSeparatorTokens = "invalid_settings_non_separator_tokens", InvalidRequest, 400;
    InvalidSettingsPagination = "invalid_settings_pagination", InvalidRequest, 400;
    InvalidSettingsPrefixSearch = "invalid_settings_prefix_search", InvalidRequest, 400;
    InvalidSettingsProximityPrecision = "invalid_settings_proximity_precision", InvalidRequest, 400;
    InvalidSettingsRankingRules = "invalid_settings_ranking_rules", InvalidRequest, 400;
    InvalidSettingsSearchCutoffMs = "invalid_settings_search_cutoff_ms", InvalidRequest, 400;
    InvalidSettingsSearchableAttributes = "invalid_settings_searchable_attributes", InvalidRequest, 400;
    InvalidSettingsSeparatorTokens = "invalid_settings_separator_tokens", InvalidRequest, 400;
    InvalidSettingsSortableAttributes = "invalid_settings_sortable_attributes", InvalidRequest, 400;
    InvalidSettingsStopWords = "invalid_settings_stop_words", InvalidRequest, 400;
    InvalidSettingsSynonyms = "invalid_settings_synonyms", InvalidRequest, 400;
    InvalidSettingsTypoTolerance = "invalid_settings_typo_tolerance", InvalidRequest, 400;
    InvalidSkipCreation = "invalid_skip_creation", InvalidRequest, 400;
    InvalidSimilarAttributesToRetrieve = "invalid_similar_attributes_to_retrieve", InvalidRequest, 400;
    InvalidSimilarEmbedder = "invalid_similar_embedder", InvalidRequest, 400;
    InvalidSimilarFilter = "invalid_similar_filter", InvalidRequest, 400;
    InvalidSimilarId = "invalid_similar_id", InvalidRequest, 400;
    InvalidSimilarLimit = "invalid_similar_limit", InvalidRequest, 400;
    InvalidSimilarOffset = "invalid_similar_offset", InvalidRequest, 400;
    InvalidSimilarRankingScoreThreshold = "invalid_similar_ranking_score_threshold", InvalidRequest, 400;
    InvalidSimilarRetrieveVectors = "invalid_similar_retrieve_vectors", InvalidRequest, 400;
    InvalidSimilarShowPerformanceDetails = "invalid_similar_show_performance_details", InvalidRequest, 400;
    InvalidSimilarShowRankingScore = "invalid_similar_show_ranking_score", InvalidRequest, 400;
    InvalidSimilarShowRankingScoreDetails = "invalid_similar_show_ranking_score_details", InvalidRequest, 400;
    InvalidState = "invalid_state", Internal, 500;
    InvalidStatsShowInternalDatabaseSizes = "invalid_stats_show_internal_database_sizes", InvalidRequest, 400;
    InvalidStatsSizeFormat = "invalid_stats_size_format", InvalidRequest, 400;
    InvalidStoreFile = "invalid_store_file", Internal, 500;
    InvalidSwapDuplicateIndexFound = "invalid_swap_duplicate_index_found", InvalidRequest, 400;
    InvalidSwapIndexes = "invalid_swap_indexes", InvalidRequest, 400;
    InvalidSwapRename = "invalid_swap_rename", InvalidRequest, 400;
    InvalidTaskAfterEnqueuedAt = "invalid_task_after_enqueued_at", InvalidRequest, 400;
    InvalidTaskAfterFinishedAt = "invalid_task_after_finished_at", InvalidRequest, 400;
    InvalidTaskAfterStartedAt = "invalid_task_after_started_at", InvalidRequest, 400;
    InvalidTaskBeforeEnqueuedAt = "invalid_task_before_enqueued_at", InvalidRequest, 400;
    InvalidTaskBeforeFinishedAt = "invalid_task_before_finished_at", InvalidRequest, 400;
    InvalidTaskBeforeStartedAt = "invalid_task_before_started_at", InvalidRequest, 400;
    InvalidTaskCanceledBy = "invalid_task_canceled_by", InvalidRequest, 400;
    InvalidTaskFrom = "invalid_task_from", InvalidRequest, 400;
    InvalidTaskLimit = "invalid_task_limit", InvalidRequest, 400;
    InvalidTaskReverse = "invalid_task_reverse", InvalidRequest, 400;
    InvalidTaskStatuses = "invalid_task_statuses", InvalidRequest, 400;
    InvalidTaskTypes = "invalid_task_types", InvalidRequest, 400;
    InvalidTaskUids = "invalid_task_uids", InvalidRequest, 400;
    InvalidVectorDimensions = "invalid_vector_dimensions", InvalidRequest, 400;
    InvalidVectorsType = "invalid_vectors_type", InvalidRequest, 400;
    IoError = "io_error", System, 422;
    MalformedPayload = "malformed_payload", InvalidRequest, 400;
    MaxFieldsLimitExceeded = "max_fields_limit_exceeded", InvalidRequest, 400;
    MissingAuthorizationHeader = "missing_authorization_header", Auth, 401;
    MissingContentType = "missing_content_type", InvalidRequest, 415;
    MissingDocumentEditionFunction = "missing_document_edition_function", InvalidRequest, 400;
    MissingDocumentFilter = "missing_document_filter", InvalidRequest, 400;
    MissingDocumentId = "missing_document_id", InvalidRequest, 400;
    MissingFacetSearchFacetName = "missing_facet_search_facet_name", InvalidRequest, 400;
    MissingIndexUid = "missing_index_uid", InvalidRequest, 400;
    MissingMasterKey = "missing_master_key", Auth, 401;
    MissingPayload = "missing_payload", InvalidRequest, 400;
    MissingSearchHybrid = "missing_search_hybrid", InvalidRequest, 400;
    MissingSwapIndexes = "missing_swap_indexes", InvalidRequest, 400;
    MissingTaskFilters = "missing_task_filters", InvalidRequest, 400;
    NoSpaceLeftOnDevice = "no_space_left_on_device", System, 422;
    NotFoundSimilarId = "not_found_similar_id", InvalidRequest, 400;
    PayloadTooLarge = "payload_too_large", InvalidRequest, 413;
    TaskFileNotFound = "task_file_not_found", InvalidRequest, 404;
    TaskNotFound = "task_not_found", InvalidRequest, 404;
    TooManyOpenFiles = "too_many_open_files", System, 422;
    TooManySearchRequests = "too_many_search_requests", System, 503;
    TooManyVectors = "too_many_vectors", InvalidRequest, 400;
    UnretrievableDocument = "unretrievable_document", Internal, 400;
    UnsupportedMediaType = "unsupported_media_type", InvalidRequest, 415;
    VectorEmbeddingError = "vector_embedding_error", InvalidRequest, 400;

    MiroirBackpressure = "miroir_backpressure", System, 503;
    MiroirDiskLow = "miroir_disk_low", System, 503;
    MiroirIdempotencyConflict = "miroir_idempotency_conflict", InvalidRequest, 422;
    MiroirNoQuorum = "miroir_no_quorum", System, 503;
    MiroirNotCaughtUp = "miroir_not_caught_up", System, 503;
    MiroirNotImplemented = "miroir_not_implemented", System, 501;
    MiroirOutcomeUnknown = "miroir_outcome_unknown", System, 504;
    MiroirReservedAttribute = "miroir_reserved_attribute", InvalidRequest, 400;
    MiroirShardUnavailable = "miroir_shard_unavailable", System, 503;
}

impl ErrorCode {
    /// Where the code is documented. Ours have the same form, though Meilisearch's site knows nothing of them: clients
    /// check the form.
    pub fn link(self) -> String {
        format!("https://docs.meilisearch.com/errors#{self}")
    }

    /// The seconds of a `Retry-After` header, for answers that get better by themselves: Meilisearch's 10 for what is
    /// Meilisearch's, 1 for ours (an election takes less).
    pub fn retry_after_seconds(self) -> Option<u32> {
        match self.http_status() {
            503 | 504 if self.as_str().starts_with("miroir_") => Some(1),
            503 => Some(10),
            _ => None,
        }
    }
}

impl From<ErrorCode> for &'static str {
    fn from(code: ErrorCode) -> &'static str {
        code.as_str()
    }
}

impl TryFrom<String> for ErrorCode {
    type Error = UnknownErrorCode;

    fn try_from(name: String) -> Result<Self, UnknownErrorCode> {
        name.parse()
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_and_are_the_serialised_form() {
        for code in ErrorCode::ALL {
            assert_eq!(code.as_str().parse(), Ok(*code));
            assert_eq!(serde_json::to_string(code).unwrap(), format!("\"{code}\""));
            let bytes = postcard::to_stdvec(code).unwrap();
            assert_eq!(postcard::from_bytes::<ErrorCode>(&bytes).unwrap(), *code);
        }
        assert!("no_such_code".parse::<ErrorCode>().is_err());
    }

    /// Names follow from the variants' names, as Meilisearch derives them.
    #[test]
    fn names_are_the_variants_in_snake_case() {
        for code in ErrorCode::ALL {
            let mut snake = String::new();
            for c in format!("{code:?}").chars() {
                if c.is_ascii_uppercase() && !snake.is_empty() {
                    snake.push('_');
                }
                snake.push(c.to_ascii_lowercase());
            }
            assert_eq!(snake, code.as_str());
        }
    }
}
