//! What operators are told of a plan is what is sent.

use miroir_api::ApiVersion;
use miroir_query::{explain, from_json, plan};
use miroir_settings::UserSettings;
use serde_json::{Value, json};

use crate::world::World;

fn explained(world: &World, request: &Value) -> Value {
    let shards = world.shards(|_, _| true);
    let request = from_json(request.to_string().as_bytes()).expect("right");
    let explained = explain(&request, &world.view(&shards), &UserSettings::new(ApiVersion::V1_50));
    let explained = serde_json::to_value(explained.expect("a plan")).expect("JSON");
    let sent: Vec<Value> = plan(&request, &world.view(&shards))
        .expect("a plan")
        .requests
        .iter()
        .map(|request| json!([request.node, serde_json::from_str::<Value>(&request.body).expect("JSON")]))
        .collect();
    let said = explained["requests"].as_array().expect("requests").iter();
    assert_eq!(said.map(|asked| json!([asked["node"], asked["body"]])).collect::<Vec<_>>(), sent);
    explained
}

#[test]
fn each_shard_is_asked_of_one_node() {
    let world = World::new(2, 3, 6, 2, &json!({}));
    let explained = explained(&world, &json!({ "q": "sun" }));
    assert_eq!((&explained["shards"], &explained["ofShards"]), (&json!([0, 1, 2, 3, 4, 5]), &json!(6)));
    let asked = explained["requests"].as_array().expect("requests");
    let mut shards: Vec<u64> = asked
        .iter()
        .flat_map(|asked| asked["shards"].as_array().expect("shards"))
        .filter_map(Value::as_u64)
        .collect();
    shards.sort_unstable();
    assert_eq!(shards, [0, 1, 2, 3, 4, 5]);
    // Two copies of each on three nodes: a node holds more than is wanted of it.
    assert!(
        asked.iter().any(|asked| asked["filter"].as_str().is_some_and(|text| text.starts_with("_miroir ")))
    );
    assert_eq!(explained["warnings"], json!([]));
}

#[test]
fn what_narrows_a_search_and_what_is_odd_about_it_is_said() {
    let world = World::new(1, 6, 6, 1, &json!({}));
    let narrowed = explained(&world, &json!({ "filter": "id = 7", "offset": 900, "limit": 200 }));
    assert_eq!(narrowed["shards"].as_array().map(Vec::len), Some(1));
    assert!(narrowed["whyShards"].as_str().expect("text").contains("names ids"), "{narrowed}");
    let kinds: Vec<&str> = narrowed["warnings"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|warning| warning["kind"].as_str())
        .collect();
    assert_eq!(kinds, ["filter"], "a page ends at `maxTotalHits`: {narrowed}");
    let deep = World::new(1, 6, 6, 1, &json!({ "pagination": { "maxTotalHits": 5000 } }));
    let deep = explained(&deep, &json!({ "offset": 1900, "limit": 200 }));
    assert_eq!(deep["warnings"][0]["kind"], "deep_offset");
}
