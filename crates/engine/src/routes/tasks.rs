//! The task queue.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::Uri;
use roaring::RoaringBitmap;
use serde_json::{Value, json};

use super::{Answer, Params, Shared, Token, blocking};
use crate::engine::Engine;
use crate::error::ApiError;
use crate::keys::Grant;
use crate::queue::{Content, TaskFilter, Window, full, summary};

/// A key for some indexes sees their tasks only.
fn restrict(filter: &mut TaskFilter, engine: &Engine, grant: &Grant) {
    if !grant.covers_all() {
        let names = filter.index_uids.take().unwrap_or_else(|| engine.queue.catalogue().index_names());
        filter.index_uids = Some(names.into_iter().filter(|name| grant.covers(name)).collect());
    }
}

pub(super) async fn list(State(engine): State<Shared>, token: Token, mut params: Params) -> Answer {
    let grant = token.allows(&engine, "tasks.get", None)?;
    let mut filter = TaskFilter::take(&mut params.0)?;
    restrict(&mut filter, &engine, &grant);
    let limit = params.size("limit", "invalid_task_limit")?.unwrap_or(20);
    let from = params.parsed("from", "invalid_task_from", "a positive integer")?;
    let reverse = params.flag("reverse", "invalid_task_reverse")?;
    params.finish()?;
    blocking(engine, move |engine| {
        let page = engine.queue.page(&engine.queue.matching(&filter)?, &Window { from, limit, reverse })?;
        Ok(Json(json!({
            "results": page.tasks.iter().map(full).collect::<Vec<Value>>(),
            "total": page.total,
            "limit": limit,
            "from": page.tasks.first().map(|task| task.uid),
            "next": page.next,
        })))
    })
    .await
}

pub(super) async fn get(State(engine): State<Shared>, Path(uid): Path<String>, token: Token) -> Answer {
    let grant = token.allows(&engine, "tasks.get", None)?;
    let number: u32 = uid.parse().map_err(|_| {
        let text = format!("Task uid is invalid. It should only contain numeric characters. Found: `{uid}`.");
        ApiError::new("invalid_task_uid", text)
    })?;
    blocking(engine, move |engine| {
        let task = engine.queue.get(number)?;
        let visible =
            task.filter(|task| task.index_uid.as_ref().map_or(grant.covers_all(), |uid| grant.covers(uid)));
        let task =
            visible.ok_or_else(|| ApiError::new("task_not_found", format!("Task `{number}` not found.")))?;
        Ok(Json(full(&task)))
    })
    .await
}

/// Deletes what matches now. Answers 200, as Meilisearch does for this one task.
pub(super) async fn delete(
    State(engine): State<Shared>,
    uri: Uri,
    token: Token,
    mut params: Params,
) -> Answer {
    let grant = token.allows(&engine, "tasks.delete", None)?;
    let mut filter = TaskFilter::take(&mut params.0)?;
    params.finish()?;
    if filter.is_empty() && uri.query().is_none_or(str::is_empty) {
        let text = "Query parameters to filter the tasks to delete are missing. Available query parameters are: `uids`, \
                    `indexUids`, `statuses`, `types`, `canceledBy`, `beforeEnqueuedAt`, `afterEnqueuedAt`, \
                    `beforeStartedAt`, `afterStartedAt`, `beforeFinishedAt`, `afterFinishedAt`.";
        return Err(ApiError::new("missing_task_filters", text));
    }
    restrict(&mut filter, &engine, &grant);
    let query = format!("?{}", uri.query().unwrap_or_default());
    blocking(engine, move |engine| {
        let matching: RoaringBitmap = engine.queue.matching(&filter)?;
        let content = Content::TaskDeletion { uids: matching.into_iter().collect(), query };
        Ok(Json(summary(&engine.enqueue(None, content, None)?)))
    })
    .await
}
