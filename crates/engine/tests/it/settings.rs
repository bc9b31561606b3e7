//! Settings: defaults, changes, and what a change does to searches.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Body, Node, films, hits};

const SETTINGS: &str = "/indexes/films/settings";

/// The defaults of Meilisearch 1.15, without `chat`.
fn defaults() -> Value {
    json!({
        "displayedAttributes": ["*"],
        "searchableAttributes": ["*"],
        "filterableAttributes": [],
        "sortableAttributes": [],
        "rankingRules": ["words", "typo", "proximity", "attribute", "sort", "exactness"],
        "stopWords": [],
        "nonSeparatorTokens": [],
        "separatorTokens": [],
        "dictionary": [],
        "synonyms": {},
        "distinctAttribute": null,
        "proximityPrecision": "byWord",
        "typoTolerance": {
            "enabled": true,
            "minWordSizeForTypos": { "oneTypo": 5, "twoTypos": 9 },
            "disableOnWords": [],
            "disableOnAttributes": [],
            "disableOnNumbers": false,
        },
        "faceting": { "maxValuesPerFacet": 100, "sortFacetValuesBy": { "*": "alpha" } },
        "pagination": { "maxTotalHits": 1000 },
        "embedders": {},
        "searchCutoffMs": null,
        "localizedAttributes": null,
        "facetSearch": true,
        "prefixSearch": "indexingTime",
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn every_setting_is_set_and_reset() {
    let node = Node::start().await;
    node.add("films", films()).await;
    assert_eq!(node.get(SETTINGS).await, defaults());

    let features = json!({ "facetSearch": false, "filter": { "equality": true, "comparison": false } });
    let changed = json!({
        "displayedAttributes": ["id", "title"],
        "searchableAttributes": ["title", "genres"],
        "filterableAttributes": ["genres", { "attributePatterns": ["y*"], "features": features }],
        "sortableAttributes": ["year"],
        "rankingRules": ["words", "year:desc", "exactness"],
        "stopWords": ["of", "the"],
        "nonSeparatorTokens": ["-"],
        "separatorTokens": ["&"],
        "dictionary": ["J. R. R."],
        "synonyms": { "film": ["movie"] },
        "distinctAttribute": "year",
        "proximityPrecision": "byAttribute",
        "typoTolerance": {
            "enabled": false,
            "minWordSizeForTypos": { "oneTypo": 3, "twoTypos": 6 },
            "disableOnWords": ["pi"],
            "disableOnAttributes": ["genres"],
            "disableOnNumbers": true,
        },
        "faceting": { "maxValuesPerFacet": 7, "sortFacetValuesBy": { "*": "alpha", "genres": "count" } },
        "pagination": { "maxTotalHits": 5 },
        "embedders": { "own": { "source": "userProvided", "dimensions": 2 } },
        "searchCutoffMs": 700,
        "localizedAttributes": [{ "attributePatterns": ["title"], "locales": ["eng"] }],
        "facetSearch": false,
        "prefixSearch": "disabled",
    });
    // Vectors are asked of every document once an embedder exists: leave that one for a later test.
    let mut sent = changed.clone();
    sent.as_object_mut().expect("an object").remove("embedders");
    let task = node.done(Method::PATCH, SETTINGS, Body::Json(sent.clone())).await;
    assert_eq!((&task["type"], &task["details"]), (&json!("settingsUpdate"), &sent));
    let mut expected = sent;
    expected["embedders"] = json!({});
    assert_eq!(node.get(SETTINGS).await, expected);

    node.done(
        Method::PATCH,
        SETTINGS,
        Body::Json(json!({ "typoTolerance": { "enabled": null }, "synonyms": null })),
    )
    .await;
    let settings = node.get(SETTINGS).await;
    assert_eq!(settings["typoTolerance"]["enabled"], true);
    assert_eq!(settings["typoTolerance"]["disableOnNumbers"], true, "the others stay");
    assert_eq!(settings["synonyms"], json!({}));

    node.done(Method::DELETE, SETTINGS, Body::None).await;
    assert_eq!(node.get(SETTINGS).await, defaults());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reserved_member_orders_ties_and_matches_no_query() {
    let node = Node::start().await;
    let rule = json!({
        "attributePatterns": ["_miroir"],
        "features": { "facetSearch": false, "filter": { "equality": true, "comparison": false } },
    });
    let rules = ["words", "typo", "proximity", "attribute", "sort", "exactness", "_miroir:asc"];
    let settings = json!({ "filterableAttributes": [rule], "rankingRules": rules });
    node.done(Method::PATCH, SETTINGS, Body::Json(settings)).await;
    let slot = |digit: u32| char::from_u32(0x22C0 + digit).expect("a separator").to_string();
    let document = |id: u32, digit: u32| json!({ "id": id, "title": "same", "_miroir": [format!("\u{22C0}{}", slot(digit)), "\u{22C1}\u{22C0}"] });
    node.add("films", json!([document(1, 3), document(2, 1), document(3, 2)])).await;
    let answer = node.search("films", json!({ "q": "same", "showRankingScoreDetails": true })).await;
    assert_eq!(hits(&answer, "id"), [2, 3, 1].map(Value::from));
    let detail = &answer["hits"][0]["_rankingScoreDetails"]["_miroir:asc"];
    assert_eq!(detail["value"], format!("\u{22C0}{}", slot(1)), "{answer}");
    let filter = format!("_miroir IN [\"\u{22C0}{}\", \"\u{22C0}{}\"]", slot(1), slot(3));
    assert_eq!(hits(&node.search("films", json!({ "filter": filter })).await, "id"), [2, 1].map(Value::from));
    let query = json!({ "q": format!("\u{22C0}{}", slot(1)) });
    assert_eq!(node.search("films", query).await["estimatedTotalHits"], 3, "separators alone are no query");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_settings_are_refused_at_once() {
    let node = Node::start().await;
    for (body, code) in [
        (json!({ "rankingRules": ["nope"] }), "invalid_settings_ranking_rules"),
        (json!({ "searchableAttributes": "title" }), "invalid_settings_searchable_attributes"),
        (json!({ "pagination": { "maxTotalHits": 0 } }), "invalid_settings_pagination"),
        (json!({ "embedders": { "e": { "source": "nope" } } }), "invalid_settings_embedders"),
        (json!({ "nope": 1 }), "bad_request"),
    ] {
        let (status, error) = node.call(Method::PATCH, SETTINGS, Body::Json(body)).await;
        assert_eq!((status, error["code"].as_str()), (400, Some(code)), "{error}");
    }
    assert_eq!(node.get("/tasks").await["total"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn vectors_are_stored_searched_and_shown() {
    let node = Node::start().await;
    let settings = json!({ "embedders": { "own": { "source": "userProvided", "dimensions": 2 } } });
    node.done(Method::PATCH, SETTINGS, Body::Json(settings)).await;
    let documents = json!([
        { "id": 1, "title": "north", "_vectors": { "own": [0.0, 1.0] } },
        { "id": 2, "title": "east", "_vectors": { "own": [1.0, 0.0] } },
        { "id": 3, "title": "nowhere", "_vectors": { "own": null } },
    ]);
    node.add("films", documents).await;
    let query = json!({ "vector": [0.9, 0.1], "hybrid": { "embedder": "own", "semanticRatio": 1.0 }, "retrieveVectors": true });
    let answer = node.search("films", query).await;
    assert_eq!(hits(&answer, "id"), [2, 1, 3].map(Value::from), "what has no vector is last");
    assert_eq!(
        answer["hits"][0]["_vectors"]["own"],
        json!({ "embeddings": [[1.0, 0.0]], "regenerate": false })
    );
    assert_eq!(
        node.get("/indexes/films/documents/1").await,
        json!({ "id": 1, "title": "north" }),
        "hidden unless asked"
    );
    let shown = node.get("/indexes/films/documents/1?retrieveVectors=true").await;
    assert_eq!(shown["_vectors"]["own"]["embeddings"], json!([[0.0, 1.0]]));
    let wrong = Body::Json(json!([{ "id": 4, "_vectors": { "own": [1.0, 2.0, 3.0] } }]));
    let task = node.run(Method::POST, "/indexes/films/documents", wrong).await;
    assert_eq!(task["error"]["code"], "invalid_vector_dimensions", "{task}");
    assert_eq!(node.get("/indexes/films/stats").await["numberOfEmbeddings"], 2);
}
