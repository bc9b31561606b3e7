//! Searching among the values of a facet (`meilisearch/src/routes/indexes/facet_search.rs` of 1.15).

use std::time::Instant;

use milli::heed::RoTxn;
use milli::tokenizer::Language;
use milli::{Index, PatternMatch, SearchForFacetValues};
use serde_json::{Map, Value, json};

use super::query::Means;
use super::{SearchQuery, Window, add_vector, prepare};
use crate::error::ApiError;
use crate::index::{Embedders, max_total_hits};
use crate::routes::Fields;

/// The parameters of a search among values: which ones, and in which documents.
#[derive(Debug, Clone)]
pub(crate) struct ValuesQuery {
    facet: String,
    query: Option<String>,
    documents: SearchQuery,
}

/// The parameters of a search that choose documents. Others are ignored, known or not.
const CHOOSING: [&str; 8] = [
    "q",
    "vector",
    "hybrid",
    "filter",
    "matchingStrategy",
    "attributesToSearchOn",
    "rankingScoreThreshold",
    "locales",
];

impl ValuesQuery {
    /// Reads the body of a search among values.
    ///
    /// # Errors
    /// The code of the parameter that is wrong.
    pub(crate) fn parse(body: Map<String, Value>) -> Result<Self, ApiError> {
        let mut fields = Fields::new(body, "invalid_facet_search_");
        let facet = fields
            .text("facetName")?
            .ok_or_else(|| ApiError::new("missing_facet_search_facet_name", "Missing field `facetName`"))?;
        let query = fields
            .text("facetQuery")
            .map_err(|error| ApiError::new("invalid_facet_search_query", error.message))?;
        let exhaustive = fields.flag("exhaustiveFacetCount")?;
        let chosen = CHOOSING.into_iter().filter_map(|name| Some((name.to_owned(), fields.any(name)?)));
        let mut chosen: Map<String, Value> = chosen.collect();
        if exhaustive {
            // A page without hits has an exact total: nothing is sorted for it.
            chosen.insert("page".to_owned(), json!(0));
        }
        Ok(Self { facet, query, documents: SearchQuery::parse(chosen)? })
    }
}

/// Runs a search among values.
///
/// # Errors
/// `facet_search_disabled`, `invalid_facet_search_facet_name`, `invalid_search_*`, or an error of the disk.
pub(crate) fn find(index: &Index, embedders: &Embedders, query: &ValuesQuery) -> Result<Value, ApiError> {
    let started = Instant::now();
    let txn = index.read_txn()?;
    if !index.facet_search(&txn)? {
        return Err(ApiError::new("facet_search_disabled", "The facet search is disabled for this index"));
    }
    let documents = &query.documents;
    let window = Window::new(documents, max_total_hits(index, &txn)?);
    let mut search = prepare(index, &txn, documents, &window)?;
    if let Some(hybrid) = &documents.hybrid {
        add_vector(&embedders.of(index, &txn)?, documents, hybrid, &mut search)?;
    }
    let hybrid = matches!(documents.means(), Means::Both(_));
    let mut values = SearchForFacetValues::new(query.facet.clone(), search, hybrid);
    if let Some(text) = &query.query {
        values.query(text);
    }
    if let Some(most) = index.max_values_per_facet(&txn)? {
        values.max_values(usize::try_from(most).unwrap_or(usize::MAX));
    }
    if let Some(locales) = locales(index, &txn, query)? {
        values.locales(locales);
    }
    let found = values.execute()?;
    Ok(json!({
        "facetHits": found,
        "facetQuery": query.query,
        "processingTimeMs": started.elapsed().as_millis() as u64,
    }))
}

/// The locales of the facet, without those that the query does not name; `None` where the facet has none.
fn locales(index: &Index, txn: &RoTxn<'_>, query: &ValuesQuery) -> Result<Option<Vec<Language>>, ApiError> {
    let rules = index.localized_attributes_rules(txn)?.unwrap_or_default();
    let rule = rules.into_iter().find(|rule| rule.match_str(&query.facet) == PatternMatch::Match);
    let named = query.documents.locales.as_ref();
    Ok(rule.map(|rule| {
        let locales = rule.locales.into_iter();
        locales.filter(|locale| named.is_none_or(|named| named.contains(locale))).collect()
    }))
}
