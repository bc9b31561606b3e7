//! The comparison on small answers that are written out.

use serde_json::{Value, json};

use super::{Begun, Class, Expected, Same, Verdict, compare};
use crate::client::Answer;

const PLAIN: Expected<'static> = Expected {
    one_shard: false,
    begins_late: false,
    full: 3,
    threshold: false,
    estimated_totals: None,
    by_count: &|name| name == "year",
    facet_values: 3,
    begun: Begun::No,
    words: true,
    distinct: false,
    distinct_value: &|_| None,
};

fn hit(id: u64, rank: u64) -> Value {
    let details =
        json!({ "words": { "order": 0, "matchingWords": rank, "maxMatchingWords": 9, "score": 0.5 } });
    json!({ "id": id, "_rankingScoreDetails": details })
}

fn answer(hits: &[(u64, u64)]) -> Answer {
    let hits: Vec<Value> = hits.iter().map(|(id, rank)| hit(*id, *rank)).collect();
    let facets = json!({ "genre": { "Drama": 3, "War": 1 } });
    let body = json!({ "hits": hits, "query": "q", "processingTimeMs": hits.len(), "limit": 20, "offset": 0,
        "estimatedTotalHits": 5, "facetDistribution": facets, "facetStats": {} });
    Answer { status: 200, body }
}

fn verdict(single: &Answer, cluster: &Answer, whole: Option<&Answer>) -> Result<Same, Verdict> {
    compare(&PLAIN, (single, cluster), whole.map(|whole| &whole.body["hits"]))
}

fn differs(verdict: &Result<Same, Verdict>) -> bool {
    matches!(verdict, Err(Verdict::Different(_)))
}

#[test]
fn equal_answers_are_the_same_whatever_the_time_took() {
    let single = answer(&[(1, 3), (2, 2), (3, 1)]);
    let mut cluster = single.clone();
    cluster.body["processingTimeMs"] = 99.into();
    assert_eq!(verdict(&single, &cluster, None), Ok(Same::default()));
}

#[test]
fn a_whole_tie_may_turn_round_and_nothing_else() {
    let single = answer(&[(1, 3), (2, 2), (3, 2), (4, 1)]);
    let turned = answer(&[(1, 3), (3, 2), (2, 2), (4, 1)]);
    assert_eq!(verdict(&single, &turned, None).map(|same| same.leans_on_ties), Ok(true));
    assert!(differs(&verdict(&single, &answer(&[(2, 2), (1, 3), (3, 2), (4, 1)]), None)));
    assert!(differs(&verdict(&single, &answer(&[(1, 3), (2, 2), (5, 2), (4, 1)]), None)));
    assert!(differs(&verdict(&single, &answer(&[(1, 3), (2, 2), (2, 2), (4, 1)]), None)));
    assert!(differs(&verdict(&single, &answer(&[(1, 3), (2, 2), (3, 2)]), None)));
}

#[test]
fn a_cut_tie_must_lie_in_the_whole_one() {
    let single = answer(&[(1, 3), (2, 2), (3, 2)]);
    let other = answer(&[(1, 3), (4, 2), (2, 2)]);
    assert_eq!(verdict(&single, &other, None), Err(Verdict::NeedsWhole));
    let whole = answer(&[(1, 3), (2, 2), (3, 2), (4, 2), (5, 1)]);
    assert!(verdict(&single, &other, Some(&whole)).is_ok());
    assert!(differs(&verdict(&single, &answer(&[(1, 3), (5, 2), (2, 2)]), Some(&whole))));
    assert!(differs(&verdict(&single, &answer(&[(1, 3), (4, 2), (4, 2)]), Some(&whole))));
    let more = Expected { full: 4, ..PLAIN };
    assert!(differs(&compare(&more, (&single, &other), Some(&whole.body["hits"]))), "the tie is not cut");
}

#[test]
fn one_shard_leaves_ties_as_they_are() {
    let (single, turned) =
        (answer(&[(1, 3), (2, 2), (3, 2), (4, 1)]), answer(&[(1, 3), (3, 2), (2, 2), (4, 1)]));
    let expected = Expected { one_shard: true, ..PLAIN };
    assert!(differs(&compare(&expected, (&single, &turned), None)));
}

#[test]
fn distinct_values_stand_for_their_documents() {
    let decade = |hit: &serde_json::Map<String, Value>| Some((hit["id"].as_u64()? / 10).to_string());
    let expected = Expected { distinct: true, distinct_value: &decade, ..PLAIN };
    let single = answer(&[(1, 3), (11, 2), (21, 2), (31, 1)]);
    let same = compare(&expected, (&single, &answer(&[(1, 3), (29, 2), (11, 2), (31, 1)])), None);
    assert_eq!(same.map(|same| same.classes.contains(&Class::DistinctChoice)), Ok(true));
    assert!(differs(&compare(&expected, (&single, &answer(&[(1, 3), (39, 2), (11, 2), (31, 1)])), None)));
}

#[test]
fn counts_and_their_order_count() {
    let single = answer(&[(1, 1)]);
    for facets in [
        json!({ "genre": { "War": 1, "Drama": 3 } }),
        json!({ "genre": { "Drama": 3 } }),
        json!({ "genre": { "Drama": 2, "War": 1 } }),
        json!({ "genre": { "Drama": 3, "War": 1 }, "year": {} }),
    ] {
        let mut cluster = single.clone();
        cluster.body["facetDistribution"] = facets;
        assert!(differs(&verdict(&single, &cluster, None)), "{}", cluster.body);
    }
    let mut cluster = single.clone();
    cluster.body["facetDistribution"] = json!({ "genre": { "drama": 3, "War": 1 } });
    let same = verdict(&single, &cluster, None).unwrap();
    assert!(same.classes.contains(&Class::FacetLabel));
    cluster.body["estimatedTotalHits"] = 4.into();
    assert!(differs(&verdict(&single, &cluster, None)));
}

#[test]
fn equal_counts_may_change_places_in_the_order_by_count() {
    let with = |name: &str, values: Value| {
        let mut answer = answer(&[(1, 1)]);
        answer.body["facetDistribution"] = json!({ name: values });
        answer
    };
    let verdict = |name: &str, cluster: Value| {
        verdict(&with(name, json!({ "a": 3, "b": 2, "c": 2 })), &with(name, cluster), None)
    };
    let turned = json!({ "a": 3, "c": 2, "b": 2 });
    assert!(verdict("year", turned.clone()).unwrap().classes.contains(&Class::FacetTies));
    assert!(verdict("year", json!({ "a": 3, "c": 2, "d": 2 })).is_ok(), "the limit cuts the tie");
    let filled = |last: &str| json!({ "9": 2, "8": 2, last: 2, "z": 2 });
    let numbers = super::compare(&PLAIN, (&with("year", filled("7")), &with("year", filled("6"))), None);
    assert!(numbers.is_ok(), "numbers that fill the list are cut");
    assert!(differs(&verdict("genre", turned)));
    assert!(differs(&verdict("year", json!({ "b": 3, "a": 2, "c": 2 }))));
    assert!(differs(&verdict("year", json!({ "a": 3, "b": 2, "c": 1 }))));
}

#[test]
fn marks_may_differ_and_nothing_else_of_a_hit() {
    let with = |formatted: Value| {
        let mut answer = answer(&[(1, 1)]);
        answer.body["hits"][0]["_formatted"] = formatted;
        answer
    };
    let single = with(json!({ "title": "<em>R</em>", "rating": ["<em>R</em>"] }));
    let unmarked = with(json!({ "title": "<em>R</em>", "rating": ["R"] }));
    assert!(verdict(&single, &unmarked, None).unwrap().classes.contains(&Class::Marks));
    assert!(differs(&verdict(&single, &with(json!({ "title": "<em>R</em>" })), None)));
    let placeholder = Expected { words: false, ..PLAIN };
    assert!(differs(&compare(&placeholder, (&single, &unmarked), None)));
}

#[test]
fn typos_blur_exactness_and_nothing_before_it() {
    let with = |typos: u64, exact: &str, id: u64| {
        let details = json!({
            "typo": { "order": 0, "typoCount": typos, "maxTypoCount": 2 },
            "exactness": { "order": 1, "matchType": exact },
        });
        let mut answer = answer(&[]);
        answer.body["hits"] = json!([{ "id": id, "_rankingScoreDetails": details }]);
        answer
    };
    let same = verdict(&with(1, "exactMatch", 1), &with(1, "noExactMatch", 1), None).unwrap();
    assert!(same.classes.contains(&Class::Mistyped));
    assert!(differs(&verdict(&with(0, "exactMatch", 1), &with(0, "noExactMatch", 1), None)));
    assert!(differs(&verdict(&with(1, "exactMatch", 1), &with(2, "exactMatch", 1), None)));
    assert!(differs(&verdict(&with(1, "exactMatch", 1), &with(1, "noExactMatch", 2), None)));
}

#[test]
fn refusals_must_be_equal() {
    let refusal = |status, message: &str| Answer { status, body: json!({ "message": message, "code": "c" }) };
    assert!(verdict(&refusal(400, "a"), &refusal(400, "a"), None).is_ok());
    assert!(differs(&verdict(&refusal(400, "a"), &refusal(400, "b"), None)));
    assert!(differs(&verdict(&refusal(400, "a"), &refusal(404, "a"), None)));
    assert!(differs(&verdict(&answer(&[]), &refusal(400, "a"), None)));
}
