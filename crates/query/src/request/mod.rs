//! A search as its user asks for it.
//!
//! Parsed from the JSON of a POST or from the parameters of a GET, with the checks, texts and codes of Meilisearch
//! 1.50. What only a node can judge is left to it: the syntax of a filter, the existence of an attribute.

pub(crate) mod body;
mod federation;
pub(crate) mod get;
pub(crate) mod hybrid;
pub(crate) mod locale;
mod multi;
pub(crate) mod post;
pub(crate) mod refusal;
#[cfg(test)]
mod tests;

use miroir_api::{ErrorCode, ResponseError};
use serde_json::Value;

pub use federation::{Federation, MergeFacets};
pub use get::from_parameters;
pub use hybrid::Hybrid;
pub use multi::{MultiQuery, MultiRequest, multi_from_json};
pub use post::from_json;

/// A search. Every member is Meilisearch's of the same name.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchRequest {
    /// The words looked for; none is a placeholder search.
    pub q: Option<String>,
    /// Which part of the hits.
    pub paging: Paging,
    /// What hits show.
    pub attributes_to_retrieve: Option<Vec<String>>,
    /// What is cut around matches.
    pub attributes_to_crop: Option<Vec<String>>,
    /// How many words a crop keeps.
    pub crop_length: usize,
    /// What marks a cut.
    pub crop_marker: String,
    /// Where matches are marked.
    pub attributes_to_highlight: Option<Vec<String>>,
    /// What stands before a match.
    pub highlight_pre_tag: String,
    /// What stands after a match.
    pub highlight_post_tag: String,
    /// Whether hits say where they match.
    pub show_matches_position: bool,
    /// The filter, as it was sent.
    pub filter: Option<Value>,
    /// What to sort by, as `attribute:asc`.
    pub sort: Option<Vec<String>>,
    /// At most one hit for each value of it.
    pub distinct: Option<String>,
    /// What values are counted of.
    pub facets: Option<Vec<String>>,
    /// What is done when not all words match.
    pub matching_strategy: MatchingStrategy,
    /// Where words are looked up.
    pub attributes_to_search_on: Option<Vec<String>>,
    /// The least score of a hit, 0 to 1.
    pub ranking_score_threshold: Option<f64>,
    /// The languages of the query.
    pub locales: Option<Vec<String>>,
    /// Search by vectors, beside words or instead of them.
    pub hybrid: Option<Hybrid>,
    /// The vector that those of documents are compared with, instead of one that the embedder makes of the words.
    pub vector: Option<Vec<f32>>,
    /// Whether hits show their vectors, and the answer the one that they were compared with.
    pub retrieve_vectors: bool,
    /// Whether hits show their score.
    pub show_ranking_score: bool,
    /// Whether hits show what their score is made of.
    pub show_ranking_score_details: bool,
}

impl Default for SearchRequest {
    /// One that says nothing.
    fn default() -> Self {
        Self {
            q: None,
            paging: Paging::Window { offset: 0, limit: DEFAULT_LIMIT },
            attributes_to_retrieve: None,
            attributes_to_crop: None,
            crop_length: body::CROP_LENGTH,
            crop_marker: body::CROP_MARKER.to_owned(),
            attributes_to_highlight: None,
            highlight_pre_tag: body::PRE_TAG.to_owned(),
            highlight_post_tag: body::POST_TAG.to_owned(),
            show_matches_position: false,
            filter: None,
            sort: None,
            distinct: None,
            facets: None,
            matching_strategy: MatchingStrategy::default(),
            attributes_to_search_on: None,
            ranking_score_threshold: None,
            locales: None,
            hybrid: None,
            vector: None,
            retrieve_vectors: false,
            show_ranking_score: false,
            show_ranking_score_details: false,
        }
    }
}

/// What is done when too few documents match all words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, deserr::Deserr, serde::Serialize)]
#[deserr(rename_all = camelCase)]
#[serde(rename_all = "camelCase")]
pub enum MatchingStrategy {
    /// The last words are dropped first.
    #[default]
    Last,
    /// Nothing.
    All,
    /// The most frequent words are dropped first.
    Frequency,
}

/// Which part of the hits is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paging {
    /// A run of hits, with an estimate of how many there are.
    Window {
        /// How many hits to leave out.
        offset: usize,
        /// How many to give.
        limit: usize,
    },
    /// A page, with the exact number of hits.
    Page {
        /// Which page; the first is 1, and 0 has no hits.
        page: usize,
        /// How many hits on each.
        hits_per_page: usize,
    },
}

/// How many hits are given where nothing is said.
pub(crate) const DEFAULT_LIMIT: usize = 20;

impl Paging {
    /// `page` or `hitsPerPage` wins over `offset` and `limit`, as in Meilisearch.
    fn of(offset: usize, limit: usize, page: Option<usize>, hits_per_page: Option<usize>) -> Self {
        if page.or(hits_per_page).is_none() {
            return Self::Window { offset, limit };
        }
        Self::Page { page: page.unwrap_or(1), hits_per_page: hits_per_page.unwrap_or(DEFAULT_LIMIT) }
    }
}

/// Why a request is no [`SearchRequest`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// It is wrong: Meilisearch's own error.
    #[error(transparent)]
    Invalid(#[from] ResponseError),
    /// It asks for something that a cluster does not do yet.
    #[error("`{0}` is not implemented in a search over a cluster yet")]
    Unsupported(&'static str),
}

impl From<RequestError> for ResponseError {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::Invalid(error) => error,
            RequestError::Unsupported(_) => Self::new(ErrorCode::MiroirNotImplemented, error.to_string()),
        }
    }
}
