//! Where the versions of Meilisearch that can be a node differ.

use crate::{NodeError, Version};

/// A version of Meilisearch, as far as the contract depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// 1.15: what `milli-core` of the crate registry is.
    V1_15,
    /// 1.50: the reference.
    V1_50,
}

impl Dialect {
    /// The dialect of a node.
    ///
    /// # Errors
    /// [`NodeError::Incompatible`] when the suite does not know the version.
    pub fn of(version: &Version) -> Result<Self, NodeError> {
        let text = version.pkg_version.as_str();
        match text.rsplit_once('.') {
            Some(("1.15", _)) => Ok(Self::V1_15),
            Some(("1.50", _)) => Ok(Self::V1_50),
            _ => Err(NodeError::Incompatible(format!("the suite does not know version {text}"))),
        }
    }

    /// Whether totals stop at `pagination.maxTotalHits` (1.50 counts on).
    pub fn caps_totals(self) -> bool {
        self == Self::V1_15
    }

    /// Whether later rules order documents whose vectors are equally near. 1.15 puts each of these in a place of its own
    /// before it looks at later rules, in the order of its internal ids.
    pub fn ranks_equal_vectors(self) -> bool {
        self == Self::V1_50
    }

    /// The ranking rules of an index whose settings were never touched. 1.50 has cut `attribute` in two, but knows
    /// it still; what it says of it in details is the same in both.
    pub fn default_ranking_rules(self) -> &'static [&'static str] {
        match self {
            Self::V1_15 => &["words", "typo", "proximity", "attribute", "sort", "exactness"],
            Self::V1_50 => {
                &["words", "typo", "proximity", "attributeRank", "sort", "wordPosition", "exactness"]
            }
        }
    }
}
