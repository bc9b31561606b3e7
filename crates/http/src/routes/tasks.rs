//! `/tasks` and `/tasks/{uid}`.

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use miroir_api::ErrorCode;
use miroir_model::TaskUid;
use miroir_tasks::{TaskPage, TaskQuery, TaskSource, TaskView};

use crate::app::App;
use crate::error::ApiError;
use crate::params::Params;
use crate::path::Path;

pub(crate) async fn list(
    State(app): State<App>,
    RawQuery(query): RawQuery,
) -> Result<Json<TaskPage>, ApiError> {
    let params = Params::parse(query.as_deref());
    let query = TaskQuery::parse(params.iter(), app.ledger().state().api_version())?;
    let state = app.fresh_state().await?;
    let page = tokio::task::spawn_blocking(move || {
        let source = app.history().at(&state, app.ledger().rows());
        TaskPage::read(&query, &source)
    });
    Ok(Json(page.await.map_err(|error| ApiError::new(ErrorCode::Internal, error.to_string()))??))
}

/// A task that this peer's own state shows as ended is answered without asking the leader: that never changes.
pub(crate) async fn get(State(app): State<App>, Path(uid): Path<String>) -> Result<Json<TaskView>, ApiError> {
    let number: u32 = uid.parse().map_err(|error| {
        let text = format!("Task uid `{uid}` is invalid. It should only contain numeric characters.");
        let _: std::num::ParseIntError = error;
        ApiError::new(ErrorCode::InvalidTaskUids, text)
    })?;
    let uid = TaskUid(number.into());
    let own = app.ledger().state();
    if let Some(view) = read(&app, &own, uid).await?.filter(|view| view.finished_at.is_some()) {
        return Ok(Json(view));
    }
    let state = app.fresh_state().await?;
    read(&app, &state, uid)
        .await?
        .map(Json)
        .ok_or_else(|| ApiError::new(ErrorCode::TaskNotFound, format!("Task `{uid}` not found.")))
}

async fn read(
    app: &App,
    state: &Arc<miroir_cluster::State>,
    uid: TaskUid,
) -> Result<Option<TaskView>, ApiError> {
    let (app, state) = (app.clone(), Arc::clone(state));
    let read = tokio::task::spawn_blocking(move || {
        let found = app.history().at(&state, app.ledger().rows()).task(uid)?;
        Ok::<_, ApiError>(found.map(|(record, name)| TaskView::new(record, name.as_ref())))
    });
    read.await.map_err(|error| ApiError::new(ErrorCode::Internal, error.to_string()))?
}
