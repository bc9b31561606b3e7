//! Facets: names, values, counts, and the order of all of them.

use serde_json::{Map, Value};

use super::{Class, Expected, Same, Verdict, different, equal};

pub(super) fn compare(
    expected: &Expected<'_>,
    (single, cluster): (&Value, &Value),
    same: &mut Same,
) -> Result<(), Verdict> {
    let Some(facets) = single["facetDistribution"].as_object() else { return Ok(()) };
    let others = cluster["facetDistribution"].as_object().cloned().unwrap_or_default();
    names("facets", facets.keys(), others.keys())?;
    let estimate = match (expected.distinct, expected.threshold) {
        _ if expected.one_shard => None,
        (true, _) => Some(Class::DistinctCounts),
        (_, true) => Some(Class::ThresholdCounts),
        _ => None,
    };
    let counted = || -> Result<Vec<Class>, Verdict> {
        let mut classes = Vec::new();
        for (name, values) in facets {
            classes.extend(facet(expected, name, (&list(values), &list(&others[name])))?);
        }
        equal("facetStats", &single["facetStats"], &cluster["facetStats"])?;
        Ok(classes)
    };
    match (counted(), estimate) {
        (Ok(classes), _) => same.classes.extend(classes),
        (Err(_), Some(class)) => same.classes.extend([class]),
        (Err(verdict), None) => return Err(verdict),
    }
    Ok(())
}

/// Values in lower case, with their counts.
type Values = Vec<(String, u64)>;

fn list(values: &Value) -> (Values, Values) {
    let values: Option<&Map<String, Value>> = values.as_object();
    let all = values.into_iter().flatten().map(|(label, count)| (label.clone(), count.as_u64().unwrap_or(0)));
    let all: Values = all.collect();
    let folded = all.iter().map(|(label, count)| (label.trim().to_lowercase(), *count)).collect();
    (all, folded)
}

/// What makes the values the same.
fn facet(
    expected: &Expected<'_>,
    name: &str,
    (single, cluster): (&(Values, Values), &(Values, Values)),
) -> Result<Option<Class>, Verdict> {
    if single.0 == cluster.0 {
        return Ok(None);
    }
    if single.1 == cluster.1 {
        return Ok(Some(Class::FacetLabel));
    }
    if !expected.one_shard && (expected.by_count)(name) && same_but_ties(expected, &single.1, &cluster.1) {
        return Ok(Some(Class::FacetTies));
    }
    different(format!("facet {name}: {:?}, cluster {:?}", single.0, cluster.0))
}

/// The same counts in the same order, and the same values for each run of equal counts that the limit does not cut.
fn same_but_ties(expected: &Expected<'_>, single: &Values, cluster: &Values) -> bool {
    let counts = |values: &Values| -> Vec<u64> { values.iter().map(|(_, count)| *count).collect() };
    if counts(single) != counts(cluster) {
        return false;
    }
    let mut first = 0;
    while first < single.len() {
        let end = first + single[first..].iter().take_while(|value| value.1 == single[first].1).count();
        // Where numbers fill the list, texts follow all the same.
        let cut = end == expected.facet_values || (end == single.len() && end >= expected.facet_values);
        let sorted = |values: &Values| {
            let mut run = values[first..end].to_vec();
            run.sort();
            run
        };
        if !cut && sorted(single) != sorted(cluster) {
            return false;
        }
        first = end;
    }
    true
}

fn names<'a>(
    what: &str,
    single: impl Iterator<Item = &'a String>,
    cluster: impl Iterator<Item = &'a String>,
) -> Result<(), Verdict> {
    let (single, cluster): (Vec<_>, Vec<_>) = (single.collect(), cluster.collect());
    if single == cluster { Ok(()) } else { different(format!("{what}: {single:?}, cluster {cluster:?}")) }
}
