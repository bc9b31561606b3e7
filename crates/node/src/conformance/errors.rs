//! Misuse, with the statuses and codes that Miroir tells apart.

use bytes::Bytes;
use serde_json::json;

use super::bench::{Bench, add, addition};
use super::failure::{refused, same};
use super::{Check, Failure, check};
use crate::{Add, AddMode, Format, Node, Origin, Write};

pub(super) const CHECKS: &[Check] = &[
    check!(
        a_missing_index_is_named,
        "Every request that reads an index that is not there gets 404 `index_not_found`."
    ),
    check!(
        bad_searches_are_refused,
        "A search is refused with 400 and the code of the parameter that is wrong."
    ),
    check!(
        bad_payloads_are_refused_at_once,
        "A payload that is empty or cannot be read is refused with 400 and becomes no task."
    ),
    check!(
        bad_places_fail_the_task,
        "A `_geo` that is none fails the task with `invalid_document_geo_field` where places are indexed."
    ),
];

async fn a_missing_index_is_named(bench: &Bench<'_>) -> Result<(), Failure> {
    let (name, node) = (bench.name(), &bench.search);
    refused("the index", node.index(&name).await, 404, "index_not_found")?;
    refused("settings", node.settings(&name).await, 404, "index_not_found")?;
    refused("stats", node.stats(&name).await, 404, "index_not_found")?;
    refused("a search", node.search(&name, "{}".into(), None).await, 404, "index_not_found")?;
    refused("a fetch", node.fetch(&name, "{}".into(), None).await, 404, "index_not_found")?;
    refused("a document", node.document(&name, "1".into(), None).await, 404, "index_not_found")
}

async fn bad_searches_are_refused(bench: &Bench<'_>) -> Result<(), Failure> {
    let index = bench.index().await?;
    bench.done(&index, add(&json!([{"id": 1, "n": 1}]))).await?;
    for (body, code) in [
        (json!({"filter": "n = 1"}), "invalid_search_filter"),
        (json!({"filter": "n ="}), "invalid_search_filter"),
        (json!({"filter": "_geoRadius(1, 2, 3)"}), "invalid_search_filter"),
        (json!({"sort": ["n:asc"]}), "invalid_search_sort"),
        (json!({"sort": ["_geoPoint(1, 2):asc"]}), "invalid_search_sort"),
        (json!({"facets": ["n"]}), "invalid_search_facets"),
        (json!({"distinct": "n"}), "invalid_search_distinct"),
        (json!({"limit": "many"}), "invalid_search_limit"),
        (json!({"page": -1}), "invalid_search_page"),
        (json!({"matchingStrategy": "some"}), "invalid_search_matching_strategy"),
        (json!({"nonsense": 1}), "bad_request"),
    ] {
        let answer = bench.search.search(&index, body.to_string().into(), None).await;
        refused(&body.to_string(), answer, 400, code)?;
    }
    let answer = bench.search.search(&index, Bytes::from_static(b"{bad"), None).await;
    refused("what is no JSON", answer, 400, "malformed_payload")
}

async fn bad_payloads_are_refused_at_once(bench: &Bench<'_>) -> Result<(), Failure> {
    let index = bench.index().await?;
    let newest = bench.lane.newest_task().await?;
    for (format, payload, code) in [
        (Format::Json, "", "missing_payload"),
        (Format::Ndjson, "", "missing_payload"),
        (Format::Json, "{bad", "malformed_payload"),
        (Format::Json, r#"[{"id":1}"#, "malformed_payload"),
        (Format::Ndjson, "{\"id\":1}\n{bad\n", "malformed_payload"),
    ] {
        let payload = Bytes::from_static(payload.as_bytes());
        let write = Write::Add(Add { format, payload, ..addition(AddMode::Replace, &json!([])) });
        let answer = bench.lane.enqueue(&index, &write, Origin::default()).await;
        refused("the payload", answer, 400, code)?;
    }
    same("the newest task", bench.lane.newest_task().await?, newest)
}

async fn bad_places_fail_the_task(bench: &Bench<'_>) -> Result<(), Failure> {
    let index = bench.index_of(json!({"filterableAttributes": ["_geo"]}), json!([{"id": 3}])).await?;
    for place in [json!("here"), json!({"lat": 1}), json!({"lat": 1, "lng": "x"})] {
        let documents = json!([{"id": 1}, {"id": 2, "_geo": place}]);
        bench.fails(&index, add(&documents), "invalid_document_geo_field").await?;
    }
    let documents = json!([{"id": 1, "_geo": {"lat": "1.5", "lng": 2}}, {"id": 2, "_geo": null}]);
    bench.done(&index, add(&documents)).await?;
    same("what is there", bench.held(&index).await?, [1, 2, 3])
}
