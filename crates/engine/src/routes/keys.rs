//! API keys.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use super::{Answer, Fields, Params, Payload, Shared, Token, blocking, page, read_object};
use crate::error::ApiError;
use crate::keys::Key;
use crate::queue::instant;

fn view(key: &Key, value: &str) -> Value {
    json!({
        "name": key.name,
        "description": key.description,
        "key": value,
        "uid": key.uid.hyphenated().to_string(),
        "actions": key.actions,
        "indexes": key.indexes,
        "expiresAt": key.expires_at.map(instant),
        "createdAt": instant(key.created_at),
        "updatedAt": instant(key.updated_at),
    })
}

fn allow(engine: &Shared, token: &Token, action: &'static str) -> Result<(), ApiError> {
    engine.keys.require_master_key()?;
    token.allows(engine, action, None).map(|_| ())
}

pub(super) async fn list(State(engine): State<Shared>, token: Token, mut params: Params) -> Answer {
    allow(&engine, &token, "keys.get")?;
    let offset = params.size("offset", "invalid_api_key_offset")?.unwrap_or(0);
    let limit = params.size("limit", "invalid_api_key_limit")?.unwrap_or(20);
    params.finish()?;
    let keys = engine.keys.list();
    let shown = keys.iter().skip(offset).take(limit).map(|(key, value)| view(key, value));
    Ok(page(shown.collect(), offset, limit, keys.len() as u64))
}

pub(super) async fn get(
    State(engine): State<Shared>,
    Path(uid_or_key): Path<String>,
    token: Token,
) -> Answer {
    allow(&engine, &token, "keys.get")?;
    let (key, value) = engine.keys.find(&uid_or_key)?;
    Ok(Json(view(&key, &value)))
}

pub(super) async fn create(
    State(engine): State<Shared>,
    token: Token,
    headers: HeaderMap,
    Payload(body): Payload,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    allow(&engine, &token, "keys.create")?;
    let key = read_key(read_object(&headers, &body)?)?;
    blocking(engine, move |engine| {
        engine.keys.create(&key)?;
        Ok((StatusCode::CREATED, Json(view(&key, &engine.keys.value_of(key.uid)))))
    })
    .await
}

pub(super) async fn delete(
    State(engine): State<Shared>,
    Path(uid_or_key): Path<String>,
    token: Token,
) -> Result<StatusCode, ApiError> {
    allow(&engine, &token, "keys.delete")?;
    blocking(engine, move |engine| engine.keys.delete(&uid_or_key)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Families of actions that a key may list, each with what it holds.
const ACTIONS: &[(&str, &[&str])] = &[
    ("documents", &["add", "get", "delete"]),
    ("indexes", &["create", "get", "update", "delete", "swap", "compact"]),
    ("tasks", &["cancel", "delete", "get", "compact"]),
    ("settings", &["get", "update"]),
    ("stats", &["get"]),
    ("metrics", &["get"]),
    ("dumps", &["create"]),
    ("snapshots", &["create"]),
    ("keys", &["create", "get", "update", "delete"]),
    ("experimental", &["get", "update"]),
    ("network", &["get", "update"]),
    ("webhooks", &["create", "get", "update", "delete"]),
];

fn is_action(name: &str) -> bool {
    matches!(name, "*" | "*.get" | "search" | "version" | "export")
        || name.split_once('.').is_some_and(|(family, action)| {
            ACTIONS
                .iter()
                .any(|(known, actions)| *known == family && (action == "*" || actions.contains(&action)))
        })
}

fn read_key(body: serde_json::Map<String, Value>) -> Result<Key, ApiError> {
    // A null date is a key that never expires; a missing one is an error.
    let dated = body.contains_key("expiresAt");
    let mut fields = Fields::new(body, "invalid_api_key_");
    let uid = fields.text("uid")?;
    let name = fields.text("name")?;
    let description = fields.text("description")?;
    let actions = fields.texts("actions")?;
    let indexes = fields.texts("indexes")?;
    let expires_at = fields.text("expiresAt")?;
    fields.finish()?;
    let missing = |field: &str, code: &'static str| ApiError::new(code, format!("Missing field `{field}`"));
    let actions = actions.ok_or_else(|| missing("actions", "missing_api_key_actions"))?;
    let indexes = indexes.ok_or_else(|| missing("indexes", "missing_api_key_indexes"))?;
    if !dated {
        return Err(missing("expiresAt", "missing_api_key_expires_at"));
    }
    if let Some(unknown) = actions.iter().find(|action| !is_action(action)) {
        let text = format!("Unknown value `{unknown}` at `.actions`: not an action");
        return Err(ApiError::new("invalid_api_key_actions", text));
    }
    let uid = match uid {
        None => Uuid::new_v4(),
        Some(uid) => Uuid::parse_str(&uid).map_err(|_| {
            ApiError::new(
                "invalid_api_key_uid",
                format!("Invalid value at `.uid`: `{uid}` is not a valid uuid"),
            )
        })?,
    };
    let now = OffsetDateTime::now_utc();
    let expires_at = expires_at.map(|text| date(&text, now)).transpose()?;
    Ok(Key { uid, name, description, actions, indexes, expires_at, created_at: now, updated_at: now })
}

fn date(text: &str, now: OffsetDateTime) -> Result<OffsetDateTime, ApiError> {
    let day = || OffsetDateTime::parse(&format!("{text}T00:00:00Z"), &Rfc3339);
    OffsetDateTime::parse(text, &Rfc3339).or_else(|_| day()).ok().filter(|at| *at > now).ok_or_else(|| {
        let text = format!(
            "Invalid value at `.expiresAt`: `{text}` is not a valid date. It should follow the RFC 3339 format to \
             represents a date or datetime in the future or specified as a null value. e.g. 'YYYY-MM-DD' or 'YYYY-MM-DD \
             HH:MM:SS'."
        );
        ApiError::new("invalid_api_key_expires_at", text)
    })
}
