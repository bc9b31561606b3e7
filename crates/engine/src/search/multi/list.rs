//! One list of the hits of several queries.
//!
//! The hits of each index are merged first, then those of all indexes. Where the list is distinct a hit goes that has a
//! value of a better one: in its own index as if it had not matched, in another one after the facets were counted, of
//! which it is taken out.

use std::collections::BTreeMap;
use std::time::Instant;

use milli::Object;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::distinct::Distinct;
use super::facets;
use super::of_index::{self, Hit};
use super::request::{Federation, MultiQuery};
use crate::engine::Engine;
use crate::error::ApiError;
use crate::search::query::Means;

/// Runs the queries and answers with one list.
///
/// # Errors
/// `invalid_multi_search_*` for what a query of a list must not ask, and the errors of searches.
pub(super) fn run(
    engine: &Engine,
    queries: &[MultiQuery],
    federation: &Federation,
) -> Result<Value, ApiError> {
    let started = Instant::now();
    // All filters are read before anything else is looked at.
    for query in queries {
        query.search.check_filter().map_err(|error| error.in_query(query.position))?;
    }
    let mut by_index: BTreeMap<&str, Vec<&MultiQuery>> = BTreeMap::new();
    for query in queries {
        query.check(federation).map_err(|error| error.in_query(query.position))?;
        by_index.entry(&query.uid).or_default().push(query);
    }
    let (mut lists, mut counted, mut total) = (Vec::new(), Vec::new(), 0_usize);
    for (uid, queries) in by_index {
        let found = of_index::search(engine, federation, uid, &queries)?;
        lists.push(found.hits.into_iter().map(move |hit| (uid, hit)));
        counted.extend(found.facets.map(|facets| (uid, facets)));
        total += found.total;
    }
    let (hits, mut rejected) = merge(lists, federation.distinct.as_deref());
    let total = total.saturating_sub(rejected.values().map(Vec::len).sum());
    let (before, limit) = federation.paging.part();
    let page: Vec<Hit> = hits.into_iter().skip(before).take(limit).collect();
    let semantic_hits = page.iter().filter(|hit| hit.rank.has_vector()).count();
    let shown: Vec<Object> = page.into_iter().map(|hit| hit.shown).collect();
    let mut answer = Map::from_iter([
        ("hits".to_owned(), Value::from(shown)),
        ("processingTimeMs".to_owned(), json!(started.elapsed().as_millis() as u64)),
    ]);
    answer.extend(federation.paging.members(federation.paging.offset, total));
    let counted = counted.into_iter().map(|(uid, facets)| {
        let rejected = rejected.remove(uid).unwrap_or_default();
        facets::OfIndex { uid: uid.to_owned(), facets, rejected }
    });
    answer.extend(facets::members(federation.merge_facets, counted.collect()));
    answer.insert("requestUid".to_owned(), json!(Uuid::now_v7()));
    if queries.iter().any(|query| query.search.means() != Means::Words) {
        answer.insert("semanticHitCount".to_owned(), json!(semantic_hits));
    }
    Ok(Value::Object(answer))
}

/// The hits of all indexes in their order, and by index the documents that go because the list is distinct.
fn merge<'a>(
    lists: Vec<impl Iterator<Item = (&'a str, Hit)>>,
    distinct: Option<&str>,
) -> (Vec<Hit>, BTreeMap<&'a str, Vec<Object>>) {
    let mut distinct = Distinct::new(distinct);
    let (mut hits, mut rejected) = (Vec::new(), BTreeMap::<_, Vec<_>>::new());
    let precedes = |(_, a): &(&str, Hit), (_, b): &(&str, Hit)| a.rank.precedes(&b.rank);
    for (uid, hit) in itertools::kmerge_by(lists, precedes) {
        if distinct.takes(hit.stored.as_ref()) {
            hits.push(hit);
        } else {
            rejected.entry(uid).or_default().extend(hit.stored);
        }
    }
    (hits, rejected)
}
