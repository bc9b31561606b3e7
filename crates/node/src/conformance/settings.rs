//! Settings: how they change, and those that only Miroir sends.

use serde_json::{Value, json};

use super::bench::{Bench, add};
use super::failure::{refused, same};
use super::{Check, Failure, check};
use crate::{Node, Origin, Write};

pub(super) const CHECKS: &[Check] = &[
    check!(
        a_patch_changes_what_it_names,
        "A settings task changes what it names; `null` brings the default back."
    ),
    check!(
        node_settings_come_back,
        "What Miroir sends (the rule for `_miroir`, `_miroir:asc`, raised limits) is read back as sent."
    ),
    check!(settings_apply_to_what_is_there, "New settings hold for documents that were there before them."),
    check!(
        bad_settings_are_refused_at_once,
        "Settings that can be judged without documents are refused with 400 and the code of the setting."
    ),
];

/// What Miroir sends to the nodes of an index with several shards.
fn ours() -> Value {
    json!({
        "displayedAttributes": ["*"],
        "searchableAttributes": null,
        "filterableAttributes": [
            "genre",
            {"attributePatterns": ["_miroir"],
             "features": {"facetSearch": false, "filter": {"equality": true, "comparison": false}}},
        ],
        "sortableAttributes": ["year"],
        "rankingRules": ["words", "typo", "proximity", "attribute", "sort", "exactness", "_miroir:asc"],
        "faceting": {"maxValuesPerFacet": 100_000, "sortFacetValuesBy": {"*": "alpha", "genre": "count"}},
        "pagination": {"maxTotalHits": 10_000},
        "typoTolerance": {"minWordSizeForTypos": {"oneTypo": 4}, "disableOnAttributes": ["code"]},
        "synonyms": {"film": ["movie"]},
        "separatorTokens": ["|"],
        "nonSeparatorTokens": ["#"],
        "dictionary": ["J. R."],
        "stopWords": ["the"],
        "distinctAttribute": null,
        "proximityPrecision": "byWord",
        "embedders": null,
        "searchCutoffMs": 1500,
        "localizedAttributes": [{"attributePatterns": ["title"], "locales": ["eng"]}],
        "facetSearch": true,
        "prefixSearch": "indexingTime",
    })
}

async fn settings(bench: &Bench<'_>, index: &str) -> Result<Value, Failure> {
    Ok(serde_json::from_slice(&bench.lane.settings(index).await?)?)
}

async fn a_patch_changes_what_it_names(bench: &Bench<'_>) -> Result<(), Failure> {
    let index = bench.index().await?;
    let fresh = settings(bench, &index).await?;
    same("the default rules", &fresh["rankingRules"], &json!(bench.dialect.default_ranking_rules()))?;
    same("all is searchable", &fresh["searchableAttributes"], &json!(["*"]))?;
    let patch = |patch: Value| Write::Settings(patch.to_string());
    bench.done(&index, patch(json!({"stopWords": ["b", "a"], "faceting": {"maxValuesPerFacet": 7}}))).await?;
    bench.done(&index, patch(json!({"faceting": {"sortFacetValuesBy": {"x": "count"}}}))).await?;
    let now = settings(bench, &index).await?;
    same("stop words", &now["stopWords"], &json!(["a", "b"]))?;
    let faceting = json!({"maxValuesPerFacet": 7, "sortFacetValuesBy": {"*": "alpha", "x": "count"}});
    same("faceting", &now["faceting"], &faceting)?;
    let reset: Value =
        ours().as_object().into_iter().flatten().map(|(name, _)| (name.clone(), Value::Null)).collect();
    bench.done(&index, patch(reset)).await?;
    same("after `null` for each", settings(bench, &index).await?, fresh)
}

async fn node_settings_come_back(bench: &Bench<'_>) -> Result<(), Failure> {
    let index = bench.index().await?;
    for _ in 0..2 {
        bench.done(&index, Write::Settings(ours().to_string())).await?;
        let now = settings(bench, &index).await?;
        let sent = ours();
        let whole = |(name, sent): &(&String, &Value)| !sent.is_null() && *name != "typoTolerance";
        for (name, sent) in sent.as_object().into_iter().flatten().filter(whole) {
            same(name, &now[name], sent)?;
        }
        let typos = &now["typoTolerance"];
        let expected = json!({"oneTypo": 4, "twoTypos": 9});
        same("what a patch of typo tolerance leaves", &typos["minWordSizeForTypos"], &expected)?;
        same("and what it sets", &typos["disableOnAttributes"], &json!(["code"]))?;
    }
    Ok(())
}

async fn settings_apply_to_what_is_there(bench: &Bench<'_>) -> Result<(), Failure> {
    let index = bench.index().await?;
    let documents = json!([{"id": 1, "genre": "a", "year": 2}, {"id": 2, "genre": "b", "year": 1}]);
    bench.done(&index, add(&documents)).await?;
    let filtered = json!({"filter": "genre = b"});
    let before = bench.search.search(&index, filtered.to_string().into(), None).await;
    refused("a filter before", before, 400, "invalid_search_filter")?;
    bench.done(&index, Write::Settings(ours().to_string())).await?;
    same("a filter after", bench.found(&index, filtered).await?, [2])?;
    same("sorted", bench.found(&index, json!({"sort": ["year:asc"]})).await?, [2, 1])
}

async fn bad_settings_are_refused_at_once(bench: &Bench<'_>) -> Result<(), Failure> {
    let index = bench.index().await?;
    let before = settings(bench, &index).await?;
    for (patch, code) in [
        (json!({"rankingRules": ["nonsense"]}), "invalid_settings_ranking_rules"),
        (json!({"filterableAttributes": 1}), "invalid_settings_filterable_attributes"),
        (json!({"stopWords": ["a"], "pagination": {"maxTotalHits": "x"}}), "invalid_settings_pagination"),
        (json!({"nonsense": 1}), "bad_request"),
    ] {
        let answer = bench.lane.enqueue(&index, &Write::Settings(patch.to_string()), Origin::default()).await;
        refused("the settings", answer, 400, code)?;
    }
    same("the settings", settings(bench, &index).await?, before)
}
