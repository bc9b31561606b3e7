//! Several searches of one index, counted together.

use serde_json::{Value, json};

use super::bench::Bench;
use super::failure::{refused, same};
use super::{Check, Failure, check};
use crate::Node;

pub(super) const CHECKS: &[Check] = &[
    check!(
        what_several_searches_find_counts_once,
        "A federated multi-search for no hits counts the documents that one search or more find, and their facets."
    ),
    check!(
        a_blank_finds_everything,
        "A search for a blank finds everything, and its hits can be put in one order with those of words."
    ),
    check!(
        an_index_that_is_not_there_is_told,
        "A multi-search of an index that is not there is refused as `index_not_found`."
    ),
];

async fn films(bench: &Bench<'_>) -> Result<String, Failure> {
    let documents = json!([
        {"id": 1, "title": "night train", "genre": "crime"},
        {"id": 2, "title": "night owl", "genre": "crime"},
        {"id": 3, "title": "train", "genre": "war"},
        {"id": 4, "title": "nothing", "genre": "war"},
    ]);
    bench.index_of(json!({"filterableAttributes": ["genre"]}), documents).await
}

/// A federated multi-search of one index for no hits.
async fn union(
    bench: &Bench<'_>,
    index: &str,
    (mut queries, mut federation): (Vec<Value>, Value),
) -> Result<Value, Failure> {
    queries.iter_mut().for_each(|query| query["indexUid"] = json!(index));
    federation["facetsByIndex"] = json!({ index: ["genre"] });
    bench.multi_search(json!({ "queries": queries, "federation": federation })).await
}

async fn what_several_searches_find_counts_once(bench: &Bench<'_>) -> Result<(), Failure> {
    let index = films(bench).await?;
    let queries = vec![json!({"q": "night"}), json!({"q": "train", "filter": "genre = crime"})];
    let answer = union(bench, &index, (queries.clone(), json!({"offset": 0, "limit": 0}))).await?;
    same("no hits", &answer["hits"], &json!([]))?;
    same("their number", &answer["estimatedTotalHits"], &json!(2))?;
    let facets = &answer["facetsByIndex"][&index];
    same("their facets", facets, &json!({"distribution": {"genre": {"crime": 2}}, "stats": {}}))?;
    let answer = union(bench, &index, (queries, json!({"page": 1, "hitsPerPage": 0}))).await?;
    same("their exact number", &answer["totalHits"], &json!(2))
}

async fn a_blank_finds_everything(bench: &Bench<'_>) -> Result<(), Failure> {
    let index = films(bench).await?;
    let queries = vec![json!({"q": "night"}), json!({"q": " "})];
    let answer = union(bench, &index, (queries, json!({"offset": 0, "limit": 0}))).await?;
    same("all", &answer["estimatedTotalHits"], &json!(4))
}

async fn an_index_that_is_not_there_is_told(bench: &Bench<'_>) -> Result<(), Failure> {
    let body = json!({"queries": [{"indexUid": bench.name()}], "federation": {"limit": 0}});
    let answer = bench.search.multi_search(body.to_string().into(), None).await;
    refused("an index that is not there", answer, 400, "index_not_found")
}
