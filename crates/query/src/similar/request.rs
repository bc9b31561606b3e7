//! A search for similar documents as its user asks for it.

use deserr::Deserr;
use miroir_api::{ErrorCode, ResponseError};
use serde_json::Value;

use crate::filter;
use crate::listing::document_id;
use crate::request::body::Threshold;
use crate::request::get::{List, Parsed, TextThreshold, filter_of, texts};
use crate::request::post::parse;
use crate::request::refusal::{JsonRefusal, QueryRefusal, Subject, code_of};
use crate::request::{DEFAULT_LIMIT, RequestError};

/// A search for documents like one. Every member is Meilisearch's of the same name.
#[derive(Debug, Clone, PartialEq)]
pub struct SimilarRequest {
    /// The document, by its id as canonical text; or why that is none. An index without documents has no ids either, so
    /// it is looked at last.
    pub id: Result<String, ResponseError>,
    /// The embedder whose vectors are compared.
    pub embedder: String,
    /// How many documents to leave out.
    pub offset: usize,
    /// How many to give.
    pub limit: usize,
    /// Only documents that pass, as it was sent.
    pub filter: Option<Value>,
    /// What keeps the filter from being read.
    pub(crate) unreadable_filter: Option<ResponseError>,
    /// What hits show.
    pub attributes_to_retrieve: Option<Vec<String>>,
    /// Whether hits show their vectors.
    pub retrieve_vectors: bool,
    /// Whether hits show their score.
    pub show_ranking_score: bool,
    /// Whether hits show what their score is made of.
    pub show_ranking_score_details: bool,
    /// The least score of a hit, 0 to 1.
    pub ranking_score_threshold: Option<f64>,
}

/// Searches for similar documents.
struct Similar;

impl Subject for Similar {
    fn code(at: &[&str], _: Option<&str>) -> ErrorCode {
        code_of("invalid_similar_", at)
    }
}

/// The order is Meilisearch's: its error about an unknown member lists them.
#[derive(Deserr)]
#[deserr(error = JsonRefusal<Similar>, rename_all = camelCase, deny_unknown_fields)]
struct Body {
    id: Value,
    #[deserr(default)]
    offset: usize,
    #[deserr(default = DEFAULT_LIMIT)]
    limit: usize,
    #[deserr(default)]
    filter: Option<Value>,
    embedder: String,
    #[deserr(default)]
    attributes_to_retrieve: Option<Vec<String>>,
    #[deserr(default)]
    retrieve_vectors: bool,
    #[deserr(default)]
    show_ranking_score: bool,
    #[deserr(default)]
    show_ranking_score_details: bool,
    #[deserr(default)]
    show_performance_details: bool,
    #[deserr(default)]
    ranking_score_threshold: Option<Threshold>,
}

#[derive(Deserr)]
#[deserr(error = QueryRefusal<Similar>, rename_all = camelCase, deny_unknown_fields)]
struct Parameters {
    id: String,
    embedder: String,
    #[deserr(default)]
    offset: Parsed<usize>,
    #[deserr(default = Parsed(DEFAULT_LIMIT))]
    limit: Parsed<usize>,
    #[deserr(default)]
    attributes_to_retrieve: Option<Parsed<List>>,
    #[deserr(default)]
    retrieve_vectors: Parsed<bool>,
    #[deserr(default)]
    filter: Option<String>,
    #[deserr(default)]
    show_ranking_score: Parsed<bool>,
    #[deserr(default)]
    show_ranking_score_details: Parsed<bool>,
    #[deserr(default)]
    show_performance_details: Parsed<bool>,
    #[deserr(default)]
    ranking_score_threshold: Option<TextThreshold>,
}

/// Parses the body of a POST.
///
/// # Errors
/// Meilisearch's error where the body is wrong, and where it asks for what is not there yet.
pub fn similar_from_json(body: &[u8]) -> Result<SimilarRequest, RequestError> {
    let body: Body = deserr::deserialize(parse(body)?).map_err(|error: JsonRefusal<Similar>| error.0)?;
    if body.show_performance_details {
        return Err(RequestError::Unsupported("showPerformanceDetails"));
    }
    Ok(SimilarRequest {
        id: id_of(&body.id),
        embedder: body.embedder,
        offset: body.offset,
        limit: body.limit,
        unreadable_filter: body.filter.as_ref().and_then(unreadable),
        filter: body.filter,
        attributes_to_retrieve: body.attributes_to_retrieve,
        retrieve_vectors: body.retrieve_vectors,
        show_ranking_score: body.show_ranking_score,
        show_ranking_score_details: body.show_ranking_score_details,
        ranking_score_threshold: body.ranking_score_threshold.map(|threshold| threshold.0),
    })
}

/// Parses the parameters of a GET, decoded.
///
/// # Errors
/// Meilisearch's error where a parameter is wrong, and where one asks for what is not there yet.
pub fn similar_from_parameters<'a>(
    parameters: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<SimilarRequest, RequestError> {
    let parameters: Parameters =
        deserr::deserialize(texts(parameters)).map_err(|error: QueryRefusal<Similar>| error.0)?;
    if parameters.show_performance_details.0 {
        return Err(RequestError::Unsupported("showPerformanceDetails"));
    }
    let filter =
        parameters.filter.map(|text| filter_of(text, ErrorCode::InvalidSimilarFilter)).transpose()?;
    Ok(SimilarRequest {
        id: id_of(&Value::String(parameters.id)),
        embedder: parameters.embedder,
        offset: parameters.offset.0,
        limit: parameters.limit.0,
        unreadable_filter: filter.as_ref().and_then(unreadable),
        filter,
        attributes_to_retrieve: parameters.attributes_to_retrieve.map(|Parsed(List(names))| names),
        retrieve_vectors: parameters.retrieve_vectors.0,
        show_ranking_score: parameters.show_ranking_score.0,
        show_ranking_score_details: parameters.show_ranking_score_details.0,
        ranking_score_threshold: parameters.ranking_score_threshold.map(|threshold| threshold.0),
    })
}

fn unreadable(filter: &Value) -> Option<ResponseError> {
    let error = filter::parse(filter).err()?;
    Some(ResponseError::new(ErrorCode::InvalidSimilarFilter, error.to_string()))
}

fn id_of(id: &Value) -> Result<String, ResponseError> {
    document_id(id).map_err(|invalid| {
        ResponseError::new(ErrorCode::InvalidSimilarId, format!("Invalid value at `.id`: {invalid}"))
    })
}
