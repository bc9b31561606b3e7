//! One list of the hits of several searches (`perform_federated_search` of Meilisearch).
//!
//! The hits of an index are merged first, and a document that two searches found stays where it is better; then those of
//! all indexes. With a distinct attribute a hit goes that has a value of a better one: in its own index as if it had not
//! matched, in another one after the facets were counted, of which it is taken out.

use std::collections::{BTreeMap, BTreeSet};

use itertools::Itertools;
use miroir_api::{ErrorCode, ResponseError};
use miroir_model::IndexUid;
use miroir_settings::{FacetOrder, FacetOrders};

use super::{Contribution, Facets, Federated, FederatedHit, Totals};
use crate::merge::{FacetValue, Meta, ObjectWriter, float, write_list, write_string};
use crate::request::{Federation, MergeFacets, Paging, SearchRequest};

/// What the searches of one index have found.
#[derive(Debug, Clone)]
pub struct FederatedIndex {
    /// The index.
    pub uid: IndexUid,
    /// The searches, with their places in the request.
    pub searches: Vec<(usize, Contribution)>,
    /// What they count together.
    pub totals: Totals,
    /// In which order the index has the values of its facets.
    pub facet_orders: FacetOrders,
    /// How many of its hits can be reached.
    pub max_total_hits: usize,
}

/// A hit with its search's place.
struct Placed<'a> {
    place: usize,
    uid: &'a IndexUid,
    hit: FederatedHit,
}

impl Placed<'_> {
    /// Whether it comes before another one.
    fn is_before(&self, other: &Self) -> bool {
        let order = self.hit.compared.compare(&other.hit.compared);
        order.is_gt() || (order.is_eq() && self.place < other.place)
    }
}

/// An error in one search of several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misplaced {
    /// The place of the search.
    pub place: usize,
    /// What is wrong.
    pub error: ResponseError,
}

/// The list, as the answer to the request. Indexes are given in the order of their names.
///
/// # Errors
/// When facets are to be merged that two indexes order differently.
pub fn federate(
    federation: &Federation,
    indexes: Vec<FederatedIndex>,
    meta: Meta<'_>,
) -> Result<String, Misplaced> {
    let (mut lists, mut with_facets, mut total) = (Vec::new(), Vec::new(), 0_u64);
    let vectors = Vectors::of(&indexes);
    let metadata = metadata(&indexes, meta.query_uids);
    let uids: Vec<IndexUid> = indexes.iter().map(|index| index.uid.clone()).collect();
    for (uid, index) in uids.iter().zip(indexes) {
        let place = index.searches.iter().map(|(place, _)| *place).min().unwrap_or_default();
        let (hits, totals) = of_index(federation, uid, index.searches, (index.totals, index.max_total_hits));
        lists.push(hits);
        total += totals.total;
        let orders = index.facet_orders;
        with_facets.extend(totals.facets.map(|facets| OfIndex { uid, place, facets, orders }));
    }
    let mut distinct = Distinct::new(federation.distinct.as_deref());
    let (mut accepted, mut rejected) = (Vec::new(), Rejected::new());
    for placed in lists.into_iter().kmerge_by(Placed::is_before) {
        match distinct.takes(&placed.hit) {
            true => accepted.push(placed),
            false => rejected.entry(placed.uid).or_default().push(placed.hit),
        }
    }
    let total = total.saturating_sub(rejected.values().map(Vec::len).sum::<usize>() as u64);
    let (skip, take) = window(federation.paging);
    let page: Vec<Placed<'_>> = accepted.into_iter().skip(skip).take(take).collect();

    let mut out = String::new();
    let mut answer = ObjectWriter::new(&mut out);
    write_list(answer.name("hits"), &page, |placed, out| placed.write(out));
    vectors.write_queries(&mut answer);
    answer.raw("processingTimeMs", &meta.processing_time_ms.to_string());
    write_paging(federation.paging, total, &mut answer);
    write_facets(federation.merge_facets, with_facets, &rejected, &mut answer)?;
    if let Some(uid) = meta.request_uid {
        write_string(answer.name("requestUid"), uid);
    }
    if let Some(metadata) = metadata {
        answer.raw("metadata", &metadata);
    }
    if vectors.compared {
        let near = page.iter().filter(|placed| placed.hit.near).count();
        answer.raw("semanticHitCount", &near.to_string());
    }
    answer.end();
    Ok(out)
}

/// What the searches were, in their order, where the user wants to be told.
fn metadata(indexes: &[FederatedIndex], uids: &[String]) -> Option<String> {
    let mut by_place = BTreeMap::new();
    for index in indexes {
        by_place.extend(index.searches.iter().map(|(place, found)| (*place, (&index.uid, &found.described))));
    }
    let mut out = String::new();
    write_list(&mut out, uids.iter().zip(by_place.values()), |(uid, (index, search)), out| {
        search.write(uid, index.as_str(), out);
    });
    (!uids.is_empty()).then_some(out)
}

/// What is told of searches by vectors.
struct Vectors {
    compared: bool,
    /// By the places of the searches that show them; none where no search shows any.
    queries: Option<BTreeMap<usize, String>>,
}

impl Vectors {
    fn of(indexes: &[FederatedIndex]) -> Self {
        let searches = || indexes.iter().flat_map(|index| &index.searches);
        let shown = || searches().filter(|(_, found)| found.shows_vectors);
        let query = |(place, found): &(usize, Contribution)| Some((*place, found.query_vector.clone()?));
        Self {
            compared: searches().any(|(_, found)| found.compares_vectors),
            queries: shown().next().map(|_| shown().filter_map(query).collect()),
        }
    }

    fn write_queries(&self, answer: &mut ObjectWriter<'_>) {
        let Some(vectors) = &self.queries else { return };
        let mut queries = ObjectWriter::new(answer.name("queryVectors"));
        vectors.iter().for_each(|(place, vector)| queries.raw(&place.to_string(), vector));
        queries.end();
    }
}

/// The hits of one index, and what is counted of it.
fn of_index<'a>(
    federation: &Federation,
    uid: &'a IndexUid,
    searches: Vec<(usize, Contribution)>,
    (mut totals, most): (Totals, usize),
) -> (Vec<Placed<'a>>, Totals) {
    let several = searches.len() > 1;
    let lists = searches.into_iter().map(|(place, found)| {
        found.hits.into_iter().map(move |hit| Placed { place, uid, hit }).collect::<Vec<_>>()
    });
    let mut seen = BTreeSet::new();
    let mut distinct = Distinct::new(federation.distinct.as_deref());
    let (mut hits, mut rejected) = (Vec::new(), Vec::new());
    let depth = depth(federation.paging).min(most);
    for placed in lists.kmerge_by(Placed::is_before) {
        if hits.len() == depth {
            break;
        }
        if several && !seen.insert(placed.hit.id.clone()) {
            continue;
        }
        match distinct.takes(&placed.hit) {
            true => hits.push(placed),
            false => rejected.push(placed.hit),
        }
    }
    totals.total = totals.total.saturating_sub(rejected.len() as u64);
    if let Some(facets) = &mut totals.facets {
        facets.remove(rejected.iter());
    }
    (hits, totals)
}

impl Federation {
    /// A search as it is asked for its part of the list, and what the list is made by. `alone` says that it counts
    /// for its index, and so its facets too.
    pub fn part(
        &self,
        (request, weight): (SearchRequest, f64),
        facets: Option<&[String]>,
        alone: bool,
    ) -> (SearchRequest, Federated) {
        let depth = depth(self.paging);
        let paging = match self.paging {
            Paging::Window { .. } => Paging::Window { offset: 0, limit: depth },
            Paging::Page { .. } => Paging::Page { page: 1, hits_per_page: depth },
        };
        let mut reads: Vec<String> = self.distinct.iter().cloned().collect();
        if self.distinct.is_some() {
            reads.extend(facets.unwrap_or_default().iter().cloned());
        }
        let distinct = self.distinct.clone().or(request.distinct);
        let facets = facets.filter(|_| alone).map(<[String]>::to_vec);
        (SearchRequest { paging, distinct, facets, ..request }, Federated { weight, reads })
    }
}

/// How many first hits of each search can be in the part of the list that is asked for.
fn depth(paging: Paging) -> usize {
    let (skip, take) = window(paging);
    skip.saturating_add(take)
}

fn window(paging: Paging) -> (usize, usize) {
    match paging {
        Paging::Window { offset, limit } => (offset, limit),
        Paging::Page { page: 0, .. } => (0, 0),
        Paging::Page { page, hits_per_page } => ((page - 1).saturating_mul(hits_per_page), hits_per_page),
    }
}

/// The values that hits of the list have, of the attribute that it is distinct by.
struct Distinct<'a> {
    attribute: Option<&'a str>,
    seen: BTreeSet<FacetValue>,
}

impl<'a> Distinct<'a> {
    fn new(attribute: Option<&'a str>) -> Self {
        Self { attribute, seen: BTreeSet::new() }
    }

    /// Whether a hit has no value that one before it has.
    fn takes(&mut self, hit: &FederatedHit) -> bool {
        let values = self.attribute.map(|attribute| hit.values_of(attribute)).unwrap_or_default();
        let new = !values.iter().any(|value| self.seen.contains(value));
        if new {
            self.seen.extend(values.iter().cloned());
        }
        new
    }
}

impl Placed<'_> {
    /// The hit, and at its end what is said about its place in the list.
    fn write(&self, out: &mut String) {
        out.push_str(self.hit.text.strip_suffix('}').unwrap_or("{"));
        if !out.ends_with('{') {
            out.push(',');
        }
        // The uid of an index has no character that JSON would escape.
        let (uid, place, score) = (self.uid, self.place, float(self.hit.compared.score));
        out.push_str(&format!(
            "\"_federation\":{{\"indexUid\":\"{uid}\",\"queriesPosition\":{place},\"weightedRankingScore\":{score}}}}}"
        ));
    }
}

fn write_paging(paging: Paging, total: u64, answer: &mut ObjectWriter<'_>) {
    let mut number = |name, number: u64| answer.raw(name, &number.to_string());
    match paging {
        Paging::Window { offset, limit } => {
            number("limit", limit as u64);
            number("offset", offset as u64);
            number("estimatedTotalHits", total);
        }
        Paging::Page { page, hits_per_page } => {
            number("hitsPerPage", hits_per_page as u64);
            number("page", page as u64);
            number("totalPages", if hits_per_page == 0 { 0 } else { total.div_ceil(hits_per_page as u64) });
            number("totalHits", total);
        }
    }
}

/// The facets of an index, and in which order it has them.
struct OfIndex<'a> {
    uid: &'a IndexUid,
    /// The first search of it.
    place: usize,
    facets: Facets,
    orders: FacetOrders,
}

type Rejected<'a> = BTreeMap<&'a IndexUid, Vec<FederatedHit>>;

fn write_facets(
    merge: Option<MergeFacets>,
    indexes: Vec<OfIndex<'_>>,
    rejected: &Rejected<'_>,
    answer: &mut ObjectWriter<'_>,
) -> Result<(), Misplaced> {
    if indexes.is_empty() {
        return Ok(());
    }
    if let Some(merge) = merge {
        let mut all = merged(merge, indexes)?;
        all.remove(rejected.values().flatten());
        all.write_values(answer.name("facetDistribution"));
        all.write_stats(answer.name("facetStats"));
        return Ok(());
    }
    let mut by_index = ObjectWriter::new(answer.name("facetsByIndex"));
    for OfIndex { uid, mut facets, .. } in indexes {
        facets.remove(rejected.get(uid).into_iter().flatten());
        let mut of_index = ObjectWriter::new(by_index.name(uid.as_str()));
        facets.write_values(of_index.name("distribution"));
        facets.write_stats(of_index.name("stats"));
        of_index.end();
    }
    by_index.end();
    Ok(())
}

/// The facets of all indexes as one. Each must have one order in all of them.
fn merged(merge: MergeFacets, indexes: Vec<OfIndex<'_>>) -> Result<Facets, Misplaced> {
    let (mut all, mut one) = (Facets::default(), OneOrder::default());
    for OfIndex { uid, place, facets, orders } in indexes {
        one.add(uid, facets.names(), &orders).map_err(|error| Misplaced { place, error })?;
        all.add(facets);
    }
    all.settle(|name| one.0.get(name).map_or(FacetOrder::Alpha, |(_, order)| *order), merge);
    Ok(all)
}

/// The order of each facet that several indexes have, and the first index that has it.
#[derive(Debug, Default)]
pub struct OneOrder(BTreeMap<String, (IndexUid, FacetOrder)>);

impl OneOrder {
    /// Takes the facets of the next index.
    ///
    /// # Errors
    /// When one has another order than in an index before.
    pub fn add<'a>(
        &mut self,
        uid: &IndexUid,
        facets: impl Iterator<Item = &'a str>,
        orders: &FacetOrders,
    ) -> Result<(), ResponseError> {
        for name in facets {
            let order = orders.of(name);
            let (first, known) = self.0.entry(name.to_owned()).or_insert_with(|| (uid.clone(), order));
            if *known != order {
                return Err(inconsistent(name, (first, *known), (uid, order)));
            }
        }
        Ok(())
    }
}

fn inconsistent(
    facet: &str,
    (first, order): (&IndexUid, FacetOrder),
    (uid, other): (&IndexUid, FacetOrder),
) -> ResponseError {
    let word = |order| match order {
        FacetOrder::Alpha => "alphabetically",
        FacetOrder::Count => "by count",
    };
    let (order, other) = (word(order), word(other));
    ResponseError::new(
        ErrorCode::InvalidMultiSearchFacetOrder,
        format!(
            "Inside `.federation.facetsByIndex.{uid}`: Inconsistent order for values in facet `{facet}`: index `{first}` \
             orders {order}, but index `{uid}` orders {other}.\n - Hint: Remove `federation.mergeFacets` or change \
             `faceting.sortFacetValuesBy` to be consistent in settings."
        ),
    )
}
