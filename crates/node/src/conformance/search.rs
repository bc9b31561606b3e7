//! Searches: order, scores, filters, what is shown of a hit.

use serde_json::{Value, json};

use super::bench::Bench;
use super::failure::same;
use super::{Check, Failure, check};

pub(super) const CHECKS: &[Check] = &[
    check!(
        details_name_each_rule,
        "With details a hit says of each ranking rule, in order, what a merge compares: words, typos, proximity, `attribute`, the value of a sort, exactness."
    ),
    check!(
        words_are_dropped_from_the_end,
        "`matchingStrategy` `last` drops words from the end, `all` none; typos, prefixes, phrases and exclusions count as in Meilisearch."
    ),
    check!(
        numbers_sort_before_texts,
        "A sort puts numbers before texts and what has no value last, in both directions; details have the value."
    ),
    check!(
        places_sort_and_filter,
        "`_geoPoint` sorts by distance and hits say it; `_geoRadius` and `_geoBoundingBox` filter."
    ),
    check!(filters_combine, "Filters combine AND, OR, NOT, IN, ranges, EXISTS, IS NULL and arrays."),
    check!(distinct_keeps_the_best, "`distinct` keeps the best document of each value."),
    check!(
        hits_are_cut_and_marked,
        "`attributesToRetrieve`, highlighting, cropping and matches positions shape hits."
    ),
];

fn rules() -> Value {
    json!({
        "rankingRules": ["words", "typo", "proximity", "attribute", "sort", "exactness"],
        "searchableAttributes": ["title", "text"],
        "filterableAttributes": ["n", "tag", "_geo", "v"],
        "sortableAttributes": ["n", "v", "_geo"],
    })
}

async fn films(bench: &Bench<'_>) -> Result<String, Failure> {
    let documents = json!([
        {"id": 1, "title": "sunflower hello", "text": "a b c", "n": 3, "tag": ["x", "y"], "v": "b"},
        {"id": 2, "title": "sun flower", "text": "the field", "n": 1, "tag": "x", "v": 10},
        {"id": 3, "title": "the flower of the sun", "n": 2, "v": null},
        {"id": 4, "title": "sun", "text": "flowers in the sun", "tag": [], "v": 9},
        {"id": 5, "title": "moon", "text": "sunn flowwer", "n": null, "v": "a"},
    ]);
    bench.index_of(rules(), documents).await
}

async fn details_name_each_rule(bench: &Bench<'_>) -> Result<(), Failure> {
    let index = films(bench).await?;
    let query = json!({"q": "sun flower", "sort": ["n:asc"], "showRankingScore": true,
        "showRankingScoreDetails": true, "attributesToRetrieve": ["id"]});
    let hits = bench.search(&index, query).await?["hits"].take();
    let details = |place: usize| &hits[place]["_rankingScoreDetails"];
    let order: Vec<_> = details(0).as_object().into_iter().flatten().map(|(rule, _)| rule.as_str()).collect();
    same("the rules", order, ["words", "typo", "proximity", "attribute", "n:asc", "exactness"])?;
    same("the best", &hits[0]["id"], &json!(2))?;
    same(
        "its words",
        &details(0)["words"],
        &json!({"order": 0, "matchingWords": 2, "maxMatchingWords": 2, "score": 1.0}),
    )?;
    same(
        "its typos",
        &details(0)["typo"],
        &json!({"order": 1, "typoCount": 0, "maxTypoCount": 3, "score": 1.0}),
    )?;
    same("its proximity", &details(0)["proximity"], &json!({"order": 2, "score": 1.0}))?;
    let attribute =
        json!({"order": 3, "attributeRankingOrderScore": 1.0, "queryWordDistanceScore": 1.0, "score": 1.0});
    same("its attribute", &details(0)["attribute"], &attribute)?;
    same("its sort", &details(0)["n:asc"], &json!({"order": 4, "value": 1.0}))?;
    same(
        "its exactness",
        &details(0)["exactness"],
        &json!({"order": 5, "matchType": "exactMatch", "score": 1.0}),
    )?;
    same("its score", &hits[0]["_rankingScore"], &json!(1.0))?;
    let last = hits.as_array().map_or(0, |hits| hits.len().saturating_sub(1));
    same("the worst", &hits[last]["id"], &json!(1))?;
    same("its typo count", &details(last)["typo"]["typoCount"], &json!(2))
}

async fn words_are_dropped_from_the_end(bench: &Bench<'_>) -> Result<(), Failure> {
    let index = films(bench).await?;
    for (query, expected) in [
        (json!({"q": "sun field"}), vec![2, 4, 3]),
        (json!({"q": "sun field", "matchingStrategy": "all"}), vec![2]),
        (json!({"q": "flowe"}), vec![2, 3, 4, 5]),
        (json!({"q": "\"the sun\""}), vec![3, 4]),
        (json!({"q": "sun -flower"}), vec![4]),
        (json!({"q": "sun flower", "attributesToSearchOn": ["text"]}), vec![4]),
        (json!({"q": "nothing"}), vec![]),
    ] {
        same(&query.to_string(), bench.found(&index, query).await?, expected)?;
    }
    Ok(())
}

async fn numbers_sort_before_texts(bench: &Bench<'_>) -> Result<(), Failure> {
    let index = films(bench).await?;
    for (sort, expected) in [("v:asc", [4, 2, 5, 1, 3]), ("v:desc", [2, 4, 1, 5, 3])] {
        let query = json!({"sort": [sort], "showRankingScoreDetails": true});
        let answer = bench.search(&index, query).await?;
        same(sort, super::bench::ids(&answer["hits"]), expected)?;
        let values: Vec<_> =
            [0, 2, 4].map(|hit| &answer["hits"][hit]["_rankingScoreDetails"][sort]["value"]).to_vec();
        let values = json!(values);
        let wanted = if sort == "v:asc" { json!([9.0, "a", null]) } else { json!([10.0, "b", null]) };
        same("values", values, wanted)?;
    }
    Ok(())
}

async fn places_sort_and_filter(bench: &Bench<'_>) -> Result<(), Failure> {
    let place = |id: u32, lat: f64, lng: f64| json!({"id": id, "_geo": {"lat": lat, "lng": lng}});
    let documents = json!([place(1, 48.85, 2.35), place(2, 45.76, 4.84), {"id": 3}, place(4, 50.63, 3.06)]);
    let index = bench.index_of(rules(), documents).await?;
    let near_paris = "_geoPoint(48.8566, 2.3522):asc";
    let answer = bench.search(&index, json!({"sort": [near_paris], "showRankingScoreDetails": true})).await?;
    same("nearest first", super::bench::ids(&answer["hits"]), [1, 4, 2, 3])?;
    same("the distance", &answer["hits"][0]["_geoDistance"], &json!(751))?;
    let detail = answer["hits"][1]["_rankingScoreDetails"].as_object().into_iter().flatten().next();
    let (name, detail) = detail.ok_or_else(|| Failure::Broken("no details".to_owned()))?;
    same("the rule", name.as_str(), near_paris)?;
    same("the place", &detail["value"], &json!({"lat": 50.63, "lng": 3.06}))?;
    same(
        "its distance",
        detail["distance"].as_f64().map(f64::round),
        answer["hits"][1]["_geoDistance"].as_f64(),
    )?;
    let furthest = bench.found(&index, json!({"sort": ["_geoPoint(48.8566, 2.3522):desc"]})).await?;
    same("furthest first", furthest, [2, 4, 1, 3])?;
    for (filter, expected) in [
        ("_geoRadius(48.8566, 2.3522, 250000)", vec![1, 4]),
        ("_geoBoundingBox([49, 5], [45, 0])", vec![1, 2]),
        ("NOT _geoRadius(48.8566, 2.3522, 250000)", vec![2, 3]),
    ] {
        same(filter, bench.found(&index, json!({"filter": filter})).await?, expected)?;
    }
    Ok(())
}

async fn filters_combine(bench: &Bench<'_>) -> Result<(), Failure> {
    let index = films(bench).await?;
    for (filter, expected) in [
        (json!("n > 1 AND tag = x"), vec![1]),
        (json!("n = 1 OR n = 2"), vec![2, 3]),
        (json!("NOT tag = x"), vec![3, 4, 5]),
        (json!("tag IN [y, z]"), vec![1]),
        (json!("tag NOT IN [y, z]"), vec![2, 3, 4, 5]),
        (json!("n 1 TO 2"), vec![2, 3]),
        (json!("tag EXISTS"), vec![1, 2, 4]),
        (json!("tag IS EMPTY"), vec![4]),
        (json!("n IS NULL"), vec![5]),
        (json!("tag = X"), vec![1, 2]),
        (json!(["n >= 1", ["tag = y", "n = 2"]]), vec![1, 3]),
        (json!("v = 99"), vec![]),
    ] {
        let mut found = bench.found(&index, json!({"filter": filter})).await?;
        found.sort_unstable();
        same(&filter.to_string(), found, expected)?;
    }
    Ok(())
}

async fn distinct_keeps_the_best(bench: &Bench<'_>) -> Result<(), Failure> {
    let documents = json!([
        {"id": 1, "title": "red shoe", "tag": "a"}, {"id": 2, "title": "shoe", "tag": "a"},
        {"id": 3, "title": "red shoes", "tag": "b"}, {"id": 4, "title": "red", "tag": "b"}, {"id": 5, "title": "red"},
    ]);
    let index = bench.index_of(rules(), documents).await?;
    same("one of each", bench.found(&index, json!({"q": "shoe", "distinct": "tag"})).await?, [2, 3])?;
    let sorted = bench.found(&index, json!({"q": "red", "distinct": "tag", "page": 1})).await?;
    same("what has none stays", sorted, [4, 5, 1])
}

async fn hits_are_cut_and_marked(bench: &Bench<'_>) -> Result<(), Failure> {
    let index = films(bench).await?;
    let query = json!({"q": "flower", "filter": "n = 3 OR n = 2", "attributesToRetrieve": ["id", "title"],
        "attributesToHighlight": ["title"], "attributesToCrop": ["title"], "cropLength": 2,
        "showMatchesPosition": true});
    let hit = bench.search(&index, query).await?["hits"][0].take();
    let expected = json!({
        "id": 3, "title": "the flower of the sun",
        "_formatted": {"id": "3", "title": "the <em>flower</em>…"},
        "_matchesPosition": {"title": [{"start": 4, "length": 6}]},
    });
    same("the hit", hit, expected)
}
