//! The answers of a cluster's nodes merge to the answer of one node with all documents.

use miroir_model::{NodeId, Slot};
use miroir_query::{IndexView, Merged, Meta, Plan, from_json, merge, merge_with_slot, plan};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::model::{Doc, answer, any_docs, without_ours};
use crate::world::{World, any_settings, any_world};

const META: Meta<'static> = Meta { processing_time_ms: 1, request_uid: Some("u") };

fn any_request() -> impl Strategy<Value = Value> {
    let paging = prop_oneof![
        (0_u32..30, 0_u32..30).prop_map(|(offset, limit)| json!({ "offset": offset, "limit": limit })),
        (0_u32..5, 0_u32..12).prop_map(|(page, hits)| json!({ "page": page, "hitsPerPage": hits })),
    ];
    let fields = prop_oneof![
        Just(Value::Null),
        Just(json!(["title"])),
        Just(json!(["*"])),
        Just(json!(["id", "price"])),
        Just(json!([]))
    ];
    (paging, fields, any::<[bool; 4]>(), proptest::option::of(0_u8..12)).prop_map(
        |(mut request, fields, [score, details, sort, facets], genre)| {
            request["q"] = json!("sun");
            request["attributesToRetrieve"] = fields;
            request["showRankingScore"] = score.into();
            request["showRankingScoreDetails"] = details.into();
            if sort {
                request["sort"] = json!(["price:asc"]);
            }
            if facets {
                request["facets"] = json!(["*"]);
            }
            if let Some(genre) = genre {
                request["filter"] = json!([format!("genre = {genre}")]);
            }
            request
        },
    )
}

/// Each node answers from what it holds.
fn gather(plan: &Plan, world: &World, docs: &[Doc]) -> Vec<(NodeId, String)> {
    let of =
        |request: &miroir_query::NodeRequest| answer(&held(world, docs, &request.node), &request.body, false);
    plan.requests.iter().map(|request| (request.node.clone(), of(request))).collect()
}

fn held(world: &World, docs: &[Doc], node: &NodeId) -> Vec<Doc> {
    let node = world.nodes.iter().find(|is| is.id == *node).expect("a node");
    let here = |doc: &&Doc| node.held.contains(Slot::try_from(doc.slot).expect("a slot").unit());
    docs.iter().filter(here).cloned().collect()
}

fn search(index: &IndexView<'_>, world: &World, docs: &[Doc], request: &Value) -> Value {
    let request = from_json(request.to_string().as_bytes()).expect("right");
    let plan = plan(&request, index).expect("a plan");
    let answers = gather(&plan, world, docs);
    let mut merged = merge(&plan, &answers, META).expect("answers that merge");
    if let Merged::NeedsSlot(request) = &merged {
        let slot = answer(&held(world, docs, &request.node), &request.body, false);
        merged = merge_with_slot(&plan, &answers, (&request.node, slot.as_bytes()), META)
            .expect("answers that merge");
    }
    let Merged::Answer(text) = merged else { unreachable!("the slot was given") };
    serde_json::from_str(&text).expect("JSON")
}

/// The answer of one node with all documents and ties by id, within the user's limits.
fn reference(world: &World, docs: &[Doc], request: &Value) -> Value {
    let most = world.shown.max_total_hits as u64;
    let (mut asked, mut place) = (request.clone(), 0);
    if let Some(limit) = request["limit"].as_u64() {
        asked["limit"] = limit.min(most.saturating_sub(request["offset"].as_u64().unwrap_or(0))).into();
    } else if let (Some(page), Some(hits)) = (request["page"].as_u64(), request["hitsPerPage"].as_u64()) {
        place = page.saturating_sub(1) * hits;
    }
    let text = answer(docs, &asked.to_string(), true);
    let visible = request["attributesToRetrieve"].as_array().filter(|names| !names.contains(&json!("*")));
    let visible: Option<Vec<&str>> = visible.map(|names| names.iter().filter_map(Value::as_str).collect());
    let mut reference = without_ours(&text, request["showRankingScoreDetails"] == true, visible.as_deref());
    if let Some(limit) = request["limit"].as_u64() {
        reference["limit"] = limit.into();
    } else {
        let hits = reference["hits"].as_array_mut().expect("hits");
        hits.truncate(most.saturating_sub(place) as usize);
        let per_page = request["hitsPerPage"].as_u64().unwrap_or(20);
        let total = reference["totalHits"].as_u64().expect("a total");
        reference["totalPages"] = if per_page == 0 { 0 } else { total.div_ceil(per_page) }.into();
    }
    reference
}

/// What the cut leaves of the model's uncut facets; the orders are tested for themselves.
fn without_facet_values(mut answer: Value) -> (Value, Value) {
    let facets = answer.as_object_mut().expect("an object").shift_remove("facetDistribution");
    (answer, facets.unwrap_or_default())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_cluster_answers_as_one_node(docs in any_docs(), (world, _) in any_world(any_settings()), request in any_request()) {
        let shards = world.shards(|_, _| true);
        let (merged, facets) = without_facet_values(search(&world.view(&shards), &world, &docs, &request));
        let (reference, all) = without_facet_values(reference(&world, &docs, &request));
        prop_assert_eq!(merged.to_string(), reference.to_string());
        prop_assert_eq!(facets.is_null(), all.is_null());
        for (facet, values) in facets.as_object().into_iter().flatten() {
            for (value, count) in values.as_object().expect("counts") {
                prop_assert_eq!(&all[facet][value], count, "{} {}", facet, value);
            }
            let kept = values.as_object().expect("counts").len();
            let there = all[facet].as_object().expect("counts").len();
            prop_assert!(kept >= there.min(world.shown.max_values_per_facet), "{facet} was cut too much");
        }
    }

    #[test]
    fn pages_make_up_the_whole(docs in any_docs(), (world, _) in any_world(Just(json!({}))), size in 1_usize..9, sort: bool) {
        let shards = world.shards(|_, _| true);
        let page = |offset: usize, limit: usize| {
            let mut request = json!({ "q": "sun", "offset": offset, "limit": limit });
            if sort {
                request["sort"] = json!(["price:asc"]);
            }
            let found = search(&world.view(&shards), &world, &docs, &request);
            found["hits"].as_array().expect("hits").iter().map(|hit| hit["id"].as_u64()).collect::<Vec<_>>()
        };
        let whole = page(0, docs.len() + 1);
        prop_assert_eq!(whole.len(), docs.len());
        let pages = (0..docs.len()).step_by(size).flat_map(|offset| page(offset, size));
        prop_assert_eq!(pages.collect::<Vec<_>>(), whole);
    }

    #[test]
    fn other_copies_give_the_same(docs in any_docs(), (world, _) in any_world(any_settings()), request in any_request(), down in 0_usize..10) {
        let (all, some) = (world.shards(|_, _| true), world.shards(|shard, node| {
            let copies = world.map.shards()[shard].copies.keys();
            // The copy at one place is not to be had, unless it is the only one.
            let at = copies.clone().position(|is| *is == node.id);
            copies.len() == 1 || at != Some(down % copies.len())
        }));
        let of = |shards| search(&world.view(shards), &world, &docs, &request);
        prop_assert_eq!(of(&all), of(&some));
    }
}

/// An index of one shard answers with the node's text.
#[test]
fn one_shard_answers_with_its_nodes_text() {
    let world = World::alone(&json!({ "displayedAttributes": ["*"] }));
    let shards = world.shards(|_, _| true);
    let index = IndexView { tie_rule: false, ..world.view(&shards) };
    let request =
        from_json(br#"{"q":"sun","showRankingScoreDetails":true,"facets":["*"],"limit":2}"#).expect("right");
    let plan = plan(&request, &index).expect("a plan");
    let node = plan.requests[0].node.clone();
    assert!(plan.requests[0].body.contains(r#""offset":0,"limit":2,"#), "{}", plan.requests[0].body);
    // An answer of 1.50 to which the reserved member was added by hand.
    let clean = r#"{"hits":[{"id":4,"n":0.10,"big":1e400,"a":{"b":[1, 2]},"_geoDistance":44478,"_formatted":{"id":"4"},"_rankingScoreDetails":{"words":{"order":0,"matchingWords":2,"maxMatchingWords":2,"score":1.0}}}],"query":"sun","processingTimeMs":4,"limit":2,"offset":0,"estimatedTotalHits":4,"facetDistribution":{"genre":{"Drama":4}},"facetStats":{},"requestUid":"01a1"}"#;
    let given = clean
        .replace(r#","_geoDistance""#, r#","_miroir":["x"],"_geoDistance""#)
        .replace(r#"{"id":"4"}"#, r#"{"id":"4","_miroir":["x"]}"#)
        .replace(r#"{"genre":"#, r#"{"_miroir":{"x":4},"genre":"#);
    assert_ne!(given, clean);
    let merged = merge(&plan, &[(node, given)], META).expect("merges");
    assert_eq!(merged, Merged::Answer(clean.to_owned()));
}
