//! Whatever copies can be searched, a plan wants every unit once, of a node that has it.

use std::collections::{BTreeMap, BTreeSet};

use miroir_documents::slot_of_id;
use miroir_model::{NodeId, UNITS, UnitSet, reserved};
use miroir_query::{PlanError, from_json, plan};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::world::{World, any_settings, any_world};

/// The units that a body's filter leaves of what a node holds.
fn wanted(body: &str, held: UnitSet) -> UnitSet {
    let body: Value = serde_json::from_str(body).expect("JSON");
    let Some(text) = body.get("filter").and_then(Value::as_str) else { return held };
    let (operator, list) =
        text.strip_prefix("_miroir ").and_then(|rest| rest.split_once(" [")).expect("a condition");
    let named: Vec<&str> =
        list.trim_end_matches(']').split(',').map(|value| value.trim_matches('"')).collect();
    let has = |unit: miroir_model::Unit| {
        let sixteenth = reserved::sixteenth_value(reserved::Sixteenth::of_unit(unit));
        named.contains(&reserved::unit_value(unit).as_str()) || named.contains(&sixteenth.as_str())
    };
    held.iter().filter(|unit| has(*unit) == (operator == "IN")).collect()
}

proptest! {
    #[test]
    fn every_unit_is_wanted_once((world, _) in any_world(any_settings()), up in any::<[u64; 20]>(), slow in any::<u16>(), q in "[a-z]{0,3}") {
        let mut world = world;
        for (at, node) in world.nodes.iter_mut().enumerate() {
            node.slow = slow & (1 << at) != 0;
        }
        let place: BTreeMap<_, _> = world.nodes.iter().enumerate().map(|(at, node)| (node.id.clone(), at)).collect();
        // Three of four copies can be searched.
        let shards = world.shards(|shard, node| up[shard] >> (2 * place[&node.id]) & 3 != 0);
        let request = from_json(json!({ "q": q }).to_string().as_bytes()).expect("right");
        match plan(&request, &world.view(&shards)) {
            Err(PlanError::ShardUnavailable { shard, index }) => {
                prop_assert_eq!(index, "movies");
                prop_assert!(shards.iter().any(|view| view.id == shard && view.copies.is_empty()));
            }
            Ok(plan) => {
                prop_assert!(shards.iter().all(|shard| !shard.copies.is_empty()));
                let mut all = UnitSet::EMPTY;
                for request in &plan.requests {
                    let node = world.nodes.iter().find(|node| node.id == request.node).expect("a node");
                    let wanted = wanted(&request.body, node.held);
                    prop_assert!(!wanted.is_empty() && !wanted.intersects(all), "{}", request.node);
                    for shard in shards.iter().filter(|shard| shard.range.units().intersects(wanted)) {
                        prop_assert!(shard.copies.iter().any(|copy| copy.id == request.node), "an unsearchable copy");
                        let fast = |copy: &&&miroir_query::NodeView| !copy.slow;
                        prop_assert!(!node.slow || shard.copies.iter().filter(fast).count() == 0, "a slow node");
                    }
                    all = all.union(wanted);
                }
                prop_assert_eq!(all.len(), u32::from(UNITS));
            }
        }
    }

    #[test]
    fn one_group_is_enough_where_one_has_everything((world, _) in any_world(any_settings()), q in "[a-z]{0,3}") {
        let shards = world.shards(|_, _| true);
        let request = |offset: u32| from_json(json!({ "q": q, "offset": offset }).to_string().as_bytes()).expect("right");
        let nodes = |offset: u32| {
            let plan = plan(&request(offset), &world.view(&shards)).expect("a plan");
            plan.requests.into_iter().map(|request| request.node).collect::<Vec<_>>()
        };
        let chosen = nodes(0);
        let groups = chosen.iter().map(|node| node.as_str()[..2].to_owned()).collect::<std::collections::BTreeSet<_>>();
        prop_assert_eq!(groups.len(), 1);
        prop_assert_eq!(chosen, nodes(7), "pages go to other copies");
    }
}

#[test]
fn no_filter_goes_to_a_node_whose_all_is_wanted() {
    let world = World::new(1, 3, 6, 1, &json!({}));
    let shards = world.shards(|_, _| true);
    let request = from_json(
        br#"{"q":"sun","filter":"genre = 1","offset":20,"limit":10,"attributesToRetrieve":["title"]}"#,
    )
    .expect("right");
    let plan = plan(&request, &world.view(&shards)).expect("a plan");
    assert_eq!(plan.requests.len(), 3);
    for request in &plan.requests {
        assert_eq!(request.index.to_string(), "i1-0");
        assert_eq!(
            request.body,
            "{\"q\":\"sun\",\"offset\":0,\"limit\":31,\"attributesToRetrieve\":[\"title\",\"id\"],\"cropLength\":10,\"cropMarker\":\"…\",\
             \"highlightPreTag\":\"<em>\",\"highlightPostTag\":\"</em>\",\"filter\":\"genre = 1\",\"matchingStrategy\":\"last\",\
             \"showRankingScoreDetails\":true}"
        );
    }
}

#[test]
fn a_list_of_displayed_attributes_is_asked_for_by_name() {
    let world = World::new(1, 1, 2, 1, &json!({ "displayedAttributes": ["title", "price"] }));
    let shards = world.shards(|_, _| true);
    let body = |request: Value| {
        let request = from_json(request.to_string().as_bytes()).expect("right");
        let plan = plan(&request, &world.view(&shards)).expect("a plan");
        let body: Value = serde_json::from_str(&plan.requests[0].body).expect("JSON");
        [&body["attributesToRetrieve"], &body["attributesToHighlight"], &body["attributesToCrop"]]
            .map(Clone::clone)
    };
    assert_eq!(body(json!({})), [json!(["title", "price", "id"]), Value::Null, Value::Null]);
    let asked = json!({ "attributesToRetrieve": ["genre", "price"], "attributesToHighlight": ["*"], "attributesToCrop": ["*:3", "genre", "title:5"] });
    assert_eq!(
        body(asked),
        [json!(["price", "id"]), json!(["title", "price"]), json!(["title:3", "price:3", "title:5"])]
    );
}

/// A filter on the primary key goes to the shards that own the ids it names, and to all where it may pass others.
#[test]
fn ids_in_a_filter_narrow_the_search() {
    let world = World::new(1, 6, 6, 1, &json!({}));
    let shards = world.shards(|_, _| true);
    let nodes_of = |ids: &[&str]| -> BTreeSet<NodeId> {
        let owns = |id: &&str| {
            let slot = slot_of_id(id);
            shards.iter().find(|shard| shard.range.contains(slot)).expect("an owner").copies[0].id.clone()
        };
        ids.iter().map(owns).collect()
    };
    let asked = |filter: Value| -> BTreeSet<NodeId> {
        let request = from_json(json!({ "filter": filter }).to_string().as_bytes()).expect("right");
        let plan = plan(&request, &world.view(&shards)).expect("a plan");
        plan.requests.into_iter().map(|request| request.node).collect()
    };
    let all = asked(Value::Null);
    assert_eq!(all.len(), 6);
    for (filter, ids) in [
        (json!("id = 7"), &["7"][..]),
        (json!("id = '7' AND genre = 1"), &["7"]),
        (json!("id IN [1, 2, 3]"), &["1", "2", "3"]),
        (json!(["id IN [1, 2]", "id IN [2, 3]"]), &["2"]),
        (json!([["id = 1", "id = 4"]]), &["1", "4"]),
        (json!("id = 007"), &["007", "7"]),
        (json!("NOT genre = 1 AND (id = 1 OR id = 12)"), &["1", "12"]),
    ] {
        assert_eq!(asked(filter.clone()), nodes_of(ids), "{filter}");
    }
    for filter in [
        "id = a",
        "id = 1 OR genre = 1",
        "NOT id = 1",
        "id != 1",
        "id > 1",
        "id = 1234567890123456",
        "id = 1.0",
    ] {
        assert_eq!(asked(json!(filter)), all, "{filter}");
    }
    // Somebody must say that there is nothing, or what is wrong.
    for filter in ["id = 1 AND id = 2", "id IN []"] {
        assert_eq!(asked(json!(filter)).len(), 1, "{filter}");
    }
}
