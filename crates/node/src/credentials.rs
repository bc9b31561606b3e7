//! The keys of a node.
//!
//! Adoption makes two API keys on a node, under uids that are chosen, not given. The value of a Meilisearch key is the
//! HMAC-SHA256 of its uid under the node's master key, in hex, so whoever holds the master key knows it without
//! reading it, and rotating a node's master key changes the value of every key.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use uuid::Uuid;

/// What a request authenticates itself with: a master key or the value of an API key. Never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

impl ApiKey {
    /// The key with this value.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value of the API key `uid` on a node with this master key.
    pub fn derive(master_key: &str, uid: Uuid) -> Self {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(master_key.as_bytes()).expect("HMAC takes keys of any length");
        mac.update(uid.hyphenated().to_string().as_bytes());
        let bytes = mac.finalize().into_bytes();
        Self(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// The value.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(…)")
    }
}

/// What a lane may do on a node. `indexes.create` is missing on purpose: a document request that arrives after its
/// index was renamed away must fail, not bring the old name back.
const LANE_ACTIONS: &[&str] = &[
    "documents.*",
    "tasks.get",
    "tasks.delete",
    "settings.*",
    "indexes.get",
    "indexes.update",
    "indexes.delete",
    "stats.get",
    "version",
];

/// What a search may do on a node: read. `tasks.get` is for the check of a new connection.
const SEARCH_ACTIONS: &[&str] =
    &["search", "documents.get", "settings.get", "indexes.get", "stats.get", "tasks.get", "version"];

/// An API key to be made on a node, for all of its indexes and without end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NewKey {
    /// Its uid; its value follows from it.
    pub uid: Uuid,
    /// What an operator reads in the node's list of keys.
    pub name: &'static str,
    /// What it may do.
    pub actions: &'static [&'static str],
}

impl NewKey {
    /// The key of lanes: everything that delivery needs, but it cannot create an index.
    pub fn lane(uid: Uuid) -> Self {
        Self { uid, name: "miroir lanes", actions: LANE_ACTIONS }
    }

    /// The key of searches: it only reads.
    pub fn search(uid: Uuid) -> Self {
        Self { uid, name: "miroir searches", actions: SEARCH_ACTIONS }
    }
}

/// An API key as a node describes it. Its value is not kept: it is derived.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct KeyInfo {
    /// Its uid.
    pub uid: Uuid,
    /// Its name.
    pub name: Option<String>,
    /// What it may do.
    pub actions: Vec<String>,
    /// The indexes it may do it on.
    pub indexes: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed by Python's `hmac` module; that Meilisearch computes the same is the conformance suite's `keys`.
    #[test]
    fn the_value_is_the_hmac_of_the_uid_and_debug_hides_it() {
        let uid = Uuid::from_u128(0x0123_4567_89ab_4def_8123_4567_89ab_cdef);
        let key = ApiKey::derive("a master key of the node", uid);
        assert_eq!(key.expose(), "0d7ffd4f208506f17eee29b2c2053769bb9c98909d52e3b18c99365ea0d4321c");
        assert!(!format!("{key:?}").contains(key.expose()));
    }

    #[test]
    fn a_lane_cannot_create_an_index_by_any_of_its_actions() {
        let key = NewKey::lane(Uuid::nil());
        for action in ["*", "indexes.*", "indexes.create"] {
            assert!(!key.actions.contains(&action), "{action}");
        }
    }
}
