//! What a plan reads of the cluster: a small borrowed view, made by the caller from one state.

use miroir_api::ApiVersion;
use miroir_model::{NodeId, PhysicalName, ShardId, SlotRange, UnitSet};
use miroir_settings::{FacetOrders, UserSettings, deciding_rule};

/// The index that a request names.
#[derive(Debug, Clone)]
pub struct IndexView<'a> {
    /// Its name, as the user wrote it.
    pub uid: &'a str,
    /// The version that the cluster speaks.
    pub version: ApiVersion,
    /// Its primary key; none before the first document.
    pub primary_key: Option<&'a str>,
    /// What its settings say about answers.
    pub shown: &'a Shown,
    /// Its nodes order equal scores by slot. An index without the rule has one shard, and answers with its node's text.
    pub tie_rule: bool,
    /// Its shards; together they have every slot once.
    pub shards: &'a [ShardView<'a>],
}

/// A shard and where it can be searched.
#[derive(Debug, Clone)]
pub struct ShardView<'a> {
    /// The shard.
    pub id: ShardId,
    /// Its slots.
    pub range: SlotRange,
    /// The nodes with a searchable copy.
    pub copies: Vec<&'a NodeView>,
}

/// A node, as far as one index is concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeView {
    /// The node.
    pub id: NodeId,
    /// Its replica group.
    pub group: u32,
    /// The name of the index on it.
    pub index: PhysicalName,
    /// The units of which it may hold documents: of its copies in any state.
    pub held: UnitSet,
    /// It answers slowly: chosen only where nothing else has the shard.
    pub slow: bool,
}

/// What the settings of an index say about answers. Reading it from the settings costs more than a plan: keep it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// What hits show; `None` for all.
    pub displayed: Option<Vec<String>>,
    /// How many hits can be reached by paging.
    pub max_total_hits: usize,
    /// How many values of a facet an answer has at most.
    pub max_values_per_facet: usize,
    /// In which order it has them.
    pub facet_orders: FacetOrders,
    /// The attribute of which each value has one hit at most.
    pub distinct: Option<String>,
    /// Whether that attribute can be filtered by, and so be asked for as a facet.
    pub distinct_is_filterable: bool,
}

impl Shown {
    /// What these settings say.
    pub fn of(settings: &UserSettings) -> Self {
        let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let distinct = settings.distinct_attribute();
        let rules = settings.filterable_attributes();
        let filterable = |attribute: &String| {
            deciding_rule(&rules, attribute).is_some_and(|(_, features)| features.is_filterable())
        };
        Self {
            displayed: settings.displayed_attributes(),
            max_total_hits: size(settings.max_total_hits()),
            max_values_per_facet: size(settings.max_values_per_facet()),
            facet_orders: settings.facet_orders(),
            distinct_is_filterable: distinct.as_ref().is_some_and(filterable),
            distinct,
        }
    }
}
