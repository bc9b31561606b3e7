//! What users name an index.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize};

/// The name of an index, as users write it: 1 to 400 ASCII letters, digits, `-` and `_` (Meilisearch's rule).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct IndexUid(Arc<str>);

/// A text that is no [`IndexUid`]. The message is Meilisearch's for `invalid_index_uid`, its
/// number included, though the limit that it checks is 400.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a valid index uid. Index uid can be an integer or a string containing only alphanumeric \
     characters, hyphens (-) and underscores (_), and can not be more than 512 bytes."
)]
pub struct InvalidIndexUid(pub String);

impl IndexUid {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for IndexUid {
    type Err = InvalidIndexUid;

    fn from_str(text: &str) -> Result<Self, InvalidIndexUid> {
        let legal = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        if text.is_empty() || text.len() > 400 || !text.bytes().all(legal) {
            return Err(InvalidIndexUid(text.to_owned()));
        }
        Ok(Self(Arc::from(text)))
    }
}

impl fmt::Display for IndexUid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Borrow<str> for IndexUid {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for IndexUid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meilisearchs_rule_holds() {
        for good in ["movies", "a", "A-b_9", &"x".repeat(400)] {
            assert!(good.parse::<IndexUid>().is_ok(), "{good}");
        }
        for bad in ["", "with space", "é", "a/b", "a.b", &"x".repeat(401)] {
            assert!(bad.parse::<IndexUid>().is_err(), "{bad}");
        }
    }
}
