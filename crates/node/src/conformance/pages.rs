//! Pages of hits and totals.

use serde_json::{Value, json};

use super::bench::{Bench, add, ids};
use super::failure::{ensure, same};
use super::{Check, Failure, check};
use crate::Write;

pub(super) const CHECKS: &[Check] = &[
    check!(
        offset_and_limit_cut_the_order,
        "`offset` and `limit` cut one order; the total counts all that match and the answer echoes both."
    ),
    check!(
        pages_cut_the_same_order,
        "`page` and `hitsPerPage` cut the same order and give exact totals; page 0 has no hits."
    ),
    check!(
        hits_end_at_the_limit_of_the_settings,
        "No hit beyond `pagination.maxTotalHits` is given; whether totals stop there depends on the version."
    ),
    check!(
        answers_have_their_members,
        "An answer has hits, query, times, paging and, where asked, facets: members in this order."
    ),
];

async fn twelve(bench: &Bench<'_>) -> Result<String, Failure> {
    let index = bench.index().await?;
    let documents: Value = (1..=12).map(|id| json!({"id": id, "title": "same"})).collect();
    bench.done(&index, add(&documents)).await?;
    Ok(index)
}

async fn offset_and_limit_cut_the_order(bench: &Bench<'_>) -> Result<(), Failure> {
    let index = twelve(bench).await?;
    for (offset, limit, expected) in
        [(0, 5, vec![1, 2, 3, 4, 5]), (10, 5, vec![11, 12]), (12, 5, vec![]), (50, 5, vec![]), (3, 0, vec![])]
    {
        for q in ["", "same"] {
            let answer = bench.search(&index, json!({"q": q, "offset": offset, "limit": limit})).await?;
            same("the hits", ids(&answer["hits"]), &expected[..])?;
            let paging = [&answer["offset"], &answer["limit"], &answer["estimatedTotalHits"]];
            same("offset, limit, total", json!(paging), json!([offset, limit, 12]))?;
        }
    }
    Ok(())
}

async fn pages_cut_the_same_order(bench: &Bench<'_>) -> Result<(), Failure> {
    let index = twelve(bench).await?;
    for (page, size, expected, pages) in [
        (1, 5, vec![1, 2, 3, 4, 5], 3),
        (3, 5, vec![11, 12], 3),
        (4, 5, vec![], 3),
        (0, 5, vec![], 3),
        (1, 0, vec![], 0),
    ] {
        let answer = bench.search(&index, json!({"page": page, "hitsPerPage": size})).await?;
        same("the hits", ids(&answer["hits"]), &expected[..])?;
        let paging = ["page", "hitsPerPage", "totalPages", "totalHits"].map(|member| &answer[member]);
        same("the paging", json!(paging), json!([page, size, pages, 12]))?;
        ensure("no estimate is given", answer.get("estimatedTotalHits").is_none())?;
    }
    Ok(())
}

async fn hits_end_at_the_limit_of_the_settings(bench: &Bench<'_>) -> Result<(), Failure> {
    let index = twelve(bench).await?;
    bench.done(&index, Write::Settings(json!({"pagination": {"maxTotalHits": 7}}).to_string())).await?;
    let total = if bench.dialect.caps_totals() { 7 } else { 12 };
    let answer = bench.search(&index, json!({"offset": 5, "limit": 5})).await?;
    same("the hits", ids(&answer["hits"]), [6, 7])?;
    same("the estimate", &answer["estimatedTotalHits"], &json!(total))?;
    let answer = bench.search(&index, json!({"page": 2, "hitsPerPage": 4})).await?;
    same("the hits", ids(&answer["hits"]), [5, 6, 7])?;
    same("the total", &answer["totalHits"], &json!(total))
}

async fn answers_have_their_members(bench: &Bench<'_>) -> Result<(), Failure> {
    let index = twelve(bench).await?;
    bench.done(&index, Write::Settings(json!({"filterableAttributes": ["title"]}).to_string())).await?;
    let answer = bench.search(&index, json!({"q": "same", "limit": 1, "facets": ["title"]})).await?;
    let known = [
        "hits",
        "query",
        "processingTimeMs",
        "limit",
        "offset",
        "estimatedTotalHits",
        "facetDistribution",
        "facetStats",
    ];
    let members = answer.as_object().into_iter().flatten().map(|(member, _)| member.as_str());
    let members: Vec<_> = members.filter(|member| *member != "requestUid").collect();
    same("the members", members, known)?;
    same("the query", &answer["query"], &json!("same"))
}
