//! Searches among the values of a facet.

use bytes::Bytes;
use miroir_api::ResponseError;
use miroir_model::{IndexUid, NodeId};
use miroir_query::{
    Answers, FacetPlan, FacetSearchRequest, IndexView, MergeError, Merged, NodeRequest, PlanError,
    merge_facet_search, plan_facet_search,
};
use miroir_settings::UserSettings;
use tokio::time::Instant;

use crate::ask::{Asking, Found};
use crate::error::SearchError;
use crate::race::Question;
use crate::scatter::Route;
use crate::searcher::{Searcher, millis_since};

impl Searcher {
    /// The values of a facet that match.
    ///
    /// # Errors
    /// See [`SearchError`].
    pub async fn facet_search(
        &self,
        uid: &IndexUid,
        request: &FacetSearchRequest,
        request_id: Option<&str>,
    ) -> Result<Found, SearchError> {
        let began = Instant::now();
        let question = &Asked { request, began };
        self.find(Asking { uid, question, request_id, began }).await
    }
}

struct Asked<'a> {
    request: &'a FacetSearchRequest,
    began: Instant,
}

impl Question for Asked<'_> {
    type Plan = FacetPlan;
    type Answer = String;
    const ROUTE: Route = Route::FacetSearch;

    fn check(&self, _uid: &IndexUid, settings: &UserSettings) -> Result<(), ResponseError> {
        miroir_query::check_facet_search(self.request, settings)
    }

    fn plan(&self, index: &IndexView<'_>, around: Option<&FacetPlan>) -> Result<FacetPlan, PlanError> {
        plan_facet_search(self.request, index, around)
    }

    fn requests(plan: &FacetPlan) -> &[NodeRequest] {
        &plan.requests
    }

    fn merge(&self, plan: &FacetPlan, answers: &Answers<Bytes>) -> Result<Merged, MergeError> {
        merge_facet_search(plan, answers, millis_since(self.began))
    }

    fn user_filter_alone(plan: &FacetPlan) -> Option<NodeRequest> {
        plan.user_filter_alone()
    }

    fn user_error(
        plan: &FacetPlan,
        (node, body): (&NodeId, &[u8]),
        settings: &UserSettings,
    ) -> Option<ResponseError> {
        plan.user_error(node, body, settings)
    }
}
