//! Which members an embedder of each source may and must have.

use miroir_api::ApiVersion;
use serde_json::{Map, Value};

/// All sources, in the order of Meilisearch's errors.
const SOURCES: [&str; 6] = ["openAi", "huggingFace", "ollama", "userProvided", "rest", "composite"];

/// All members, in the order in which Meilisearch's errors list them.
const MEMBERS: [&str; 18] = [
    "source",
    "model",
    "revision",
    "pooling",
    "apiKey",
    "dimensions",
    "documentTemplate",
    "documentTemplateMaxBytes",
    "url",
    "indexingFragments",
    "searchFragments",
    "request",
    "response",
    "headers",
    "searchEmbedder",
    "indexingEmbedder",
    "distribution",
    "binaryQuantized",
];

/// The members in the order in which Meilisearch checks them.
const CHECKED: [&str; 17] = [
    "model",
    "revision",
    "pooling",
    "dimensions",
    "apiKey",
    "url",
    "indexingFragments",
    "searchFragments",
    "request",
    "response",
    "documentTemplate",
    "documentTemplateMaxBytes",
    "headers",
    "searchEmbedder",
    "indexingEmbedder",
    "binaryQuantized",
    "distribution",
];

/// The members that a source must have, and those that it may have besides `source`, `distribution` and
/// `binaryQuantized`, which all have.
fn members_of(source: &str) -> (&'static [&'static str], &'static [&'static str]) {
    match source {
        "openAi" => {
            (&[], &["model", "apiKey", "documentTemplate", "documentTemplateMaxBytes", "dimensions", "url"])
        }
        "huggingFace" => {
            (&[], &["model", "revision", "pooling", "documentTemplate", "documentTemplateMaxBytes"])
        }
        "ollama" => {
            (&["model"], &["apiKey", "documentTemplate", "documentTemplateMaxBytes", "dimensions", "url"])
        }
        "userProvided" => (&["dimensions"], &[]),
        "rest" => (
            &["url", "request", "response"],
            &[
                "apiKey",
                "documentTemplate",
                "documentTemplateMaxBytes",
                "dimensions",
                "headers",
                "indexingFragments",
                "searchFragments",
            ],
        ),
        _ => (&["searchEmbedder", "indexingEmbedder"], &[]),
    }
}

/// Whether an embedder of the source may have the member.
pub(super) fn allows(source: &str, member: &str) -> bool {
    let (needed, allowed) = members_of(source);
    matches!(member, "source" | "distribution" | "binaryQuantized")
        || needed.contains(&member)
        || allowed.contains(&member)
}

/// Refuses members that the source does not have, and the lack of those that it must have.
pub(super) fn check_members(
    name: &str,
    source: &str,
    embedder: &Map<String, Value>,
    version: ApiVersion,
) -> Result<(), String> {
    let (needed, _) = members_of(source);
    for member in CHECKED {
        let sent = embedder.get(member);
        if needed.contains(&member) && sent.is_none_or(Value::is_null) {
            return Err(format!(
                "`.embedders.{name}`: Missing field `{member}` (note: this field is mandatory for source \
                 `{source}`)"
            ));
        }
        if sent.is_some() && !allows(source, member) {
            let exists = |member: &&str| {
                version >= ApiVersion::V1_50 || !matches!(*member, "indexingFragments" | "searchFragments")
            };
            let sources = SOURCES.into_iter().filter(|source| allows(source, member));
            let members = MEMBERS.into_iter().filter(exists).filter(|member| allows(source, member));
            return Err(format!(
                "`.embedders.{name}`: Field `{member}` unavailable for source `{source}`.\n  - note: `{member}` is \
                 available for sources: {}\n  - note: available fields for source `{source}`: {}",
                quoted(sources),
                quoted(members)
            ));
        }
    }
    Ok(())
}

fn quoted<'n>(names: impl Iterator<Item = &'n str>) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
