//! `/experimental-features`: which of them are on.
//!
//! The switches belong to the cluster: nodes have what Miroir needs switched on when they join. What Miroir does not have
//! yet cannot be switched on, and says so.

use axum::Json;
use axum::extract::State;
use miroir_api::{ErrorCode, ResponseError};
use miroir_cluster::{Command, Features};
use serde_json::{Map, Value, json};

use crate::app::App;
use crate::body::JsonBody;
use crate::error::ApiError;
use crate::params::{Object, wrong_type};

/// All that 1.50 has, in its order.
const NAMES: [&str; 15] = [
    "metrics",
    "logsRoute",
    EDITS,
    "containsFilter",
    "dynamicSearchRules",
    "network",
    "getTaskDocumentsRoute",
    "taskQueueCompactionRoute",
    "compositeEmbedders",
    "chatCompletions",
    "multimodal",
    "foreignKeys",
    "disableDocumentsFetchQueue",
    "legacySearch",
    "renderRoute",
];

/// The one that can be switched.
const EDITS: &str = "editDocumentsByFunction";

fn view(features: Features) -> Json<Value> {
    let on = |name: &str| name == EDITS && features.edit_documents;
    Json(Value::Object(NAMES.iter().map(|name| ((*name).to_owned(), json!(on(name)))).collect::<Map<_, _>>()))
}

/// `GET /experimental-features`.
pub(crate) async fn get(State(app): State<App>) -> Result<Json<Value>, ApiError> {
    Ok(view(app.fresh_state().await?.features))
}

/// `PATCH /experimental-features`: done when it answers. What is not named, or null, stays.
pub(crate) async fn patch(State(app): State<App>, JsonBody(body): JsonBody) -> Result<Json<Value>, ApiError> {
    let named = read(&body)?;
    if let Some((name, _)) = named.iter().find(|(name, on)| *name != EDITS && *on) {
        return Err(ApiError::not_implemented(&format!("the experimental feature `{name}`")));
    }
    let edit_documents = named.iter().find(|(name, _)| *name == EDITS).map(|(_, on)| *on);
    if edit_documents.is_some() {
        app.ledger().propose(Command::Features { edit_documents }).await?;
    }
    Ok(view(app.fresh_state().await?.features))
}

fn read(body: &[u8]) -> Result<Vec<(&'static str, bool)>, ResponseError> {
    let mut object = Object::parse(body, &NAMES)?;
    let mut named = Vec::new();
    for name in NAMES {
        match object.take(name) {
            None | Some(Value::Null) => {}
            Some(Value::Bool(on)) => named.push((name, on)),
            Some(other) => return Err(wrong_type(name, "a boolean", &other, ErrorCode::BadRequest)),
        }
    }
    Ok(named)
}
