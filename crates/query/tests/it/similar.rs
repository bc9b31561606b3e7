//! Documents like one.

use miroir_api::{ApiVersion, ResponseError};
use miroir_query::{
    Answers, Likeness, Merged, Meta, SimilarRequest, SourceVector, check_search, check_similar, from_json,
    merge_similar, plan_similar, similar_from_json, similar_from_parameters, similar_to_none,
};
use miroir_settings::{Features, Rules, SettingsPatch, UserSettings};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::merge::held;
use crate::model::{Doc, answer, any_docs};
use crate::world::{any_settings, any_world};

const META: Meta<'static> = Meta { processing_time_ms: 1, request_uid: None, query_uids: &[] };

fn request(body: &Value) -> SimilarRequest {
    similar_from_json(body.to_string().as_bytes()).expect("right")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Nearest first, without the document itself and those that have no vector; these are counted.
    #[test]
    fn what_is_like_one_is_found(docs in any_docs(), (world, _) in any_world(any_settings()), source in 0_u32..20, offset in 0_usize..5, limit in 0_usize..30, least in proptest::option::of(0.0_f64..1.0)) {
        let shards = world.shards(|_, _| true);
        let request = request(&json!({ "id": source, "embedder": "e", "offset": offset, "limit": limit, "rankingScoreThreshold": least, "showRankingScore": true, "showRankingScoreDetails": true }));
        let likeness = Likeness { vector: vec![0.5, 1.0], passes: docs.len() > source as usize };
        let plan = plan_similar((&request, Some(&likeness)), &world.view(&shards), None).expect("a plan");
        let mut answers = Answers::default();
        let found: Value = loop {
            match merge_similar(&plan, &answers, META).expect("answers that merge") {
                Merged::Answer(text) => break serde_json::from_str(&text).expect("JSON"),
                Merged::Asks(requests) => for request in requests {
                    answers.insert(&request, answer(&held(&world, &docs, &request.node), &request.body, false));
                },
            }
        };
        let mut others: Vec<_> = docs.iter().filter(|doc| doc.id != source).collect();
        let total = (others.len().min(world.shown.max_total_hits)) as u64;
        others.retain(|doc| doc.similarity().is_some());
        others.sort_by_key(|doc| doc.nearness_rank(false));
        let page: Vec<_> = others.iter().skip(offset).take(limit).collect();
        let unlike = |doc: &&&Doc| least.is_some_and(|least| doc.similarity().is_some_and(|score| score < least));
        let end = page.iter().position(unlike);
        let total = end.map_or(total, |end| ((offset + end).min(world.shown.max_total_hits)) as u64);
        let hits: Vec<Value> = page[..end.unwrap_or(page.len())].iter().map(|doc| json!({
            "id": doc.id, "similarity": doc.similarity(),
        })).collect();
        let shown = |hit: &Value| {
            let details = &hit["_rankingScoreDetails"];
            assert_eq!(details.as_object().map(|rules| rules.len()), Some(1), "{details}");
            assert_eq!(details["vectorSort"]["similarity"], hit["_rankingScore"]);
            json!({ "id": hit["id"], "similarity": hit["_rankingScore"] })
        };
        let found_hits: Vec<Value> = found["hits"].as_array().expect("hits").iter().map(shown).collect();
        prop_assert_eq!(found_hits, hits);
        if docs.len() > source as usize && (docs.len() as u64) < world.shown.max_total_hits as u64 {
            prop_assert_eq!(&found["estimatedTotalHits"], &json!(total));
        }
        prop_assert_eq!((&found["id"], &found["limit"], &found["offset"]), (&json!(source.to_string()), &json!(limit), &json!(offset)));
    }
}

fn settings(body: &Value) -> UserSettings {
    let rules = Rules { version: ApiVersion::V1_50, features: Features::default() };
    let patch = SettingsPatch::parse(body, rules).expect("a right body");
    UserSettings::new(ApiVersion::V1_50).apply(&patch).expect("a right change")
}

/// Texts and codes of 1.50.0, asked by hand.
#[test]
fn what_is_wrong_is_said_in_meilisearchs_order() {
    let error = |error: ResponseError| (error.message, error.code.as_str());
    let parse =
        |body: Value| error(similar_from_json(body.to_string().as_bytes()).expect_err("an error").into());
    let missing = |member: &str| (format!("Missing field `{member}`"), "bad_request");
    assert_eq!(parse(json!({})), missing("id"));
    assert_eq!(parse(json!({ "id": 1 })), missing("embedder"));
    let limit =
        "Invalid value type at `.limit`: expected a positive integer, but found a negative integer: `-1`";
    assert_eq!(
        parse(json!({ "id": 1, "embedder": "e", "limit": -1 })),
        (limit.to_owned(), "invalid_similar_limit")
    );
    let unknown = "Unknown parameter `x`: expected one of `id`, `embedder`, `offset`, `limit`, `attributesToRetrieve`, `retrieveVectors`, `filter`, `showRankingScore`, `showRankingScoreDetails`, `showPerformanceDetails`, `rankingScoreThreshold`";
    let refused =
        similar_from_parameters([("id", "1"), ("embedder", "e"), ("x", "1")]).expect_err("an error");
    assert_eq!(error(refused.into()), (unknown.to_owned(), "bad_request"));

    let embedders = json!({ "embedders": { "e": { "source": "userProvided", "dimensions": 2 } } });
    let settings = settings(&embedders);
    let check = |body: Value| check_similar(&request(&body), &settings, false).map_err(error);
    assert_eq!(check(json!({ "id": 1, "embedder": "e" })), Ok(()));
    let text = "Cannot find embedder with name `z`.".to_owned();
    let wrong_everywhere = json!({ "id": "a b", "embedder": "z", "filter": 3 });
    assert_eq!(check(wrong_everywhere), Err((text, "invalid_similar_embedder")));
    let text = "Invalid syntax for the filter parameter: `expected String, Array, found: 3`.".to_owned();
    let wrong_twice = json!({ "id": "a b", "embedder": "e", "filter": 3 });
    assert_eq!(check(wrong_twice), Err((text, "invalid_similar_filter")));
    let text = "Invalid value at `.id`: Document identifier `\"a b\"` is invalid. A document identifier can be of type integer or string, only composed of alphanumeric characters (a-z A-Z 0-9), hyphens (-) and underscores (_), and can not be more than 511 bytes.".to_owned();
    assert_eq!(check(json!({ "id": "a b", "embedder": "e" })), Err((text, "invalid_similar_id")));
    let reserved = check(json!({ "id": 1, "embedder": "e", "filter": "_miroir = x" })).expect_err("refused");
    assert_eq!(reserved.1, "invalid_similar_filter");
    assert!(reserved.0.starts_with("Attribute `_miroir` is not filterable."), "{}", reserved.0);
}

#[test]
fn a_rule_before_relevance_is_not_there_yet() {
    let embedders = json!({ "e": { "source": "userProvided", "dimensions": 2 } });
    let request = request(&json!({ "id": 1, "embedder": "e" }));
    let of = |rules: Value, one_shard| {
        let settings = settings(&json!({ "embedders": embedders, "rankingRules": rules }));
        check_similar(&request, &settings, one_shard).map_err(|error| error.code.as_str())
    };
    assert_eq!(of(json!(["sort", "words", "price:asc"]), false), Ok(()));
    assert_eq!(of(json!(["price:asc", "words"]), true), Ok(()));
    assert_eq!(of(json!(["price:asc", "words"]), false), Err("miroir_not_implemented"));
    assert_eq!(of(json!(["sort"]), false), Err("miroir_not_implemented"));
}

#[test]
fn a_distinct_attribute_is_not_there_yet() {
    let embedders = json!({ "e": { "source": "userProvided", "dimensions": 2 } });
    let settings = settings(&json!({ "embedders": embedders, "distinctAttribute": "director" }));
    let request = request(&json!({ "id": 1, "embedder": "e" }));
    let check =
        |one_shard| check_similar(&request, &settings, one_shard).map_err(|error| error.code.as_str());
    assert_eq!((check(true), check(false)), (Ok(()), Err("miroir_not_implemented")));
}

#[test]
fn the_vector_is_read_from_a_list() {
    let of = |list: &str| SourceVector::of_list(list, "e").expect("a list");
    assert_eq!(of(r#"{"results":[],"total":0}"#), SourceVector::NoDocument);
    assert_eq!(of(r#"{"results":[{"id":1}]}"#), SourceVector::None);
    let none = r#"{"results":[{"_vectors":{"e":{"embeddings":[],"regenerate":false}}}]}"#;
    assert_eq!(of(none), SourceVector::None);
    let two = r#"{"results":[{"_vectors":{"e":{"embeddings":[[0.5,1.0],[2,3]],"regenerate":false}}}]}"#;
    assert_eq!(of(two), SourceVector::First(vec![0.5, 1.0]));
    let request = request(&json!({ "id": "x", "embedder": "e" }));
    let nothing = r#"{"hits":[],"id":"x","processingTimeMs":1,"limit":20,"offset":0,"estimatedTotalHits":7}"#;
    assert_eq!(similar_to_none(&request, 7, META), nothing);
}

/// Before the filter is looked at, as on one Meilisearch.
#[test]
fn a_search_by_vectors_is_checked_first() {
    let embedders = json!({ "embedders": { "e": { "source": "userProvided", "dimensions": 2 } } });
    let settings = settings(&embedders);
    let check = |body: Value| {
        let request = from_json(body.to_string().as_bytes()).expect("right");
        check_search(&request, "m", &settings).map_err(|error| (error.message, error.code.as_str()))
    };
    let filter = "_miroir = x";
    let missing = "Invalid request: missing `hybrid` parameter when `vector` or `media` are present.";
    assert_eq!(
        check(json!({ "vector": [1], "filter": filter })),
        Err((missing.to_owned(), "missing_search_hybrid"))
    );
    let unknown = "Cannot find embedder with name `z`.".to_owned();
    let hybrid = |embedder: &str| json!({ "embedder": embedder });
    assert_eq!(
        check(json!({ "q": "x", "hybrid": hybrid("z"), "filter": filter })),
        Err((unknown, "invalid_search_embedder"))
    );
    let short = "Invalid vector dimensions: expected: `2`, found: `1`.".to_owned();
    assert_eq!(
        check(json!({ "vector": [1], "hybrid": hybrid("e"), "filter": filter })),
        Err((short, "invalid_vector_dimensions"))
    );
    assert_eq!(check(json!({ "vector": [1, 2], "hybrid": hybrid("e") })), Ok(()));
    assert_eq!(check(json!({ "hybrid": hybrid("z") })), Ok(()), "there is nothing to compare");
}
