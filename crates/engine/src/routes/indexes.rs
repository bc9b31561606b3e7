//! Indexes.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::{Answer, Fields, Params, Payload, Shared, Token, blocking, check_uid, page, read_object};
use crate::engine::Engine;
use crate::error::ApiError;
use crate::index::dates;
use crate::queue::{Content, instant, summary};

type Accepted = Result<(StatusCode, Json<Value>), ApiError>;

fn view(engine: &Engine, uid: &str) -> Result<Value, ApiError> {
    let index = engine.index(uid)?;
    let txn = index.read_txn()?;
    let (created_at, updated_at) = dates(&index, &txn)?;
    Ok(json!({
        "uid": uid,
        "createdAt": instant(created_at),
        "updatedAt": instant(updated_at),
        "primaryKey": index.primary_key(&txn)?,
    }))
}

pub(super) async fn list(State(engine): State<Shared>, token: Token, mut params: Params) -> Answer {
    let grant = token.allows(&engine, "indexes.get", None)?;
    let offset = params.size("offset", "invalid_index_offset")?.unwrap_or(0);
    let limit = params.size("limit", "invalid_index_limit")?.unwrap_or(20);
    params.finish()?;
    blocking(engine, move |engine| {
        let names: Vec<String> =
            engine.index_names()?.into_iter().filter(|name| grant.covers(name)).collect();
        let shown = names.iter().skip(offset).take(limit).map(|name| view(engine, name));
        Ok(page(shown.collect::<Result<_, _>>()?, offset, limit, names.len() as u64))
    })
    .await
}

pub(super) async fn get(State(engine): State<Shared>, Path(uid): Path<String>, token: Token) -> Answer {
    token.allows(&engine, "indexes.get", Some(&uid))?;
    blocking(engine, move |engine| view(engine, &uid).map(Json)).await
}

pub(super) async fn create(
    State(engine): State<Shared>,
    token: Token,
    headers: HeaderMap,
    Payload(body): Payload,
) -> Accepted {
    let grant = token.allows(&engine, "indexes.create", None)?;
    let mut fields = Fields::new(read_object(&headers, &body)?, "invalid_index_");
    let uid = fields.text("uid")?;
    let primary_key = fields.text("primaryKey")?;
    fields.finish()?;
    let uid = uid.ok_or_else(|| ApiError::new("missing_index_uid", "Missing field `uid`"))?;
    check_uid(&uid)?;
    if !grant.covers(&uid) {
        return Err(ApiError::new("invalid_api_key", "The provided API key is invalid."));
    }
    enqueue(engine, uid, Content::IndexCreation { primary_key }).await
}

/// Sets the primary key, gives the index another name, or both.
pub(super) async fn update(
    State(engine): State<Shared>,
    Path(uid): Path<String>,
    token: Token,
    headers: HeaderMap,
    Payload(body): Payload,
) -> Accepted {
    token.allows(&engine, "indexes.update", Some(&uid))?;
    let mut fields = Fields::new(read_object(&headers, &body)?, "invalid_index_");
    let new_uid = fields.text("uid")?;
    let primary_key = fields.text("primaryKey")?;
    fields.finish()?;
    new_uid.as_deref().map_or(Ok(()), check_uid)?;
    enqueue(engine, uid, Content::IndexUpdate { primary_key, new_uid }).await
}

pub(super) async fn delete(State(engine): State<Shared>, Path(uid): Path<String>, token: Token) -> Accepted {
    token.allows(&engine, "indexes.delete", Some(&uid))?;
    enqueue(engine, uid, Content::IndexDeletion).await
}

async fn enqueue(engine: Shared, uid: String, content: Content) -> Accepted {
    blocking(engine, move |engine| {
        let task = engine.enqueue(Some(uid), content, None)?;
        Ok((StatusCode::ACCEPTED, Json(summary(&task))))
    })
    .await
}
