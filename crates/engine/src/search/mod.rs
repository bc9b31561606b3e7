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
mod similar;
mod values;
mod vectors;

use std::str::FromStr;
use std::time::{Duration, Instant};

use milli::heed::RoTxn;
use milli::score_details::ScoringStrategy;
use milli::{AscDesc, Index, SortError, TimeBudget};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::error::ApiError;
use crate::index::{Embedders, max_total_hits};

pub(crate) use filter::parse as parse_filter;
pub(crate) use multi::MultiSearch;
use query::Means;
pub(crate) use query::SearchQuery;
pub(crate) use select::select_values;
pub(crate) use similar::{SimilarQuery, find as find_similar};
pub(crate) use values::{ValuesQuery, find as find_values};
use vectors::add_vector;

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
    let vector = match &query.hybrid {
        Some(hybrid) => add_vector(&embedders.of(index, &txn)?, query, hybrid, &mut search)?,
        None => None,
    };
    let (found, semantic_hits) = execute(&search, query).map_err(|error| ApiError::in_index(&error, uid))?;
    let vector = match (vector, query.means()) {
        (Some(_), Means::Both(ratio)) if words_are_enough(index, &txn, query, (&window, ratio))? => None,
        (vector, _) => vector,
    };

    let total = window.cap.min(usize::try_from(found.candidates.len()).unwrap_or(usize::MAX));
    let scores = found.document_scores.iter().map(Vec::as_slice);
    let scored = found.documents_ids.iter().copied().zip(scores);
    let hits = hits::make(index, &txn, query, found.matching_words, scored)?;
    let mut answer = Map::from_iter([
        ("hits".to_owned(), Value::from(hits)),
        ("query".to_owned(), json!(query.q.as_deref().unwrap_or_default())),
    ]);
    if let Some(vector) = vector {
        answer.insert("queryVector".to_owned(), vectors::view(&vector));
    }
    answer.insert("processingTimeMs".to_owned(), json!(started.elapsed().as_millis() as u64));
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

/// Whether a hybrid search has needed no vectors: milli does not tell.
fn words_are_enough(
    index: &Index,
    txn: &RoTxn<'_>,
    query: &SearchQuery,
    (window, semantic_ratio): (&Window, f32),
) -> Result<bool, ApiError> {
    let looked_at = Window { offset: 0, limit: window.offset + window.limit, cap: window.cap };
    let mut search = prepare(index, txn, query, &looked_at)?;
    search.scoring_strategy(ScoringStrategy::Detailed);
    let scores = search.execute()?.document_scores;
    Ok(vectors::words_are_enough(semantic_ratio, looked_at.limit, &scores))
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
