//! The settings that an index has: their names, sub-routes and error codes.

use std::fmt;

use miroir_api::{ApiVersion, ErrorCode};
use serde::{Deserialize, Serialize};

/// One setting of an index. Stored by its place here: new ones go to the end ([`SettingName::ALL`] has its own order).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum SettingName {
    /// What hits show.
    DisplayedAttributes,
    /// Where words are looked up, best first.
    SearchableAttributes,
    /// What filters, facets and distinct may name.
    FilterableAttributes,
    /// What a request may sort by.
    SortableAttributes,
    /// Links to documents of other indexes (1.50 on, experimental).
    ForeignKeys,
    /// How hits are ordered.
    RankingRules,
    /// Words that queries ignore.
    StopWords,
    /// Separators that are taken as letters.
    NonSeparatorTokens,
    /// Texts that separate words.
    SeparatorTokens,
    /// Texts that are one word.
    Dictionary,
    /// Words that stand for others.
    Synonyms,
    /// At most one hit for each value of it.
    DistinctAttribute,
    /// How exactly distances of words are kept.
    ProximityPrecision,
    /// Which typos are forgiven.
    TypoTolerance,
    /// How many values of a facet are counted, and their order.
    Faceting,
    /// How deep a search may go.
    Pagination,
    /// Where vectors come from.
    Embedders,
    /// How long a search may take, in milliseconds.
    SearchCutoffMs,
    /// Languages of attributes.
    LocalizedAttributes,
    /// Whether values of facets can be searched.
    FacetSearch,
    /// When prefixes are indexed.
    PrefixSearch,
    /// What a chat model is told about the index (experimental).
    Chat,
}

/// The method that changes a setting at its own sub-route. Each also answers GET and DELETE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpdateMethod {
    /// The value replaces the former one.
    Put,
    /// The members sent replace the former ones.
    Patch,
}

impl SettingName {
    /// All settings, in the order in which Meilisearch shows them and lists them in its errors.
    pub const ALL: [Self; 22] = [
        Self::DisplayedAttributes,
        Self::SearchableAttributes,
        Self::FilterableAttributes,
        Self::SortableAttributes,
        Self::ForeignKeys,
        Self::RankingRules,
        Self::StopWords,
        Self::NonSeparatorTokens,
        Self::SeparatorTokens,
        Self::Dictionary,
        Self::Synonyms,
        Self::DistinctAttribute,
        Self::ProximityPrecision,
        Self::TypoTolerance,
        Self::Faceting,
        Self::Pagination,
        Self::Embedders,
        Self::SearchCutoffMs,
        Self::LocalizedAttributes,
        Self::FacetSearch,
        Self::PrefixSearch,
        Self::Chat,
    ];

    /// The settings that a version has, in the order of [`SettingName::ALL`].
    pub fn of_version(version: ApiVersion) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(move |name| name.exists_in(version))
    }

    /// Whether a version has this setting.
    pub fn exists_in(self, version: ApiVersion) -> bool {
        self != Self::ForeignKeys || version >= ApiVersion::V1_50
    }

    /// The name in JSON, as `rankingRules`.
    pub fn as_str(self) -> &'static str {
        self.names().0
    }

    /// The last part of the sub-route's path, as `ranking-rules` in `/indexes/{uid}/settings/ranking-rules`.
    pub fn path(self) -> &'static str {
        self.names().1
    }

    /// The method that changes the setting at its sub-route.
    pub fn update_method(self) -> UpdateMethod {
        match self {
            Self::TypoTolerance | Self::Faceting | Self::Pagination | Self::Embedders | Self::Chat => {
                UpdateMethod::Patch
            }
            _ => UpdateMethod::Put,
        }
    }

    fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::DisplayedAttributes => ("displayedAttributes", "displayed-attributes"),
            Self::SearchableAttributes => ("searchableAttributes", "searchable-attributes"),
            Self::FilterableAttributes => ("filterableAttributes", "filterable-attributes"),
            Self::SortableAttributes => ("sortableAttributes", "sortable-attributes"),
            Self::ForeignKeys => ("foreignKeys", "foreign-keys"),
            Self::RankingRules => ("rankingRules", "ranking-rules"),
            Self::StopWords => ("stopWords", "stop-words"),
            Self::NonSeparatorTokens => ("nonSeparatorTokens", "non-separator-tokens"),
            Self::SeparatorTokens => ("separatorTokens", "separator-tokens"),
            Self::Dictionary => ("dictionary", "dictionary"),
            Self::Synonyms => ("synonyms", "synonyms"),
            Self::DistinctAttribute => ("distinctAttribute", "distinct-attribute"),
            Self::ProximityPrecision => ("proximityPrecision", "proximity-precision"),
            Self::TypoTolerance => ("typoTolerance", "typo-tolerance"),
            Self::Faceting => ("faceting", "faceting"),
            Self::Pagination => ("pagination", "pagination"),
            Self::Embedders => ("embedders", "embedders"),
            Self::SearchCutoffMs => ("searchCutoffMs", "search-cutoff-ms"),
            Self::LocalizedAttributes => ("localizedAttributes", "localized-attributes"),
            Self::FacetSearch => ("facetSearch", "facet-search"),
            Self::PrefixSearch => ("prefixSearch", "prefix-search"),
            Self::Chat => ("chat", "chat"),
        }
    }

    /// The code of the errors about this setting's value.
    pub fn error_code(self) -> ErrorCode {
        match self {
            Self::DisplayedAttributes => ErrorCode::InvalidSettingsDisplayedAttributes,
            Self::SearchableAttributes => ErrorCode::InvalidSettingsSearchableAttributes,
            Self::FilterableAttributes => ErrorCode::InvalidSettingsFilterableAttributes,
            Self::SortableAttributes => ErrorCode::InvalidSettingsSortableAttributes,
            Self::ForeignKeys => ErrorCode::InvalidSettingsForeignKeys,
            Self::RankingRules => ErrorCode::InvalidSettingsRankingRules,
            Self::StopWords => ErrorCode::InvalidSettingsStopWords,
            Self::NonSeparatorTokens => ErrorCode::InvalidSettingsNonSeparatorTokens,
            Self::SeparatorTokens => ErrorCode::InvalidSettingsSeparatorTokens,
            Self::Dictionary => ErrorCode::InvalidSettingsDictionary,
            Self::Synonyms => ErrorCode::InvalidSettingsSynonyms,
            Self::DistinctAttribute => ErrorCode::InvalidSettingsDistinctAttribute,
            Self::ProximityPrecision => ErrorCode::InvalidSettingsProximityPrecision,
            Self::TypoTolerance => ErrorCode::InvalidSettingsTypoTolerance,
            Self::Faceting => ErrorCode::InvalidSettingsFaceting,
            Self::Pagination => ErrorCode::InvalidSettingsPagination,
            Self::Embedders => ErrorCode::InvalidSettingsEmbedders,
            Self::SearchCutoffMs => ErrorCode::InvalidSettingsSearchCutoffMs,
            Self::LocalizedAttributes => ErrorCode::InvalidSettingsLocalizedAttributes,
            Self::FacetSearch => ErrorCode::InvalidSettingsFacetSearch,
            Self::PrefixSearch => ErrorCode::InvalidSettingsPrefixSearch,
            Self::Chat => ErrorCode::InvalidSettingsIndexChat,
        }
    }
}

impl fmt::Display for SettingName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `GET /indexes/x/settings` of each version lists, experimental ones included.
    #[test]
    fn a_version_has_its_settings() {
        assert_eq!(SettingName::of_version(ApiVersion::V1_50).count(), 22);
        let old: Vec<_> = SettingName::of_version(ApiVersion::V1_15).collect();
        assert_eq!(old.len(), 21);
        assert!(!old.contains(&SettingName::ForeignKeys));
    }

    #[test]
    fn a_path_is_the_name_in_kebab_case() {
        for name in SettingName::ALL {
            let mut kebab = String::new();
            for c in name.as_str().chars() {
                if c.is_ascii_uppercase() {
                    kebab.push('-');
                }
                kebab.push(c.to_ascii_lowercase());
            }
            assert_eq!(name.path(), kebab);
        }
    }
}
