//! What the nodes of an index are told, given what its user said.
//!
//! A node differs from the user's settings in what Miroir needs to cut an index into shards and to merge their answers:
//!
//! | setting | on the nodes | why |
//! |---|---|---|
//! | `displayedAttributes` | all | the merge reads attributes that the user may hide; searches name what to show |
//! | `filterableAttributes` | first `_miroir` by equality | a search can be limited to some shards |
//! | `rankingRules` | and `_miroir:asc` last, with several shards | ties have one order, the same on every copy |
//! | `faceting.maxValuesPerFacet` | at least [`NODE_FACET_VALUES`], with several shards | counts add up only when no shard cut a value off |
//! | `embedders.*.documentTemplate`, the default | leaves `_miroir` out | vectors are made of what the user knows only |
//! | `pagination.maxTotalHits` | at least [`NODE_HITS`], with several shards | a page that ends inside a tie fetches that tie whole, however small the user's limit is |
//!
//! An index of one shard answers with its node's own text, so there the limits are the user's.
//!
//! Meilisearch's own template of embedders goes over all attributes: nodes get one that makes the same text without the
//! reserved member. A template of the user's that goes over `fields` meets it, and must leave it out itself.

use miroir_model::RESERVED_MEMBER;
use serde_json::{Map, Value, json};

use crate::embedders::cleared_members;
use crate::name::SettingName;
use crate::shape::default_of;
use crate::stored::object_text;
use crate::user::UserSettings;

/// How many values of a facet a node gives at least, when an index has several shards.
///
/// A node that has more values than it may give cuts some off, by its own counts: the sum over shards is then too low,
/// and by count also the choice of values is wrong. So the limit must lie above the number of distinct values that a
/// facet has on one node. It costs nothing until a facet has that many; beyond it, counts are lower bounds.
pub const NODE_FACET_VALUES: u64 = 100_000;

/// How many hits a node gives at least, when an index has several shards: more than one slot's worth of documents, up to
/// 160 million documents in the index.
pub const NODE_HITS: u64 = 10_000;

/// Meilisearch's default template of embedders, but for the reserved member.
const NODE_TEMPLATE: &str = "{% for field in fields %}\
    {% if field.is_searchable and field.value != nil and field.name != \"_miroir\" %}\
    {{ field.name }}: {{ field.value }}\n\
    {% endif %}\
    {% endfor %}";

/// What the settings on the nodes depend on besides the user's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeShape {
    /// Whether the index was created with several shards, or got them since.
    pub several_shards: bool,
}

/// The body of `PATCH /indexes/{name}/settings` that brings a node to these settings.
///
/// Every setting is in it (`chat` only where somebody set it): those that the user did not set as `null`, so that a node takes them for untouched and
/// indexes nothing again. `held` are the settings that the node may hold now, or some of them (none for a new index):
/// what embedders of them must go, or lose a member, is said too. So sending the former settings with the failed ones
/// as `held` rolls a node back. Two things about embedders no request takes back: a binary quantisation, and an API key
/// that was given together with another source when the former source may have none.
pub fn node_settings(settings: &UserSettings, shape: NodeShape, held: Option<&UserSettings>) -> String {
    // `chat` is about a route that searches do not use; not every node knows it.
    let concerned = |settings: &UserSettings| settings.set_value(SettingName::Chat).is_some();
    let chat = concerned(settings) || held.is_some_and(concerned);
    let sent = |name: &SettingName| *name != SettingName::Chat || chat;
    object_text(SettingName::of_version(settings.version()).filter(sent).map(|name| {
        let value = match name {
            SettingName::DisplayedAttributes => json!(["*"]),
            SettingName::FilterableAttributes => filterable(settings.value(name)),
            SettingName::RankingRules if shape.several_shards => ranked(settings.value(name)),
            SettingName::Faceting if shape.several_shards => {
                raised(settings.value(name), "maxValuesPerFacet", NODE_FACET_VALUES)
            }
            SettingName::Pagination if shape.several_shards => {
                raised(settings.value(name), "maxTotalHits", NODE_HITS)
            }
            SettingName::Embedders => embedders(settings, held),
            _ => settings.set_value(name).unwrap_or(Value::Null),
        };
        (name.as_str(), value.to_string())
    }))
}

/// The first rule that matches decides, so ours goes first. In the texts of nodes the user's rules have a place more.
fn filterable(rules: Value) -> Value {
    let ours = json!({
        "attributePatterns": [RESERVED_MEMBER],
        "features": { "facetSearch": false, "filter": { "equality": true, "comparison": false } }
    });
    let mut rules = match rules {
        Value::Array(rules) => rules,
        _ => Vec::new(),
    };
    rules.insert(0, ours);
    rules.into()
}

fn ranked(mut rules: Value) -> Value {
    if let Value::Array(rules) = &mut rules {
        rules.push(format!("{RESERVED_MEMBER}:asc").into());
    }
    rules
}

fn raised(mut value: Value, member: &str, least: u64) -> Value {
    let number = value[member].as_u64().unwrap_or(0).max(least);
    value[member] = number.into();
    value
}

fn embedders(settings: &UserSettings, held: Option<&UserSettings>) -> Value {
    let Some(Value::Object(mut embedders)) = settings.set_value(SettingName::Embedders) else {
        return Value::Null;
    };
    let held = held.and_then(|held| held.set_value(SettingName::Embedders));
    for (name, held) in held.iter().filter_map(Value::as_object).flatten() {
        match (embedders.get_mut(name), held.as_object()) {
            (Some(Value::Object(embedder)), Some(held)) => {
                let cleared = cleared_members(embedder, held);
                embedder.extend(cleared.into_iter().map(|member| (member, Value::Null)));
            }
            _ => drop(embedders.insert(name.clone(), Value::Null)),
        }
    }
    let default = default_of(SettingName::Chat, settings.version());
    let mut embedders: Map<String, Value> = embedders.into_iter().collect();
    embedders.values_mut().for_each(|embedder| without_reserved(embedder, &default["documentTemplate"]));
    Value::Object(embedders)
}

/// The default template without the reserved member, in an embedder and in those that it is composed of.
fn without_reserved(embedder: &mut Value, default: &Value) {
    let Some(members) = embedder.as_object_mut() else { return };
    if members.get("documentTemplate") == Some(default) {
        members.insert("documentTemplate".to_owned(), NODE_TEMPLATE.into());
    }
    for part in ["indexingEmbedder", "searchEmbedder"] {
        members.get_mut(part).into_iter().for_each(|part| without_reserved(part, default));
    }
}
