//! What nodes are asked for several searches.

use bytes::Bytes;
use miroir_api::ResponseError;
use miroir_model::{IndexUid, NodeId};
use miroir_query::{
    Answers, Contribution, IndexView, MergeError, Merged, NodeRequest, Plan, PlanError, SearchRequest,
    Totals, UnionPlan, UnionQuery,
};
use miroir_settings::UserSettings;

use super::{OfIndex, Part};
use crate::race::Question;
use crate::scatter::Route;

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

    fn check(&self, _uid: &IndexUid, settings: &UserSettings) -> Result<(), ResponseError> {
        miroir_query::check_reserved_facets(self.facets.unwrap_or_default(), settings)
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
