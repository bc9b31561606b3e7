//! Facets: counts and ranges.

use serde_json::{Value, json};

use super::bench::{Bench, add};
use super::failure::{refused, same};
use super::{Check, Failure, check};
use crate::{Node, Write};

pub(super) const CHECKS: &[Check] = &[
    check!(
        facets_count_what_matches,
        "`facets` counts the values of all that matches, page or not, and gives the range of numbers."
    ),
    check!(
        facet_values_are_in_order,
        "Values are in alphabetical order, numbers first, or by count; at most `maxValuesPerFacet`."
    ),
    check!(
        labels_are_those_of_the_first,
        "Texts that differ only in case or outer spaces are one value, shown as the first document has it."
    ),
    check!(
        values_can_be_searched,
        "`facet-search` finds texts of a facet that begin so, up to typos, with how many documents match and have them."
    ),
    check!(
        values_by_count_are_those_with_most,
        "Values by count: most documents first, then the greater text; of a tie at the limit the later values stay."
    ),
];

async fn goods(bench: &Bench<'_>, faceting: Value) -> Result<String, Failure> {
    let settings = json!({"filterableAttributes": ["tag", "n", "color"], "faceting": faceting});
    let documents = json!([
        {"id": 1, "tag": ["b", "a"], "n": 3, "color": "Red"},
        {"id": 2, "tag": "b", "n": 10, "color": "red"},
        {"id": 3, "tag": ["c", "b"], "n": 2.5, "color": " RED "},
        {"id": 4, "tag": "d", "n": "x", "color": "blue"},
        {"id": 5, "tag": [true, "d"]},
    ]);
    bench.index_of(settings, documents).await
}

async fn facets_count_what_matches(bench: &Bench<'_>) -> Result<(), Failure> {
    let index = goods(bench, Value::Null).await?;
    let answer =
        bench.search(&index, json!({"facets": ["n", "tag"], "limit": 1, "filter": "n < 20"})).await?;
    let counts = json!({"n": {"10": 1, "2.5": 1, "3": 1}, "tag": {"a": 1, "b": 3, "c": 1}});
    same("the counts", &answer["facetDistribution"], &counts)?;
    same("the ranges", &answer["facetStats"], &json!({"n": {"min": 2.5, "max": 10.0}}))?;
    let answer =
        bench.search(&index, json!({"facets": ["n", "color", "tag"], "filter": "color = blue"})).await?;
    let counts = json!({"color": {"blue": 1}, "n": {"x": 1}, "tag": {"d": 1}});
    same("the counts of all", &answer["facetDistribution"], &counts)?;
    same("no ranges", &answer["facetStats"], &json!({}))
}

/// The names of a facet's values, in order.
fn values<'a>(answer: &'a Value, facet: &str) -> Vec<&'a str> {
    let values = answer["facetDistribution"][facet].as_object();
    values.into_iter().flatten().map(|(value, _)| value.as_str()).collect()
}

async fn facet_values_are_in_order(bench: &Bench<'_>) -> Result<(), Failure> {
    let index = goods(bench, json!({"sortFacetValuesBy": {"tag": "count"}})).await?;
    let answer = bench.search(&index, json!({"facets": ["n", "tag"]})).await?;
    same("by name", values(&answer, "n"), ["10", "2.5", "3", "x"])?;
    same("by count", values(&answer, "tag"), ["b", "d", "true", "c", "a"])?;
    bench.done(&index, Write::Settings(json!({"faceting": {"maxValuesPerFacet": 2}}).to_string())).await?;
    let answer = bench.search(&index, json!({"facets": ["n", "tag"]})).await?;
    same("two by name", values(&answer, "n"), ["10", "2.5"])?;
    same("two by count", values(&answer, "tag"), ["b", "d"])
}

async fn labels_are_those_of_the_first(bench: &Bench<'_>) -> Result<(), Failure> {
    let index = goods(bench, Value::Null).await?;
    let label = async |filter: &str| {
        let answer = bench.search(&index, json!({"facets": ["color"], "filter": filter})).await?;
        Ok::<_, Failure>(answer["facetDistribution"]["color"].clone())
    };
    same("all", label("color = red").await?, json!({"Red": 3}))?;
    same("without the first", label("color = red AND n != 3").await?, json!({"red": 2}))?;
    bench.done(&index, add(&json!([{"id": 1, "color": "RED"}]))).await?;
    same("after a replacement", label("color = red").await?, json!({"RED": 3}))
}

async fn values_can_be_searched(bench: &Bench<'_>) -> Result<(), Failure> {
    let index = goods(bench, Value::Null).await?;
    let found = bench.values(&index, json!({"facetName": "tag"})).await?;
    same("all texts", counted(&found), [("a", 1), ("b", 3), ("c", 1), ("d", 2), ("true", 1)])?;
    let found = bench.values(&index, json!({"facetName": "color", "facetQuery": "re"})).await?;
    same("with a beginning", counted(&found), [("Red", 3)])?;
    let found = bench.values(&index, json!({"facetName": "tag", "filter": "n = 10", "any": 1})).await?;
    same("of some documents", counted(&found), [("b", 1)])?;
    let found = bench.values(&index, json!({"facetName": "n"})).await?;
    same("no numbers", counted(&found), [("x", 1)])?;
    let wrong = bench.search.facet_search(&index, r#"{"facetName":"other"}"#.into(), None).await;
    refused("another facet", wrong, 400, "invalid_facet_search_facet_name")?;
    let wrong = bench.search.facet_search(&index, "{}".into(), None).await;
    refused("no facet", wrong, 400, "missing_facet_search_facet_name")
}

async fn values_by_count_are_those_with_most(bench: &Bench<'_>) -> Result<(), Failure> {
    let faceting = json!({"sortFacetValuesBy": {"tag": "count"}, "maxValuesPerFacet": 3});
    let index = goods(bench, faceting).await?;
    let found = bench.values(&index, json!({"facetName": "tag"})).await?;
    same("by count", counted(&found), [("b", 3), ("d", 2), ("true", 1)])
}

fn counted(found: &[(String, u64)]) -> Vec<(&str, u64)> {
    found.iter().map(|(value, count)| (value.as_str(), *count)).collect()
}
