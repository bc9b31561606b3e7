//! Documents like another one, and the vector that a search compares documents with.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Body, Node, hits};

/// Directions on a map.
async fn loaded() -> Node {
    let node = Node::start().await;
    let settings = json!({
        "embedders": { "own": { "source": "userProvided", "dimensions": 2 } },
        "searchableAttributes": ["title"],
        "filterableAttributes": ["kind"],
    });
    node.done(Method::PATCH, "/indexes/winds/settings", Body::Json(settings)).await;
    let documents = json!([
        { "id": 1, "title": "north", "kind": "main", "_vectors": { "own": [0.0, 1.0] } },
        { "id": 2, "title": "east", "kind": "main", "_vectors": { "own": [1.0, 0.0] } },
        { "id": 3, "title": "northeast", "kind": "between", "_vectors": { "own": [1.0, 1.0] } },
        { "id": 4, "title": "nearly west", "kind": "main", "_vectors": { "own": [-1.0, -0.5] } },
        { "id": 5, "title": "calm", "kind": "none", "_vectors": { "own": null } },
    ]);
    node.add("winds", documents).await;
    node
}

async fn similar(node: &Node, body: Value) -> (u16, Value) {
    node.call(Method::POST, "/indexes/winds/similar", Body::Json(body)).await
}

/// The ids of what is like the document with this id.
async fn like(node: &Node, id: u64, more: Value) -> Vec<u64> {
    let mut body = json!({ "id": id, "embedder": "own" });
    for (name, value) in more.as_object().expect("an object") {
        body[name] = value.clone();
    }
    let (status, answer) = similar(node, body).await;
    assert_eq!(status, 200, "{answer}");
    hits(&answer, "id").iter().filter_map(Value::as_u64).collect()
}

fn names(object: &Value) -> Vec<&str> {
    object.as_object().expect("an object").keys().map(String::as_str).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_nearest_come_first_without_the_document_itself() {
    let node = loaded().await;
    let query = json!({
        "id": "1",
        "embedder": "own",
        "attributesToRetrieve": ["id"],
        "retrieveVectors": true,
        "showRankingScore": true,
        "showRankingScoreDetails": true,
    });
    let (status, answer) = similar(&node, query).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(names(&answer), ["hits", "id", "processingTimeMs", "limit", "offset", "estimatedTotalHits"]);
    let figures = ["id", "limit", "offset", "estimatedTotalHits"].map(|name| answer[name].clone());
    assert_eq!(figures, [json!("1"), json!(20), json!(0), json!(4)]);
    assert_eq!(hits(&answer, "id"), [3, 2, 4].map(Value::from));
    let best = &answer["hits"][0];
    assert_eq!(names(best), ["id", "_vectors", "_rankingScore", "_rankingScoreDetails"]);
    assert_eq!(best["_vectors"]["own"]["embeddings"], json!([[1.0, 1.0]]));
    let score = best["_rankingScore"].as_f64().expect("a number");
    assert!((score - (1.0 + 0.5_f64.sqrt()) / 2.0).abs() < 1e-6, "{score}");
    let detail = json!({ "vectorSort": { "order": 0, "similarity": score } });
    assert_eq!(best["_rankingScoreDetails"], detail);
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_filters_and_thresholds() {
    let node = loaded().await;
    assert_eq!(like(&node, 1, json!({ "filter": "kind = main" })).await, [2, 4]);
    assert_eq!(like(&node, 1, json!({ "offset": 1, "limit": 1 })).await, [2]);
    assert_eq!(like(&node, 1, json!({ "offset": 3 })).await, Vec::<u64>::new());
    assert_eq!(like(&node, 1, json!({ "offset": 1, "limit": usize::MAX })).await, [2, 4]);
    assert_eq!(like(&node, 1, json!({ "rankingScoreThreshold": 0.4 })).await, [3, 2]);
    assert_eq!(like(&node, 5, json!({})).await, Vec::<u64>::new(), "it has no vector");
    let query = json!({ "id": 1, "embedder": "own", "rankingScoreThreshold": 0.4 });
    assert_eq!(similar(&node, query).await.1["estimatedTotalHits"], 2);
    let settings = Body::Json(json!({ "pagination": { "maxTotalHits": 3 } }));
    node.done(Method::PATCH, "/indexes/winds/settings", settings).await;
    let (_, answer) = similar(&node, json!({ "id": 1, "embedder": "own" })).await;
    assert_eq!(answer["estimatedTotalHits"], 3);

    let path =
        "/indexes/winds/similar?id=1&embedder=own&limit=2&filter=kind%20%3D%20main&showRankingScore=true";
    let answer = node.get(path).await;
    assert_eq!((hits(&answer, "id"), &answer["limit"]), ([2, 4].map(Value::from).to_vec(), &json!(2)));
    assert!(answer["hits"][0]["_rankingScore"].is_number());
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_questions_for_similar_documents() {
    let node = loaded().await;
    for (query, code) in [
        (json!({ "embedder": "own" }), "bad_request"),
        (json!({ "id": 1 }), "bad_request"),
        (json!({ "id": 1, "embedder": "own", "q": "x" }), "bad_request"),
        (json!({ "id": 9, "embedder": "own" }), "not_found_similar_id"),
        (json!({ "id": "a b", "embedder": "own" }), "invalid_similar_id"),
        (json!({ "id": null, "embedder": "own" }), "invalid_similar_id"),
        (json!({ "id": 1, "embedder": "other" }), "invalid_similar_embedder"),
        (json!({ "id": 1, "embedder": 3 }), "invalid_similar_embedder"),
        (json!({ "id": 1, "embedder": "own", "limit": -1 }), "invalid_similar_limit"),
        (json!({ "id": 1, "embedder": "own", "filter": 3 }), "invalid_similar_filter"),
        (json!({ "id": 1, "embedder": "own", "filter": "kind = " }), "invalid_similar_filter"),
        (json!({ "id": 1, "embedder": "own", "filter": "title = x" }), "invalid_similar_filter"),
        (json!({ "rankingScoreThreshold": 2 }), "invalid_similar_ranking_score_threshold"),
    ] {
        let (status, error) = similar(&node, query.clone()).await;
        assert_eq!((status, error["code"].as_str()), (400, Some(code)), "{query}: {error}");
    }
    let (_, error) = similar(&node, json!({ "id": 9, "embedder": "own" })).await;
    assert_eq!(error["message"], "Document `9` not found.");
    for (parameters, code, message) in [
        ("id=1", "bad_request", "Missing parameter `embedder`"),
        ("id=1&embedder=own&q=x", "bad_request", "Unknown parameter `q`"),
        (
            "offset=x",
            "invalid_similar_offset",
            "Invalid value in parameter `offset`: could not parse `x` as a positive integer",
        ),
    ] {
        let path = format!("/indexes/winds/similar?{parameters}");
        let (status, error) = node.call(Method::GET, &path, Body::None).await;
        assert_eq!((status, &error["code"], &error["message"]), (400, &json!(code), &json!(message)));
    }
    let body = Body::Json(json!({ "id": 1, "embedder": "own" }));
    let (status, error) = node.call(Method::POST, "/indexes/nope/similar", body).await;
    assert_eq!((status, &error["code"]), (404, &json!("index_not_found")));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_vector_compared_is_told_when_asked() {
    let node = loaded().await;
    let hybrid = |ratio: f64| json!({ "embedder": "own", "semanticRatio": ratio });
    let query = json!({ "vector": [0.9, 0.1], "hybrid": hybrid(1.0), "retrieveVectors": true });
    let answer = node.search("winds", query).await;
    assert_eq!(names(&answer)[..4], ["hits", "query", "queryVector", "processingTimeMs"]);
    assert_eq!(answer["queryVector"], json!([0.9, 0.1]), "numbers of 32 bits");
    let answer = node.search("winds", json!({ "vector": [0.9, 0.1], "hybrid": hybrid(1.0) })).await;
    assert_eq!(answer.get("queryVector"), None);

    let mut query =
        json!({ "q": "north", "vector": [1.0, 0.0], "hybrid": hybrid(0.5), "retrieveVectors": true });
    assert_eq!(node.search("winds", query.clone()).await["queryVector"], json!([1.0, 0.0]));
    query["limit"] = json!(1);
    let answer = node.search("winds", query).await;
    assert_eq!((answer.get("queryVector"), &answer["semanticHitCount"]), (None, &json!(0)), "words do");

    // An embedder that makes no vectors of words leaves the search to these.
    let query = json!({ "q": "north", "hybrid": hybrid(0.5), "retrieveVectors": true });
    let answer = node.search("winds", query).await;
    assert_eq!((answer.get("queryVector"), &answer["semanticHitCount"]), (None, &json!(0)));
    assert_eq!(answer["hits"][0]["id"], 1);
}
