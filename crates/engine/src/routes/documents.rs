//! Documents: reading them, and enqueuing what changes them.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use milli::documents::validate_document_id_value;
use serde_json::Value;

use super::{Answer, Fields, Params, Payload, Shared, Token, blocking, page, read_json, read_object};
use crate::error::ApiError;
use crate::index::{Browse, browse, one as read_one};
use crate::payloads::Format;
use crate::queue::{Content, Method, summary};
use crate::search::parse_filter;

type Accepted = Result<(StatusCode, Json<Value>), ApiError>;

pub(super) async fn one(
    State(engine): State<Shared>,
    Path((uid, id)): Path<(String, String)>,
    token: Token,
    mut params: Params,
) -> Answer {
    token.allows(&engine, "documents.get", Some(&uid))?;
    let fields = params.attributes("fields");
    let vectors = params.flag("retrieveVectors", "invalid_document_retrieve_vectors")?;
    params.finish()?;
    blocking(engine, move |engine| {
        Ok(Json(Value::Object(read_one(&engine.index(&uid)?, &id, fields.as_deref(), vectors)?)))
    })
    .await
}

pub(super) async fn list(
    State(engine): State<Shared>,
    Path(uid): Path<String>,
    token: Token,
    mut params: Params,
) -> Answer {
    token.allows(&engine, "documents.get", Some(&uid))?;
    let query = Browse {
        offset: params.size("offset", "invalid_document_offset")?.unwrap_or(0),
        limit: params.size("limit", "invalid_document_limit")?.unwrap_or(20),
        fields: params.attributes("fields"),
        vectors: params.flag("retrieveVectors", "invalid_document_retrieve_vectors")?,
        filter: params.filter(),
        ids: params.list("ids").map(|ids| checked(ids.into_iter().map(Value::from))).transpose()?,
    };
    params.finish()?;
    answer_page(engine, uid, query).await
}

pub(super) async fn fetch(
    State(engine): State<Shared>,
    Path(uid): Path<String>,
    token: Token,
    headers: HeaderMap,
    Payload(body): Payload,
) -> Answer {
    token.allows(&engine, "documents.get", Some(&uid))?;
    let mut fields = Fields::new(read_object(&headers, &body)?, "invalid_document_");
    let query = Browse {
        offset: fields.size("offset")?.unwrap_or(0),
        limit: fields.size("limit")?.unwrap_or(20),
        fields: fields.texts("fields")?.filter(|names| names.iter().all(|name| name != "*")),
        vectors: fields.flag("retrieveVectors")?,
        filter: fields.any("filter"),
        ids: fields.typed::<Vec<Value>>("ids", "an array")?.map(checked).transpose()?,
    };
    fields.finish()?;
    answer_page(engine, uid, query).await
}

async fn answer_page(engine: Shared, uid: String, query: Browse) -> Answer {
    blocking(engine, move |engine| {
        let (total, documents) = browse(&engine.index(&uid)?, &query)?;
        Ok(page(documents.into_iter().map(Value::Object).collect(), query.offset, query.limit, total))
    })
    .await
}

/// The ids, all of which must be such that documents can have.
fn checked(ids: impl IntoIterator<Item = Value>) -> Result<Vec<String>, ApiError> {
    let check = |(at, id)| {
        validate_document_id_value(id)
            .map_err(|error| ApiError::new("invalid_document_ids", format!("In `.ids[{at}]`: {error}")))
    };
    ids.into_iter().enumerate().map(check).collect()
}

/// Ids may be texts or numbers.
fn id_text(id: &Value) -> String {
    match id {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

pub(super) async fn replace(
    engine: State<Shared>,
    uid: Path<String>,
    token: Token,
    (params, headers): (Params, HeaderMap),
    Payload(body): Payload,
) -> Accepted {
    add(Method::Replace, (engine, uid, token), (params, headers), body).await
}

pub(super) async fn update(
    engine: State<Shared>,
    uid: Path<String>,
    token: Token,
    (params, headers): (Params, HeaderMap),
    Payload(body): Payload,
) -> Accepted {
    add(Method::Update, (engine, uid, token), (params, headers), body).await
}

async fn add(
    method: Method,
    (State(engine), Path(uid), token): (State<Shared>, Path<String>, Token),
    (mut params, headers): (Params, HeaderMap),
    body: Bytes,
) -> Accepted {
    let may_create = token.allows(&engine, "documents.add", Some(&uid))?.may_create(&uid);
    let primary_key = params.text("primaryKey");
    let delimiter = params.text("csvDelimiter");
    let metadata = params.text("customMetadata");
    let skip_creation = params.flag("skipCreation", "invalid_skip_creation")?;
    params.finish()?;
    let format = format(&headers, delimiter.as_deref())?;
    if body.is_empty() {
        let name = match format {
            Format::Json => "json",
            Format::Ndjson => "ndjson",
            Format::Csv { .. } => "csv",
        };
        return Err(ApiError::new("missing_payload", format!("A {name} payload is missing.")));
    }
    blocking(engine, move |engine| {
        let stored = engine.payloads.store(&body, format)?;
        drop(body);
        let content = Content::Documents {
            payload: stored.uuid,
            bytes: stored.bytes,
            count: stored.count,
            method,
            primary_key,
            may_create,
            skip_creation,
        };
        Ok((StatusCode::ACCEPTED, Json(summary(&engine.enqueue(Some(uid), content, metadata)?))))
    })
    .await
}

fn format(headers: &HeaderMap, delimiter: Option<&str>) -> Result<Format, ApiError> {
    const ACCEPTED: &str = "`application/json`, `application/x-ndjson`, `text/csv`";
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.map(|kind| kind.split(';').next().unwrap_or_default().trim());
    let format = match kind {
        Some("application/json") => Format::Json,
        Some("application/x-ndjson") => Format::Ndjson,
        Some("text/csv") => Format::Csv { delimiter: csv_delimiter(delimiter)? },
        Some(kind) => {
            let text = format!(
                "The Content-Type `{kind}` is invalid. Accepted values for the Content-Type header are: {ACCEPTED}"
            );
            return Err(ApiError::new("invalid_content_type", text));
        }
        None => {
            let text = format!(
                "A Content-Type header is missing. Accepted values for the Content-Type header are: {ACCEPTED}"
            );
            return Err(ApiError::new("missing_content_type", text));
        }
    };
    if delimiter.is_some() && !matches!(format, Format::Csv { .. }) {
        let text = format!(
            "The Content-Type `{}` does not support the use of a csv delimiter. The csv delimiter can only be used with \
             the Content-Type `text/csv`.",
            kind.unwrap_or_default()
        );
        return Err(ApiError::new("invalid_content_type", text));
    }
    Ok(format)
}

fn csv_delimiter(delimiter: Option<&str>) -> Result<u8, ApiError> {
    match delimiter.unwrap_or(",").as_bytes() {
        [byte] if byte.is_ascii() => Ok(*byte),
        _ => {
            let found = delimiter.unwrap_or_default();
            let text = format!("csv delimiter must be an ascii character. Found: `{found}`");
            Err(ApiError::new("invalid_document_csv_delimiter", text))
        }
    }
}

pub(super) async fn clear(
    State(engine): State<Shared>,
    Path(uid): Path<String>,
    token: Token,
    params: Params,
) -> Accepted {
    delete(engine, uid, token, (params, Content::Clear)).await
}

pub(super) async fn delete_one(
    State(engine): State<Shared>,
    Path((uid, id)): Path<(String, String)>,
    token: Token,
    params: Params,
) -> Accepted {
    delete(engine, uid, token, (params, Content::DeleteIds { ids: vec![id] })).await
}

pub(super) async fn delete_batch(
    State(engine): State<Shared>,
    Path(uid): Path<String>,
    token: Token,
    (params, headers): (Params, HeaderMap),
    Payload(body): Payload,
) -> Accepted {
    token.allows(&engine, "documents.delete", Some(&uid))?;
    let Value::Array(ids) = read_json(&headers, &body)? else {
        return Err(ApiError::new("bad_request", "Invalid value type: expected an array"));
    };
    let ids = ids.iter().map(id_text).collect();
    delete(engine, uid, token, (params, Content::DeleteIds { ids })).await
}

pub(super) async fn delete_by_filter(
    State(engine): State<Shared>,
    Path(uid): Path<String>,
    token: Token,
    (params, headers): (Params, HeaderMap),
    Payload(body): Payload,
) -> Accepted {
    token.allows(&engine, "documents.delete", Some(&uid))?;
    let mut fields = Fields::new(read_object(&headers, &body)?, "invalid_document_");
    let filter = fields.any("filter");
    fields.finish()?;
    let filter = filter.ok_or_else(|| ApiError::new("missing_document_filter", "Missing field `filter`"))?;
    if parse_filter(&filter, "invalid_document_filter")?.is_none() {
        let text = "Sending an empty filter is forbidden.";
        return Err(ApiError::new("invalid_document_filter", text));
    }
    delete(engine, uid, token, (params, Content::DeleteByFilter { filter })).await
}

async fn delete(
    engine: Shared,
    uid: String,
    token: Token,
    (mut params, content): (Params, Content),
) -> Accepted {
    token.allows(&engine, "documents.delete", Some(&uid))?;
    let metadata = params.text("customMetadata");
    params.finish()?;
    blocking(engine, move |engine| {
        let task = engine.enqueue(Some(uid), content, metadata)?;
        Ok((StatusCode::ACCEPTED, Json(summary(&task))))
    })
    .await
}
