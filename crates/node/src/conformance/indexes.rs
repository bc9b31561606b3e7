//! Indexes: they come, are listed and go.

use serde_json::json;

use super::bench::{Bench, add};
use super::failure::{ensure, refused, same};
use super::{Check, Failure, check};
use crate::{Node, Origin, Write};

pub(super) const CHECKS: &[Check] = &[
    check!(
        an_index_is_created_once,
        "A creation makes an empty index with its primary key; a second one fails with `index_already_exists` and changes nothing."
    ),
    check!(indexes_are_listed_by_name, "Indexes are listed in the order of their names, in pages."),
    check!(
        an_index_goes_with_all_it_holds,
        "A deletion takes documents and settings along and counts the documents; an index of the same name starts empty."
    ),
    check!(
        stats_count_documents_and_fields,
        "Stats have the number of documents and of each field, the reserved one included."
    ),
    check!(
        a_node_tells_what_it_uses_of_its_disk,
        "The used size of a node grows with documents, and becomes less when they go, although its files do not shrink."
    ),
];

async fn an_index_is_created_once(bench: &Bench<'_>) -> Result<(), Failure> {
    let index = bench.index().await?;
    bench.done(&index, add(&json!([{"id": 1}]))).await?;
    let again = Write::CreateIndex { primary_key: Some("other".to_owned()) };
    let task = bench.master.enqueue(&index, &again, Origin::default()).await?.task_uid;
    bench.failed(task, "index_already_exists").await?;
    same("the primary key", bench.lane.index(&index).await?.primary_key.as_deref(), Some("id"))?;
    same("the documents", bench.held(&index).await?, [1])?;
    let nameless = bench.master.enqueue("not a name", &again, Origin::default()).await;
    refused("a name that is none", nameless, 400, "invalid_index_uid")
}

async fn indexes_are_listed_by_name(bench: &Bench<'_>) -> Result<(), Failure> {
    let made = [bench.index().await?, bench.index().await?, bench.index().await?];
    let whole = bench.lane.indexes(0, 10_000).await?;
    let names: Vec<_> = whole.results.iter().map(|index| index.uid.clone()).collect();
    ensure("they are in order", names.is_sorted())?;
    ensure("all are there", made.iter().all(|name| names.contains(name)))?;
    same("the total", whole.total, names.len() as u64)?;
    let page = bench.lane.indexes(1, 2).await?;
    let page: Vec<_> = page.results.into_iter().map(|index| index.uid).collect();
    same("a page", page, names[1..3].to_vec())
}

async fn an_index_goes_with_all_it_holds(bench: &Bench<'_>) -> Result<(), Failure> {
    let index = bench.index_of(json!({"stopWords": ["the"]}), json!([{"id": 1}, {"id": 2}])).await?;
    let task = bench.done(&index, Write::DeleteIndex).await?;
    same("documents that went", task.details.unwrap_or_default().deleted_documents, Some(2))?;
    refused("the index", bench.lane.index(&index).await, 404, "index_not_found")?;
    refused("a search in it", bench.search.search(&index, "{}".into(), None).await, 404, "index_not_found")?;
    let create = Write::CreateIndex { primary_key: None };
    bench.succeeded(bench.master.enqueue(&index, &create, Origin::default()).await?.task_uid).await?;
    same("its documents", bench.lane.stats(&index).await?.number_of_documents, 0)?;
    let settings: serde_json::Value = serde_json::from_slice(&bench.lane.settings(&index).await?)?;
    same("its stop words", &settings["stopWords"], &json!([]))
}

async fn stats_count_documents_and_fields(bench: &Bench<'_>) -> Result<(), Failure> {
    let index = bench.index().await?;
    let documents =
        json!([{"id": 1, "a": 1, "_miroir": ["⋀"]}, {"id": 2, "_miroir": ["⋀"]}, {"id": 3, "a": {"b": 1}}]);
    bench.done(&index, add(&documents)).await?;
    let stats = bench.lane.stats(&index).await?;
    same("documents", stats.number_of_documents, 3)?;
    same("whether it indexes", stats.is_indexing, false)?;
    for (field, count) in [("id", 3), ("a", 2), ("_miroir", 2)] {
        same(field, stats.field_distribution.get(field), Some(&count))?;
    }
    bench.done(&index, Write::DeleteAll).await?;
    let stats = bench.lane.stats(&index).await?;
    same("documents and fields", (stats.number_of_documents, stats.field_distribution.len()), (0, 0))
}

async fn a_node_tells_what_it_uses_of_its_disk(bench: &Bench<'_>) -> Result<(), Failure> {
    let index = bench.index().await?;
    let before = bench.lane.used_bytes().await?;
    let documents: Vec<_> =
        (0..200).map(|id| json!({"id": id, "text": format!("{id} ").repeat(1000)})).collect();
    bench.done(&index, add(&json!(documents))).await?;
    let full = bench.lane.used_bytes().await?;
    ensure("it grows", full > before + 200 * 2000)?;
    bench.done(&index, Write::DeleteAll).await?;
    ensure("it becomes less", bench.lane.used_bytes().await? < full)
}
