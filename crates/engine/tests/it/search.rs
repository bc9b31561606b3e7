//! Searches: one assertion or two for everything a query can ask. How answers compare with official Meilisearch is held
//! by recorded answers, elsewhere.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Body, Node, films, hits};

async fn loaded() -> Node {
    let node = Node::start().await;
    let settings = json!({
        "filterableAttributes": ["genres", "year", "_geo"],
        "sortableAttributes": ["year", "title", "_geo"],
    });
    node.done(Method::PATCH, "/indexes/films/settings", Body::Json(settings)).await;
    node.add("films", films()).await;
    node
}

async fn ids(node: &Node, query: Value) -> Vec<u64> {
    hits(&node.search("films", query).await, "id").iter().filter_map(Value::as_u64).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn words_typos_filters_and_order() {
    let node = loaded().await;
    assert_eq!(ids(&node, json!({})).await, [1, 2, 3, 4, 5, 6]);
    assert_eq!(ids(&node, json!({ "q": "wonder woman" })).await, [2, 5]);
    assert_eq!(ids(&node, json!({ "q": "phildelphia" })).await, [6], "a typo");
    assert_eq!(ids(&node, json!({ "q": "\"woman wonder\"" })).await, Vec::<u64>::new());
    assert_eq!(ids(&node, json!({ "q": "wonder -title" })).await, [2, 5]);
    assert_eq!(ids(&node, json!({ "q": "wonder -sea" })).await, [2]);
    assert_eq!(ids(&node, json!({ "q": "wonder", "attributesToSearchOn": ["overview"] })).await, [5]);
    assert_eq!(ids(&node, json!({ "q": "wonder zzz", "matchingStrategy": "all" })).await, Vec::<u64>::new());
    assert_eq!(ids(&node, json!({ "q": "wonder zzz", "matchingStrategy": "last" })).await, [2, 5]);
    assert_eq!(ids(&node, json!({ "q": "wonder", "locales": ["en"] })).await, [2, 5]);

    assert_eq!(ids(&node, json!({ "filter": "year = 2015" })).await, [1, 4]);
    assert_eq!(
        ids(&node, json!({ "filter": ["year >= 2015", ["genres = Action", "genres = Romance"]] })).await,
        [1, 2, 5]
    );
    assert_eq!(ids(&node, json!({ "filter": "_geoRadius(48.85, 2.35, 1000)" })).await, [2]);
    assert_eq!(ids(&node, json!({ "sort": ["year:desc", "title:asc"], "limit": 3 })).await, [2, 5, 1]);

    let near = node.search("films", json!({ "sort": ["_geoPoint(48.0, 2.0):asc"], "limit": 2 })).await;
    assert_eq!(hits(&near, "id"), [2, 1].map(Value::from));
    assert_eq!(near["hits"][0]["_geoDistance"], 97_980);
    assert_eq!(near["hits"][0].get("_rankingScore"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_and_totals() {
    let node = loaded().await;
    let answer = node.search("films", json!({ "offset": 4, "limit": 5 })).await;
    assert_eq!(
        (&answer["offset"], &answer["limit"], &answer["estimatedTotalHits"]),
        (&json!(4), &json!(5), &json!(6))
    );
    assert_eq!(hits(&answer, "id"), [5, 6].map(Value::from));
    let answer = node.search("films", json!({ "page": 2, "hitsPerPage": 4 })).await;
    let figures = ["page", "hitsPerPage", "totalHits", "totalPages"].map(|name| answer[name].clone());
    assert_eq!((figures, hits(&answer, "id")), ([2, 4, 6, 2].map(Value::from), vec![json!(5), json!(6)]));
    let answer = node.search("films", json!({ "page": 0 })).await;
    assert_eq!(
        (hits(&answer, "id").len(), &answer["totalPages"], &answer["totalHits"]),
        (0, &json!(1), &json!(6))
    );
    let answer = node.search("films", json!({ "hitsPerPage": 0 })).await;
    assert_eq!((&answer["totalPages"], &answer["totalHits"]), (&json!(0), &json!(6)));

    // The rule of 1.15: nothing past the maximum is counted or shown.
    let settings = Body::Json(json!({ "pagination": { "maxTotalHits": 3 } }));
    node.done(Method::PATCH, "/indexes/films/settings", settings).await;
    let answer = node.search("films", json!({ "limit": 2, "offset": 5 })).await;
    assert_eq!((&answer["offset"], &answer["estimatedTotalHits"]), (&json!(3), &json!(3)));
    let answer = node.search("films", json!({ "page": 2, "hitsPerPage": 2 })).await;
    assert_eq!((hits(&answer, "id").len(), &answer["totalPages"]), (1, &json!(2)));
}

#[tokio::test(flavor = "multi_thread")]
async fn facets_and_distinct() {
    let node = loaded().await;
    let answer =
        node.search("films", json!({ "q": "", "filter": "year > 2013", "facets": ["genres", "year"] })).await;
    let genres =
        json!({ "Action": 2, "Adventure": 2, "Drama": 1, "Fantasy": 1, "Romance": 1, "Science Fiction": 1 });
    assert_eq!(answer["facetDistribution"]["genres"], genres);
    assert_eq!(answer["facetStats"], json!({ "year": { "min": 2015.0, "max": 2017.0 } }));
    let all = node.search("films", json!({ "facets": ["*"], "limit": 0 })).await;
    let names: Vec<&String> = all["facetDistribution"].as_object().expect("an object").keys().collect();
    assert_eq!(names, ["_geo", "_geo.lat", "_geo.lng", "genres", "year"]);
    assert_eq!(ids(&node, json!({ "distinct": "year", "sort": ["year:asc"] })).await, [6, 3, 1, 5, 2]);
    let query = Body::Json(json!({ "facets": ["title"] }));
    let (status, error) = node.call(Method::POST, "/indexes/films/search", query).await;
    assert_eq!((status, &error["code"]), (400, &json!("invalid_search_facets")), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_hit_shows() {
    let node = loaded().await;
    let query = json!({
        "q": "wonder",
        "attributesToRetrieve": ["id"],
        "attributesToHighlight": ["title", "overview"],
        "attributesToCrop": ["overview:3"],
        "highlightPreTag": "<b>",
        "highlightPostTag": "</b>",
        "showMatchesPosition": true,
    });
    let answer = node.search("films", query).await;
    assert_eq!(
        answer["hits"],
        json!([
            {
                "id": 2,
                "_formatted": { "id": "2", "title": "<b>Wonder</b> Woman" },
                "_matchesPosition": { "title": [{ "start": 0, "length": 6 }] },
            },
            {
                "id": 5,
                "_formatted": { "id": "5", "title": "Moana", "overview": "A <b>wonder</b> of…" },
                "_matchesPosition": { "overview": [{ "start": 2, "length": 6 }, { "start": 43, "length": 6 }] },
            },
        ])
    );
    let highlighted =
        node.search("films", json!({ "q": "drama", "attributesToHighlight": ["*"], "limit": 1 })).await;
    assert_eq!(highlighted["hits"][0]["_formatted"]["genres"], json!(["<em>Drama</em>"]));
    assert_eq!(highlighted["hits"][0]["_formatted"]["year"], "1993", "numbers become text");
    let positions = node
        .search("films", json!({ "q": "drama", "filter": "year = 2015", "showMatchesPosition": true }))
        .await;
    assert_eq!(
        positions["hits"][0]["_matchesPosition"]["genres"],
        json!([{ "start": 0, "length": 5, "indices": [1] }])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn scores() {
    let node = loaded().await;
    let query = json!({ "q": "wonder woman", "showRankingScore": true, "showRankingScoreDetails": true });
    let answer = node.search("films", query).await;
    let details = &answer["hits"][0]["_rankingScoreDetails"];
    assert_eq!(
        details["words"],
        json!({ "order": 0, "matchingWords": 2, "maxMatchingWords": 2, "score": 1.0 })
    );
    assert_eq!(details["typo"]["typoCount"], 0);
    assert_eq!(details["exactness"]["matchType"], "exactMatch");
    let scores = hits(&answer, "_rankingScore");
    assert!(scores[0].as_f64() > scores[1].as_f64(), "{scores:?}");
    let threshold = scores[0].as_f64().expect("a number") - 0.01;
    assert_eq!(ids(&node, json!({ "q": "wonder woman", "rankingScoreThreshold": threshold })).await, [2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_queries() {
    let node = loaded().await;
    for (query, code) in [
        (json!({ "q": 1 }), "invalid_search_q"),
        (json!({ "limit": -1 }), "invalid_search_limit"),
        (json!({ "filter": "year = " }), "invalid_search_filter"),
        (json!({ "filter": "title = x" }), "invalid_search_filter"),
        (json!({ "filter": 3 }), "invalid_search_filter"),
        (json!({ "filter": "title CONTAINS x" }), "feature_not_enabled"),
        (json!({ "sort": ["genres:asc"] }), "invalid_search_sort"),
        (json!({ "sort": ["year"] }), "invalid_search_sort"),
        (json!({ "distinct": "title" }), "invalid_search_distinct"),
        (json!({ "matchingStrategy": "x" }), "invalid_search_matching_strategy"),
        (json!({ "rankingScoreThreshold": 2 }), "invalid_search_ranking_score_threshold"),
        (json!({ "locales": ["xx"] }), "invalid_search_locales"),
        (json!({ "q": "a", "hybrid": { "embedder": "x" } }), "invalid_search_embedder"),
        (json!({ "vector": [1] }), "missing_search_hybrid"),
        (json!({ "doggo": 1 }), "bad_request"),
    ] {
        let (status, error) =
            node.call(Method::POST, "/indexes/films/search", Body::Json(query.clone())).await;
        assert_eq!((status, error["code"].as_str()), (400, Some(code)), "{query}: {error}");
    }
    let (status, error) = node.call(Method::POST, "/indexes/nope/search", Body::Json(json!({}))).await;
    assert_eq!((status, &error["code"]), (404, &json!("index_not_found")));
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_in_the_url() {
    let node = loaded().await;
    let path = "/indexes/films/search?q=wonder&limit=1&attributesToRetrieve=id,title&showRankingScore=true";
    let answer = node.get(path).await;
    assert_eq!((&answer["query"], &answer["hits"][0]["title"]), (&json!("wonder"), &json!("Wonder Woman")));
    let path = "/indexes/films/search?filter=year%20%3D%202015&sort=_geoPoint(40.7,%20-74.0):desc";
    assert_eq!(hits(&node.get(path).await, "id"), [4, 1].map(Value::from));
}
