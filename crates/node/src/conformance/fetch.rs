//! Reading documents: for moves, for `verify`, for users.

use serde_json::{Value, json};

use super::bench::{Bench, add, delete, ids};
use super::failure::{refused, same};
use super::{Check, Failure, check};
use crate::Node;

pub(super) const CHECKS: &[Check] = &[
    check!(
        documents_are_read_in_pages,
        "A fetch pages through all documents in one order, that of their first arrival, with the whole total."
    ),
    check!(documents_are_read_by_filter, "A fetch takes a filter and the names of fields."),
    check!(
        vectors_come_along,
        "With `retrieveVectors` documents carry `_vectors` in a form that another node takes back."
    ),
];

async fn documents_are_read_in_pages(bench: &Bench<'_>) -> Result<(), Failure> {
    let index = bench.index().await?;
    bench.done(&index, add(&json!([{"id": 5}, {"id": 3}, {"id": 9}]))).await?;
    bench.done(&index, add(&json!([{"id": 1}, {"id": 3, "again": true}]))).await?;
    for (offset, limit, expected) in [(0, 2, vec![5, 3]), (2, 2, vec![9, 1]), (4, 2, vec![]), (1, 0, vec![])]
    {
        let page = bench.fetch(&index, json!({"offset": offset, "limit": limit})).await?;
        same("the page", ids(&page["results"]), expected)?;
        let paging = ["offset", "limit", "total"].map(|member| &page[member]);
        same("offset, limit, total", json!(paging), json!([offset, limit, 4]))?;
    }
    bench.done(&index, delete(&["3"])).await?;
    same("after a deletion", ids(&bench.all(&index).await?), [5, 9, 1])
}

async fn documents_are_read_by_filter(bench: &Bench<'_>) -> Result<(), Failure> {
    let documents: Value = (0..6).map(|id| json!({"id": id, "n": id, "x": {"y": id}})).collect();
    let index = bench.index_of(json!({"filterableAttributes": ["n"]}), documents).await?;
    let page = bench
        .fetch(&index, json!({"filter": "n >= 2", "offset": 1, "limit": 2, "fields": ["id", "x"]}))
        .await?;
    same("the page", &page["results"], &json!([{"id": 3, "x": {"y": 3}}, {"id": 4, "x": {"y": 4}}]))?;
    same("the total", &page["total"], &json!(4))?;
    for (body, code) in [
        (json!({"filter": "x = 1"}), "invalid_document_filter"),
        (json!({"filter": "n = "}), "invalid_document_filter"),
        (json!({"limit": -1}), "invalid_document_limit"),
        (json!({"nonsense": 1}), "bad_request"),
    ] {
        refused("the fetch", bench.search.fetch(&index, body.to_string().into(), None).await, 400, code)?;
    }
    Ok(())
}

async fn vectors_come_along(bench: &Bench<'_>) -> Result<(), Failure> {
    let settings = json!({"embedders": {"own": {"source": "userProvided", "dimensions": 2}}});
    let documents =
        json!([{"id": 1, "_vectors": {"own": [0.5, 0.25]}}, {"id": 2, "_vectors": {"own": null}}]);
    let index = bench.index_of(settings.clone(), documents).await?;
    let read = async |index: &str| {
        let body = json!({"retrieveVectors": true, "filter": null});
        Ok::<_, Failure>(bench.fetch(index, body).await?["results"].take())
    };
    let documents = read(&index).await?;
    let embedded = json!({"own": {"embeddings": [[0.5, 0.25]], "regenerate": false}});
    same("with vectors", &documents[0]["_vectors"], &embedded)?;
    same("without `retrieveVectors`", &bench.all(&index).await?[0], &json!({"id": 1}))?;
    let copy = bench.index_of(settings, documents.clone()).await?;
    same("a copy", read(&copy).await?, documents)
}
