//! Whose API a cluster speaks.
//!
//! A cluster speaks the version of its nodes. What differs between versions and is seen by users stands in one table,
//! [`ApiVersion::traits`]; everything else asks it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A version of Meilisearch that nodes may run. The order is that of the releases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ApiVersion {
    /// 1.15: the embedded engine's.
    #[serde(rename = "1.15")]
    V1_15,
    /// 1.50: the reference.
    #[serde(rename = "1.50")]
    V1_50,
}

/// What users see of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VersionTraits {
    /// What `GET /version` says.
    pub pkg_version: &'static str,
    /// The ranking rules of an index whose user set none.
    pub default_ranking_rules: &'static [&'static str],
    /// The rules that a user may name besides `attribute:asc` and `attribute:desc`.
    pub ranking_rule_names: &'static [&'static str],
    /// Whether `pagination.maxTotalHits` caps `estimatedTotalHits`, `totalHits`, `totalPages` and the `offset` echoed.
    /// Hits are capped by it in every version.
    pub totals_capped: bool,
    /// Whether a page with exact totals leaves out of them what scores less than `rankingScoreThreshold`, wherever it is
    /// in the order. Other totals leave it out only where the hits end with it.
    pub pages_count_above_threshold: bool,
    /// Whether the score of the rules so far decides about hits that stand before the page together, which are looked at
    /// no closer; otherwise that of all rules decides about each.
    pub skips_before_page: bool,
    /// Whether a score is made of all rules, not only of those before the first sort.
    pub scores_of_all_rules: bool,
    /// Whether documents that a hybrid search finds by words and by vectors are distinct together.
    pub hybrid_is_distinct: bool,
    /// Whether a search that shows vectors tells the one that its words were given.
    pub tells_vector: bool,
    /// Whether words that must not be there (`-word`) count for what a hybrid search finds by vectors too.
    pub hybrid_negates: bool,
}

const V1_15: VersionTraits = VersionTraits {
    pkg_version: "1.15.1",
    default_ranking_rules: &["words", "typo", "proximity", "attribute", "sort", "exactness"],
    ranking_rule_names: &["words", "typo", "proximity", "attribute", "sort", "exactness"],
    totals_capped: true,
    pages_count_above_threshold: false,
    skips_before_page: true,
    scores_of_all_rules: false,
    hybrid_is_distinct: false,
    tells_vector: false,
    hybrid_negates: false,
};

const V1_50: VersionTraits = VersionTraits {
    pkg_version: "1.50.0",
    default_ranking_rules: &[
        "words",
        "typo",
        "proximity",
        "attributeRank",
        "sort",
        "wordPosition",
        "exactness",
    ],
    ranking_rule_names: &[
        "words",
        "typo",
        "proximity",
        "attribute",
        "attributeRank",
        "sort",
        "wordPosition",
        "exactness",
    ],
    totals_capped: false,
    pages_count_above_threshold: true,
    skips_before_page: false,
    scores_of_all_rules: true,
    hybrid_is_distinct: true,
    tells_vector: true,
    hybrid_negates: true,
};

impl ApiVersion {
    /// Every version, oldest first.
    pub const ALL: [Self; 2] = [Self::V1_15, Self::V1_50];

    /// The table.
    pub fn traits(self) -> &'static VersionTraits {
        match self {
            Self::V1_15 => &V1_15,
            Self::V1_50 => &V1_50,
        }
    }

    /// The version of a node that reports this `pkgVersion`: major and minor decide. Nothing for a version that is
    /// not in the table.
    pub fn of_node(pkg_version: &str) -> Option<Self> {
        let mut parts = pkg_version.split('.');
        match (parts.next()?, parts.next()?) {
            ("1", "15") => Some(Self::V1_15),
            ("1", "50") => Some(Self::V1_50),
            _ => None,
        }
    }

    /// [`VersionTraits::default_ranking_rules`].
    pub fn default_ranking_rules(self) -> &'static [&'static str] {
        self.traits().default_ranking_rules
    }
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V1_15 => "1.15",
            Self::V1_50 => "1.50",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_known_by_major_and_minor() {
        assert_eq!(ApiVersion::of_node("1.50.0"), Some(ApiVersion::V1_50));
        assert_eq!(ApiVersion::of_node("1.15.2"), Some(ApiVersion::V1_15));
        for other in ["", "1", "1.5.0", "1.500.0", "2.50.0"] {
            assert_eq!(ApiVersion::of_node(other), None, "{other}");
        }
        for version in ApiVersion::ALL {
            assert_eq!(ApiVersion::of_node(version.traits().pkg_version), Some(version));
        }
    }

    #[test]
    fn default_rules_are_rules_of_the_version() {
        for version in ApiVersion::ALL {
            let names = version.traits().ranking_rule_names;
            assert!(version.default_ranking_rules().iter().all(|rule| names.contains(rule)));
        }
    }
}
