//! Lists of documents over shards.

use miroir_documents::slot_of_id;
use miroir_model::{Slot, reserved};
use miroir_query::{
    Listed, copies_of, list_from_json, list_from_parameters, merge_list, plan_list, without_reserved,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::world::{World, any_world};

/// A node's list: documents `{id, n}` in the order of insertion, which here is that of the numbers; equal ones of a sorted
/// list, too.
fn list(held: &[(u32, Slot)], body: &str) -> String {
    let body: Value = serde_json::from_str(body).expect("JSON");
    let condition = body["filter"].as_str().map(|text| {
        let (operator, list) =
            text.strip_prefix("_miroir ").and_then(|rest| rest.split_once(" [")).expect("ours");
        (
            operator == "IN",
            list.trim_end_matches(']').split(',').map(|v| v.trim_matches('"').to_owned()).collect::<Vec<_>>(),
        )
    });
    let passes = |slot: Slot| {
        let named = |(within, values): &(bool, Vec<String>)| {
            reserved::values(slot).iter().any(|v| values.contains(v)) == *within
        };
        condition.as_ref().is_none_or(named)
    };
    let asked = |id: u32| body["ids"].as_array().is_none_or(|ids| ids.contains(&json!(id.to_string())));
    let mut all: Vec<&(u32, Slot)> = held.iter().filter(|(id, slot)| passes(*slot) && asked(*id)).collect();
    if body.get("sort").is_some() {
        all.sort_by_key(|(id, _)| std::cmp::Reverse(id % 5));
    }
    let size = |name: &str| body[name].as_u64().expect("a number") as usize;
    let page = all.iter().skip(size("offset")).take(size("limit"));
    let shown: Vec<Value> =
        page.map(|(id, slot)| json!({ "id": id, "n": id % 5, "_miroir": reserved::values(*slot) })).collect();
    json!({ "results": shown, "offset": size("offset"), "limit": size("limit"), "total": all.len() })
        .to_string()
}

fn fetch(world: &World, count: u32, request: &Value) -> Value {
    let shards = world.shards(|_, _| true);
    let request = list_from_json(request.to_string().as_bytes()).expect("right");
    let mut plan = plan_list(&request, &world.view(&shards)).expect("a plan");
    loop {
        let of = |request: &miroir_query::NodeRequest| {
            let node = world.nodes.iter().find(|node| node.id == request.node).expect("a node");
            let all = (0..count).map(|id| (id, slot_of_id(&id.to_string())));
            list(&all.filter(|(_, slot)| node.held.contains(slot.unit())).collect::<Vec<_>>(), &request.body)
        };
        let answers: Vec<String> = plan.requests.iter().map(of).collect();
        match merge_list(&plan, &answers).expect("answers that merge") {
            Listed::Answer(text) => return serde_json::from_str(&text).expect("JSON"),
            Listed::Next(next) => plan = *next,
        }
    }
}

fn ids(answer: &Value) -> Vec<u64> {
    answer["results"]
        .as_array()
        .expect("results")
        .iter()
        .map(|document| document["id"].as_u64().expect("an id"))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn pages_of_a_list_are_the_whole_once((world, _) in any_world(Just(json!({}))), count in 0_u32..150, size in 1_usize..40, sort: bool) {
        let page = |offset: usize, limit: usize| {
            let sort = if sort { json!(["n:desc"]) } else { Value::Null };
            fetch(&world, count, &json!({ "offset": offset, "limit": limit, "sort": sort }))
        };
        let whole = page(0, 1000);
        prop_assert_eq!(&whole["total"], &json!(count));
        prop_assert!(!whole.to_string().contains("_miroir"));
        let pages = (0..count as usize).step_by(size).flat_map(|offset| ids(&page(offset, size)));
        prop_assert_eq!(pages.collect::<Vec<_>>(), ids(&whole));
        let mut all = ids(&whole);
        if sort {
            prop_assert!(all.windows(2).all(|pair| pair[0] % 5 >= pair[1] % 5));
        }
        all.sort_unstable();
        prop_assert_eq!(all, (0..u64::from(count)).collect::<Vec<_>>());
    }

    #[test]
    fn named_documents_are_found_in_their_shards((world, _) in any_world(Just(json!({}))), wanted in proptest::collection::btree_set(0_u32..80, 0..20)) {
        let found = fetch(&world, 50, &json!({ "ids": wanted, "limit": 100 }));
        let mut there = ids(&found);
        there.sort_unstable();
        prop_assert_eq!(there, wanted.into_iter().filter(|id| *id < 50).map(u64::from).collect::<Vec<_>>());
    }

    #[test]
    fn a_document_is_where_its_slot_is((world, _) in any_world(Just(json!({}))), id in "[a-z0-9_-]{1,9}") {
        let shards = world.shards(|_, _| true);
        let copies = copies_of(&id, &world.view(&shards)).expect("copies");
        prop_assert!(!copies.is_empty() && copies.iter().all(|node| node.held.contains(slot_of_id(&id).unit())));
    }
}

#[test]
fn requests_are_checked_in_meilisearchs_words() {
    let error = |body: &[u8]| miroir_api::ResponseError::from(list_from_json(body).expect_err("an error"));
    let unknown = "Unknown field `x`: expected one of `offset`, `limit`, `fields`, `retrieveVectors`, `ids`, `filter`, `sort`, `useNetwork`";
    assert_eq!(error(br#"{"x":1}"#).message, unknown);
    let id = error(br#"{"ids":["a b"]}"#);
    assert_eq!(id.code.as_str(), "invalid_document_ids");
    assert_eq!(
        id.message,
        "In `.ids[0]`: Document identifier `\"a b\"` is invalid. A document identifier can be of type integer or string, only composed of alphanumeric characters (a-z A-Z 0-9), hyphens (-) and underscores (_), and can not be more than 511 bytes."
    );
    let limit =
        miroir_api::ResponseError::from(list_from_parameters([("limit", "a")]).expect_err("an error"));
    assert_eq!(
        (limit.code.as_str(), limit.message.as_str()),
        (
            "invalid_document_limit",
            "Invalid value in parameter `limit`: could not parse `a` as a positive integer"
        )
    );
    assert_eq!(list_from_parameters([("fields", "id,*")]).expect("right").fields, None);
    assert_eq!(list_from_parameters([("fields", "")]).expect("right").fields, Some(Vec::new()));
}

#[test]
fn a_document_comes_back_as_it_was_written() {
    let stamped = r#"{"id":1,"n":0.10,"big":1e400,"_miroir":["x","y","z"]}"#;
    assert_eq!(without_reserved(stamped.as_bytes()).expect("an object"), r#"{"id":1,"n":0.10,"big":1e400}"#);
    assert!(without_reserved(b"[]").is_err());
}
