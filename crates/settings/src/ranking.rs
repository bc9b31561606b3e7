//! Ranking rules.

use std::fmt;

use miroir_api::ApiVersion;

/// A ranking rule of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RankingRule {
    /// More of the query's words.
    Words,
    /// Fewer typos.
    Typo,
    /// Words closer together.
    Proximity,
    /// Better attribute, then nearer to its start.
    Attribute,
    /// Better attribute (1.50 on).
    AttributeRank,
    /// Nearer to the start of an attribute (1.50 on).
    WordPosition,
    /// What the request asks to sort by.
    Sort,
    /// Closer to the query's very words.
    Exactness,
    /// Smaller values of an attribute.
    Asc(String),
    /// Larger values of an attribute.
    Desc(String),
}

/// A text that is no [`RankingRule`]. The messages are Meilisearch's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRankingRule {
    /// Neither a rule's name nor `attribute:asc` or `attribute:desc`.
    #[error(
        "`{0}` ranking rule is invalid. Valid ranking rules are words, typo, sort, proximity, attribute, \
         exactness and custom ranking rules."
    )]
    Name(String),
    /// A name that Meilisearch keeps for itself.
    #[error("`{0}` is a reserved keyword and thus can't be used as a ranking rule")]
    Reserved(String),
    /// A name that means something in a sort only.
    #[error(
        "`{0}` is a reserved keyword and thus can't be used as a ranking rule. `{0}` can only be used for \
         sorting at search time"
    )]
    ReservedForSort(&'static str),
    /// A name that means something in a filter only.
    #[error(
        "`{0}` is a reserved keyword and thus can't be used as a ranking rule. `{0}` can only be used for \
         filtering at search time"
    )]
    ReservedForFilter(&'static str),
}

impl RankingRule {
    /// The rule of this text in this version.
    ///
    /// # Errors
    /// When the version has no such rule.
    pub fn parse(text: &str, version: ApiVersion) -> Result<Self, InvalidRankingRule> {
        Ok(match text {
            _ if !version.traits().ranking_rule_names.contains(&text) => return Self::custom(text, version),
            "words" => Self::Words,
            "typo" => Self::Typo,
            "proximity" => Self::Proximity,
            "attribute" => Self::Attribute,
            "attributeRank" => Self::AttributeRank,
            "wordPosition" => Self::WordPosition,
            "sort" => Self::Sort,
            "exactness" => Self::Exactness,
            _ => return Self::custom(text, version),
        })
    }

    fn custom(text: &str, version: ApiVersion) -> Result<Self, InvalidRankingRule> {
        match text.rsplit_once(':') {
            Some((attribute, "asc")) => legal(attribute, version).map(Self::Asc),
            Some((attribute, "desc")) => legal(attribute, version).map(Self::Desc),
            _ => Err(InvalidRankingRule::Name(text.to_owned())),
        }
    }

    /// The attribute that a custom rule compares.
    pub fn attribute(&self) -> Option<&str> {
        match self {
            Self::Asc(attribute) | Self::Desc(attribute) => Some(attribute),
            _ => None,
        }
    }
}

fn legal(attribute: &str, version: ApiVersion) -> Result<String, InvalidRankingRule> {
    let geo_word =
        ["_geo", "_geoDistance", "_geoPoint", "_geoRadius", "_geoBoundingBox"].into_iter().find(|word| {
            attribute == *word || attribute.strip_prefix(word).is_some_and(|rest| rest.starts_with('('))
        });
    match geo_word {
        Some(word @ "_geoPoint") => Err(InvalidRankingRule::ReservedForSort(word)),
        Some(word @ ("_geoRadius" | "_geoBoundingBox")) => Err(InvalidRankingRule::ReservedForFilter(word)),
        Some(_) => Err(InvalidRankingRule::Reserved(attribute.to_owned())),
        None if version >= ApiVersion::V1_50 && matches!(attribute, "_geojson" | "_geoPolygon") => {
            Err(InvalidRankingRule::Reserved(attribute.to_owned()))
        }
        None => Ok(attribute.to_owned()),
    }
}

impl fmt::Display for RankingRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Words => f.write_str("words"),
            Self::Typo => f.write_str("typo"),
            Self::Proximity => f.write_str("proximity"),
            Self::Attribute => f.write_str("attribute"),
            Self::AttributeRank => f.write_str("attributeRank"),
            Self::WordPosition => f.write_str("wordPosition"),
            Self::Sort => f.write_str("sort"),
            Self::Exactness => f.write_str("exactness"),
            Self::Asc(attribute) => write!(f, "{attribute}:asc"),
            Self::Desc(attribute) => write!(f, "{attribute}:desc"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_of_meilisearchs_own_tests_read_back() {
        for text in [
            "words",
            "typo",
            "proximity",
            "attribute",
            "attributeRank",
            "wordPosition",
            "sort",
            "exactness",
            "price:asc",
            "price:asc:desc",
            "hello-world!:desc",
            "it's spacy over there:asc",
        ] {
            assert_eq!(
                RankingRule::parse(text, ApiVersion::V1_50).map(|rule| rule.to_string()),
                Ok(text.into())
            );
        }
        assert_eq!(
            RankingRule::parse("price:asc:desc", ApiVersion::V1_50).unwrap().attribute(),
            Some("price:asc")
        );
    }

    #[test]
    fn what_is_no_rule_is_refused_as_meilisearch_does() {
        let refused = |text: &str| RankingRule::parse(text, ApiVersion::V1_50).unwrap_err();
        for text in
            ["words suffix", "price", "asc:price", "price:deesc", "price:asc and desc", "price:asc:truc"]
        {
            assert_eq!(refused(text), InvalidRankingRule::Name(text.into()));
        }
        assert_eq!(refused("_geo:asc"), InvalidRankingRule::Reserved("_geo".into()));
        assert_eq!(refused("_geoDistance:asc"), InvalidRankingRule::Reserved("_geoDistance".into()));
        assert_eq!(refused("_geoPoint(42, 75):asc"), InvalidRankingRule::ReservedForSort("_geoPoint"));
        assert_eq!(
            refused("_geoRadius(42, 75, 59):asc"),
            InvalidRankingRule::ReservedForFilter("_geoRadius")
        );
        assert_eq!(
            refused("_geoBoundingBox([42, 75], [75, 59]):asc"),
            InvalidRankingRule::ReservedForFilter("_geoBoundingBox")
        );
    }

    #[test]
    fn the_old_version_lacks_the_split_attribute_rules() {
        for text in ["attributeRank", "wordPosition"] {
            assert!(RankingRule::parse(text, ApiVersion::V1_15).is_err());
        }
    }
}
