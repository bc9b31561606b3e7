//! A search's part in one list of the hits of several.

use miroir_query::{
    Answers, FederatedIndex, IndexView, Merged, Meta, federate, merge_federated, multi_from_json,
    plan_federated,
};
use miroir_settings::UserSettings;
use serde_json::{Value, json};

use crate::world::World;

/// Its hits stand in its own order. The last of their keys is what the user sorts by, and no slot: nothing more is to be
/// asked for a tie with which the page ends.
#[test]
fn an_index_of_one_shard_is_asked_once_and_its_order_kept() {
    let world = World::alone(&json!({}));
    let shards = world.shards(|_, _| true);
    let index = IndexView { tie_rule: false, ..world.view(&shards) };
    let body = json!({
        "federation": { "limit": 1 },
        "queries": [{ "indexUid": "movies", "sort": ["genre:asc"], "federationOptions": { "weight": 0.5 } }],
    });
    let request = multi_from_json(body.to_string().as_bytes()).expect("right");
    let (query, federation) = (&request.queries[0], request.federation.expect("it is there"));
    let (search, federated) =
        federation.part((query.search.clone().expect("right"), query.weight), None, true);
    let plan = plan_federated((&search, &federated), &index, None).expect("a plan");
    let hit = |id: u64| {
        json!({
            "id": id, "_miroir": ["x"], "_federation": "the user's own", "_rankingScore": 1.0,
            "_rankingScoreDetails": { "genre:asc": { "order": 0, "value": "the \"a\" team" } },
        })
    };
    let answer = json!({ "hits": [hit(9), hit(2)], "estimatedTotalHits": 5 }).to_string();
    let merged = merge_federated(&plan, &Answers::from_iter([(&plan.requests[0], answer)])).expect("merges");
    let Merged::Answer(found) = merged else { panic!("{merged:?}") };
    let index = FederatedIndex {
        uid: query.index.clone(),
        totals: found.totals.clone(),
        searches: vec![(0, found)],
        facet_orders: UserSettings::new(world.version).facet_orders(),
        max_total_hits: 1000,
    };
    let meta = Meta { processing_time_ms: 1, request_uid: None, query_uids: &[] };
    let list = federate(&federation, vec![index], meta).expect("a list");
    let list: Value = serde_json::from_str(&list).expect("JSON");
    let place = json!({ "indexUid": "movies", "queriesPosition": 0, "weightedRankingScore": 0.5 });
    assert_eq!(list["hits"], json!([{ "id": 9, "_federation": place }]));
    assert_eq!(list["estimatedTotalHits"], 5);
}
