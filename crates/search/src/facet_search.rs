//! Searches among the values of a facet.

use miroir_model::IndexUid;
use miroir_query::{FacetPlan, FacetSearchRequest, merge_facet_search, plan_facet_search};
use tokio::time::Instant;

use crate::error::SearchError;
use crate::scatter::{Refused, Round, Route};
use crate::scope::Scope;
use crate::searcher::{Searcher, twice};

impl Searcher {
    /// The values of a facet that match, JSON.
    ///
    /// # Errors
    /// See [`SearchError`].
    pub async fn facet_search(
        &self,
        uid: &IndexUid,
        request: &FacetSearchRequest,
        request_id: Option<&str>,
    ) -> Result<String, SearchError> {
        twice(|| self.facet_search_once(uid, request, request_id)).await
    }

    async fn facet_search_once(
        &self,
        uid: &IndexUid,
        request: &FacetSearchRequest,
        request_id: Option<&str>,
    ) -> Result<String, SearchError> {
        let started = Instant::now();
        let scope = self.scope(uid).await?;
        let settings = &scope.index()?.settings.served;
        miroir_query::check_facet_search(request, settings).map_err(SearchError::Refused)?;
        let mut round = Round::default();
        // Each turn leaves out a node at least, so this ends.
        loop {
            let plan = plan(&scope, request, &round)?;
            let asked = (Route::FacetSearch, plan.requests.as_slice());
            if let Err(refused) = round.send(&self.clients, scope.state(), asked, request_id).await {
                return Err(self.explain_values(&scope, &plan, refused).await);
            }
            if let Some(answers) = round.answers(&plan.requests) {
                let took = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
                return Ok(merge_facet_search(&plan, &answers, took)?);
            }
        }
    }

    /// What one Meilisearch would have said: where the text quotes a filter, the user's own.
    async fn explain_values(&self, scope: &Scope, plan: &FacetPlan, refused: Refused) -> SearchError {
        let mut refused = refused;
        if let Some(alone) = plan.user_filter_alone() {
            let asked = (Route::FacetSearch, std::slice::from_ref(&alone));
            if let Err(again) = Round::default().send(&self.clients, scope.state(), asked, None).await {
                refused = again;
            }
        }
        match scope.index() {
            Ok(index) => refused.told(|node, body| plan.user_error(node, body, &index.settings.served)),
            Err(error) => error,
        }
    }
}

fn plan(scope: &Scope, request: &FacetSearchRequest, round: &Round) -> Result<FacetPlan, SearchError> {
    let nodes = scope.nodes(&round.failed)?;
    let shards = scope.shards(&nodes)?;
    Ok(plan_facet_search(request, &scope.view(&shards)?)?)
}
