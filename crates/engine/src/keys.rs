//! API keys: who may do what, on which indexes.
//!
//! A key's value is `HMAC-SHA256(master key, uid)` in hexadecimal, as on Meilisearch, so the same uid under the same
//! master key gives the same key on every node. Keys made by default on Meilisearch are not made here: the clusters this
//! node serves make their own.

use std::sync::{PoisonError, RwLock};

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::error::ApiError;
use crate::store::Store;

/// What a request does, by the name that keys use for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Action(pub(crate) &'static str);

impl Action {
    /// Whether an action in a key's list allows this one.
    fn is_in(self, listed: &str) -> bool {
        match listed {
            "*" => true,
            "*.get" => self.0.ends_with(".get") && self.0 != "keys.get",
            listed => {
                listed == self.0
                    || listed.strip_suffix(".*").is_some_and(|family| {
                        self.0.strip_prefix(family).is_some_and(|rest| rest.starts_with('.'))
                    })
            }
        }
    }
}

/// One API key as it is stored; its value is computed.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Key {
    pub(crate) uid: Uuid,
    pub(crate) name: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) actions: Vec<String>,
    pub(crate) indexes: Vec<String>,
    #[serde(with = "time::serde::rfc3339::option")]
    pub(crate) expires_at: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339")]
    pub(crate) created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    pub(crate) updated_at: OffsetDateTime,
}

impl Key {
    fn covers(&self, index: &str) -> bool {
        covers(&self.indexes, index)
    }
}

/// Index patterns are names, or a prefix and a star.
fn covers(patterns: &[String], index: &str) -> bool {
    patterns.iter().any(|pattern| match pattern.strip_suffix('*') {
        Some(prefix) => index.starts_with(prefix),
        None => pattern == index,
    })
}

/// What an authorised request may touch.
#[derive(Debug, Clone)]
pub(crate) struct Grant {
    indexes: Vec<String>,
    creates: bool,
}

impl Grant {
    fn everything() -> Self {
        Self { indexes: vec!["*".to_owned()], creates: true }
    }

    pub(crate) fn covers(&self, index: &str) -> bool {
        covers(&self.indexes, index)
    }

    pub(crate) fn covers_all(&self) -> bool {
        self.indexes.iter().any(|pattern| pattern == "*")
    }

    /// Whether a write to `index` may create it.
    pub(crate) fn may_create(&self, index: &str) -> bool {
        self.creates && self.covers(index)
    }
}

pub(crate) struct Keys {
    store: Store,
    master_key: Option<String>,
    /// The stored keys with their values, so that a request costs no computation.
    known: RwLock<Vec<(Key, String)>>,
}

impl Keys {
    /// Reads the stored keys.
    pub(crate) fn open(store: Store, master_key: Option<String>) -> milli::heed::Result<Self> {
        let keys = Self { store, master_key, known: RwLock::default() };
        keys.reload()?;
        Ok(keys)
    }

    fn reload(&self) -> milli::heed::Result<()> {
        let txn = self.store.read()?;
        let mut known = Vec::new();
        for row in self.store.keys.iter(&txn)? {
            let key = row?.1;
            let value = self.value_of(key.uid);
            known.push((key, value));
        }
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = known;
        Ok(())
    }

    /// The value of the key `uid`; empty without a master key, when there are no keys.
    pub(crate) fn value_of(&self, uid: Uuid) -> String {
        let Some(master_key) = &self.master_key else { return String::new() };
        let mut mac =
            Hmac::<Sha256>::new_from_slice(master_key.as_bytes()).expect("HMAC takes a key of any length");
        mac.update(uid.hyphenated().to_string().as_bytes());
        mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Whether `token` may do `action`, on `index` when the route names one.
    ///
    /// # Errors
    /// `missing_authorization_header` or `invalid_api_key`.
    pub(crate) fn authorize(
        &self,
        token: Option<&str>,
        action: Action,
        index: Option<&str>,
    ) -> Result<Grant, ApiError> {
        let Some(master_key) = &self.master_key else { return Ok(Grant::everything()) };
        let Some(token) = token else {
            let text = "The Authorization header is missing. It must use the bearer authorization method.";
            return Err(ApiError::new("missing_authorization_header", text));
        };
        if same(token, master_key) {
            return Ok(Grant::everything());
        }
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let refused = || ApiError::new("invalid_api_key", "The provided API key is invalid.");
        let (key, _) = known.iter().find(|(_, value)| same(token, value)).ok_or_else(refused)?;
        let expired = key.expires_at.is_some_and(|at| at <= OffsetDateTime::now_utc());
        let allowed = |action: Action| key.actions.iter().any(|listed| action.is_in(listed));
        if expired || !allowed(action) || !index.is_none_or(|index| key.covers(index)) {
            return Err(refused());
        }
        Ok(Grant { indexes: key.indexes.clone(), creates: allowed(Action("indexes.create")) })
    }

    /// Key routes need a master key to exist.
    ///
    /// # Errors
    /// `missing_master_key`.
    pub(crate) fn require_master_key(&self) -> Result<(), ApiError> {
        if self.master_key.is_some() {
            return Ok(());
        }
        let text = "Meilisearch is running without a master key. To access this API endpoint, you must have set a \
                    master key at launch.";
        Err(ApiError::new("missing_master_key", text))
    }

    /// Adds a key.
    ///
    /// # Errors
    /// `api_key_already_exists`.
    pub(crate) fn create(&self, key: &Key) -> Result<(), ApiError> {
        let uid = key.uid.hyphenated().to_string();
        let mut txn = self.store.write()?;
        if self.store.keys.get(&txn, &uid)?.is_some() {
            let text = format!("`uid` field value `{uid}` is already an existing API key.");
            return Err(ApiError::new("api_key_already_exists", text));
        }
        self.store.keys.put(&mut txn, &uid, key)?;
        txn.commit()?;
        Ok(self.reload()?)
    }

    /// Removes the key with this uid or value.
    ///
    /// # Errors
    /// `api_key_not_found`.
    pub(crate) fn delete(&self, uid_or_key: &str) -> Result<(), ApiError> {
        let (key, _) = self.find(uid_or_key)?;
        let mut txn = self.store.write()?;
        self.store.keys.delete(&mut txn, &key.uid.hyphenated().to_string())?;
        txn.commit()?;
        Ok(self.reload()?)
    }

    /// The key with this uid or value, and its value.
    ///
    /// # Errors
    /// `api_key_not_found`.
    pub(crate) fn find(&self, uid_or_key: &str) -> Result<(Key, String), ApiError> {
        let uid = Uuid::parse_str(uid_or_key).ok();
        let found = self.list().into_iter().find(|(key, value)| uid == Some(key.uid) || value == uid_or_key);
        found.ok_or_else(|| ApiError::new("api_key_not_found", format!("API key `{uid_or_key}` not found.")))
    }

    /// All keys with their values, newest first.
    pub(crate) fn list(&self) -> Vec<(Key, String)> {
        let mut keys = self.known.read().unwrap_or_else(PoisonError::into_inner).clone();
        keys.sort_by_key(|(key, _)| std::cmp::Reverse(key.created_at));
        keys
    }
}

/// Comparison whose time does not tell where two secrets differ.
fn same(left: &str, right: &str) -> bool {
    left.as_bytes().ct_eq(right.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_of_actions() {
        assert!(Action("documents.add").is_in("documents.*"));
        assert!(Action("documents.add").is_in("*"));
        assert!(!Action("documents.add").is_in("documents.get"));
        assert!(!Action("documents.add").is_in("doc.*"));
        assert!(Action("tasks.get").is_in("*.get"));
        assert!(!Action("keys.get").is_in("*.get"));
    }

    /// The value any HMAC tool gives, and Meilisearch for this master key and uid.
    #[test]
    fn a_key_is_the_hmac_of_its_uid() {
        let dir = tempfile::tempdir().expect("a directory");
        let store = Store::open(dir.path()).expect("a store");
        let keys = Keys::open(store, Some("masterKey-0123456789".to_owned())).expect("keys");
        let uid = Uuid::parse_str("6062abda-a5aa-4414-ac91-ecd7944c0f8d").expect("a uid");
        assert_eq!(keys.value_of(uid), "991a76efe3f62cc1bcf03e787c7a471ede46c95b77eb47423a3f742b7dadf19a");
    }
}
