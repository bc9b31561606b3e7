//! The settings that Miroir itself must understand, typed. Each call reads the stored text: keep the result.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::attributes::FilterableRule;
use crate::name::SettingName;
use crate::ranking::RankingRule;
use crate::user::UserSettings;

/// In which order the values of a facet are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FacetOrder {
    /// By value.
    Alpha,
    /// By how many documents have it, most first.
    Count,
}

/// The order of each facet's values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FacetOrders(BTreeMap<String, FacetOrder>);

impl FacetOrders {
    /// The order of the values of one facet.
    pub fn of(&self, facet: &str) -> FacetOrder {
        let order = self.0.get(facet).or_else(|| self.0.get("*"));
        order.copied().unwrap_or(FacetOrder::Alpha)
    }
}

/// Where vectors come from, as far as Miroir cares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Embedder {
    /// The name by which documents and searches call it.
    pub name: String,
    /// Meilisearch's word for the source, as `userProvided`.
    pub source: String,
    /// How many numbers a vector has, when the user said so.
    pub dimensions: Option<u64>,
}

impl UserSettings {
    /// What hits show; `None` for all.
    pub fn displayed_attributes(&self) -> Option<Vec<String>> {
        self.read_set(SettingName::DisplayedAttributes)
    }

    /// Where words are looked up, best first; `None` for everywhere, all alike.
    pub fn searchable_attributes(&self) -> Option<Vec<String>> {
        self.read_set(SettingName::SearchableAttributes)
    }

    /// What filters, facets and distinct may name.
    pub fn filterable_attributes(&self) -> Vec<FilterableRule> {
        self.read(SettingName::FilterableAttributes)
    }

    /// What a request may sort by.
    pub fn sortable_attributes(&self) -> BTreeSet<String> {
        self.read(SettingName::SortableAttributes)
    }

    /// The ranking rules as they are written, first to last.
    pub fn ranking_rule_names(&self) -> Vec<String> {
        self.read(SettingName::RankingRules)
    }

    /// The ranking rules, first to last.
    pub fn ranking_rules(&self) -> Vec<RankingRule> {
        let rules = self.ranking_rule_names();
        rules.iter().filter_map(|rule| RankingRule::parse(rule, self.version()).ok()).collect()
    }

    /// The attribute of which each value has one hit at most.
    pub fn distinct_attribute(&self) -> Option<String> {
        self.read_set(SettingName::DistinctAttribute)
    }

    /// How many values of a facet an answer has at most.
    pub fn max_values_per_facet(&self) -> u64 {
        self.member(SettingName::Faceting, "maxValuesPerFacet")
    }

    /// In which order an answer has them.
    pub fn facet_orders(&self) -> FacetOrders {
        FacetOrders(self.member(SettingName::Faceting, "sortFacetValuesBy"))
    }

    /// How many hits can be reached by paging.
    pub fn max_total_hits(&self) -> u64 {
        self.member(SettingName::Pagination, "maxTotalHits")
    }

    /// Whether `_geo` of a document must be a place: when it is named itself, not only matched by a pattern.
    pub fn names_geo(&self) -> bool {
        let filterable = self.filterable_attributes();
        self.sortable_attributes().contains("_geo")
            || filterable.iter().any(|rule| rule.patterns().iter().any(|pattern| pattern == "_geo"))
    }

    /// The embedders, by name.
    pub fn embedders(&self) -> Vec<Embedder> {
        let embedders: BTreeMap<String, Value> = self.read(SettingName::Embedders);
        let of = |(name, embedder): (String, Value)| Embedder {
            name,
            source: embedder["source"].as_str().unwrap_or_default().to_owned(),
            dimensions: embedder["dimensions"].as_u64(),
        };
        embedders.into_iter().map(of).collect()
    }

    /// How long a search may take on a node, in milliseconds; `None` for Meilisearch's own limit, 1500.
    pub fn search_cutoff_ms(&self) -> Option<u64> {
        self.read_set(SettingName::SearchCutoffMs)
    }

    /// Whether values of facets can be searched.
    pub fn facet_search(&self) -> bool {
        self.read(SettingName::FacetSearch)
    }

    fn read<T: DeserializeOwned>(&self, name: SettingName) -> T {
        of_checked(self.value(name))
    }

    fn read_set<T: DeserializeOwned>(&self, name: SettingName) -> Option<T> {
        self.set_value(name).map(of_checked)
    }

    fn member<T: DeserializeOwned>(&self, name: SettingName, member: &str) -> T {
        of_checked(self.value(name)[member].take())
    }
}

fn of_checked<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).expect("the shape of a setting is checked before it is stored")
}
