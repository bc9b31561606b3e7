//! The settings of an index, as a whole. (The routes of single settings are not part of what clusters call.)

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use serde_json::Value;

use super::{Answer, Payload, Shared, Token, blocking, read_json};
use crate::error::ApiError;
use crate::index::{SettingsPatch, read_settings};
use crate::queue::{Content, summary};

type Accepted = Result<(StatusCode, Json<Value>), ApiError>;

pub(super) async fn get(State(engine): State<Shared>, Path(uid): Path<String>, token: Token) -> Answer {
    token.allows(&engine, "settings.get", Some(&uid))?;
    blocking(engine, move |engine| {
        let index = engine.index(&uid)?;
        Ok(Json(read_settings(&index, &*index.read_txn()?)?))
    })
    .await
}

pub(super) async fn update(
    State(engine): State<Shared>,
    Path(uid): Path<String>,
    token: Token,
    headers: HeaderMap,
    Payload(body): Payload,
) -> Accepted {
    let may_create = token.allows(&engine, "settings.update", Some(&uid))?.may_create(&uid);
    let patch = SettingsPatch::parse(read_json(&headers, &body)?)?;
    enqueue(engine, uid, patch, may_create).await
}

/// Never creates an index.
pub(super) async fn reset(State(engine): State<Shared>, Path(uid): Path<String>, token: Token) -> Accepted {
    token.allows(&engine, "settings.update", Some(&uid))?;
    enqueue(engine, uid, SettingsPatch::cleared(), false).await
}

async fn enqueue(engine: Shared, uid: String, patch: SettingsPatch, may_create: bool) -> Accepted {
    let patch = serde_json::to_value(patch).map_err(ApiError::internal)?;
    blocking(engine, move |engine| {
        let task = engine.enqueue(Some(uid), Content::Settings { patch, may_create }, None)?;
        Ok((StatusCode::ACCEPTED, Json(summary(&task))))
    })
    .await
}
