//! Documents like another one (`perform_similar` of 1.50).

use std::time::Instant;

use milli::documents::validate_document_id_value;
use milli::{Index, UserError};
use serde_json::{Map, Value, json};

use super::{SearchQuery, filter, hits};
use crate::error::ApiError;
use crate::index::{Embedders, max_total_hits};
use crate::routes::Fields;

/// What the codes of its parameters begin with.
const CODES: &str = "invalid_similar_";

/// The parameters: which document, by which embedder, and what of a search holds for the hits.
#[derive(Debug, Clone)]
pub(crate) struct SimilarQuery {
    id: Value,
    embedder: String,
    search: SearchQuery,
}

/// The parameters of a search that hold here too.
const OF_SEARCHES: [&str; 8] = [
    "offset",
    "limit",
    "filter",
    "attributesToRetrieve",
    "retrieveVectors",
    "showRankingScore",
    "showRankingScoreDetails",
    "rankingScoreThreshold",
];

impl SimilarQuery {
    /// Reads the body of the request.
    ///
    /// # Errors
    /// The code of the parameter that is wrong, `bad_request` for one that is unknown or missing.
    pub(crate) fn parse(mut body: Map<String, Value>) -> Result<Self, ApiError> {
        // Null is a wrong id, not a missing one.
        let id = body.remove("id");
        let mut fields = Fields::new(body, CODES);
        let embedder = fields.text("embedder")?;
        let shared = OF_SEARCHES.into_iter().filter_map(|name| Some((name.to_owned(), fields.any(name)?)));
        let search = SearchQuery::parse(shared.collect()).map_err(of_this_route)?;
        fields.finish()?;
        let missing = |name: &str| ApiError::new("bad_request", format!("Missing field `{name}`"));
        Ok(Self {
            id: id.ok_or_else(|| missing("id"))?,
            embedder: embedder.ok_or_else(|| missing("embedder"))?,
            search,
        })
    }
}

/// The same error, under the code that this route has for the parameter.
fn of_this_route(error: ApiError) -> ApiError {
    match error.code.strip_prefix("invalid_search_") {
        Some(parameter) => ApiError::new(format!("{CODES}{parameter}"), error.message),
        None => error,
    }
}

/// Finds the documents nearest to the one that the query names, without it.
///
/// # Errors
/// `invalid_similar_*` for what the query asks, `not_found_similar_id`, or an error of the disk.
pub(crate) fn find(index: &Index, embedders: &Embedders, query: &SimilarQuery) -> Result<Value, ApiError> {
    let started = Instant::now();
    let txn = index.read_txn()?;
    let (embedder, _, quantized) = embedders.of(index, &txn)?.get(&query.embedder).ok_or_else(|| {
        let text = format!("Cannot find embedder with name `{}`.", query.embedder);
        ApiError::new("invalid_similar_embedder", text)
    })?;
    let filter = match &query.search.filter {
        Some(filter) => filter::parse(filter, "invalid_similar_filter")?,
        None => None,
    };
    let id = validate_document_id_value(query.id.clone())
        .map_err(|error| ApiError::new("invalid_similar_id", format!("Invalid value at `.id`: {error}")))?;
    let Some(document) = index.external_documents_ids().get(&txn, &id)? else {
        return Err(ApiError::new("not_found_similar_id", format!("Document `{id}` not found.")));
    };

    let paging = &query.search.paging;
    let (offset, limit) = paging.part();
    // milli reserves memory for all hits that are asked for, and adds the two numbers up.
    let most = usize::try_from(index.number_of_documents(&txn)?).unwrap_or(usize::MAX);
    let (first, length) = (offset.min(most), limit.min(most));
    let name = query.embedder.clone();
    let mut similar = milli::Similar::new(document, first, length, index, &txn, name, embedder, quantized);
    if let Some(filter) = filter {
        similar.filter(filter);
    }
    if let Some(threshold) = query.search.ranking_score_threshold {
        similar.ranking_score_threshold(threshold);
    }
    let found = similar.execute().map_err(|error| match error {
        milli::Error::UserError(UserError::InvalidFilter(_)) => of_this_route(error.into()),
        // As in 1.50 an operator that an attribute does not allow has the code of searches.
        error => error.into(),
    })?;

    let total = usize::try_from(found.candidates.len()).unwrap_or(usize::MAX);
    let scores = found.document_scores.iter().map(Vec::as_slice);
    let scored = found.documents_ids.iter().copied().zip(scores);
    let hits = hits::make(index, &txn, &query.search, found.matching_words, scored)?;
    let mut answer = Map::from_iter([
        ("hits".to_owned(), Value::from(hits)),
        ("id".to_owned(), Value::from(id)),
        ("processingTimeMs".to_owned(), json!(started.elapsed().as_millis() as u64)),
    ]);
    answer.extend(paging.members(offset, total.min(max_total_hits(index, &txn)?)));
    Ok(Value::Object(answer))
}
