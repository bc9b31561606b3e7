//! One search.

use bytes::Bytes;
use miroir_api::ResponseError;
use miroir_model::{IndexUid, NodeId};
use miroir_query::{
    Answers, IndexView, MergeError, Merged, Meta, NodeRequest, Plan, PlanError, SearchRequest,
};
use miroir_settings::UserSettings;
use tokio::time::Instant;

use crate::ask::{Asking, Found};
use crate::error::SearchError;
use crate::race::Question;
use crate::scatter::Route;
use crate::searcher::{Ids, Searcher, millis_since};

impl Searcher {
    /// The answer to a search.
    ///
    /// # Errors
    /// See [`SearchError`].
    pub async fn search(
        &self,
        uid: &IndexUid,
        request: &SearchRequest,
        ids: &Ids<'_>,
    ) -> Result<Found, SearchError> {
        let began = Instant::now();
        let question = &Asked { request, ids, began };
        self.find(Asking { uid, question, request_id: ids.request, began }).await
    }
}

/// What a user searches.
struct Asked<'a> {
    request: &'a SearchRequest,
    ids: &'a Ids<'a>,
    began: Instant,
}

impl Question for Asked<'_> {
    type Plan = Plan;
    type Answer = String;
    const ROUTE: Route = Route::Search;

    fn check(&self, uid: &IndexUid, settings: &UserSettings) -> Result<(), ResponseError> {
        miroir_query::check_search(self.request, uid.as_str(), settings)
    }

    fn plan(&self, index: &IndexView<'_>, around: Option<&Plan>) -> Result<Plan, PlanError> {
        match around {
            None => miroir_query::plan(self.request, index),
            Some(before) => miroir_query::plan_around(self.request, index, before),
        }
    }

    fn requests(plan: &Plan) -> &[NodeRequest] {
        &plan.requests
    }

    fn merge(&self, plan: &Plan, answers: &Answers<Bytes>) -> Result<Merged, MergeError> {
        let request_uid = self.ids.search.to_string();
        let meta = Meta {
            processing_time_ms: millis_since(self.began),
            request_uid: Some(&request_uid),
            query_uids: &self.ids.of_queries(1),
        };
        miroir_query::merge(plan, answers, meta)
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
