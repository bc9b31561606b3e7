//! One list of small contributions that are written out.

use std::collections::BTreeMap;

use miroir_api::ApiVersion;
use miroir_model::IndexUid;
use miroir_settings::{FacetOrders, Features, Rules, SettingsPatch, UserSettings};
use serde_json::{Value as Json, json};

use super::value::Value;
use super::*;
use crate::merge::Meta;
use crate::metadata::Described;
use crate::request::{Federation, MergeFacets, Paging};

const META: Meta<'static> = Meta { processing_time_ms: 1, request_uid: None, query_uids: &[] };

/// A hit of this id, score and value of the attribute `a`.
fn hit(id: &str, score: f64, value: &str) -> FederatedHit {
    FederatedHit {
        near: false,
        text: format!("{{\"id\":\"{id}\"}}"),
        id: id.to_owned(),
        compared: Compared { values: vec![Value::Score(score)], score },
        facets: vec![("a".to_owned(), vec![FacetValue::Text(value.to_owned())])],
    }
}

fn facets(values: &[(&str, u64)]) -> Option<Facets> {
    Some(Facets::new(std::iter::once(("a", values.to_vec())), BTreeMap::new()))
}

/// The orders of an index with these settings.
fn orders(settings: &Json) -> FacetOrders {
    let rules = Rules { version: ApiVersion::V1_50, features: Features::default() };
    let patch = SettingsPatch::parse(settings, rules).expect("settings");
    UserSettings::new(ApiVersion::V1_50).apply(&patch).expect("settings").facet_orders()
}

fn index(uid: &str, total: u64, searches: Vec<(usize, Vec<FederatedHit>)>) -> FederatedIndex {
    let contribution = |hits| Contribution {
        hits,
        totals: Totals::default(),
        compared: false,
        compares_vectors: false,
        shows_vectors: false,
        query_vector: None,
        described: Described::default(),
    };
    FederatedIndex {
        uid: uid.parse::<IndexUid>().expect("a name"),
        searches: searches.into_iter().map(|(place, hits)| (place, contribution(hits))).collect(),
        totals: Totals { total, facets: None },
        facet_orders: orders(&json!({})),
        max_total_hits: 1000,
    }
}

fn federation() -> Federation {
    Federation {
        paging: Paging::Window { offset: 0, limit: 20 },
        facets_by_index: BTreeMap::new(),
        merge_facets: None,
        distinct: None,
    }
}

fn list(federation: &Federation, indexes: Vec<FederatedIndex>) -> Json {
    let text = federate(federation, indexes, META).expect("a list");
    serde_json::from_str(&text).expect("JSON")
}

/// Each hit's id, and the place of its search.
fn places(list: &Json) -> Vec<(&str, u64)> {
    let of = |hit| -> Option<(&str, u64)> {
        let hit: &Json = hit;
        Some((hit["id"].as_str()?, hit["_federation"]["queriesPosition"].as_u64()?))
    };
    list["hits"].as_array().into_iter().flatten().filter_map(of).collect()
}

#[test]
fn a_document_that_two_searches_find_stands_where_it_is_better() {
    let first = vec![hit("x", 0.9, "1"), hit("both", 0.4, "2")];
    let second = vec![hit("both", 0.8, "2"), hit("y", 0.3, "3")];
    let found = list(&federation(), vec![index("m", 3, vec![(0, first), (1, second)])]);
    assert_eq!(places(&found), [("x", 0), ("both", 1), ("y", 1)]);
    assert_eq!(found["estimatedTotalHits"], 3, "what nodes count together");
    let federation = &found["hits"][1]["_federation"];
    assert_eq!(*federation, json!({"indexUid": "m", "queriesPosition": 1, "weightedRankingScore": 0.8}));
}

#[test]
fn equal_hits_stand_in_the_order_of_their_searches() {
    let a = index("a", 2, vec![(1, vec![hit("a1", 0.5, "1"), hit("a2", 0.5, "2")])]);
    let b = index("b", 1, vec![(0, vec![hit("b1", 0.5, "3")])]);
    assert_eq!(places(&list(&federation(), vec![a, b])), [("b1", 0), ("a1", 1), ("a2", 1)]);
}

#[test]
fn a_page_is_cut_out_of_the_whole_list() {
    let hits =
        |name: &str| (0..4).map(|at| hit(&format!("{name}{at}"), 1.0 - f64::from(at) / 10.0, "")).collect();
    let indexes = || vec![index("a", 4, vec![(0, hits("a"))]), index("b", 4, vec![(1, hits("b"))])];
    let window = Federation { paging: Paging::Window { offset: 3, limit: 2 }, ..federation() };
    assert_eq!(places(&list(&window, indexes())), [("b1", 1), ("a2", 0)]);
    let page = Federation { paging: Paging::Page { page: 2, hits_per_page: 3 }, ..federation() };
    let found = list(&page, indexes());
    assert_eq!(places(&found), [("b1", 1), ("a2", 0), ("b2", 1)]);
    assert_eq!((&found["totalHits"], &found["totalPages"]), (&json!(8), &json!(3)));
    let none = Federation { paging: Paging::Page { page: 0, hits_per_page: 3 }, ..federation() };
    assert_eq!(places(&list(&none, indexes())), []);
}

/// In their own index they are taken out before facets are counted, in another one after.
#[test]
fn a_value_that_a_better_hit_has_is_in_the_list_once() {
    let distinct = Federation { distinct: Some("a".to_owned()), ..federation() };
    let indexes = || {
        let mut one =
            index("m", 4, vec![(0, vec![hit("1", 0.9, "red"), hit("2", 0.5, "red"), hit("3", 0.4, "blue")])]);
        one.totals.facets = facets(&[("Red", 2), ("blue", 2)]);
        let mut other = index("n", 2, vec![(1, vec![hit("4", 0.8, "blue"), hit("5", 0.1, "red")])]);
        other.totals.facets = facets(&[("blue", 1), ("red", 1)]);
        vec![one, other]
    };
    let found = list(&distinct, indexes());
    assert_eq!(places(&found), [("1", 0), ("4", 1)]);
    assert_eq!(found["estimatedTotalHits"], 3, "of six, three are shadowed");
    let counted = |uid: &str| found["facetsByIndex"][uid]["distribution"].clone();
    assert_eq!(counted("m"), json!({"a": {"Red": 1, "blue": 1}}));
    assert_eq!(counted("n"), json!({"a": {"blue": 1}}));
    let merged = Federation { merge_facets: Some(MergeFacets { max_values_per_facet: None }), ..distinct };
    // Labels are added up as they are shown, and taken out by what they stand for: the first of them goes.
    assert_eq!(list(&merged, indexes())["facetDistribution"], json!({"a": {"blue": 2, "red": 1}}));
}

#[test]
fn merged_facets_have_one_order_and_one_limit() {
    let with = |uid, place, values: &[(&str, u64)]| {
        let mut index = index(uid, 1, vec![(place, Vec::new())]);
        index.totals.facets = facets(values);
        index
    };
    let indexes = || vec![with("m", 1, &[("b", 2), ("c", 1)]), with("n", 0, &[("a", 4), ("b", 1)])];
    let merged =
        Federation { merge_facets: Some(MergeFacets { max_values_per_facet: Some(2) }), ..federation() };
    let found = list(&merged, indexes());
    assert_eq!(found["facetDistribution"].to_string(), r#"{"a":{"a":4,"b":3}}"#);
    assert!(found.get("facetsByIndex").is_none());
    let mut two = indexes();
    two[1].facet_orders = orders(&json!({"faceting": {"sortFacetValuesBy": {"a": "count"}}}));
    let refused = federate(&merged, two, META).expect_err("two orders");
    assert_eq!(refused.place, 0, "the first search of that index");
    assert_eq!(
        refused.error.message,
        "Inside `.federation.facetsByIndex.n`: Inconsistent order for values in facet `a`: index `m` orders \
         alphabetically, but index `n` orders by count.\n - Hint: Remove `federation.mergeFacets` or change \
         `faceting.sortFacetValuesBy` to be consistent in settings."
    );
}
