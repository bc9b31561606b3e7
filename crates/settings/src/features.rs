//! Settings that an experimental feature must be switched on for.

use miroir_api::{ErrorCode, ResponseError};
use serde_json::Value;

use crate::name::SettingName;

/// The experimental features that settings know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Features {
    /// The setting `chat`.
    pub chat_completions: bool,
    /// The setting `foreignKeys`.
    pub foreign_keys: bool,
    /// Embedders made of two.
    pub composite_embedders: bool,
    /// Embedders with fragments.
    pub multimodal: bool,
}

impl Features {
    /// Whether `GET /indexes/{uid}/settings` lists the setting. Its own sub-route shows it in any case.
    pub(crate) fn list(self, name: SettingName) -> bool {
        match name {
            SettingName::Chat => self.chat_completions,
            SettingName::ForeignKeys => self.foreign_keys,
            _ => true,
        }
    }
}

/// Refuses what needs a feature that is off, with Meilisearch's text.
pub(crate) fn check<'v>(
    sent: impl Iterator<Item = (SettingName, &'v Value)>,
    features: Features,
) -> Result<(), ResponseError> {
    for (name, value) in sent {
        match name {
            SettingName::Embedders => {
                for embedder in value.as_object().into_iter().flat_map(|embedders| embedders.values()) {
                    check_embedder(embedder, features)?;
                }
            }
            SettingName::Chat => {
                let action = "setting `chat` in the index settings";
                need(features.chat_completions, action, "chat completions", 835)?;
            }
            SettingName::ForeignKeys => {
                let action = "setting `foreignKeys` in the index settings";
                need(features.foreign_keys, action, "foreign_keys", 873)?;
            }
            _ => {}
        }
    }
    Ok(())
}

fn check_embedder(embedder: &Value, features: Features) -> Result<(), ResponseError> {
    let composite = |action| need(features.composite_embedders, action, "composite embedders", 816);
    let multimodal = |action| need(features.multimodal, action, "multimodal", 846);
    let sets = |member: &str| embedder.get(member).is_some_and(|value| !value.is_null());
    if embedder.get("source").is_some_and(|source| source == "composite") {
        composite("using `\"composite\"` as source")?;
    }
    if sets("searchEmbedder") {
        composite("setting `searchEmbedder`")?;
    }
    if sets("indexingEmbedder") {
        composite("setting `indexingEmbedder`")?;
    }
    if sets("indexingFragments") {
        multimodal("setting `indexingFragments`")?;
    }
    if sets("searchFragments") {
        multimodal("setting `searchFragments`")?;
    }
    Ok(())
}

fn need(on: bool, action: &str, feature: &str, discussion: u32) -> Result<(), ResponseError> {
    if on {
        return Ok(());
    }
    Err(ResponseError::new(
        ErrorCode::FeatureNotEnabled,
        format!(
            "{action} requires enabling the `{feature}` experimental feature. See \
             https://github.com/orgs/meilisearch/discussions/{discussion}"
        ),
    ))
}
