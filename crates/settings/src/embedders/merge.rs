//! What the embedders are after a change.

use miroir_api::ApiVersion;
use serde_json::{Map, Value, json};

use super::{check, sources};
use crate::name::SettingName;
use crate::shape::{canonical, default_of, shape_of};

/// The embedders after a change, in the form that Meilisearch shows: every embedder with a source, and the defaults of
/// that source filled in.
///
/// # Errors
/// Meilisearch's text, when an embedder would not be right as a whole.
pub(crate) fn merge(
    before: Map<String, Value>,
    sent: Map<String, Value>,
    version: ApiVersion,
) -> Result<Value, String> {
    let mut embedders = before;
    for (name, change) in sent {
        let Value::Object(change) = change else {
            embedders.remove(&name);
            continue;
        };
        let before = embedders.remove(&name);
        let mut embedder = match before {
            Some(Value::Object(before)) => changed(&name, before, change)?,
            _ => changed(&name, Map::new(), change)?,
        };
        check(&name, &embedder, version)?;
        fill_defaults(&mut embedder, version);
        embedders.insert(name, embedder.into());
    }
    Ok(canonical(shape_of(SettingName::Embedders), &embedders.into(), version))
}

/// The members of the former embedder that the new one lacks and could have: to restore the new one on a node that
/// holds the former, they are sent as `null`. (A node that is told `null` for a member that it does not hold takes it
/// for a change and may compute every vector again.)
pub(crate) fn cleared_members(new: &Map<String, Value>, former: &Map<String, Value>) -> Vec<String> {
    let source = new.get("source").and_then(Value::as_str).unwrap_or_default();
    let gone = |member: &&String| !new.contains_key(*member) && sources::allows(source, member);
    former.keys().filter(gone).cloned().collect()
}

fn changed(
    name: &str,
    mut embedder: Map<String, Value>,
    mut change: Map<String, Value>,
) -> Result<Map<String, Value>, String> {
    if embedder.get("binaryQuantized") == Some(&json!(true))
        && change.get("binaryQuantized") == Some(&json!(false))
    {
        return Err(format!(
            "`.embedders.{name}.binaryQuantized`: Cannot disable the binary quantization.\n - Note: Binary \
             quantization is a lossy operation that cannot be reverted.\n - Hint: Add a new embedder that is \
             non-quantized and regenerate the vectors."
        ));
    }
    let source = match change.remove("source").or_else(|| embedder.get("source").cloned()) {
        Some(Value::String(source)) => source,
        _ => "openAi".to_owned(),
    };
    if embedder.get("source").is_some_and(|before| *before != *source) {
        embedder.retain(|member, _| outlives_source(member, &source));
    }
    embedder.insert("source".to_owned(), source.into());
    for (member, value) in change {
        match (member.as_str(), embedder.get_mut(&member), value) {
            (_, _, Value::Null) => drop(embedder.remove(&member)),
            (
                "indexingEmbedder" | "indexingFragments" | "searchFragments",
                Some(Value::Object(before)),
                value,
            ) => {
                before.extend(value.as_object().cloned().unwrap_or_default());
                before.retain(|_, value| !value.is_null());
            }
            (_, _, value) => drop(embedder.insert(member, value)),
        }
    }
    Ok(embedder)
}

/// Whether a member stays when the source becomes another.
fn outlives_source(member: &str, source: &str) -> bool {
    match member {
        "apiKey" | "distribution" | "binaryQuantized" | "searchEmbedder" | "indexingEmbedder" => true,
        "documentTemplate" | "documentTemplateMaxBytes" => !matches!(source, "userProvided" | "composite"),
        _ => false,
    }
}

fn fill_defaults(embedder: &mut Map<String, Value>, version: ApiVersion) {
    let source = embedder.get("source").and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut set_default = |member: &str, value: Value| {
        embedder.entry(member).or_insert(value);
    };
    match source.as_str() {
        "openAi" => set_default("model", json!("text-embedding-3-small")),
        "huggingFace" => {
            set_default("pooling", json!("useModel"));
            if !embedder.contains_key("model") {
                embedder.insert("model".to_owned(), json!("BAAI/bge-base-en-v1.5"));
                let revision = json!("617ca489d9e86b49b8167676d8220688b99db36e");
                embedder.entry("revision").or_insert(revision);
            }
        }
        "rest" => set_default("headers", json!({})),
        _ => {}
    }
    for fragments in ["indexingFragments", "searchFragments"] {
        if let Some(Value::Object(named)) = embedder.get_mut(fragments) {
            named.retain(|_, fragment| !fragment.is_null());
            if named.is_empty() {
                embedder.remove(fragments);
            }
        }
    }
    let has_fragments =
        embedder.contains_key("indexingFragments") || embedder.contains_key("searchFragments");
    if has_fragments || !sources::allows(&source, "documentTemplate") {
        embedder.remove("documentTemplate");
        embedder.remove("documentTemplateMaxBytes");
    } else if !embedder.contains_key("documentTemplate") {
        // The size is dropped with the template that it is for, also when only the size was sent: Meilisearch's way.
        let chat = default_of(SettingName::Chat, version);
        for member in ["documentTemplate", "documentTemplateMaxBytes"] {
            embedder.insert(member.to_owned(), chat[member].clone());
        }
    } else {
        embedder.entry("documentTemplateMaxBytes").or_insert(json!(400));
    }
}
