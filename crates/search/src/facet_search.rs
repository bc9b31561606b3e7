//! Searches among the values of a facet.

use miroir_model::IndexUid;
use miroir_query::{FacetPlan, FacetSearchRequest, merge_facet_search, plan_facet_search};
use tokio::time::Instant;

use crate::error::SearchError;
use crate::scatter::{Round, Route};
use crate::scope::Scope;
use crate::searcher::{Searcher, millis_since, twice};

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
                let alone = (Route::FacetSearch, plan.user_filter_alone());
                let refused = refused.without_ours(&self.clients, scope.state(), alone).await;
                return Err(refused.told(|node, body| plan.user_error(node, body, settings)));
            }
            if round.answers.lacking(&plan.requests).next().is_none() {
                return Ok(merge_facet_search(&plan, &round.answers, millis_since(started))?);
            }
        }
    }
}

fn plan(scope: &Scope, request: &FacetSearchRequest, round: &Round) -> Result<FacetPlan, SearchError> {
    let nodes = scope.nodes(&round.failed)?;
    let shards = scope.shards(&nodes)?;
    Ok(plan_facet_search(request, &scope.view(&shards)?)?)
}
