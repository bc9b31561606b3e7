//! The answers of a cluster's nodes merge to the answer of one node with all documents.

use std::collections::BTreeSet;

use miroir_api::ApiVersion;
use miroir_model::{NodeId, Slot};
use miroir_query::{Answers, IndexView, Merged, Meta, Plan, from_json, merge, plan, plan_around};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::model::{Doc, answer, any_docs, merge_into, without_ours};
use crate::world::{World, any_settings, any_world};

const META: Meta<'static> = Meta { processing_time_ms: 1, request_uid: Some("u"), query_uids: &[] };

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
    let (genre, least) = (proptest::option::of(0_u8..12), proptest::option::of(0_u8..20));
    (paging, fields, any::<[bool; 4]>(), genre, least).prop_map(
        |(mut request, fields, [score, details, sort, facets], genre, least)| {
            // Totals of pages are the nodes' own, by their own scores.
            if let Some(least) = least.filter(|_| request.get("limit").is_some()) {
                request["rankingScoreThreshold"] = json!(f64::from(least) / 20.0);
            }
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

/// What makes a search one by vectors.
fn any_nearness() -> impl Strategy<Value = Value> {
    let ratio = prop_oneof![Just(1.0_f32), Just(0.0), Just(0.5), 0.01_f32..0.99];
    (ratio, any::<[bool; 4]>()).prop_map(|(ratio, [vector, vectors, marked, negates])| {
        let mut near = json!({ "hybrid": { "embedder": "e", "semanticRatio": ratio } });
        if vector {
            near["vector"] = json!([0.5, 1.5]);
        }
        if negates {
            near["q"] = json!("sun -rain");
        }
        if vectors {
            near["retrieveVectors"] = true.into();
        }
        if marked {
            near["attributesToHighlight"] = json!(["title"]);
        }
        near
    })
}

pub(crate) fn held(world: &World, docs: &[Doc], node: &NodeId) -> Vec<Doc> {
    let node = world.nodes.iter().find(|is| is.id == *node).expect("a node");
    let here = |doc: &&Doc| node.held.contains(Slot::try_from(doc.slot).expect("a slot").unit());
    docs.iter().filter(here).cloned().collect()
}

fn search(index: &IndexView<'_>, world: &World, docs: &[Doc], request: &Value) -> Value {
    let request = from_json(request.to_string().as_bytes()).expect("right");
    carry_out(&plan(&request, index).expect("a plan"), Answers::default(), world, docs)
}

fn carry_out(plan: &Plan, answers: Answers<String>, world: &World, docs: &[Doc]) -> Value {
    carry_out_and_tell(plan, answers, world, docs).0
}

/// Asks what a plan lacks beside these answers, until there is one to the whole. With what was asked.
fn carry_out_and_tell(
    plan: &Plan,
    mut answers: Answers<String>,
    world: &World,
    docs: &[Doc],
) -> (Value, Vec<String>) {
    let mut asked = Vec::new();
    loop {
        match merge(plan, &answers, META).expect("answers that merge") {
            Merged::Answer(text) => return (serde_json::from_str(&text).expect("JSON"), asked),
            Merged::Asks(requests) => {
                assert!(!requests.is_empty(), "it lacks something, but what?");
                for request in requests {
                    assert!(answers.to(&request).is_none(), "{request:?} is answered");
                    // Each node answers from what it holds.
                    let held = held(world, docs, &request.node);
                    answers.insert(&request, answer(&held, &request.body, false));
                    asked.push(request.body);
                }
            }
        }
    }
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
    asked["most"] = most.into();
    asked["skips"] = world.version.traits().skips_before_page.into();
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
fn without_facets(mut answer: Value, estimated: bool) -> (Value, Value) {
    let members = answer.as_object_mut().expect("an object");
    let facets = members.shift_remove("facetDistribution");
    if estimated {
        members.shift_remove("facetStats");
    }
    (answer, facets.unwrap_or_default())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_cluster_answers_as_one_node(docs in any_docs(), (world, _) in any_world(any_settings()), request in any_request()) {
        let shards = world.shards(|_, _| true);
        // Below a least score nodes count facets by their own scores, which are at most the common ones.
        let estimated = request.get("rankingScoreThreshold").is_some();
        let (merged, facets) = without_facets(search(&world.view(&shards), &world, &docs, &request), estimated);
        let (reference, all) = without_facets(reference(&world, &docs, &request), estimated);
        prop_assert_eq!(merged.to_string(), reference.to_string());
        prop_assert_eq!(facets.is_null(), all.is_null());
        for (facet, values) in facets.as_object().into_iter().flatten().filter(|_| !estimated) {
            for (value, count) in values.as_object().expect("counts") {
                prop_assert_eq!(&all[facet][value], count, "{} {}", facet, value);
            }
            let kept = values.as_object().expect("counts").len();
            let there = all[facet].as_object().expect("counts").len();
            prop_assert!(kept >= there.min(world.shown.max_values_per_facet), "{facet} was cut too much");
        }
    }

    /// Which looks no closer at what is before the page.
    #[test]
    fn a_threshold_leaves_out_what_it_does_on_one_node_of_1_15(docs in any_docs(), (world, _) in any_world(any_settings()), offset in 0_usize..30, limit in 1_usize..30, least in 0_u8..20) {
        let world = World { version: ApiVersion::V1_15, ..world };
        let shards = world.shards(|_, _| true);
        let request = json!({ "q": "sun", "offset": offset, "limit": limit, "rankingScoreThreshold": f64::from(least) / 20.0 });
        let merged = search(&world.view(&shards), &world, &docs, &request);
        let reference = reference(&world, &docs, &request);
        prop_assert_eq!(&merged["hits"], &reference["hits"]);
        let most = world.shown.max_total_hits as u64;
        prop_assert_eq!(merged["estimatedTotalHits"].as_u64(), reference["estimatedTotalHits"].as_u64().map(|total| total.min(most)));
    }

    /// By vectors, or by words and vectors. The vector of the words is made by one node at most.
    #[test]
    fn what_is_near_is_found_as_on_one_node(docs in any_docs(), (world, _) in any_world(any_settings()), request in any_request(), near in any_nearness()) {
        let shards = world.shards(|_, _| true);
        let mut request = request;
        request.as_object_mut().expect("an object").shift_remove("rankingScoreThreshold");
        merge_into(&mut request, near);
        let mut docs = docs;
        if request["q"] != "sun" {
            // With a word that must not be there, documents without a vector come last in an order of words.
            docs.iter_mut().for_each(Doc::come_near);
        }
        let parsed = from_json(request.to_string().as_bytes()).expect("right");
        let plan = plan(&parsed, &world.view(&shards)).expect("a plan");
        let (merged, asked) = carry_out_and_tell(&plan, Answers::default(), &world, &docs);
        let embedding = asked.iter().map(|body| serde_json::from_str::<Value>(body).expect("JSON"));
        let embedding = embedding.filter(|body| body.get("hybrid").is_some() && body.get("vector").is_none());
        prop_assert!(embedding.count() <= usize::from(request.get("vector").is_none()));
        let (merged, _) = without_facets(merged, false);
        let (reference, _) = without_facets(reference(&world, &docs, &request), false);
        prop_assert_eq!(merged.to_string(), reference.to_string());
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
        let found = docs.iter().filter(|doc| doc.words > 0).count();
        prop_assert_eq!(whole.len(), found);
        let pages = (0..docs.len()).step_by(size).flat_map(|offset| page(offset, size));
        prop_assert_eq!(pages.collect::<Vec<_>>(), whole);
    }

    /// Of a value that several nodes have, all but one hit are dropped: then a page may need more hits of a node than it
    /// has itself.
    #[test]
    fn of_each_distinct_value_the_best_hit_stays(docs in any_docs(), (world, _) in any_world(Just(json!({}))), offset in 0_usize..4, limit in 1_usize..6) {
        // Of two that are equal up to their slot a node keeps the one that it got first.
        let mut slots = BTreeSet::new();
        let docs: Vec<Doc> = docs.into_iter().filter(|doc| slots.insert(doc.slot)).collect();
        let shards = world.shards(|_, _| true);
        let request = json!({ "q": "sun", "offset": offset, "limit": limit, "distinct": "price" });
        let merged = search(&world.view(&shards), &world, &docs, &request);
        let reference = reference(&world, &docs, &request);
        prop_assert_eq!(merged["hits"].to_string(), reference["hits"].to_string());
    }

    /// Nodes share the documents of a value.
    #[test]
    fn a_page_says_how_many_distinct_values_there_are(docs in any_docs(), (world, _) in any_world(Just(json!({}))), page in 1_usize..4, size in 0_usize..5, facets: bool) {
        let shards = world.shards(|_, _| true);
        let mut request = json!({ "q": "sun", "page": page, "hitsPerPage": size, "distinct": "price" });
        if facets {
            request["facets"] = json!(["price"]);
        }
        let merged = search(&world.view(&shards), &world, &docs, &request);
        let reference = reference(&world, &docs, &request);
        prop_assert_eq!(&merged["totalHits"], &reference["totalHits"]);
        prop_assert_eq!(&merged["totalPages"], &reference["totalPages"]);
        prop_assert_eq!(&merged["facetDistribution"]["price"], &reference["facetDistribution"]["price"]);
    }

    #[test]
    fn other_copies_give_the_same(docs in any_docs(), (world, _) in any_world(any_settings()), request in any_request(), down in 0_usize..10) {
        let (all, some) = (world.shards(|_, _| true), world.shards(|shard, node| {
            let copies = world.map.shards()[shard].copies.keys();
            // The copy at one place is not to be had, unless it is the only one.
            let at = copies.clone().position(|is| *is == node.id);
            copies.len() == 1 || at != Some(down % copies.len())
        }));
        let mut request = request;
        if request.get("rankingScoreThreshold").is_some() {
            request.as_object_mut().expect("an object").shift_remove("facets");
        }
        let of = |shards| search(&world.view(shards), &world, &docs, &request);
        prop_assert_eq!(of(&all), of(&some));
    }

    /// Some nodes are late. The others are not asked again, and what they said counts.
    #[test]
    fn a_plan_around_late_nodes_gives_the_same(docs in any_docs(), (world, _) in any_world(any_settings()), request in any_request(), late in any::<u16>()) {
        let late: Vec<&NodeId> =
            world.nodes.iter().enumerate().filter(|(at, _)| late >> at & 1 == 1).map(|(_, node)| &node.id).collect();
        let (all, left) = (world.shards(|_, _| true), world.shards(|shard, node| {
            // The only copies there are stay.
            !late.contains(&&node.id) || world.map.shards()[shard].copies.keys().all(|copy| late.contains(&copy))
        }));
        let mut request = request;
        if request.get("rankingScoreThreshold").is_some() {
            request.as_object_mut().expect("an object").shift_remove("facets");
        }
        let expected = search(&world.view(&all), &world, &docs, &request);
        let request = from_json(request.to_string().as_bytes()).expect("right");
        let first = plan(&request, &world.view(&all)).expect("a plan");
        let around = plan_around(&request, &world.view(&left), &first).expect("a plan");
        let mut answers = Answers::default();
        for request in first.requests.iter().filter(|request| !late.contains(&&request.node)) {
            prop_assert!(around.requests.contains(request), "{:?} is asked otherwise", request);
            answers.insert(request, answer(&held(&world, &docs, &request.node), &request.body, false));
        }
        for request in around.requests.iter().filter(|request| late.contains(&&request.node)) {
            prop_assert!(left.iter().any(|shard| shard.copies.iter().all(|copy| late.contains(&&copy.id))), "{:?}", request);
        }
        prop_assert_eq!(carry_out(&around, answers, &world, &docs), expected);
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
    assert!(plan.requests[0].body.contains(r#""offset":0,"limit":2,"#), "{}", plan.requests[0].body);
    // An answer of 1.50 to which the reserved member was added by hand.
    let clean = r#"{"hits":[{"id":4,"n":0.10,"big":1e400,"a":{"b":[1, 2]},"_geoDistance":44478,"_formatted":{"id":"4"},"_rankingScoreDetails":{"words":{"order":0,"matchingWords":2,"maxMatchingWords":2,"score":1.0}}}],"query":"sun","processingTimeMs":4,"limit":2,"offset":0,"estimatedTotalHits":4,"facetDistribution":{"genre":{"Drama":4}},"facetStats":{},"requestUid":"01a1"}"#;
    let given = clean
        .replace(r#","_geoDistance""#, r#","_miroir":["x"],"_geoDistance""#)
        .replace(r#"{"id":"4"}"#, r#"{"id":"4","_miroir":["x"]}"#)
        .replace(r#"{"genre":"#, r#"{"_miroir":{"x":4},"genre":"#);
    assert_ne!(given, clean);
    let merged = merge(&plan, &Answers::from_iter([(&plan.requests[0], given)]), META).expect("merges");
    assert_eq!(merged, Merged::Answer(clean.to_owned()));
}
