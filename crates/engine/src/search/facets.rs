//! How many of the documents found have each value of a facet.

use std::collections::BTreeMap;

use milli::heed::RoTxn;
use milli::{DEFAULT_VALUES_PER_FACET, Index, OrderBy};
use roaring::RoaringBitmap;
use serde_json::{Map, Value, json};

use crate::error::ApiError;

/// The facets of documents, by name.
pub(super) struct Facets {
    pub(super) values: BTreeMap<String, Counted>,
    /// The least and the greatest number, where there are numbers.
    pub(super) stats: BTreeMap<String, (f64, f64)>,
}

/// The values of one facet, in their order.
pub(super) struct Counted {
    pub(super) order: OrderBy,
    pub(super) values: Vec<(String, u64)>,
}

/// Counts the facets that are named.
///
/// # Errors
/// `invalid_search_facets` when a name is not filterable.
pub(super) fn compute(
    index: &Index,
    txn: &RoTxn<'_>,
    names: &[String],
    candidates: RoaringBitmap,
) -> Result<Facets, ApiError> {
    let mut facets = index.facets_distribution(txn);
    let max = index.max_values_per_facet(txn)?.and_then(|max| usize::try_from(max).ok());
    facets.max_values_per_facet(max.unwrap_or(DEFAULT_VALUES_PER_FACET));
    let orders = index.sort_facet_values_by(txn)?;
    if names.iter().all(|name| name != "*") {
        facets.facets(names.iter().map(|name| (name, orders.get(name))));
    }
    let distribution = facets.candidates(candidates).default_order_by(orders.get("*")).execute()?;
    let counted = distribution.into_iter().map(|(name, values)| {
        let order = orders.get(&name);
        (name, Counted { order, values: values.into_iter().collect() })
    });
    Ok(Facets { values: counted.collect(), stats: facets.compute_stats()? })
}

impl Facets {
    /// The distribution and the stats as answers show them.
    pub(super) fn into_json(self) -> (Value, Value) {
        let distribution: Map<String, Value> = self
            .values
            .into_iter()
            .map(|(facet, counted)| {
                let values = counted.values.into_iter().map(|(value, count)| (value, json!(count)));
                (facet, Value::Object(values.collect()))
            })
            .collect();
        let stats: Map<String, Value> = self
            .stats
            .into_iter()
            .map(|(facet, (min, max))| (facet, json!({ "min": min, "max": max })))
            .collect();
        (Value::Object(distribution), Value::Object(stats))
    }
}
