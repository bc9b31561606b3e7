//! `POST /tasks/cancel`.

use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, Method, Uri};
use axum::response::Response;
use miroir_api::ErrorCode;
use miroir_cluster::{EnqueueWork, Target};
use miroir_model::TaskUid;
use miroir_tasks::{TaskDetails, TaskFilter, TaskKind, matching_tasks};

use super::indexes::path;
use crate::accept::{Draft, Origin};
use crate::app::App;
use crate::error::ApiError;

/// Which tasks match is told here; which of them can still be canceled, by the log.
pub(crate) async fn cancel(
    State(app): State<App>,
    RawQuery(query): RawQuery,
    (method, uri, headers): (Method, Uri, HeaderMap),
) -> Result<Response, ApiError> {
    let query = query.unwrap_or_default();
    let pairs: Vec<_> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    if pairs.is_empty() {
        let text = "Query parameters to filter the tasks to cancel are missing. Available query parameters are: \
                    `uids`, `indexUids`, `statuses`, `types`, `canceledBy`, `beforeEnqueuedAt`, `afterEnqueuedAt`, \
                    `beforeStartedAt`, `afterStartedAt`, `beforeFinishedAt`, `afterFinishedAt`.";
        return Err(ApiError::new(ErrorCode::MissingTaskFilters, text));
    }
    let pairs = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let filter = TaskFilter::parse(pairs, app.ledger().state().api_version())?;
    let origin = Origin::read(&headers, (&method, path(&uri), &[]))?;
    let state = app.fresh_state().await?;
    let reader = app.clone();
    let read = tokio::task::spawn_blocking(move || {
        let matching = matching_tasks(&filter, &reader.history().at(&state, reader.ledger().rows()))?;
        let open = matching.iter().map(TaskUid).filter(|uid| !state.is_done(*uid));
        Ok::<_, ApiError>((matching.len(), runs(open)))
    });
    let (matched, tasks) =
        read.await.map_err(|error| ApiError::new(ErrorCode::Internal, error.to_string()))??;
    let details = TaskDetails::Cancelation { matched, canceled: None, filter: format!("?{query}") };
    let validate = move |_: &_| {
        Ok(Draft {
            target: Target::Names(Vec::new()),
            work: EnqueueWork::Cancel { tasks: tasks.clone() },
            details: details.clone(),
        })
    };
    app.accept(None, TaskKind::TaskCancelation, origin, validate).await
}

/// Ascending uids as first and last of each run.
fn runs(uids: impl Iterator<Item = TaskUid>) -> Vec<(TaskUid, TaskUid)> {
    let mut runs: Vec<(TaskUid, TaskUid)> = Vec::new();
    for uid in uids {
        match runs.last_mut() {
            Some((_, last)) if last.next() == uid => *last = uid,
            _ => runs.push((uid, uid)),
        }
    }
    runs
}
