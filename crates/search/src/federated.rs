//! Several searches whose hits become one list.
//!
//! Each is a search of its index like any other, and all of them run at once. Where several are of one index, its nodes
//! count for them together. Errors are told as one Meilisearch finds them: what the list cannot have first, then index by
//! index in the order of their names, and in each search by search.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures::stream::{self, StreamExt};
use miroir_api::{ErrorCode, ResponseError};
use miroir_model::{IndexUid, NodeId};
use miroir_query::{
    Answers, Compatible, Contribution, Federated, FederatedIndex, Federation, IndexView, MergeError, Merged,
    Meta, Misplaced, MultiQuery, NodeRequest, OneOrder, Plan, PlanError, Ranked, SearchRequest, Totals,
    UnionPlan, UnionQuery,
};
use miroir_settings::{UserSettings, deciding_rule};
use tokio::time::Instant;

use crate::ask::{Asking, Found};
use crate::error::SearchError;
use crate::race::Question;
use crate::scatter::Route;
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
    /// The hits of several searches as one list.
    ///
    /// # Errors
    /// The first error that one Meilisearch would find.
    pub async fn federated(
        &self,
        queries: Vec<MultiQuery>,
        federation: &Federation,
        ids: &Ids<'_>,
    ) -> Result<Found, FederatedError> {
        let began = Instant::now();
        // A search by itself (1.15) says no more than how many hits can be reached.
        let capped = self.ledger.state().api_version().traits().totals_capped;
        let indexes = by_index(queries, federation, capped)?;
        let jobs: Vec<(&OfIndex<'_>, Job<'_>)> =
            indexes.iter().flat_map(|index| index.jobs().map(move |job| (index, job))).collect();
        let wrong = self.first_wrong(&jobs, federation).await;
        let right = wrong.as_ref().map_or(jobs.len(), |(at, _)| *at);
        let mut run = Vec::new();
        for (index, job) in &jobs[..right] {
            run.push(self.carry_out(index, *job, ids, began));
        }
        let mut done = stream::iter(run).buffered(AT_ONCE);
        let (mut by_index, mut missing) = (BTreeMap::<&IndexUid, Vec<Done>>::new(), Vec::new());
        while let Some(came) = done.next().await {
            let (uid, found) = came?;
            by_index.entry(uid).or_default().push(found.answer);
            missing.extend(found.missing);
        }
        drop(done);
        if let Some((_, error)) = wrong {
            return Err(error);
        }
        self.check_unused(&indexes, federation, ids).await?;
        let mut found = Vec::new();
        for (uid, done) in by_index {
            found.push(self.put_together(uid, done).await.map_err(FederatedError::of_none)?);
        }
        let request_uid = ids.search.to_string();
        let meta = Meta { processing_time_ms: millis_since(began), request_uid: Some(&request_uid) };
        let answer = miroir_query::federate(federation, found, meta)?;
        missing.sort();
        missing.dedup();
        Ok(Found { answer, missing }.telling())
    }

    /// The first search whose hits cannot be put in one order with those before it, or whose index is not there.
    async fn first_wrong(
        &self,
        jobs: &[(&OfIndex<'_>, Job<'_>)],
        federation: &Federation,
    ) -> Option<(usize, FederatedError)> {
        let (mut compatible, mut order) = (Compatible::default(), OneOrder::default());
        for (at, (index, job)) in jobs.iter().enumerate() {
            let Job::Search(part) = job else { continue };
            let first = part.place == index.first();
            let facets = federation.facets_by_index.get(&index.uid).and_then(Option::as_deref);
            let facets = facets.filter(|_| first && federation.merge_facets.is_some());
            let checked =
                self.check_one(&index.uid, (part, facets.unwrap_or_default()), (&mut compatible, &mut order));
            if let Err(error) = checked.await {
                return Some((at, FederatedError { place: Some(part.place), error }));
            }
        }
        None
    }

    /// Facets are looked at before the first search of their index. What a pattern stands for is known later.
    async fn check_one(
        &self,
        uid: &IndexUid,
        (part, facets): (&Part, &[String]),
        (compatible, order): (&mut Compatible, &mut OneOrder),
    ) -> Result<(), SearchError> {
        let scope = self.scope(uid).await?;
        let settings = &scope.index()?.settings.served;
        let filterable = settings.filterable_attributes();
        let is_facet = |name: &&str| {
            deciding_rule(&filterable, name).is_some_and(|(_, features)| features.is_filterable())
        };
        let facets = facets.iter().map(String::as_str).filter(is_facet);
        order.add(uid, facets, &scope.shown().facet_orders).map_err(SearchError::Refused)?;
        let rules = settings.ranking_rule_names();
        let Part { place, request, .. } = part;
        compatible.add(&Ranked::new((uid.as_str(), *place), request, &rules)).map_err(SearchError::Refused)
    }

    async fn carry_out<'a>(
        &self,
        index: &'a OfIndex<'_>,
        job: Job<'a>,
        ids: &Ids<'_>,
        began: Instant,
    ) -> Result<(&'a IndexUid, Found<Done>), FederatedError> {
        let uid = &index.uid;
        let (place, came) = match job {
            Job::Search(part) => {
                let asking = Asking { uid, question: part, request_id: ids.request, began };
                let found = self.ask(asking).await;
                (part.place, found.map(|found| found.map(|found| Done::Search(part.place, found))))
            }
            Job::Union => {
                let asking = Asking { uid, question: index, request_id: ids.request, began };
                let found = self.ask(asking).await;
                (index.first(), found.map(|found| found.map(Done::Union)))
            }
        };
        let told = |error| FederatedError { place: Some(place), error: about_facets(error, uid) };
        came.map(|found| (uid, found)).map_err(told)
    }

    /// What the searches of an index have found.
    async fn put_together(&self, uid: &IndexUid, done: Vec<Done>) -> Result<FederatedIndex, SearchError> {
        let scope = self.scope(uid).await?;
        let (mut searches, mut totals) = (Vec::new(), None);
        for done in done {
            match done {
                Done::Search(place, found) => searches.push((place, found)),
                Done::Union(counted) => totals = Some(counted),
            }
        }
        let most = scope.shown().max_total_hits;
        let own = match searches.as_slice() {
            [(_, found)] => Some(found.totals.clone().beyond(most, totals.as_ref())),
            _ => None,
        };
        Ok(FederatedIndex {
            uid: uid.clone(),
            totals: own.or(totals).unwrap_or_default(),
            searches,
            facet_orders: scope.shown().facet_orders.clone(),
            max_total_hits: most,
        })
    }

    /// Facets may be asked of indexes that are not searched. There are none then, but they must not be wrong.
    async fn check_unused(
        &self,
        indexes: &[OfIndex<'_>],
        federation: &Federation,
        ids: &Ids<'_>,
    ) -> Result<(), FederatedError> {
        let unused = |uid: &IndexUid| !indexes.iter().any(|index| index.uid == *uid);
        for (uid, facets) in federation.facets_by_index.iter().filter(|(uid, _)| unused(uid)) {
            let request = SearchRequest::facets_only(facets.clone());
            if let Err(error) = self.search(uid, &request, ids).await {
                return Err(FederatedError::of_none(unused_facets(error, uid)));
            }
        }
        Ok(())
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
        let union = self.union.then_some(Job::Union);
        self.parts.iter().map(Job::Search).chain(union)
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

fn unused_facets(error: SearchError, uid: &IndexUid) -> SearchError {
    match error {
        SearchError::Refused(_) | SearchError::IndexNotFound(_) => {
            let ResponseError { code, message, .. } = error.into();
            let text = format!(
                "Inside `.federation.facetsByIndex.{uid}`: {message}\n - Note: index `{uid}` is not used in queries"
            );
            SearchError::Refused(ResponseError::new(code, text))
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

impl Question for Part {
    type Plan = Plan;
    type Answer = Contribution;
    const ROUTE: Route = Route::Search;

    fn check(&self, uid: &IndexUid, settings: &UserSettings) -> Result<(), ResponseError> {
        miroir_query::check_search(&self.request, uid.as_str(), settings)
    }

    fn plan(&self, index: &IndexView<'_>, around: Option<&Plan>) -> Result<Plan, PlanError> {
        miroir_query::plan_federated((&self.request, &self.federated), index, around)
    }

    fn requests(plan: &Plan) -> &[NodeRequest] {
        &plan.requests
    }

    fn merge(&self, plan: &Plan, answers: &Answers<Bytes>) -> Result<Merged<Contribution>, MergeError> {
        miroir_query::merge_federated(plan, answers)
    }

    fn user_filter_alone(plan: &Plan) -> Option<NodeRequest> {
        plan.user_filter_alone()
    }

    fn user_error(
        plan: &Plan,
        (node, body): (&NodeId, &[u8]),
        _settings: &UserSettings,
    ) -> Option<ResponseError> {
        plan.user_error(node, body)
    }
}

/// Its searches, counted together. What is wrong with one of them, it is told by itself.
impl Question for OfIndex<'_> {
    type Plan = UnionPlan;
    type Answer = Totals;
    const ROUTE: Route = Route::Union;

    fn check(&self, _uid: &IndexUid, _settings: &UserSettings) -> Result<(), ResponseError> {
        Ok(())
    }

    fn plan(&self, index: &IndexView<'_>, around: Option<&UnionPlan>) -> Result<UnionPlan, PlanError> {
        let searches: Vec<&SearchRequest> = self.parts.iter().map(|part| &part.request).collect();
        let query = UnionQuery { searches: &searches, facets: self.facets };
        miroir_query::plan_union(query, index, around)
    }

    fn requests(plan: &UnionPlan) -> &[NodeRequest] {
        &plan.requests
    }

    fn merge(&self, plan: &UnionPlan, answers: &Answers<Bytes>) -> Result<Merged<Totals>, MergeError> {
        miroir_query::merge_union(plan, answers)
    }

    fn user_filter_alone(_plan: &UnionPlan) -> Option<NodeRequest> {
        None
    }

    fn user_error(
        plan: &UnionPlan,
        (node, body): (&NodeId, &[u8]),
        _settings: &UserSettings,
    ) -> Option<ResponseError> {
        plan.user_error(node, body)
    }
}
