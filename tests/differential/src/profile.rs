//! The indexes: which documents, which settings, and what of the settings requests are made from.

use std::fmt;

use serde_json::{Map, Value, json};

use crate::corpus::{DIMENSIONS, Data, EMBEDDER};

/// One index.
#[derive(Clone, Copy, PartialEq)]
pub(crate) struct Profile {
    pub(crate) uid: &'static str,
    pub(crate) data: Data,
    /// One shard, which must answer in the order of one node, ties included.
    pub(crate) one_shard: bool,
    /// Of the attributes that words are searched in; none is all of them.
    pub(crate) searchable: &'static [&'static str],
    pub(crate) numbers: &'static [&'static str],
    pub(crate) texts: &'static [&'static str],
    pub(crate) sortable: &'static [&'static str],
    /// Whether `_geo` can be filtered and sorted by.
    pub(crate) geo: bool,
    pub(crate) distinct: Option<&'static str>,
    /// Members that may hold several values cannot be distinct by in one way only.
    pub(crate) distinct_on_request: &'static [&'static str],
    pub(crate) max_total_hits: usize,
    /// Some documents have vectors, of the embedder [`EMBEDDER`](crate::corpus::EMBEDDER). Nothing ties there: how far a
    /// hybrid search looks depends on where its page ends, so a tie cannot be looked at as a whole.
    pub(crate) near: bool,
    /// The rest of the settings, JSON.
    pub(crate) rest: &'static str,
}

const MOVIE_NUMBERS: &[&str] = &["id", "year", "us_gross", "budget", "imdb_rating", "imdb_votes", "gross.us"];
const MOVIE_TEXTS: &[&str] =
    &["genre", "rating", "distributor", "director", "tags", "label", "old", "source"];
pub(crate) const MOVIE_SORTS: &[&str] =
    &["id", "title", "year", "imdb_rating", "label", "gross.world", "genre"];
const CITY_TEXTS: &[&str] = &["name", "country", "region", "label", "place.country"];

const PLAIN: Profile = Profile {
    uid: "",
    data: Data::Movies,
    one_shard: false,
    searchable: &[],
    numbers: MOVIE_NUMBERS,
    texts: MOVIE_TEXTS,
    sortable: MOVIE_SORTS,
    geo: false,
    distinct: None,
    distinct_on_request: &["director", "genre", "year"],
    max_total_hits: 1000,
    near: false,
    rest: "{}",
};

const CITIES: Profile = Profile {
    data: Data::Cities,
    numbers: &["id"],
    texts: CITY_TEXTS,
    sortable: &["id", "name", "country", "label"],
    geo: true,
    distinct_on_request: &["country", "region"],
    ..PLAIN
};

/// Its documents tie, and all can be reached.
pub(crate) const PAGED: Profile = Profile { uid: "cities-paged", max_total_hits: 5000, ..CITIES };

/// Its settings are changed. What is found does not depend on the other documents of a node.
pub(crate) const CHANGING: Profile = Profile {
    uid: "movies-changing",
    rest: r#"{ "typoTolerance": { "enabled": false }, "prefixSearch": "disabled" }"#,
    ..PLAIN
};

pub(crate) const PROFILES: [Profile; 9] = [
    Profile { uid: "movies-default", ..PLAIN },
    Profile {
        uid: "movies-ranked",
        searchable: &["title", "director", "distributor"],
        max_total_hits: 50,
        rest: r#"{
            "rankingRules": ["sort", "words", "typo", "proximity", "attribute", "exactness", "imdb_votes:desc", "id:asc"],
            "displayedAttributes": ["title", "year", "director", "gross", "genre"],
            "faceting": { "maxValuesPerFacet": 5, "sortFacetValuesBy": { "genre": "count", "year": "count" } },
            "synonyms": { "film": ["movie"], "house": ["home", "big house"], "dead": ["death"] },
            "stopWords": ["the", "of", "a"]
        }"#,
        ..PLAIN
    },
    Profile {
        uid: "movies-distinct",
        searchable: &["title", "director"],
        distinct: Some("director"),
        rest: r#"{
            "rankingRules": ["words", "typo", "imdb_rating:desc", "sort", "proximity", "exactness", "us_gross:asc"],
            "typoTolerance": { "enabled": false }
        }"#,
        ..PLAIN
    },
    Profile {
        uid: "movies-one-shard",
        one_shard: true,
        rest: r#"{ "faceting": { "maxValuesPerFacet": 7 }, "pagination": { "maxTotalHits": 40 } }"#,
        max_total_hits: 40,
        ..PLAIN
    },
    Profile {
        uid: "movies-near",
        near: true,
        rest: r#"{
            "rankingRules": ["words", "typo", "proximity", "attribute", "sort", "exactness", "id:asc"]
        }"#,
        ..PLAIN
    },
    Profile {
        uid: "movies-sorted",
        near: true,
        rest: r#"{ "rankingRules": ["sort", "year:desc", "id:asc"] }"#,
        ..PLAIN
    },
    Profile {
        uid: "cities-default",
        searchable: &["name", "region", "country"],
        rest: r#"{
            "rankingRules": ["words", "typo", "proximity", "attribute", "sort", "exactness", "id:desc"],
            "faceting": { "maxValuesPerFacet": 20, "sortFacetValuesBy": { "*": "count" } }
        }"#,
        ..CITIES
    },
    Profile {
        uid: "cities-ranked",
        searchable: &["name", "place.region"],
        max_total_hits: 200,
        rest: r#"{
            "rankingRules": ["words", "typo", "sort", "proximity", "exactness", "name:asc"],
            "typoTolerance": { "minWordSizeForTypos": { "oneTypo": 4, "twoTypos": 7 }, "disableOnWords": ["santa"] },
            "displayedAttributes": ["id", "name", "country", "_geo", "place"]
        }"#,
        ..CITIES
    },
    Profile {
        uid: "cities-star",
        rest: r#"{
            "rankingRules": ["typo", "words", "attribute", "sort", "proximity", "exactness", "country:desc", "id:asc"],
            "prefixSearch": "disabled",
            "separatorTokens": ["'"],
            "synonyms": { "saint": ["san", "santa"] },
            "stopWords": ["de", "la"]
        }"#,
        ..CITIES
    },
];

impl fmt::Debug for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.uid)
    }
}

impl Profile {
    /// The body of `PATCH …/settings`.
    pub(crate) fn settings(&self) -> Value {
        let mut settings: Map<String, Value> = serde_json::from_str(self.rest).unwrap();
        let geo = self.geo.then_some("_geo");
        let with_geo = |names: &[&'static str]| -> Vec<&str> { names.iter().copied().chain(geo).collect() };
        settings.insert("filterableAttributes".to_owned(), json!(with_geo(&self.filterable())));
        settings.insert("sortableAttributes".to_owned(), json!(with_geo(self.sortable)));
        settings.insert("pagination".to_owned(), json!({ "maxTotalHits": self.max_total_hits }));
        if self.near {
            let embedder = json!({ "source": "userProvided", "dimensions": DIMENSIONS });
            settings.insert("embedders".to_owned(), json!({ EMBEDDER: embedder }));
        }
        if !self.searchable.is_empty() {
            settings.insert("searchableAttributes".to_owned(), json!(self.searchable));
        }
        if let Some(attribute) = self.distinct {
            settings.insert("distinctAttribute".to_owned(), attribute.into());
        }
        settings.into()
    }

    /// Whether the first rule, but for `sort`, is one of relevance.
    pub(crate) fn is_by_relevance(&self) -> bool {
        let rules = self.settings()["rankingRules"].take();
        let first = rules.as_array().and_then(|rules| rules.iter().find(|rule| **rule != "sort"));
        first.and_then(Value::as_str).is_none_or(|rule| !rule.contains(':'))
    }

    /// Whether hits can show which documents they are.
    pub(crate) fn shows_ids(&self) -> bool {
        let displayed = self.settings()["displayedAttributes"].take();
        displayed.as_array().is_none_or(|names| names.contains(&json!("id")))
    }

    fn faceting(&self) -> Value {
        self.settings()["faceting"].take()
    }

    /// Whether a facet has its values in the order of their counts.
    pub(crate) fn is_by_count(&self, facet: &str) -> bool {
        let orders = &self.faceting()["sortFacetValuesBy"];
        orders.get(facet).or_else(|| orders.get("*")).is_some_and(|order| order == "count")
    }

    /// So many values of a facet are given at most.
    pub(crate) fn facet_values(&self) -> usize {
        self.faceting()["maxValuesPerFacet"].as_u64().unwrap_or(100) as usize
    }

    pub(crate) fn filterable(&self) -> Vec<&'static str> {
        self.numbers.iter().chain(self.texts).copied().collect()
    }
}
