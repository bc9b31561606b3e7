//! Documents as they are stored.

use std::sync::Arc;

use bytes::Bytes;
use miroir_documents::canonical_id;
use miroir_model::IndexUid;
use miroir_node::{ById, NodeError};
use miroir_query::{
    ListPlan, ListRequest, Listed, copies_of, merge_list, plan_list, user_error, without_reserved,
};
use tokio::time::Instant;

use crate::error::SearchError;
use crate::scatter::{Refused, Round, Route, by_name};
use crate::scope::Scope;
use crate::searcher::{Searcher, twice};
use crate::view::Marks;

impl Searcher {
    /// A page of documents, JSON.
    ///
    /// # Errors
    /// See [`SearchError`].
    pub async fn list(
        &self,
        uid: &IndexUid,
        request: &ListRequest,
        request_id: Option<&str>,
    ) -> Result<String, SearchError> {
        let began = Instant::now();
        twice(|| self.in_time(began, self.list_once(uid, request, request_id))).await
    }

    async fn list_once(
        &self,
        uid: &IndexUid,
        request: &ListRequest,
        request_id: Option<&str>,
    ) -> Result<String, SearchError> {
        let scope = self.scope(uid).await?;
        let settings = &scope.index()?.settings.served;
        miroir_query::check_list(request, settings).map_err(SearchError::Refused)?;
        let mut round = Round::default();
        // Each turn leaves out a node or comes to a later round, so this ends.
        let mut plan = plan(&scope, request, &round)?;
        loop {
            let sent = round.send(self, scope.state(), (Route::Fetch, &plan.requests), request_id).await;
            sent.map_err(|halt| halt.told(|refused| explain(uid, &plan, refused)))?;
            let Some(answers) = round.answers(&plan.requests) else {
                plan = self::plan(&scope, request, &round).map_err(|error| error.after(&round.failed))?;
                continue;
            };
            let answers: Vec<Bytes> = answers.into_iter().map(|(_, answer)| answer).collect();
            match merge_list(&plan, &answers)? {
                Listed::Answer(answer) => return Ok(answer),
                Listed::Next(next) => plan = *next,
            }
        }
    }

    /// One document by its id, JSON. `None` when there is none.
    ///
    /// # Errors
    /// See [`SearchError`].
    pub async fn document(
        &self,
        uid: &IndexUid,
        document: ById<'_>,
        request_id: Option<&str>,
    ) -> Result<Option<String>, SearchError> {
        let began = Instant::now();
        twice(|| self.in_time(began, self.document_once(uid, document, request_id))).await
    }

    async fn document_once(
        &self,
        uid: &IndexUid,
        document: ById<'_>,
        request_id: Option<&str>,
    ) -> Result<Option<String>, SearchError> {
        let scope = self.scope(uid).await?;
        let Some(id) = canonical_id(document.id) else { return Ok(None) };
        let nodes = scope.nodes(Marks::out(&Default::default()))?;
        let shards = scope.shards(&nodes)?;
        let mut last = None;
        for copy in copies_of(id, &scope.view(&shards)?)? {
            let Some(node) = scope.state().nodes.get(&copy.id) else { continue };
            let Ok(client) = self.clients.of(node) else { continue };
            let ask = |name: String| {
                let client = Arc::clone(&client);
                async move { client.document(&name, ById { id, ..document }, request_id).await }
            };
            match by_name(copy.index, ask).await {
                Ok(document) => {
                    let text = without_reserved(&document)
                        .map_err(|error| SearchError::Node(copy.id.clone(), error.to_string()))?;
                    return Ok(Some(text));
                }
                Err(NodeError::Rejected { code, .. }) if code == "document_not_found" => return Ok(None),
                Err(error) => {
                    tracing::warn!(node = %copy.id, %error, "a node does not give a document");
                    last = Some(SearchError::NoAnswer(copy.id.clone(), error));
                }
            }
        }
        last.map_or(Ok(None), Err)
    }
}

fn plan(scope: &Scope, request: &ListRequest, round: &Round) -> Result<ListPlan, SearchError> {
    let nodes = scope.nodes(Marks::out(&round.failed))?;
    let shards = scope.shards(&nodes)?;
    Ok(plan_list(request, &scope.view(&shards)?)?)
}

fn explain(uid: &IndexUid, plan: &ListPlan, refused: Refused) -> SearchError {
    refused.told(|node, body| {
        let asked = plan.requests.iter().find(|request| request.node == *node)?;
        user_error(uid.as_str(), asked.index, body)
    })
}
