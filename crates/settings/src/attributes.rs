//! Which attributes a setting means.
//!
//! Meilisearch has two ways to match a name. A plain name means the attribute and all that lies in it (`a` means `a.b`).
//! A *pattern*, in objects of `filterableAttributes`, means what it spells, with `*` at its start, its end or both.

use std::collections::BTreeSet;

use serde::Deserialize;

/// A rule of `filterableAttributes`. The first rule that matches an attribute decides.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum FilterableRule {
    /// The attribute of this name and all that lies in it, with every feature.
    Attribute(String),
    /// Attributes by pattern, with some features.
    #[serde(rename_all = "camelCase")]
    Patterns {
        /// The patterns.
        attribute_patterns: Vec<String>,
        /// What the attributes may be used for.
        features: FilterableFeatures,
    },
}

/// What an attribute may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FilterableFeatures {
    /// Its values can be searched.
    pub facet_search: bool,
    /// Operators that filters may use on it.
    pub filter: FilterOperators,
}

/// Operators of filters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct FilterOperators {
    /// `=`, `!=`, `IN`.
    pub equality: bool,
    /// `<`, `>`, `<=`, `>=`, `TO`.
    pub comparison: bool,
}

impl FilterableFeatures {
    const ALL: Self =
        Self { facet_search: true, filter: FilterOperators { equality: true, comparison: true } };

    /// Whether filters, facets and distinct may use the attribute at all.
    pub fn is_filterable(self) -> bool {
        self.filter.equality || self.filter.comparison
    }
}

impl FilterableRule {
    /// Whether the rule is about the attribute.
    pub fn matches(&self, attribute: &str) -> bool {
        match self {
            Self::Attribute(name) => lies_in(attribute, name),
            Self::Patterns { attribute_patterns, .. } => {
                attribute_patterns.iter().any(|pattern| matches_pattern(pattern, attribute))
            }
        }
    }

    /// What the attributes it is about may be used for.
    pub fn features(&self) -> FilterableFeatures {
        match self {
            Self::Attribute(_) => FilterableFeatures::ALL,
            Self::Patterns { features, .. } => *features,
        }
    }

    /// The name, or the patterns, as the client wrote them.
    pub fn patterns(&self) -> &[String] {
        match self {
            Self::Attribute(name) => std::slice::from_ref(name),
            Self::Patterns { attribute_patterns, .. } => attribute_patterns,
        }
    }
}

/// The rule that decides about an attribute: its place in the list, which error texts show, and its features.
pub fn deciding_rule(rules: &[FilterableRule], attribute: &str) -> Option<(usize, FilterableFeatures)> {
    let place = rules.iter().position(|rule| rule.matches(attribute))?;
    Some((place, rules[place].features()))
}

/// The patterns of the rules whose features pass, as error texts list them.
pub fn patterns_with(
    rules: &[FilterableRule],
    passes: impl Fn(FilterableFeatures) -> bool,
) -> BTreeSet<&str> {
    let passing = rules.iter().filter(|rule| passes(rule.features()));
    passing.flat_map(FilterableRule::patterns).map(String::as_str).collect()
}

/// Whether an attribute is the named one or lies in it: `a.b` lies in `a`, `ab` does not. So sortable and searchable
/// attributes match, and filterable ones that are plain names.
pub fn lies_in(attribute: &str, name: &str) -> bool {
    attribute.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Whether a pattern spells the attribute: `*` matches all, `a*` a start, `*a` an end, `*a*` a part. A `*` elsewhere is
/// a plain character.
pub fn matches_pattern(pattern: &str, attribute: &str) -> bool {
    if pattern == "*" {
        return true;
    }
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(rest), Some(_)) => attribute.contains(&rest[..rest.len() - 1]),
        (Some(end), None) => attribute.ends_with(end),
        (None, Some(start)) => attribute.starts_with(start),
        (None, None) => attribute == pattern,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From Meilisearch's own test of `match_pattern`.
    #[test]
    fn patterns_match_as_meilisearchs() {
        for (pattern, attribute, expected) in [
            ("*", "test", true),
            ("test*", "test", true),
            ("test*", "testa", true),
            ("*test", "test", true),
            ("*test", "atest", true),
            ("*test*", "test", true),
            ("*test*", "atesta", true),
            ("*test*", "atest", true),
            ("*test*", "testa", true),
            ("test*test", "test", false),
            ("*test", "testa", false),
            ("test*", "atest", false),
            ("a.*", "a.b", true),
            ("a.*", "a", false),
            ("a", "a.b", false),
            ("**", "anything", true),
        ] {
            assert_eq!(matches_pattern(pattern, attribute), expected, "{pattern} {attribute}");
        }
    }

    #[test]
    fn a_plain_name_means_what_lies_in_it() {
        assert!(lies_in("a", "a") && lies_in("a.b", "a") && lies_in("a.b.c", "a.b"));
        assert!(!lies_in("ab", "a") && !lies_in("a", "a.b"));
    }

    #[test]
    fn the_first_matching_rule_decides() {
        let rules: Vec<FilterableRule> = serde_json::from_str(
            r#"[
                {"attributePatterns":["*_id"],"features":{"facetSearch":false,"filter":{"equality":false,"comparison":false}}},
                "genre",
                {"attributePatterns":["*"],"features":{"facetSearch":false,"filter":{"equality":true,"comparison":false}}}
            ]"#,
        )
        .unwrap();
        let (place, features) = deciding_rule(&rules, "user_id").unwrap();
        assert_eq!((place, features.is_filterable()), (0, false));
        let (place, features) = deciding_rule(&rules, "genre.name").unwrap();
        assert_eq!((place, features), (1, FilterableFeatures::ALL));
        let (place, features) = deciding_rule(&rules, "price").unwrap();
        let equality = FilterOperators { equality: true, comparison: false };
        assert_eq!((place, features.filter), (2, equality));
        let listed: Vec<_> = patterns_with(&rules, FilterableFeatures::is_filterable).into_iter().collect();
        assert_eq!(listed, ["*", "genre"]);
    }
}
