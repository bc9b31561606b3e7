//! The reserved member: it filters and orders, and no query finds it.

use miroir_model::{Slot, reserved};
use serde_json::{Value, json};

use super::bench::{Bench, ids};
use super::failure::{refused, same};
use super::{Check, Failure, check};
use crate::Node;

pub(super) const CHECKS: &[Check] = &[
    check!(
        slots_filter,
        "`_miroir IN […]` selects by slot, by unit and by sixteenth, without comparison operators."
    ),
    check!(
        slots_order_ties,
        "`_miroir:asc` as the last rule orders by slot; details have the slot's value under that name."
    ),
    check!(
        no_query_finds_the_member,
        "A query of the member's characters is no query; among words they change nothing, nor does the member change any score."
    ),
];

fn settings() -> Value {
    json!({
        "filterableAttributes": [
            {"attributePatterns": ["_miroir"],
             "features": {"facetSearch": false, "filter": {"equality": true, "comparison": false}}},
        ],
        "rankingRules": ["words", "typo", "proximity", "attribute", "sort", "exactness", "_miroir:asc"],
    })
}

fn slot(number: u16) -> Slot {
    Slot::of_hash(u64::from(number) << 50)
}

/// Documents in an order that is not that of their slots; id = slot.
const SLOTS: [u16; 6] = [16383, 5, 1030, 127, 128, 4000];

fn documents(stamped: bool) -> Value {
    let document = |number: &u16| {
        let mut document =
            json!({"id": number, "title": format!("sun flower {}", "far ".repeat(usize::from(number % 3)))});
        if stamped {
            document["_miroir"] = json!(reserved::values(slot(*number)));
        }
        document
    };
    SLOTS.iter().map(document).collect()
}

async fn slots_filter(bench: &Bench<'_>) -> Result<(), Failure> {
    let index = bench.index_of(settings(), documents(true)).await?;
    let unit = |number| reserved::unit_value(slot(number).unit());
    let sixteenth = |number| reserved::sixteenth_value(reserved::Sixteenth::of_slot(slot(number)));
    for (values, expected) in [
        (vec![reserved::slot_value(slot(5)), reserved::slot_value(slot(4000))], vec![5, 4000]),
        (vec![unit(0)], vec![5, 127]),
        (vec![unit(1030), unit(16383)], vec![1030, 16383]),
        (vec![sixteenth(0)], vec![5, 127, 128]),
        (vec![sixteenth(0), unit(4000), reserved::slot_value(slot(16383))], vec![5, 127, 128, 4000, 16383]),
        (vec![reserved::slot_value(slot(6))], vec![]),
    ] {
        let filter = format!("_miroir IN [\"{}\"]", values.join("\", \""));
        let answer = bench.search(&index, json!({"filter": filter, "q": "sun"})).await?;
        let mut found = ids(&answer["hits"]);
        found.sort_unstable();
        same(&filter, found, &expected[..])?;
        same("the total", &answer["estimatedTotalHits"], &json!(expected.len()))?;
        let fetched = bench.fetch(&index, json!({"filter": filter})).await?;
        same("fetched", &fetched["total"], &json!(expected.len()))?;
    }
    let compared = json!({"filter": "_miroir > 1"});
    let answer = bench.search.search(&index, compared.to_string().into(), None).await;
    refused("a comparison", answer, 400, "invalid_search_filter")
}

async fn slots_order_ties(bench: &Bench<'_>) -> Result<(), Failure> {
    let index = bench.index_of(settings(), documents(true)).await?;
    let mut sorted = SLOTS.map(i64::from);
    sorted.sort_unstable();
    let answer = bench.search(&index, json!({"showRankingScoreDetails": true})).await?;
    same("without a query", ids(&answer["hits"]), sorted)?;
    for (hit, number) in sorted.iter().enumerate() {
        let detail = &answer["hits"][hit]["_rankingScoreDetails"]["_miroir:asc"];
        same(
            "the detail",
            detail,
            &json!({"order": 0, "value": reserved::slot_value(slot(*number as u16))}),
        )?;
    }
    let answer = bench.search(&index, json!({"q": "sun flower", "showRankingScoreDetails": true})).await?;
    let ties: Vec<_> = ids(&answer["hits"]).into_iter().filter(|id| id % 3 == 0).collect();
    let expected: Vec<_> = sorted.into_iter().filter(|id| id % 3 == 0).collect();
    same("with a query, among equals", ties, expected)?;
    let last =
        answer["hits"][0]["_rankingScoreDetails"].as_object().and_then(|rules| rules.keys().next_back());
    same("it is the last rule", last.map(String::as_str), Some("_miroir:asc"))
}

async fn no_query_finds_the_member(bench: &Bench<'_>) -> Result<(), Failure> {
    let stamped = bench.index_of(settings(), documents(true)).await?;
    let plain = bench.index_of(settings(), documents(false)).await?;
    let [value, ..] = reserved::values(slot(5));
    for query in [value.clone(), format!("\"{value}\""), "⋀".to_owned()] {
        let found = bench.found(&stamped, json!({"q": query})).await?;
        same("a query without words finds all", found.len(), SLOTS.len())?;
    }
    for query in
        ["sun".to_owned(), "flower far".to_owned(), format!("{value} far {value}"), "flowr".to_owned()]
    {
        let mut scores = Vec::new();
        for index in [&stamped, &plain] {
            let body = json!({"q": query, "showRankingScore": true, "attributesToRetrieve": ["id"],
                "showMatchesPosition": true});
            let mut hits = bench.search(index, body).await?["hits"].take();
            let hits = hits.as_array_mut().map(std::mem::take).unwrap_or_default();
            let mut hits: Vec<_> = hits.iter().map(Value::to_string).collect();
            hits.sort_unstable();
            scores.push(hits);
        }
        same(&query, &scores[0], &scores[1])?;
    }
    Ok(())
}
