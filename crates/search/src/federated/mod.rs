//! Several searches whose hits become one list.
//!
//! Each is a search of its index like any other, and many of them run at once. Where several are of one index, its nodes
//! count for them together. Errors are told as one Meilisearch finds them: what the list cannot have first, then index by
//! index in the order of their names, and in each search by search.

mod checks;
mod questions;

use std::collections::BTreeMap;

use futures::stream::{self, StreamExt};
use miroir_api::{ErrorCode, ResponseError};
use miroir_model::IndexUid;
use miroir_query::{
    Contribution, Federated, FederatedIndex, Federation, Meta, Misplaced, MultiQuery, SearchRequest, Shown,
    Totals,
};
use tokio::time::{Instant, timeout_at};

use self::checks::Checks;
use crate::ask::{Asking, Found, Silent};
use crate::error::SearchError;
use crate::searcher::{Ids, Searcher, millis_since};

/// How many searches of one request run at once.
const AT_ONCE: usize = 16;

/// Why several searches have no answer.
#[derive(Debug)]
pub struct FederatedError {
    /// The place of the search that has none; `None` when it is none of them.
    pub place: Option<usize>,
    /// What is wrong with it.
    pub error: SearchError,
}

/// One search of the request.
#[derive(Clone)]
struct Part {
    place: usize,
    request: SearchRequest,
    federated: Federated,
}

/// The searches of one index.
struct OfIndex<'a> {
    uid: IndexUid,
    parts: Vec<Part>,
    /// What its searches do not count themselves.
    facets: Option<&'a [String]>,
    /// Nodes count for its searches by themselves: a document that two of them find counts once.
    union: bool,
}

/// Whether so many bytes may be kept in all.
pub type Charge<'a> = &'a mut (dyn FnMut(usize) -> Result<(), ResponseError> + Send);

/// What is asked of an index, in the order in which errors are told.
#[derive(Clone, Copy)]
enum Job<'a> {
    Search(&'a Part),
    /// What its searches count together.
    Union,
}

/// What comes of it.
enum Done {
    Search(usize, Contribution),
    Union(Totals),
}

impl Searcher {
    /// The hits of several searches as one list. What is kept of hits until it is made, in bytes, is charged as it grows.
    ///
    /// # Errors
    /// The first error that one Meilisearch would find; what `charge` says to too much.
    pub async fn federated(
        &self,
        queries: Vec<MultiQuery>,
        federation: &Federation,
        ids: &Ids<'_>,
        charge: Charge<'_>,
    ) -> Result<Found, FederatedError> {
        let began = Instant::now();
        let list = self.one_list((queries, federation, began), ids, charge);
        let deadline = self.tail.config.deadline;
        let late = |_| Err(FederatedError::of_none(SearchError::Late { nodes: Vec::new(), deadline }));
        timeout_at(began + deadline, list).await.unwrap_or_else(late)
    }

    async fn one_list(
        &self,
        (queries, federation, began): (Vec<MultiQuery>, &Federation, Instant),
        ids: &Ids<'_>,
        charge: Charge<'_>,
    ) -> Result<Found, FederatedError> {
        // A search by itself (1.15) says no more than how many hits can be reached.
        let capped = self.ledger.state().api_version().traits().totals_capped;
        let searches = queries.len();
        let indexes = by_index(queries, federation, capped)?;
        let jobs: Vec<(&OfIndex<'_>, Job<'_>)> =
            indexes.iter().flat_map(|index| index.jobs().map(move |job| (index, job))).collect();
        let mut checks = Checks::default();
        let wrong = self.first_wrong(&jobs, federation, &mut checks).await;
        let right = wrong.as_ref().map_or(jobs.len(), |(at, _)| *at);
        let silent = Silent::default();
        let mut run = Vec::new();
        for (index, job) in &jobs[..right] {
            run.push(self.carry_out(index, *job, (ids, &silent)));
        }
        let mut done = stream::iter(run).buffered(AT_ONCE);
        let (mut by_index, mut missing) = (BTreeMap::<&IndexUid, Vec<Done>>::new(), Vec::new());
        let mut kept = 0;
        while let Some(came) = done.next().await {
            let (uid, found) = came?;
            kept += found.answer.bytes();
            charge(kept).map_err(|error| FederatedError::of_none(SearchError::Refused(error)))?;
            by_index.entry(uid).or_default().push(found.answer);
            missing.extend(found.missing);
        }
        drop(done);
        if let Some((_, error)) = wrong {
            return Err(error);
        }
        for index in indexes.iter().filter(|index| index.union && index.is_hybrid()) {
            let done = by_index.entry(&index.uid).or_default();
            let (_, found) = self.carry_out(&index.as_found(done), Job::Union, (ids, &silent)).await?;
            done.push(found.answer);
            missing.extend(found.missing);
        }
        self.check_unused(&indexes, federation, &mut checks).await?;
        let put = |(uid, done): (&IndexUid, _)| put_together(uid, done, federation, &checks.shown);
        let found = by_index.into_iter().filter_map(put).collect();
        let request_uid = ids.search.to_string();
        let query_uids = ids.of_queries(searches);
        let meta = Meta {
            processing_time_ms: millis_since(began),
            request_uid: Some(&request_uid),
            query_uids: &query_uids,
        };
        let answer = miroir_query::federate(federation, found, meta)?;
        missing.sort();
        missing.dedup();
        Ok(Found { answer, missing }.telling())
    }

    async fn carry_out<'a>(
        &self,
        index: &'a OfIndex<'_>,
        job: Job<'a>,
        (ids, silent): (&Ids<'_>, &Silent),
    ) -> Result<(&'a IndexUid, Found<Done>), FederatedError> {
        // It may have waited for others: nodes have their time from now on.
        let (uid, began) = (&index.uid, Instant::now());
        let (place, came) = match job {
            Job::Search(part) => {
                let asking = Asking { uid, question: part, request_id: ids.request, began };
                let found = self.ask_of_many(asking, silent).await;
                (part.place, found.map(|found| found.map(|found| Done::Search(part.place, found))))
            }
            Job::Union => {
                let asking = Asking { uid, question: index, request_id: ids.request, began };
                let found = self.ask_of_many(asking, silent).await;
                (index.first(), found.map(|found| found.map(Done::Union)))
            }
        };
        let told = |error| FederatedError { place: Some(place), error: about_facets(error, uid) };
        came.map(|found| (uid, found)).map_err(told)
    }
}

/// What the searches of an index have found.
fn put_together(
    uid: &IndexUid,
    done: Vec<Done>,
    federation: &Federation,
    shown: &BTreeMap<IndexUid, Shown>,
) -> Option<FederatedIndex> {
    let shown = shown.get(uid)?;
    let (mut searches, mut union) = (Vec::new(), None);
    for done in done {
        match done {
            Done::Search(place, found) => searches.push((place, found)),
            Done::Union(counted) => union = Some(counted),
        }
    }
    let most = shown.max_total_hits;
    let own = match searches.as_slice() {
        [(_, found)] => Some(found.totals.clone().beyond(most, union.as_ref())),
        _ => None,
    };
    let counted = own.or(union).unwrap_or_default();
    let with_facets = matches!(federation.facets_by_index.get(uid), Some(Some(_)));
    Some(FederatedIndex {
        uid: uid.clone(),
        searches,
        totals: if with_facets { counted.with_facets() } else { counted },
        facet_orders: shown.facet_orders.clone(),
        max_total_hits: most,
    })
}

impl Done {
    /// What is kept of it, roughly.
    fn bytes(&self) -> usize {
        match self {
            Self::Search(_, found) => found.bytes(),
            Self::Union(_) => 0,
        }
    }
}

fn by_index<'a>(
    queries: Vec<MultiQuery>,
    federation: &'a Federation,
    capped: bool,
) -> Result<Vec<OfIndex<'a>>, FederatedError> {
    let refused = |place, error| FederatedError { place: Some(place), error: SearchError::Refused(error) };
    let mut unreadable = queries.iter().enumerate();
    let unreadable =
        unreadable.find_map(|(place, query)| Some(refused(place, query.unreadable_filter.clone()?)));
    if let Some(error) = unreadable {
        return Err(error);
    }
    let mut by_index = BTreeMap::<IndexUid, Vec<(usize, SearchRequest, f64)>>::new();
    for (place, query) in queries.into_iter().enumerate() {
        let request = query.search.map_err(|error| refused(place, error.into()))?;
        by_index.entry(query.index).or_default().push((place, request, query.weight));
    }
    let of_index = |(uid, searches): (IndexUid, Vec<(usize, SearchRequest, f64)>)| {
        let facets = federation.facets_by_index.get(&uid).and_then(Option::as_deref);
        let alone = searches.len() == 1;
        let part = |(place, request, weight)| {
            let (request, federated) = federation.part((request, weight), facets, alone);
            Part { place, request, federated }
        };
        let facets = facets.filter(|_| !alone);
        OfIndex { parts: searches.into_iter().map(part).collect(), uid, facets, union: capped || !alone }
    };
    Ok(by_index.into_iter().map(of_index).collect())
}

impl OfIndex<'_> {
    fn jobs(&self) -> impl Iterator<Item = Job<'_>> {
        // What a hybrid search finds is known when it is done.
        let union = (self.union && !self.is_hybrid()).then_some(Job::Union);
        self.parts.iter().map(Job::Search).chain(union)
    }

    fn is_hybrid(&self) -> bool {
        self.parts.iter().any(|part| part.request.is_hybrid())
    }

    /// The same with hybrid searches by words alone where these were enough.
    fn as_found(&self, done: &[Done]) -> Self {
        let compared = |place| {
            done.iter().any(|done| matches!(done, Done::Search(of, found) if *of == place && found.compared))
        };
        let part = |part: &Part| match part.request.is_hybrid() && !compared(part.place) {
            true => Part { request: part.request.by_words(), ..part.clone() },
            false => part.clone(),
        };
        Self {
            uid: self.uid.clone(),
            parts: self.parts.iter().map(part).collect(),
            facets: self.facets,
            union: self.union,
        }
    }

    fn first(&self) -> usize {
        self.parts.first().map_or(0, |part| part.place)
    }
}

/// What is wrong with the facets of an index is wrong with the list.
fn about_facets(error: SearchError, uid: &IndexUid) -> SearchError {
    match error {
        SearchError::Refused(error) if error.code == ErrorCode::InvalidSearchFacets => {
            let text = format!("Inside `.federation.facetsByIndex.{uid}`: {}", error.message);
            SearchError::Refused(ResponseError::new(error.code, text))
        }
        other => other,
    }
}

impl FederatedError {
    fn of_none(error: SearchError) -> Self {
        Self { place: None, error }
    }
}

impl From<Misplaced> for FederatedError {
    fn from(Misplaced { place, error }: Misplaced) -> Self {
        Self { place: Some(place), error: SearchError::Refused(error) }
    }
}
