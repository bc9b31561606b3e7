//! Searches by vectors, and documents like another one.

use serde_json::{Value, json};

use super::bench::{Bench, ids};
use super::failure::{ensure, refused, same};
use super::{Check, Failure, check};
use crate::Node;

pub(super) const CHECKS: &[Check] = &[
    check!(
        vectors_order_hits,
        "Hits by vector: the nearest first, details say how near; last what has no vector, in the order of later rules."
    ),
    check!(
        the_vector_is_told,
        "With `retrieveVectors` an answer tells the vector compared; none is where words were enough for a hybrid one."
    ),
    check!(
        similar_finds_the_nearest,
        "`similar` gives the documents nearest to one, without it; none for a document without a vector."
    ),
    check!(
        similar_says_what_is_not_there,
        "`similar` is refused with a code of its own for a document or an embedder that is not there."
    ),
];

/// Two documents have the same vector, two have none.
async fn points(bench: &Bench<'_>) -> Result<String, Failure> {
    let settings = json!({
        "rankingRules": ["words", "typo", "proximity", "attribute", "sort", "exactness", "n:asc"],
        "searchableAttributes": ["title"],
        "filterableAttributes": ["n"],
        "embedders": {"own": {"source": "userProvided", "dimensions": 2}},
    });
    let documents = json!([
        {"id": 1, "n": 1, "_vectors": {"own": [0.0, 1.0]}},
        {"id": 2, "n": 9, "title": "sun", "_vectors": {"own": [1.0, 0.0]}},
        {"id": 3, "n": 8, "_vectors": {"own": null}},
        {"id": 4, "n": 7, "_vectors": {"own": null}},
        {"id": 5, "n": 5, "_vectors": {"own": [2.0, 1.0]}},
        {"id": 6, "n": 4, "_vectors": {"own": [2.0, 1.0]}},
    ]);
    bench.index_of(settings, documents).await
}

async fn vectors_order_hits(bench: &Bench<'_>) -> Result<(), Failure> {
    let index = points(bench).await?;
    let query = json!({"vector": [1.0, 0.0], "hybrid": {"embedder": "own", "semanticRatio": 1.0},
        "showRankingScoreDetails": true});
    let answer = bench.search(&index, query).await?;
    let mut found = ids(&answer["hits"]);
    if !bench.dialect.ranks_equal_vectors()
        && let Some(equals) = found.get_mut(1..3)
    {
        equals.sort_unstable_by(|a, b| b.cmp(a));
    }
    same("the hits", found, [2, 6, 5, 1, 4, 3])?;
    let mut similarities = Vec::new();
    for hit in answer["hits"].as_array().into_iter().flatten() {
        let details = &hit["_rankingScoreDetails"];
        let rules: Vec<_> =
            details.as_object().into_iter().flatten().map(|(rule, _)| rule.as_str()).collect();
        same("the rules", rules, ["vectorSort", "n:asc"])?;
        same("the place of the first", &details["vectorSort"]["order"], &json!(0))?;
        same("the second", &details["n:asc"], &json!({"order": 1, "value": hit["n"].as_f64()}))?;
        similarities.push(details["vectorSort"]["similarity"].as_f64());
    }
    ensure("similarities fall", similarities.is_sorted_by(|a, b| a >= b))?;
    same("equals are as similar", similarities[1], similarities[2])?;
    same("those with one", similarities.iter().flatten().count(), 4)
}

async fn the_vector_is_told(bench: &Bench<'_>) -> Result<(), Failure> {
    let index = points(bench).await?;
    let vector = json!([0.1, 1.0]);
    for (query, expected) in [
        (json!({"hybrid": {"embedder": "own", "semanticRatio": 1.0}}), Some(&vector)),
        (json!({"hybrid": {"embedder": "own", "semanticRatio": 1.0}, "retrieveVectors": false}), None),
        (json!({"q": "sun", "hybrid": {"embedder": "own", "semanticRatio": 0.5}}), Some(&vector)),
        (json!({"q": "sun", "hybrid": {"embedder": "own", "semanticRatio": 0.5}, "limit": 1}), None),
    ] {
        let mut body = json!({"vector": vector, "retrieveVectors": true});
        for (name, value) in query.as_object().into_iter().flatten() {
            body[name] = value.clone();
        }
        let answer = bench.search(&index, body).await?;
        same(&query.to_string(), answer.get("queryVector"), expected)?;
    }
    Ok(())
}

/// The answer to a search for what is like the document with this id.
async fn similar(bench: &Bench<'_>, index: &str, id: u32, more: Value) -> Result<Value, Failure> {
    let mut body = json!({"id": id, "embedder": "own"});
    for (name, value) in more.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    Ok(serde_json::from_slice(&bench.search.similar(index, body.to_string().into(), None).await?)?)
}

async fn similar_finds_the_nearest(bench: &Bench<'_>) -> Result<(), Failure> {
    let index = points(bench).await?;
    let answer = similar(bench, &index, 5, json!({"showRankingScoreDetails": true})).await?;
    let members: Vec<_> = answer.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
    let expected = ["hits", "id", "processingTimeMs", "limit", "offset", "estimatedTotalHits"];
    same("the members", members, expected)?;
    same("the hits", ids(&answer["hits"]), [6, 2, 1])?;
    let paging = ["id", "limit", "offset", "estimatedTotalHits"].map(|name| &answer[name]);
    same("id, limit, offset, total", json!(paging), json!(["5", 20, 0, 5]))?;
    let details = &answer["hits"][0]["_rankingScoreDetails"]["vectorSort"];
    same("the detail", &details["order"], &json!(0))?;
    for (id, more, expected) in [
        (5, json!({"filter": "n < 9"}), vec![6, 1]),
        (5, json!({"offset": 1, "limit": 1}), vec![2]),
        (5, json!({"rankingScoreThreshold": 0.99}), vec![6]),
        (3, json!({}), vec![]),
    ] {
        same(&more.to_string(), ids(&similar(bench, &index, id, more.clone()).await?["hits"]), expected)?;
    }
    Ok(())
}

async fn similar_says_what_is_not_there(bench: &Bench<'_>) -> Result<(), Failure> {
    let index = points(bench).await?;
    for (body, code) in [
        (json!({"id": 9, "embedder": "own"}), "not_found_similar_id"),
        (json!({"id": "a b", "embedder": "own"}), "invalid_similar_id"),
        (json!({"id": 1, "embedder": "other"}), "invalid_similar_embedder"),
        (json!({"id": 1, "embedder": "own", "filter": "title = x"}), "invalid_similar_filter"),
        (json!({"id": 1}), "bad_request"),
    ] {
        let answer = bench.search.similar(&index, body.to_string().into(), None).await;
        refused(&body.to_string(), answer, 400, code)?;
    }
    Ok(())
}
