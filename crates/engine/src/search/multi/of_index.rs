//! What the queries of one index find together, all in one read transaction.

use milli::heed::RoTxn;
use milli::score_details::{ScoreDetails, ScoringStrategy};
use milli::{DocumentId, FieldsIdsMap, Index, MatchingWords, Object, SearchResult};
use roaring::RoaringBitmap;
use serde_json::json;

use super::compare::Rank;
use super::distinct::Distinct;
use super::request::{Federation, MultiQuery};
use crate::engine::Engine;
use crate::error::ApiError;
use crate::index::max_total_hits;
use crate::search::facets::{self, Facets};
use crate::search::{Window, add_vector, execute, hits, prepare};

/// The hits of one index, best first, and what is counted of it.
pub(super) struct Found {
    pub(super) hits: Vec<Hit>,
    /// How many documents one query or more match.
    pub(super) total: usize,
    pub(super) facets: Option<Facets>,
}

/// A document that a query found.
pub(super) struct Hit {
    id: DocumentId,
    pub(super) rank: Rank,
    /// All of it, when the list is distinct.
    pub(super) stored: Option<Object>,
    /// What the query wants to see of it.
    pub(super) shown: Object,
}

/// An index as its queries see it.
struct View<'a> {
    engine: &'a Engine,
    federation: &'a Federation,
    uid: &'a str,
    index: &'a Index,
    txn: &'a RoTxn<'a>,
    names: FieldsIdsMap,
    /// How many of its hits can be in the list.
    depth: usize,
}

/// Runs the queries on the index called `uid`.
///
/// # Errors
/// `index_not_found`, `invalid_search_*` for what a query asks, or an error of the disk.
pub(super) fn search(
    engine: &Engine,
    federation: &Federation,
    uid: &str,
    queries: &[&MultiQuery],
) -> Result<Found, ApiError> {
    let first = queries.first().map_or(0, |query| query.position);
    let index = engine.index(uid).map_err(|error| error.in_query(first))?;
    let txn = index.read_txn()?;
    let view = View {
        engine,
        federation,
        uid,
        index: &index,
        txn: &txn,
        names: index.fields_ids_map(&txn)?,
        depth: federation.depth().min(max_total_hits(&index, &txn)?),
    };
    let mut candidates = RoaringBitmap::new();
    let (mut lists, mut words) = (Vec::new(), Vec::new());
    for query in queries {
        let found = view.find(query).map_err(|error| error.in_query(query.position))?;
        candidates |= found.candidates;
        words.push(found.matching_words);
        lists.push(ranked(query, found.documents_ids, found.document_scores));
    }
    let mut hits = view.merge(lists, &mut candidates)?;
    for (query, words) in queries.iter().zip(words) {
        view.show(query, words, &mut hits).map_err(|error| error.in_query(query.position))?;
    }
    let total = usize::try_from(candidates.len()).unwrap_or(usize::MAX);
    let facets = view.count(candidates).map_err(|error| error.in_query(first))?;
    Ok(Found { hits, total, facets })
}

fn ranked(query: &MultiQuery, ids: Vec<DocumentId>, scores: Vec<Vec<ScoreDetails>>) -> Vec<Hit> {
    let (weight, position) = (query.weight.unwrap_or(1.0), query.position);
    let hit = |(id, scores)| {
        let rank = Rank { scores, weight, position };
        Hit { id, rank, stored: None, shown: Object::new() }
    };
    ids.into_iter().zip(scores).map(hit).collect()
}

impl View<'_> {
    fn find(&self, query: &MultiQuery) -> Result<SearchResult, ApiError> {
        let query = &query.search;
        let window = Window { offset: 0, limit: self.depth, cap: self.depth };
        let mut search = prepare(self.index, self.txn, query, &window)?;
        search.exhaustive_number_hits(self.federation.paging.is_paged());
        search.scoring_strategy(ScoringStrategy::Detailed);
        if let Some(distinct) = &self.federation.distinct {
            search.distinct(distinct.clone());
        }
        if let Some(hybrid) = &query.hybrid {
            add_vector(&self.engine.embedders.of(self.index, self.txn)?, query, hybrid, &mut search)?;
        }
        let (found, _) = execute(&search, query).map_err(|error| ApiError::in_index(&error, self.uid))?;
        Ok(found)
    }

    /// The first hits of all queries, each document where it is best. What goes because the list is distinct
    /// does not count as a match.
    fn merge(&self, lists: Vec<Vec<Hit>>, candidates: &mut RoaringBitmap) -> Result<Vec<Hit>, ApiError> {
        let mut seen = RoaringBitmap::new();
        let mut distinct = Distinct::new(self.federation.distinct.as_deref());
        let mut hits = Vec::new();
        for mut hit in itertools::kmerge_by(lists, |a: &Hit, b: &Hit| a.rank.precedes(&b.rank)) {
            if hits.len() == self.depth {
                break;
            }
            if !seen.insert(hit.id) {
                continue;
            }
            hit.stored = self.stored(hit.id)?;
            if distinct.takes(hit.stored.as_ref()) {
                hits.push(hit);
            } else {
                candidates.remove(hit.id);
            }
        }
        Ok(hits)
    }

    /// The document, when the list is distinct.
    fn stored(&self, id: DocumentId) -> Result<Option<Object>, ApiError> {
        if self.federation.distinct.is_none() {
            return Ok(None);
        }
        Ok(Some(milli::all_obkv_to_json(self.index.document(self.txn, id)?, &self.names)?))
    }

    /// Makes what is seen of the hits that are there by this query.
    fn show(&self, query: &MultiQuery, words: MatchingWords, hits: &mut [Hit]) -> Result<(), ApiError> {
        let ours = |hit: &&mut Hit| hit.rank.position == query.position;
        let found = hits.iter().filter(|hit| hit.rank.position == query.position);
        let found = found.map(|hit| (hit.id, hit.rank.scores.as_slice()));
        let made = hits::make(self.index, self.txn, &query.search, words, found)?;
        for (hit, shown) in hits.iter_mut().filter(ours).zip(made) {
            hit.shown = shown;
            let federation = json!({
                "indexUid": self.uid,
                "queriesPosition": query.position,
                "weightedRankingScore": hit.rank.score(),
            });
            hit.shown.insert("_federation".to_owned(), federation);
        }
        Ok(())
    }

    fn count(&self, candidates: RoaringBitmap) -> Result<Option<Facets>, ApiError> {
        let Some(names) = self.federation.facets_of(self.uid) else { return Ok(None) };
        let counted = facets::compute(self.index, self.txn, names, candidates).map(Some);
        counted.map_err(|error| error.inside(format_args!(".federation.facetsByIndex.{}", self.uid)))
    }
}
