//! How many of the documents found have each value of a facet.

use milli::heed::RoTxn;
use milli::{DEFAULT_VALUES_PER_FACET, Index};
use roaring::RoaringBitmap;
use serde_json::{Map, Value, json};

use crate::error::ApiError;

/// The members `facetDistribution` and `facetStats`.
///
/// # Errors
/// `invalid_search_facets` when a name is not filterable.
pub(super) fn compute(
    index: &Index,
    txn: &RoTxn<'_>,
    names: &[String],
    candidates: RoaringBitmap,
) -> Result<(Value, Value), ApiError> {
    let mut facets = index.facets_distribution(txn);
    let max = index.max_values_per_facet(txn)?.and_then(|max| usize::try_from(max).ok());
    facets.max_values_per_facet(max.unwrap_or(DEFAULT_VALUES_PER_FACET));
    let orders = index.sort_facet_values_by(txn)?;
    if names.iter().all(|name| name != "*") {
        facets.facets(names.iter().map(|name| (name, orders.get(name))));
    }
    let distribution = facets.candidates(candidates).default_order_by(orders.get("*")).execute()?;
    let stats: Map<String, Value> = facets
        .compute_stats()?
        .into_iter()
        .map(|(name, (min, max))| (name, json!({ "min": min, "max": max })))
        .collect();
    Ok((json!(distribution), Value::Object(stats)))
}
