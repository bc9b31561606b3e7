//! Documents: how they arrive, what becomes of those that were there.

use bytes::Bytes;
use serde_json::{Value, json};

use super::bench::{Bench, add, addition, update};
use super::failure::{refused, same};
use super::{Check, Failure, check};
use crate::{Add, AddMode, Format, Node, Write};

pub(super) const CHECKS: &[Check] = &[
    check!(
        every_format_is_read,
        "NDJSON, a JSON array and one JSON object are read; an empty array is no error."
    ),
    check!(a_replacement_leaves_nothing, "A replacement leaves nothing of the document that was there."),
    check!(
        an_update_covers_top_level_fields,
        "An update replaces the top-level fields it has, whole, and leaves the others."
    ),
    check!(
        creation_can_be_skipped,
        "With `skipCreation` documents that are not there stay away; the counts know nothing of it."
    ),
    check!(
        ids_are_texts,
        "The ids 1 and \"1\" are one document; a later line about an id comes after an earlier one."
    ),
    check!(
        values_come_back,
        "Integers of 64 bits, texts, nesting, `null` and the order of fields come back as they were."
    ),
    check!(
        a_primary_key_can_come_along,
        "An addition can bring the primary key, a nested one too; it stays."
    ),
    check!(
        one_bad_document_refuses_all,
        "When one document of a payload has a bad id the whole payload is refused, with the code of the reason."
    ),
];

/// An addition of this text.
fn raw(format: Format, payload: &'static str) -> Write {
    let payload = Bytes::from_static(payload.as_bytes());
    Write::Add(Add { mode: AddMode::Replace, format, payload, primary_key: None, skip_creation: false })
}

async fn every_format_is_read(bench: &Bench<'_>) -> Result<(), Failure> {
    let index = bench.index().await?;
    for (format, text, received) in [
        (Format::Ndjson, "{\"id\":1}\n{\"id\":2}\n", 2),
        (Format::Ndjson, "{\"id\":3}", 1),
        (Format::Json, r#" [ {"id":4}, {"id":5} ] "#, 2),
        (Format::Json, r#"{"id":6}"#, 1),
        (Format::Json, "[]", 0),
    ] {
        let task = bench.done(&index, raw(format, text)).await?;
        same("received", task.details.unwrap_or_default().received_documents, Some(received))?;
    }
    same("what is there", bench.held(&index).await?, [1, 2, 3, 4, 5, 6])
}

async fn a_replacement_leaves_nothing(bench: &Bench<'_>) -> Result<(), Failure> {
    let index = bench.index().await?;
    bench.done(&index, add(&json!([{"id": 1, "a": 1, "b": {"c": 1}}]))).await?;
    bench.done(&index, add(&json!([{"id": 1, "b": {"d": 2}}]))).await?;
    same("the document", bench.all(&index).await?, json!([{"id": 1, "b": {"d": 2}}]))
}

async fn an_update_covers_top_level_fields(bench: &Bench<'_>) -> Result<(), Failure> {
    let index = bench.index().await?;
    bench.done(&index, add(&json!([{"id": 1, "a": 1, "b": {"c": 1}, "x": 1}]))).await?;
    bench.done(&index, update(&json!([{"id": 1, "b": {"d": 2}, "x": null}, {"id": 2, "b": 1}]))).await?;
    let expected = json!([{"id": 1, "a": 1, "b": {"d": 2}, "x": null}, {"id": 2, "b": 1}]);
    same("the documents", bench.all(&index).await?, expected)
}

async fn creation_can_be_skipped(bench: &Bench<'_>) -> Result<(), Failure> {
    let index = bench.index().await?;
    bench.done(&index, add(&json!([{"id": 1, "a": 1}]))).await?;
    for mode in [AddMode::Update, AddMode::Replace] {
        let documents = json!([{"id": 1, "b": 2}, {"id": 2, "b": 2}]);
        let add = Add { skip_creation: true, ..addition(mode, &documents) };
        let task = bench.done(&index, Write::Add(add)).await?;
        same("indexed", task.details.unwrap_or_default().indexed_documents, Some(2))?;
        let expected = match mode {
            AddMode::Update => json!([{"id": 1, "a": 1, "b": 2}]),
            AddMode::Replace => json!([{"id": 1, "b": 2}]),
        };
        same("the documents", bench.all(&index).await?, expected)?;
    }
    Ok(())
}

async fn ids_are_texts(bench: &Bench<'_>) -> Result<(), Failure> {
    let index = bench.index().await?;
    bench.done(&index, add(&json!([{"id": 1, "a": 1}, {"id": "x-Y_9"}, {"id": "1", "b": 2}]))).await?;
    same("two documents", bench.lane.stats(&index).await?.number_of_documents, 2)?;
    let one: Value = serde_json::from_slice(&bench.search.document(&index, "1".into(), None).await?)?;
    same("the later line", one, json!({"id": "1", "b": 2}))?;
    bench.done(&index, update(&json!([{"id": 1, "c": 3}, {"id": 1, "d": 4}]))).await?;
    let one: Value = serde_json::from_slice(&bench.search.document(&index, "1".into(), None).await?)?;
    same("both updates", one, json!({"id": 1, "b": 2, "c": 3, "d": 4}))?;
    let none = bench.search.document(&index, "2".into(), None).await;
    refused("a document that is not there", none, 404, "document_not_found")
}

async fn values_come_back(bench: &Bench<'_>) -> Result<(), Failure> {
    let index = bench.index().await?;
    let text = r#"{"id":1,"z":9007199254740993,"y":-9223372036854775808,"x":18446744073709551615,"w":2.5,"v":null,"u":[],"t":{"b":{},"a":["é \" \n"]},"s":"","r":false}"#;
    bench.done(&index, raw(Format::Ndjson, text)).await?;
    let document = bench.search.document(&index, "1".into(), None).await?;
    same("the document", String::from_utf8_lossy(&document).as_ref(), text)?;
    let fetched = bench.search.fetch(&index, "{}".into(), None).await?;
    let rest = r#","offset":0,"limit":20,"total":1}"#;
    same(
        "in a list",
        String::from_utf8_lossy(&fetched).into_owned(),
        format!(r#"{{"results":[{text}]{rest}"#),
    )?;
    let found = bench.search.search(&index, "{}".into(), None).await?;
    let found = String::from_utf8_lossy(&found).into_owned();
    same(
        "as a hit",
        found.split_once(r#"],"query""#).map(|(hits, _)| hits),
        Some(&*format!(r#"{{"hits":[{text}"#)),
    )
}

async fn a_primary_key_can_come_along(bench: &Bench<'_>) -> Result<(), Failure> {
    let index = bench.name();
    let create = Write::CreateIndex { primary_key: None };
    bench.succeeded(bench.master.enqueue(&index, &create, Default::default()).await?.task_uid).await?;
    let keyed = |key: &str, documents: Value| {
        Write::Add(Add { primary_key: Some(key.to_owned()), ..addition(AddMode::Replace, &documents) })
    };
    bench.done(&index, keyed("meta.id", json!([{"meta": {"id": "a"}, "n": 1}]))).await?;
    same("the primary key", bench.lane.index(&index).await?.primary_key.as_deref(), Some("meta.id"))?;
    bench.done(&index, keyed("meta.id", json!([{"meta": {"id": "a"}, "n": 2}]))).await?;
    same("one document", bench.all(&index).await?, json!([{"meta": {"id": "a"}, "n": 2}]))?;
    bench.fails(&index, keyed("n", json!([{"n": 1}])), "index_primary_key_already_exists").await.map(drop)
}

async fn one_bad_document_refuses_all(bench: &Bench<'_>) -> Result<(), Failure> {
    let index = bench.index().await?;
    for (bad, code) in [
        (json!({"id": "with space"}), "invalid_document_id"),
        (json!({"id": 1.5}), "invalid_document_id"),
        (json!({"id": null}), "invalid_document_id"),
        (json!({"id": "x".repeat(512)}), "invalid_document_id"),
        (json!({"no": 1}), "missing_document_id"),
    ] {
        let task = bench.fails(&index, add(&json!([{"id": 1}, bad, {"id": 2}])), code).await?;
        same("indexed", task.details.unwrap_or_default().indexed_documents, Some(0))?;
    }
    same("what is there", bench.held(&index).await?, [0_i64; 0])
}
