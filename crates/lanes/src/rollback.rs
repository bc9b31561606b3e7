//! What must be taken back from a node whose settings were not taken by all.
//!
//! Settings are sent whole, so sending the former ones brings everything back, but for embedders: those that the former
//! settings do not name stay unless they are named. The failed settings are gone from the state by then, so the node
//! is asked.

use miroir_api::ApiVersion;
use miroir_settings::{Features, Rules, SettingName, SettingsPatch, UserSettings};
use serde_json::Value;

/// The embedders of a node, from the JSON text of its settings, as settings of their own; `None` when it has none.
pub(crate) fn embedders(settings: &[u8], version: ApiVersion) -> Option<UserSettings> {
    let settings: Value = serde_json::from_slice(settings).ok()?;
    let embedders = settings.get(SettingName::Embedders.as_str())?;
    let rules = Rules { version, features: Features::default() };
    let patch = SettingsPatch::parse_one(SettingName::Embedders, embedders, rules).ok()?;
    UserSettings::new(version).apply(&patch).ok()
}
