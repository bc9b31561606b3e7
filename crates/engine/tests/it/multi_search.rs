//! Several searches in one request. How answers compare with those of official Meilisearch is held elsewhere, by what
//! the cluster makes of them.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Body, Node, films, hits};

async fn loaded() -> Node {
    let node = Node::start().await;
    for (index, documents) in [("films", films()), ("books", books())] {
        let settings = json!({ "filterableAttributes": ["title", "genres", "year"] });
        node.done(Method::PATCH, &format!("/indexes/{index}/settings"), Body::Json(settings)).await;
        node.add(index, documents).await;
    }
    node
}

/// Two stories that are also films.
fn books() -> Value {
    json!([
        { "id": 11, "title": "CAROL", "genres": ["Romance"], "year": 1952 },
        { "id": 12, "title": "Life of Pi", "genres": ["Adventure", "Fable"], "year": 2001 }
    ])
}

async fn ask(node: &Node, body: Value) -> Value {
    let (status, answer) = node.call(Method::POST, "/multi-search", Body::Json(body)).await;
    assert_eq!(status, 200, "{answer}");
    answer
}

fn names(object: &Value) -> Vec<&str> {
    object.as_object().expect("an object").keys().map(String::as_str).collect()
}

/// Where each hit is from, and which query found it.
fn origins(answer: &Value) -> Vec<(Value, Value)> {
    let origins = hits(answer, "_federation").into_iter();
    origins.map(|origin| (origin["indexUid"].clone(), origin["queriesPosition"].clone())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_of_their_own() {
    let node = loaded().await;
    let queries =
        json!([{ "indexUid": "films", "q": "wonder", "limit": 1 }, { "q": "pi", "indexUid": "books" }]);
    let answer = ask(&node, json!({ "queries": queries, "federation": null })).await;
    let results = answer["results"].as_array().expect("results");
    assert_eq!(names(&results[0])[..3], ["indexUid", "hits", "query"]);
    let figures = ["indexUid", "query", "limit", "estimatedTotalHits"].map(|name| results[0][name].clone());
    assert_eq!(figures, [json!("films"), json!("wonder"), json!(1), json!(2)]);
    assert_eq!((hits(&results[0], "id"), hits(&results[1], "id")), (vec![json!(2)], vec![json!(12)]));
    assert_eq!(results[0]["hits"][0].get("_federation"), None);
}

/// A document that two queries find is shown once, where it is better.
#[tokio::test(flavor = "multi_thread")]
async fn weights_decide_which_query_shows_a_document() {
    let node = loaded().await;
    let queries = |weight: f64| {
        json!([
            { "indexUid": "films", "q": "wonder", "attributesToRetrieve": ["id"] },
            {
                "indexUid": "films",
                "q": "moana",
                "attributesToRetrieve": ["title"],
                "showRankingScore": true,
                "federationOptions": { "weight": weight },
            },
        ])
    };
    let answer = ask(&node, json!({ "queries": queries(2.0), "federation": {} })).await;
    let members = ["hits", "processingTimeMs", "limit", "offset", "estimatedTotalHits", "requestUid"];
    assert_eq!(names(&answer), members);
    assert_eq!(answer["estimatedTotalHits"], 2, "of the union");
    assert_eq!(names(&answer["hits"][0]), ["title", "_rankingScore", "_federation"]);
    assert_eq!(
        names(&answer["hits"][0]["_federation"]),
        ["indexUid", "queriesPosition", "weightedRankingScore"]
    );
    assert_eq!(answer["hits"][0]["title"], "Moana");
    assert_eq!(answer["hits"][1]["id"], 2);
    assert_eq!(origins(&answer), [(json!("films"), json!(1)), (json!("films"), json!(0))]);
    let score = |pointer: &str| answer.pointer(pointer).and_then(Value::as_f64).expect("a score");
    let weighted = score("/hits/0/_federation/weightedRankingScore");
    assert!((weighted - 2.0 * score("/hits/0/_rankingScore")).abs() < 1e-9, "{answer}");

    let answer =
        ask(&node, json!({ "queries": queries(0.01), "federation": { "offset": 1, "limit": 5 } })).await;
    assert_eq!((&answer["offset"], &answer["limit"]), (&json!(1), &json!(5)));
    assert_eq!((hits(&answer, "id"), origins(&answer)), (vec![json!(5)], vec![(json!("films"), json!(0))]));

    let answer =
        ask(&node, json!({ "queries": queries(2.0), "federation": { "page": 2, "hitsPerPage": 1 } })).await;
    let figures = ["hitsPerPage", "page", "totalPages", "totalHits"].map(|name| answer[name].clone());
    assert_eq!((figures, hits(&answer, "id")), ([1, 2, 2, 2].map(Value::from), vec![json!(2)]));
}

#[tokio::test(flavor = "multi_thread")]
async fn facets_of_several_indexes() {
    let node = loaded().await;
    let federated = |federation: Value| {
        let queries = json!([{ "indexUid": "films", "filter": "year = 2015" }, { "indexUid": "books" }]);
        json!({ "queries": queries, "federation": federation })
    };
    let facets = json!({ "films": ["genres", "year"], "books": ["genres"] });
    let answer = ask(&node, federated(json!({ "facetsByIndex": facets, "limit": 0 }))).await;
    assert_eq!((hits(&answer, "id").len(), &answer["estimatedTotalHits"]), (0, &json!(4)));
    let of_films = json!({ "Adventure": 1, "Drama": 1, "Romance": 1, "Science Fiction": 1 });
    let by_index = json!({
        "books": { "distribution": { "genres": { "Adventure": 1, "Fable": 1, "Romance": 1 } }, "stats": {} },
        "films": {
            "distribution": { "genres": of_films, "year": { "2015": 2 } },
            "stats": { "year": { "min": 2015.0, "max": 2015.0 } },
        },
    });
    assert_eq!((&answer["facetsByIndex"], answer.get("facetDistribution")), (&by_index, None));

    let merge = json!({ "facetsByIndex": facets, "mergeFacets": { "maxValuesPerFacet": 3 } });
    let answer = ask(&node, federated(merge)).await;
    assert_eq!(answer["facetDistribution"]["genres"].to_string(), r#"{"Adventure":2,"Drama":1,"Fable":1}"#);
    assert_eq!(answer["facetDistribution"]["year"], json!({ "2015": 2 }));
    assert_eq!(answer["facetStats"], json!({ "year": { "min": 2015.0, "max": 2015.0 } }));
    assert_eq!(answer.get("facetsByIndex"), None);

    let answer =
        ask(&node, federated(json!({ "facetsByIndex": { "films": null }, "mergeFacets": {} }))).await;
    assert_eq!((answer.get("facetsByIndex"), answer.get("facetDistribution")), (None, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn distinct_in_one_index_and_across() {
    let node = loaded().await;
    // 2015 both times, and the second is as if it had not matched.
    let queries = json!([
        { "indexUid": "films", "filter": "genres = Romance" },
        { "indexUid": "films", "filter": "genres = 'Science Fiction'" },
    ]);
    let federation = json!({ "distinct": "year", "facetsByIndex": { "films": ["genres"] } });
    let answer = ask(&node, json!({ "queries": queries, "federation": federation })).await;
    assert_eq!((hits(&answer, "id"), &answer["estimatedTotalHits"]), (vec![json!(1)], &json!(1)));
    let genres = json!({ "Drama": 1, "Romance": 1 });
    assert_eq!(answer["facetsByIndex"]["films"]["distribution"]["genres"], genres);

    // The hits do not show what they are told apart by.
    let queries = json!([
        { "indexUid": "films", "attributesToRetrieve": ["id"] },
        { "indexUid": "books", "attributesToRetrieve": ["id"] },
    ]);
    let mut federation =
        json!({ "distinct": "title", "facetsByIndex": { "films": ["genres"], "books": ["genres"] } });
    let answer = ask(&node, json!({ "queries": queries, "federation": federation })).await;
    assert_eq!(hits(&answer, "id"), [1, 2, 3, 4, 5, 6].map(Value::from));
    assert_eq!(answer["estimatedTotalHits"], 6, "two are in both");
    let genres = json!({
        "Action": 2, "Adventure": 3, "Drama": 3, "Fantasy": 1, "Romance": 1, "Science Fiction": 1,
    });
    assert_eq!(answer["facetsByIndex"]["films"]["distribution"]["genres"], genres);
    assert_eq!(answer["facetsByIndex"]["books"], json!({ "distribution": { "genres": {} }, "stats": {} }));
    federation["mergeFacets"] = json!({});
    let answer = ask(&node, json!({ "queries": queries, "federation": federation })).await;
    assert_eq!(answer["facetDistribution"], json!({ "genres": genres }));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused() {
    let node = loaded().await;
    let films = json!({ "indexUid": "films" });
    let second = |member: &str, value: Value| {
        let mut query = films.clone();
        query[member] = value;
        json!([films, query])
    };
    let (none, list) = (Value::Null, json!({}));
    for (queries, federation, code, text) in [
        (second("limit", json!(1)), &list, "invalid_multi_search_query_pagination", "[1]`: Using pagination"),
        (second("offset", json!(0)), &list, "invalid_multi_search_query_pagination", "remove `offset`"),
        (second("page", json!(1)), &list, "invalid_multi_search_query_pagination", "remove `page`"),
        (second("hitsPerPage", json!(1)), &list, "invalid_multi_search_query_pagination", "`hitsPerPage`"),
        (second("facets", json!(["a"])), &list, "invalid_multi_search_query_facets", "Index.films: [\"a\"]`"),
        (
            second("distinct", json!("year")),
            &json!({ "distinct": "year" }),
            "invalid_multi_search_distinct",
            "[1]`: Using `distinct`",
        ),
        (
            second("federationOptions", json!({ "weight": -1 })),
            &list,
            "invalid_multi_search_weight",
            "the value of `weight` is invalid, expected a positive float (>= 0.0).",
        ),
        (
            second("federationOptions", json!({})),
            &none,
            "invalid_multi_search_federation_options",
            "[1]`: Using `federationOptions` is not allowed",
        ),
        (second("indexUid", json!("nope")), &list, "index_not_found", "[1]`: Index `nope` not found."),
        (second("indexUid", json!("nope")), &none, "index_not_found", "[1]`: Index `nope` not found."),
        (second("indexUid", none.clone()), &list, "missing_index_uid", "[1]`: "),
        (second("filter", json!("id = 1")), &list, "invalid_search_filter", "[1]`: "),
        (
            json!([films]),
            &json!({ "facetsByIndex": { "films": ["overview"] } }),
            "invalid_search_facets",
            "Inside `.queries[0]`: Inside `.federation.facetsByIndex.films`: ",
        ),
        (json!([films]), &json!({ "limit": -1 }), "invalid_search_limit", "Inside `.federation`: "),
        (json!([films]), &json!({ "remote": "x" }), "bad_request", "Unknown field `remote`"),
        (json!({}), &none, "bad_request", "`.queries`"),
    ] {
        let body = json!({ "queries": queries, "federation": federation });
        let (status, error) = node.call(Method::POST, "/multi-search", Body::Json(body)).await;
        assert_eq!((status, error["code"].as_str()), (400, Some(code)), "{queries}: {error}");
        assert!(error["message"].as_str().is_some_and(|message| message.contains(text)), "{error}");
    }
    ask(&node, json!({ "queries": second("facets", json!([])), "federation": {} })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_must_cover_every_index() {
    let node = loaded().await;
    let body = Body::Json(json!({ "actions": ["search"], "indexes": ["films"], "expiresAt": null }));
    let (_, key) = node.call(Method::POST, "/keys", body).await;
    let value = key["key"].as_str();
    assert_eq!(ask_both(&node, value, "films").await.0, 200);
    let (status, error) = ask_both(&node, value, "books").await;
    assert_eq!((status, &error["code"]), (403, &json!("invalid_api_key")));
    assert_eq!(error["message"], "Inside `.queries[1]`: The provided API key is invalid.");
    let (status, error) = ask_both(&node, None, "films").await;
    assert_eq!((status, &error["code"]), (401, &json!("missing_authorization_header")));
}

/// Films, and another index.
async fn ask_both(node: &Node, key: Option<&str>, index: &str) -> (u16, Value) {
    let queries = json!([{ "indexUid": "films" }, { "indexUid": index }]);
    let body = Body::Json(json!({ "queries": queries, "federation": {} }));
    node.call_as(key, Method::POST, "/multi-search", body).await
}
