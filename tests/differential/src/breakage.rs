//! Wrong answers made from a right one: what a wrong merge would give. The comparison must refuse every one of them.

use serde_json::{Map, Value};

use crate::client::Answer;
use crate::compare::{Class, Same};
use crate::generate::Case;

type Break = fn(&mut Map<String, Value>) -> Option<()>;

/// How many ways there are.
pub(crate) const KINDS: usize = BREAKS.len();

const BREAKS: [(&str, Break); 12] = [
    ("two hits with other keys change places", swap_unequal),
    ("a hit is missing", |answer| hits(answer)?.pop().map(drop)),
    ("a hit is there twice", |answer| {
        let hits = hits(answer)?;
        let last = hits.last()?.clone();
        hits.push(last);
        Some(())
    }),
    ("the reserved member is shown", |answer| {
        first(answer)?.insert("_miroir".to_owned(), Value::Null);
        Some(())
    }),
    ("a member is missing", |answer| {
        let hit = first(answer)?;
        let name = hit.keys().find(|name| !name.starts_with('_'))?.clone();
        hit.shift_remove(&name).map(drop)
    }),
    ("the tie rule is shown", |answer| {
        let details = unmistaken(answer)?.get_mut("_rankingScoreDetails")?.as_object_mut()?;
        let order = details.len();
        details.insert("_miroir:asc".to_owned(), serde_json::json!({ "order": order, "value": "x" }));
        Some(())
    }),
    ("a score is another", |answer| {
        let score = unmistaken(answer)?.get_mut("_rankingScore")?;
        *score = (score.as_f64()? - 1e-6).into();
        Some(())
    }),
    ("a total is another", |answer| {
        let name = ["estimatedTotalHits", "totalHits"].into_iter().find(|name| answer.contains_key(*name))?;
        let total = answer.get_mut(name)?;
        *total = (total.as_u64()? + 1).into();
        Some(())
    }),
    ("a facet value is missing", |answer| {
        let values = facet(answer)?;
        let name = values.keys().next_back()?.clone();
        values.shift_remove(&name).map(drop)
    }),
    ("a facet count is another", |answer| {
        let values = facet(answer)?;
        let (name, count) = values.iter().next()?;
        let (name, count) = (name.clone(), count.as_u64()? + 1);
        values.insert(name, count.into()).map(drop)
    }),
    ("facet values have another order", |answer| {
        let facets = answer.get_mut("facetDistribution")?.as_object_mut()?;
        let unequal =
            |values: &&mut Map<String, Value>| values.values().next() != values.values().next_back();
        let values = facets.values_mut().filter_map(Value::as_object_mut).find(unequal)?;
        *values = std::mem::take(values).into_iter().rev().collect();
        Some(())
    }),
    ("a range of numbers is another", |answer| {
        let stats = answer.get_mut("facetStats")?.as_object_mut()?.values_mut().next()?;
        stats["max"] = (stats["max"].as_f64()? + 1.0).into();
        Some(())
    }),
];

/// The wrong answers that can be made from this one.
pub(crate) fn of(case: &Case, same: &Same, right: &Answer) -> Vec<(&'static str, Answer)> {
    // Some counts are estimates, which no comparison can refuse.
    let facets_estimated = case.is_distinct() || case.request.has("rankingScoreThreshold");
    // So are scores beside details that differ.
    let blurred = same.classes.contains(&Class::Mistyped);
    let mut wrong = Vec::new();
    for (name, break_it) in BREAKS {
        let facets = name.contains("facet") || name.contains("range");
        let totals_estimated = case.estimated_totals().is_some();
        let estimated = name.contains("total") && totals_estimated || facets && facets_estimated;
        let mut answer = right.clone();
        let body = answer.body.as_object_mut();
        if body.and_then(break_it).is_some() && !estimated && !(name.contains("score") && blurred) {
            wrong.push((name, answer));
        }
    }
    wrong
}

fn hits(answer: &mut Map<String, Value>) -> Option<&mut Vec<Value>> {
    answer.get_mut("hits")?.as_array_mut()
}

fn first(answer: &mut Map<String, Value>) -> Option<&mut Map<String, Value>> {
    hits(answer)?.first_mut()?.as_object_mut()
}

/// A hit without typos: what others have is compared with less care.
fn unmistaken(answer: &mut Map<String, Value>) -> Option<&mut Map<String, Value>> {
    let right =
        |hit: &&mut Value| hit["_rankingScoreDetails"]["typo"]["typoCount"].as_u64().unwrap_or(0) == 0;
    hits(answer)?.iter_mut().find(right)?.as_object_mut()
}

/// A facet with values.
fn facet(answer: &mut Map<String, Value>) -> Option<&mut Map<String, Value>> {
    let facets = answer.get_mut("facetDistribution")?.as_object_mut()?;
    facets.values_mut().filter_map(Value::as_object_mut).find(|values| !values.is_empty())
}

/// The first two neighbours whose words or typos differ.
fn swap_unequal(answer: &mut Map<String, Value>) -> Option<()> {
    let hits = hits(answer)?;
    let rank = |hit: &Value| {
        let details = &hit["_rankingScoreDetails"];
        (details["words"]["matchingWords"].as_u64(), details["typo"]["typoCount"].as_u64())
    };
    let place = hits.windows(2).position(|pair| rank(&pair[0]) != rank(&pair[1]))?;
    hits.swap(place, place + 1);
    Some(())
}
