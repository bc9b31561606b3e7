//! Documents like one.

use bytes::Bytes;
use miroir_api::{ErrorCode, ResponseError};
use miroir_model::{IndexUid, NodeId};
use miroir_query::{
    Answers, IndexView, Likeness, ListRequest, MergeError, Merged, Meta, NodeRequest, PlanError, SimilarPlan,
    SimilarRequest, SourceVector, merge_similar, plan_similar, similar_to_none,
};
use miroir_settings::UserSettings;
use serde::Deserialize;
use tokio::time::Instant;

use crate::ask::{Asking, Found};
use crate::error::SearchError;
use crate::race::Question;
use crate::scatter::Route;
use crate::searcher::{Searcher, millis_since};

impl Searcher {
    /// The documents most like one.
    ///
    /// # Errors
    /// See [`SearchError`].
    pub async fn similar(
        &self,
        uid: &IndexUid,
        request: &SimilarRequest,
        request_id: Option<&str>,
    ) -> Result<Found, SearchError> {
        let began = Instant::now();
        let scope = self.scope(uid).await?;
        let index = scope.index()?;
        let one_shard = !index.tie_rule;
        miroir_query::check_similar(request, &index.settings.served, one_shard)
            .map_err(SearchError::Refused)?;
        if one_shard {
            let question = &Alike::<true> { request, likeness: None, began };
            return self.find(Asking { uid, question, request_id, began }).await;
        }
        let source = self.source_vector(uid, request, request_id);
        let (source, passes) = tokio::join!(source, self.passes(uid, request, request_id));
        match source? {
            SourceVector::NoDocument => Err(not_found(request)),
            SourceVector::None => self.like_none(uid, request, (passes?, began), request_id).await,
            SourceVector::First(vector) => {
                let likeness = Some(Likeness { vector, passes: passes? });
                let question = &Alike::<false> { request, likeness, began };
                self.find(Asking { uid, question, request_id, began }).await
            }
        }
    }

    /// What documents are compared with.
    async fn source_vector(
        &self,
        uid: &IndexUid,
        request: &SimilarRequest,
        request_id: Option<&str>,
    ) -> Result<SourceVector, SearchError> {
        let source = ListRequest { fields: Some(Vec::new()), retrieve_vectors: true, ..only(request) };
        let list = self.list(uid, &source, request_id).await?;
        SourceVector::of_list(&list, &request.embedder).map_err(unreadable)
    }

    /// The answer where there is nothing to compare documents with.
    async fn like_none(
        &self,
        uid: &IndexUid,
        request: &SimilarRequest,
        (passes, began): (bool, Instant),
        request_id: Option<&str>,
    ) -> Result<Found, SearchError> {
        let all = ListRequest { limit: 0, filter: request.filter.clone(), ..ListRequest::default() };
        let all = self.listed(uid, &all, request_id).await?;
        let meta = Meta { processing_time_ms: millis_since(began), request_uid: None, query_uids: &[] };
        let most = self.scope(uid).await?.shown().max_total_hits as u64;
        let answer = similar_to_none(request, all.saturating_sub(passes.into()).min(most), meta);
        Ok(Found { answer, missing: Vec::new() })
    }

    /// Whether the filter lets the document itself pass.
    async fn passes(
        &self,
        uid: &IndexUid,
        request: &SimilarRequest,
        request_id: Option<&str>,
    ) -> Result<bool, SearchError> {
        if request.filter.is_none() {
            return Ok(true);
        }
        let itself = ListRequest { filter: request.filter.clone(), ..only(request) };
        Ok(self.listed(uid, &itself, request_id).await? > 0)
    }

    /// How many documents a list has.
    async fn listed(
        &self,
        uid: &IndexUid,
        request: &ListRequest,
        request_id: Option<&str>,
    ) -> Result<u64, SearchError> {
        #[derive(Deserialize)]
        struct Counted {
            total: u64,
        }
        let list = self.list(uid, request, request_id).await.map_err(of_similar)?;
        let Counted { total } = serde_json::from_str(&list).map_err(unreadable)?;
        Ok(total)
    }
}

/// A list of the document that others are compared with.
fn only(request: &SimilarRequest) -> ListRequest {
    ListRequest { limit: 1, ids: Some(request.id.iter().cloned().collect()), ..ListRequest::default() }
}

fn not_found(request: &SimilarRequest) -> SearchError {
    let text = format!("Document `{}` not found.", request.id.as_deref().unwrap_or_default());
    SearchError::Refused(ResponseError::new(ErrorCode::NotFoundSimilarId, text))
}

/// What is wrong with the filter of a list, as a search for similar documents says it.
fn of_similar(error: SearchError) -> SearchError {
    match error {
        SearchError::Refused(ResponseError { code: ErrorCode::InvalidDocumentFilter, message, .. }) => {
            SearchError::Refused(ResponseError::new(ErrorCode::InvalidSimilarFilter, message))
        }
        error => error,
    }
}

fn unreadable(cause: serde_json::Error) -> SearchError {
    SearchError::Merge(MergeError::Unreadable { node: "".into(), cause })
}

/// What is like a document: of an index of one shard, which a node is asked as it is, or near its vector.
struct Alike<'a, const ONE_SHARD: bool> {
    request: &'a SimilarRequest,
    likeness: Option<Likeness>,
    began: Instant,
}

impl<const ONE_SHARD: bool> Question for Alike<'_, ONE_SHARD> {
    type Plan = SimilarPlan;
    type Answer = String;
    const ROUTE: Route = if ONE_SHARD { Route::Similar } else { Route::Search };

    fn check(&self, _uid: &IndexUid, settings: &UserSettings) -> Result<(), ResponseError> {
        miroir_query::check_similar(self.request, settings, ONE_SHARD)
    }

    fn plan(&self, index: &IndexView<'_>, around: Option<&SimilarPlan>) -> Result<SimilarPlan, PlanError> {
        plan_similar((self.request, self.likeness.as_ref()), index, around)
    }

    fn requests(plan: &SimilarPlan) -> &[NodeRequest] {
        &plan.search.requests
    }

    fn merge(&self, plan: &SimilarPlan, answers: &Answers<Bytes>) -> Result<Merged, MergeError> {
        let meta = Meta { processing_time_ms: millis_since(self.began), request_uid: None, query_uids: &[] };
        merge_similar(plan, answers, meta)
    }

    fn user_filter_alone(plan: &SimilarPlan) -> Option<NodeRequest> {
        plan.user_filter_alone()
    }

    fn user_error(
        plan: &SimilarPlan,
        (node, body): (&NodeId, &[u8]),
        _settings: &UserSettings,
    ) -> Option<ResponseError> {
        plan.user_error(node, body)
    }
}
