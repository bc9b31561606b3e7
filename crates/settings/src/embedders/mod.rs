//! Embedders: the one setting that merges by name and member, and that has rules per source.
//!
//! Not checked here, because it takes the engine's own libraries: the syntax of document templates (Liquid), of URLs, and
//! the `request` and `response` of source `rest`. A node that refuses one of them fails the task.

mod merge;
mod sources;

use serde_json::{Map, Value};

pub(crate) use merge::{cleared_members, merge};
use miroir_api::ApiVersion;

/// Checks what one request says about embedders, before it is known what they were.
pub(crate) fn check_sent(sent: &Value, version: ApiVersion) -> Result<(), String> {
    for (name, embedder) in sent.as_object().into_iter().flatten() {
        if let Some(embedder) = embedder.as_object() {
            check(name, embedder, version)?;
        }
    }
    Ok(())
}

/// Meilisearch's checks of one embedder, as far as they need no library of the engine. `null` counts as sent.
fn check(name: &str, embedder: &Map<String, Value>, version: ApiVersion) -> Result<(), String> {
    let number = |member: &str| embedder.get(member).and_then(Value::as_u64);
    let text = |member: &str| embedder.get(member).and_then(Value::as_str);
    if text("documentTemplate").is_some() && number("documentTemplateMaxBytes") == Some(0) {
        return Err(format!(
            "`.embedders.{name}.documentTemplateMaxBytes`: `documentTemplateMaxBytes` cannot be zero"
        ));
    }
    if number("dimensions") == Some(0) {
        return Err(format!("`.embedders.{name}.dimensions`: `dimensions` cannot be zero"));
    }
    let Some(source) = text("source") else { return Ok(()) };
    sources::check_members(name, source, embedder, version)?;
    match text("model") {
        Some(model) if source == "openAi" => check_openai(name, model, number("dimensions")),
        _ => Ok(()),
    }
}

fn check_openai(name: &str, model: &str, dimensions: Option<u64>) -> Result<(), String> {
    const MODELS: [&str; 3] = ["text-embedding-ada-002", "text-embedding-3-small", "text-embedding-3-large"];
    let (native, fixed) = match model {
        "text-embedding-ada-002" => (1536, true),
        "text-embedding-3-small" => (1536, false),
        "text-embedding-3-large" => (3072, false),
        _ => {
            return Err(format!(
                "`.embedders.{name}.model`: Invalid model `{model}` for OpenAI. Supported models: {MODELS:?}"
            ));
        }
    };
    match dimensions {
        Some(found) if fixed && found != native => Err(format!(
            "`.embedders.{name}.dimensions`: Model `{model}` does not support overriding its native dimensions of \
             {native}. Found {found}"
        )),
        Some(found) if found > native => Err(format!(
            "`.embedders.{name}.dimensions`: Model `{model}` does not support overriding its dimensions to a value \
             higher than {native}. Found {found}"
        )),
        _ => Ok(()),
    }
}

/// The embedders with their API keys cut as Meilisearch cuts them. (It leaves those of nested embedders; we do not.)
pub(crate) fn hide_secrets(mut embedders: Value) -> Value {
    for embedder in embedders.as_object_mut().into_iter().flat_map(|embedders| embedders.values_mut()) {
        hide_key(embedder);
        for nested in ["searchEmbedder", "indexingEmbedder"] {
            if let Some(nested) = embedder.get_mut(nested) {
                hide_key(nested);
            }
        }
    }
    embedders
}

fn hide_key(embedder: &mut Value) {
    if let Some(Value::String(key)) = embedder.get_mut("apiKey") {
        let (shown, rest) = match key.len() {
            0..10 => (0, "XXX..."),
            10..20 => (2, "XXXX..."),
            20..30 => (3, "XXXXX..."),
            _ => (5, "XXXXXX..."),
        };
        let end = (shown..).find(|end| key.is_char_boundary(*end)).unwrap_or(0);
        key.replace_range(end.., rest);
    }
}
