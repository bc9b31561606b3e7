//! A search among the values of a facet as its user asks for it.

use deserr::Deserr;
use miroir_api::ErrorCode;
use serde::Serialize;
use serde_json::Value;

use crate::request::body::Threshold;
use crate::request::locale::{Locale, codes};
use crate::request::post::parse;
use crate::request::refusal::{JsonRefusal, Subject, code_of};
use crate::request::{Hybrid, MatchingStrategy, RequestError, hybrid};

/// A search among the values of a facet. Every member is Meilisearch's of the same name. It serialises as a node is asked.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FacetSearchRequest {
    /// The facet.
    pub facet_name: String,
    /// How its values begin; all of them where nothing is said.
    pub facet_query: Option<String>,
    /// The words that documents must have.
    pub q: Option<String>,
    /// The filter that they must pass, as it was sent.
    pub filter: Option<Value>,
    /// What is done when not all words match.
    pub matching_strategy: MatchingStrategy,
    /// Where words are looked up.
    pub attributes_to_search_on: Option<Vec<String>>,
    /// The least score of a document, 0 to 1.
    pub ranking_score_threshold: Option<f64>,
    /// The languages of the queries.
    pub locales: Option<Vec<String>>,
    /// Search by vectors, which finds all documents that pass the filter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hybrid: Option<Hybrid>,
    /// The vector of that search.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vector: Option<Vec<f32>>,
    /// Whether counts must be exact where that takes longer: with a distinct attribute or a threshold.
    pub exhaustive_facet_count: bool,
}

/// Searches among values.
struct FacetSearch;

impl Subject for FacetSearch {
    fn code(at: &[&str], missing: Option<&str>) -> ErrorCode {
        match (at, missing) {
            ([], Some("facetName")) => ErrorCode::MissingFacetSearchFacetName,
            (["facetName", ..], _) => ErrorCode::InvalidFacetSearchFacetName,
            (["facetQuery", ..], _) => ErrorCode::InvalidFacetSearchQuery,
            (["exhaustiveFacetCount", ..], _) => ErrorCode::InvalidFacetSearchExhaustiveFacetCount,
            _ => code_of("invalid_search_", at),
        }
    }
}

/// Members that are not known are ignored, as Meilisearch does here: clients send all that their search has.
#[derive(Deserr)]
#[deserr(error = JsonRefusal<FacetSearch>, rename_all = camelCase)]
struct Body {
    facet_name: String,
    #[deserr(default)]
    facet_query: Option<String>,
    #[deserr(default)]
    q: Option<String>,
    #[deserr(default)]
    vector: Option<Vec<f32>>,
    #[deserr(default)]
    media: Option<Value>,
    #[deserr(default)]
    hybrid: Option<hybrid::Body>,
    #[deserr(default)]
    filter: Option<Value>,
    #[deserr(default)]
    matching_strategy: MatchingStrategy,
    #[deserr(default)]
    attributes_to_search_on: Option<Vec<String>>,
    #[deserr(default)]
    ranking_score_threshold: Option<Threshold>,
    #[deserr(default)]
    locales: Option<Vec<Locale>>,
    #[deserr(default)]
    exhaustive_facet_count: Option<bool>,
    #[deserr(default)]
    use_network: Option<bool>,
}

/// Parses the body of a search among values.
///
/// # Errors
/// Meilisearch's error where the body is wrong, and where it asks for what is not there yet.
pub fn facet_search_from_json(body: &[u8]) -> Result<FacetSearchRequest, RequestError> {
    let body: Body = deserr::deserialize(parse(body)?).map_err(|error: JsonRefusal<FacetSearch>| error.0)?;
    let asked = [("media", body.media.is_some()), ("useNetwork", body.use_network.is_some())];
    if let Some((name, _)) = asked.into_iter().find(|(_, asked)| *asked) {
        return Err(RequestError::Unsupported(name));
    }
    Ok(FacetSearchRequest {
        facet_name: body.facet_name,
        facet_query: body.facet_query,
        q: body.q,
        filter: body.filter,
        matching_strategy: body.matching_strategy,
        attributes_to_search_on: body.attributes_to_search_on,
        ranking_score_threshold: body.ranking_score_threshold.map(|threshold| threshold.0),
        locales: codes(body.locales),
        hybrid: body.hybrid.map(Into::into),
        vector: body.vector,
        exhaustive_facet_count: body.exhaustive_facet_count.unwrap_or_default(),
    })
}
