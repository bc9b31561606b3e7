//! `/health` and `/version`.

use axum::Json;
use axum::extract::State;
use miroir_api::{HealthView, VersionView};

use crate::app::App;

/// This process answers. Whether the cluster can take writes is `/_miroir/ready`.
pub(crate) async fn health() -> Json<HealthView> {
    Json(HealthView::AVAILABLE)
}

/// What Meilisearch answers where no route is named.
pub(crate) async fn root() -> Json<serde_json::Value> {
    Json(serde_json::json!({"status": "Meilisearch is running"}))
}

/// The version of Meilisearch that the cluster speaks: its nodes'.
pub(crate) async fn version(State(app): State<App>) -> Json<VersionView> {
    let spoken = app.ledger().state().api_version();
    Json(VersionView {
        commit_sha: "unknown".to_owned(),
        commit_date: "unknown".to_owned(),
        pkg_version: spoken.traits().pkg_version.to_owned(),
    })
}
