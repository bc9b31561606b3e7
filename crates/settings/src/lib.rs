//! User settings to node settings and back, by version.
//!
//! A client's change is read and checked as a [`SettingsPatch`] before it enters the log; a task holds it. What then
//! holds, [`UserSettings::apply`] computes from the settings before: it is a pure function, so every peer computes the
//! same. [`node_settings`] turns the result into what nodes are told. Answers to users are made from [`UserSettings`]
//! alone, so nothing that nodes are told can show in them.
//!
//! Shapes, defaults, checks and error texts follow Meilisearch 1.50 and 1.15, each as its version has them. Known
//! differences: Meilisearch shows `stopWords` and `disableOnWords` as its tokeniser normalises them, here they show as they
//! were sent; and the checks that need the engine's libraries are left to the nodes.

mod attributes;
mod embedders;
mod features;
mod name;
mod node;
mod patch;
mod ranking;
mod reserved;
mod shape;
mod stored;
mod typed;
mod user;
mod words;

pub use attributes::{
    FilterOperators, FilterableFeatures, FilterableRule, deciding_rule, lies_in, matches_pattern,
    patterns_with,
};
pub use features::Features;
pub use name::{SettingName, UpdateMethod};
pub use node::{NODE_FACET_VALUES, NODE_HITS, NodeShape, node_settings};
pub use patch::{Rules, SettingsPatch};
pub use ranking::{InvalidRankingRule, RankingRule};
pub use shape::LOCALES;
pub use typed::{Embedder, FacetOrder, FacetOrders};
pub use user::UserSettings;
pub use words::in_users_words;
