//! Edits by function, and the switch for them: the one experimental feature that this engine has.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use milli::rhai;
use serde_json::{Value, json};

use super::{Answer, Fields, Params, Payload, Shared, Token, blocking, read_object};
use crate::engine::Engine;
use crate::error::ApiError;
use crate::queue::{Content, summary};
use crate::search::parse_filter;

/// Whether edits are switched on.
fn is_on(engine: &Engine) -> Result<bool, ApiError> {
    Ok(engine.store.edits(&*engine.store.read()?)?)
}

fn view(edits: bool) -> Json<Value> {
    Json(json!({ "editDocumentsByFunction": edits }))
}

pub(super) async fn features(State(engine): State<Shared>, token: Token) -> Answer {
    token.allows(&engine, "experimental.get", None)?;
    blocking(engine, |engine| Ok(view(is_on(engine)?))).await
}

pub(super) async fn switch(
    State(engine): State<Shared>,
    token: Token,
    headers: HeaderMap,
    Payload(body): Payload,
) -> Answer {
    token.allows(&engine, "experimental.update", None)?;
    let mut fields = Fields::new(read_object(&headers, &body)?, "");
    let edits = fields.typed("editDocumentsByFunction", "a boolean");
    let edits = edits.map_err(|error| ApiError::new("bad_request", error.message))?;
    fields.finish()?;
    blocking(engine, move |engine| {
        if let Some(on) = edits {
            let mut txn = engine.store.write()?;
            engine.store.put_edits(&mut txn, on)?;
            txn.commit()?;
        }
        Ok(view(is_on(engine)?))
    })
    .await
}

pub(super) async fn documents(
    State(engine): State<Shared>,
    Path(uid): Path<String>,
    token: Token,
    (mut params, headers): (Params, HeaderMap),
    Payload(body): Payload,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    // Meilisearch asks for `documents.*` itself, and keeps the three rights that it stands for of a key that lists it:
    // only what may do everything may edit.
    token.allows(&engine, "*", Some(&uid))?;
    let mut fields = Fields::new(read_object(&headers, &body)?, "invalid_document_edition_");
    let (function, context) = (fields.any("function"), fields.any("context"));
    let filter = fields.any("filter");
    fields.finish()?;
    let metadata = params.text("customMetadata");
    params.finish()?;
    blocking(engine, move |engine| {
        if !is_on(engine)? {
            let text = "Using the documents edit route requires enabling the `edit documents by function` \
                        experimental feature. See https://github.com/orgs/meilisearch/discussions/762";
            return Err(ApiError::new("feature_not_enabled", text));
        }
        let content = read(function, filter, context)?;
        Ok((StatusCode::ACCEPTED, Json(summary(&engine.enqueue(Some(uid), content, metadata)?))))
    })
    .await
}

/// What is sent, in the order in which Meilisearch finds fault with it.
fn read(function: Option<Value>, filter: Option<Value>, context: Option<Value>) -> Result<Content, ApiError> {
    let function = read_function(function)?;
    if let Some(filter) = &filter
        && parse_filter(filter, "invalid_document_filter")?.is_none()
    {
        return Err(ApiError::new("invalid_document_filter", "Sending an empty filter is forbidden."));
    }
    let context = match context {
        None => None,
        Some(Value::Object(context)) => Some(context),
        Some(_) => {
            let text = "The context must be an object";
            return Err(ApiError::new("invalid_document_edition_context", text));
        }
    };
    Ok(Content::Edit { function, context, filter })
}

/// A text that compiles.
fn read_function(value: Option<Value>) -> Result<String, ApiError> {
    let function = match value {
        None => return Err(ApiError::new("missing_document_edition_function", "Missing field `function`")),
        Some(Value::String(function)) => function,
        Some(other) => {
            let text = format!("Invalid value type at `.function`: expected a string, but found `{other}`");
            return Err(ApiError::new("invalid_document_edition_function_filter", text));
        }
    };
    match rhai::Engine::new().compile(&function) {
        Ok(_) => Ok(function),
        Err(error) => Err(ApiError::new("bad_request", error.to_string())),
    }
}
