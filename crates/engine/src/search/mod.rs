//! Answering one search (`meilisearch/src/search/mod.rs` of 1.15).
//!
//! Totals follow 1.15: `estimatedTotalHits`, `totalHits` and the offset shown never exceed `pagination.maxTotalHits`
//! (1.50 does not cap them).

mod facets;
mod filter;
mod format;
mod hits;
mod multi;
mod paging;
mod query;
mod select;
mod values;

use std::str::FromStr;
use std::time::{Duration, Instant};

use milli::heed::RoTxn;
use milli::score_details::ScoringStrategy;
use milli::vector::EmbeddingConfigs;
use milli::{AscDesc, Index, SortError, TimeBudget};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::error::ApiError;
use crate::index::{Embedders, max_total_hits};

pub(crate) use filter::parse as parse_filter;
pub(crate) use multi::MultiSearch;
pub(crate) use query::SearchQuery;
use query::{Hybrid, Means};
pub(crate) use select::select_values;
pub(crate) use values::{ValuesQuery, find as find_values};

/// Time that an embedder's service has to answer a search.
const EMBEDDING_TIME: Duration = Duration::from_secs(10);

/// Where the page is, after the cap.
struct Window {
    offset: usize,
    limit: usize,
    cap: usize,
}

impl Window {
    fn new(query: &SearchQuery, cap: usize) -> Self {
        let (offset, limit) = query.paging.part();
        let offset = offset.min(cap);
        Self { offset, limit: limit.min(cap - offset), cap }
    }
}

/// Runs a search on the index called `uid`.
///
/// # Errors
/// `invalid_search_*` for what the query asks, or an error of the disk.
pub(crate) fn run(
    uid: &str,
    index: &Index,
    embedders: &Embedders,
    query: &SearchQuery,
) -> Result<Value, ApiError> {
    let started = Instant::now();
    let txn = index.read_txn()?;
    let window = Window::new(query, max_total_hits(index, &txn)?);
    let mut search = prepare(index, &txn, query, &window)?;
    if let Some(hybrid) = &query.hybrid {
        add_vector(&embedders.of(index, &txn)?, query, hybrid, &mut search)?;
    }
    let (found, semantic_hits) = execute(&search, query).map_err(|error| ApiError::in_index(&error, uid))?;

    let total = window.cap.min(usize::try_from(found.candidates.len()).unwrap_or(usize::MAX));
    let scores = found.document_scores.iter().map(Vec::as_slice);
    let scored = found.documents_ids.iter().copied().zip(scores);
    let hits = hits::make(index, &txn, query, found.matching_words, scored)?;
    let mut answer = Map::from_iter([
        ("hits".to_owned(), Value::from(hits)),
        ("query".to_owned(), json!(query.q.as_deref().unwrap_or_default())),
        ("processingTimeMs".to_owned(), json!(started.elapsed().as_millis() as u64)),
    ]);
    answer.extend(query.paging.members(window.offset, total));
    if let Some(names) = &query.facets {
        let (distribution, stats) = facets::compute(index, &txn, names, found.candidates)?.into_json();
        answer.insert("facetDistribution".to_owned(), distribution);
        answer.insert("facetStats".to_owned(), stats);
    }
    answer.insert("requestUid".to_owned(), json!(Uuid::now_v7()));
    if let Some(count) = semantic_hits {
        answer.insert("semanticHitCount".to_owned(), json!(count));
    }
    Ok(Value::Object(answer))
}

fn prepare<'a>(
    index: &'a Index,
    txn: &'a RoTxn<'a>,
    query: &'a SearchQuery,
    window: &Window,
) -> Result<milli::Search<'a>, ApiError> {
    let mut search = index.search(txn);
    search.time_budget(match index.search_cutoff(txn)? {
        Some(milliseconds) => TimeBudget::new(Duration::from_millis(milliseconds)),
        None => TimeBudget::default(),
    });
    search.offset(window.offset).limit(window.limit);
    search.exhaustive_number_hits(query.paging.is_paged());
    search.terms_matching_strategy(query.matching_strategy);
    search.scoring_strategy(match query.needs_scores() {
        true => ScoringStrategy::Detailed,
        false => ScoringStrategy::Skip,
    });
    if let Some(q) = &query.q
        && query.means() != Means::Vectors
    {
        search.query(q);
    }
    if let Some(threshold) = query.ranking_score_threshold {
        search.ranking_score_threshold(threshold);
    }
    if let Some(distinct) = &query.distinct {
        search.distinct(distinct.clone());
    }
    if let Some(names) = &query.attributes_to_search_on {
        search.searchable_attributes(names);
    }
    if let Some(filter) = &query.filter
        && let Some(filter) = filter::parse(filter, "invalid_search_filter")?
    {
        search.filter(filter);
    }
    if let Some(sort) = &query.sort {
        let criteria = sort.iter().map(|text| AscDesc::from_str(text)).collect::<Result<Vec<_>, _>>();
        search.sort_criteria(criteria.map_err(|error| milli::Error::from(SortError::from(error)))?);
    }
    if let Some(locales) = &query.locales {
        search.locales(locales.clone());
    }
    Ok(search)
}

/// Runs what was prepared. Where vectors are compared it also says how many hits they found.
fn execute(
    search: &milli::Search<'_>,
    query: &SearchQuery,
) -> milli::Result<(milli::SearchResult, Option<u32>)> {
    match query.means() {
        Means::Words => Ok((search.execute()?, None)),
        Means::Vectors => {
            let found = search.execute()?;
            let count = found.documents_ids.len() as u32;
            Ok((found, Some(count)))
        }
        Means::Both(ratio) => search.execute_hybrid(ratio),
    }
}

/// Gives the search what it needs to compare vectors. A hybrid search embeds its words itself, when it must.
fn add_vector(
    known: &EmbeddingConfigs,
    query: &SearchQuery,
    hybrid: &Hybrid,
    search: &mut milli::Search<'_>,
) -> Result<(), ApiError> {
    let (embedder, _, quantized) = known.get(&hybrid.embedder).ok_or_else(|| {
        let error = milli::UserError::InvalidSearchEmbedder(hybrid.embedder.clone());
        ApiError::from(milli::Error::from(error))
    })?;
    if let Some(vector) = query.vector.as_ref().filter(|vector| vector.len() != embedder.dimensions()) {
        let (expected, found) = (embedder.dimensions(), vector.len());
        return Err(milli::Error::from(milli::UserError::InvalidVectorDimensions { expected, found }).into());
    }
    let vector = match (query.means(), &query.vector, &query.q) {
        (Means::Words, _, _) => return Ok(()),
        (Means::Vectors, None, Some(q)) => {
            let deadline = Instant::now() + EMBEDDING_TIME;
            let embedded = embedder.embed_search(q, Some(deadline));
            Some(embedded.map_err(|error| milli::Error::from(milli::vector::Error::from(error)))?)
        }
        (_, vector, _) => vector.clone(),
    };
    search.semantic(hybrid.embedder.clone(), embedder, quantized, vector);
    Ok(())
}
