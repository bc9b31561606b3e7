//! Texts and codes as Meilisearch 1.50 answered them.

use miroir_api::ResponseError;
use serde_json::json;

use super::*;

fn post(body: serde_json::Value) -> Result<SearchRequest, RequestError> {
    from_json(body.to_string().as_bytes())
}

fn get(query: &[(&str, &str)]) -> Result<SearchRequest, RequestError> {
    from_parameters(query.iter().copied())
}

fn error<T: std::fmt::Debug>(result: Result<T, RequestError>) -> (String, &'static str) {
    let error = ResponseError::from(result.expect_err("an error"));
    (error.message, error.code.as_str())
}

#[test]
fn wrong_json_is_refused_in_meilisearchs_words() {
    let cases = [
        (
            json!({ "q": ["doggo"] }),
            "Invalid value type at `.q`: expected a string, but found an array: `[\"doggo\"]`",
            "invalid_search_q",
        ),
        (
            json!({ "offset": -1 }),
            "Invalid value type at `.offset`: expected a positive integer, but found a negative integer: `-1`",
            "invalid_search_offset",
        ),
        (
            json!({ "limit": null }),
            "Invalid value type at `.limit`: expected a positive integer, but found null",
            "invalid_search_limit",
        ),
        (
            json!({ "hitsPerPage": "doggo" }),
            "Invalid value type at `.hitsPerPage`: expected a positive integer, but found a string: `\"doggo\"`",
            "invalid_search_hits_per_page",
        ),
        (
            json!({ "attributesToRetrieve": [1] }),
            "Invalid value type at `.attributesToRetrieve[0]`: expected a string, but found a positive integer: `1`",
            "invalid_search_attributes_to_retrieve",
        ),
        (
            json!({ "showRankingScoreDetails": 1 }),
            "Invalid value type at `.showRankingScoreDetails`: expected a boolean, but found a positive integer: `1`",
            "invalid_search_show_ranking_score_details",
        ),
        (
            json!({ "matchingStrategy": "doggo" }),
            "Unknown value `doggo` at `.matchingStrategy`: expected one of `last`, `all`, `frequency`",
            "invalid_search_matching_strategy",
        ),
        (
            json!({ "rankingScoreThreshold": 42 }),
            "Invalid value at `.rankingScoreThreshold`: the value of `rankingScoreThreshold` is invalid, expected a float between `0.0` and `1.0`.",
            "invalid_search_ranking_score_threshold",
        ),
        (json!([1]), "Invalid value type: expected an object, but found an array: `[1]`", "bad_request"),
    ];
    for (body, message, code) in cases {
        assert_eq!(error(post(body)), (message.to_owned(), code));
    }
    let unknown = "Unknown field `marin`: expected one of `q`, `offset`, `limit`, `page`, `hitsPerPage`, `attributesToRetrieve`, `attributesToCrop`, `cropLength`, `cropMarker`, `attributesToHighlight`, `highlightPreTag`, `highlightPostTag`, `showMatchesPosition`, `filter`, `sort`, `distinct`, `facets`, `matchingStrategy`, `attributesToSearchOn`, `rankingScoreThreshold`, `locales`, `hybrid`, `vector`, `retrieveVectors`, `media`, `personalize`, `useNetwork`, `showRankingScore`, `showRankingScoreDetails`, `showPerformanceDetails`";
    assert_eq!(error(post(json!({ "marin": "x" }))), (unknown.to_owned(), "bad_request"));
    assert_eq!(error(from_json(b"")), ("A json payload is missing.".to_owned(), "missing_payload"));
    let malformed = "The json payload provided is malformed. `EOF while parsing a value at line 1 column 5`.";
    assert_eq!(error(from_json(b"{\"q\":")), (malformed.to_owned(), "malformed_payload"));
}

#[test]
fn wrong_parameters_are_refused_in_meilisearchs_words() {
    let cases = [
        (
            ("offset", "doggo"),
            "Invalid value in parameter `offset`: could not parse `doggo` as a positive integer",
            "invalid_search_offset",
        ),
        (
            ("showMatchesPosition", "doggo"),
            "Invalid value in parameter `showMatchesPosition`: could not parse `doggo` as a boolean, expected either `true` or `false`",
            "invalid_search_show_matches_position",
        ),
        (
            ("retrieveVectors", ""),
            "Invalid value in parameter `retrieveVectors`: could not parse `` as a boolean, expected either `true` or `false`",
            "invalid_search_retrieve_vectors",
        ),
        (
            ("matchingStrategy", "lst"),
            "Unknown value `lst` for parameter `matchingStrategy`: expected one of `last`, `all`, `frequency`",
            "invalid_search_matching_strategy",
        ),
        (
            ("rankingScoreThreshold", "a"),
            "Invalid value in parameter `rankingScoreThreshold`: the value of `rankingScoreThreshold` is invalid, expected a float between `0.0` and `1.0`.",
            "invalid_search_ranking_score_threshold",
        ),
    ];
    for (parameter, message, code) in cases {
        assert_eq!(error(get(&[parameter])), (message.to_owned(), code));
    }
    let (message, code) = error(get(&[("marin", "x")]));
    assert!(
        message.starts_with("Unknown parameter `marin`: expected one of `q`, `offset`")
            && code == "bad_request"
    );
    assert!(message.contains("`locales`, `hybridEmbedder`, `hybridSemanticRatio`, `vector`, `retrieveVectors`, `personalizeUserContext`, `useNetwork`"));
}

#[test]
fn both_forms_say_the_same() {
    let body = json!({
        "hybrid": { "embedder": "e", "semanticRatio": 0.25 }, "vector": [1, 0.5], "retrieveVectors": true,
        "q": "sun", "page": 2, "hitsPerPage": 7, "attributesToRetrieve": ["id", "title"], "attributesToCrop": ["a:3"],
        "cropLength": 4, "cropMarker": "..", "attributesToHighlight": ["*"], "highlightPreTag": "[", "highlightPostTag": "]",
        "showMatchesPosition": true, "filter": ["a = 1", ["b = 2"]], "sort": ["_geoPoint(1,2.5):asc", "price:desc"],
        "distinct": "sku", "facets": ["genre"], "matchingStrategy": "all", "attributesToSearchOn": ["title"],
        "rankingScoreThreshold": 0.5, "locales": ["eng"], "showRankingScore": true, "showRankingScoreDetails": true
    });
    let query = [
        ("q", "sun"),
        ("page", "2"),
        ("hitsPerPage", "7"),
        ("attributesToRetrieve", "id,title"),
        ("attributesToCrop", "a:3"),
        ("cropLength", "4"),
        ("cropMarker", ".."),
        ("attributesToHighlight", "*"),
        ("highlightPreTag", "["),
        ("highlightPostTag", "]"),
        ("showMatchesPosition", "true"),
        ("filter", r#"["a = 1", ["b = 2"]]"#),
        ("sort", "_geoPoint(1, 2.5):asc,price:desc"),
        ("distinct", "sku"),
        ("facets", "genre"),
        ("matchingStrategy", "all"),
        ("attributesToSearchOn", "title"),
        ("rankingScoreThreshold", "0.5"),
        ("locales", "eng"),
        ("showRankingScore", "true"),
        ("showRankingScoreDetails", "true"),
        ("hybridEmbedder", "e"),
        ("hybridSemanticRatio", "0.25"),
        ("vector", "1,0.5"),
        ("retrieveVectors", "true"),
    ];
    let (post, get) = (post(body).expect("right"), get(&query).expect("right"));
    assert_eq!(post, get);
    assert_eq!(post.paging, Paging::Page { page: 2, hits_per_page: 7 });
}

#[test]
fn nothing_said_is_the_default() {
    let request = get(&[("filter", "a = 1"), ("attributesToRetrieve", ""), ("limit", "3")]).expect("right");
    assert_eq!(request.paging, Paging::Window { offset: 0, limit: 3 });
    assert_eq!(request.filter, Some(json!("a = 1")));
    assert_eq!(request.attributes_to_retrieve, Some(Vec::new()));
    assert_eq!(
        post(json!({ "page": 3 })).expect("right").paging,
        Paging::Page { page: 3, hits_per_page: 20 }
    );
    assert_eq!(post(json!({})).expect("right"), get_nothing());
}

/// Texts and codes of 1.50.0, asked by hand.
#[test]
fn a_wrong_search_by_vectors_says_why() {
    let ratio = "the value of `semanticRatio` is invalid, expected a float between `0.0` and `1.0`.";
    let in_body = |ratio: &str| format!("Invalid value at `.hybrid.semanticRatio`: {ratio}");
    let in_url = |ratio: &str| format!("Invalid value in parameter `hybridSemanticRatio`: {ratio}");
    let unknown = "Unknown field `x` inside `.hybrid`: expected one of `semanticRatio`, `embedder`";
    for (hybrid, message, code) in [
        (json!({}), "Missing field `embedder` inside `.hybrid`", "invalid_search_hybrid_query"),
        (
            json!({ "embedder": 1 }),
            "Invalid value type at `.hybrid.embedder`: expected a string, but found a positive integer: `1`",
            "invalid_search_embedder",
        ),
        (json!({ "embedder": "e", "semanticRatio": 2 }), &in_body(ratio), "invalid_search_semantic_ratio"),
        (json!({ "embedder": "e", "x": 2 }), unknown, "invalid_search_hybrid_query"),
    ] {
        assert_eq!(error(post(json!({ "hybrid": hybrid }))), (message.to_owned(), code));
    }
    let vector = "Invalid value type at `.vector[0]`: expected a number, but found a string: `\"a\"`";
    assert_eq!(error(post(json!({ "vector": ["a"] }))), (vector.to_owned(), "invalid_search_vector"));
    let lonely = "`hybridEmbedder` is mandatory when `hybridSemanticRatio` is present";
    let float = "Invalid value in parameter `vector`: invalid float literal";
    for (parameters, message, code) in [
        (&[("hybridSemanticRatio", "0.3")] as &[_], lonely, "invalid_search_hybrid_query"),
        (
            &[("vector", "1,0")],
            "`hybridEmbedder` is mandatory when `vector` is present",
            "missing_search_hybrid",
        ),
        (
            &[("hybridEmbedder", "e"), ("hybridSemanticRatio", "3")],
            &in_url(ratio),
            "invalid_search_semantic_ratio",
        ),
        (&[("hybridEmbedder", "e"), ("vector", "1,a")], float, "invalid_search_vector"),
    ] {
        assert_eq!(error(get(parameters)), (message.to_owned(), code));
    }
}

fn get_nothing() -> SearchRequest {
    get(&[]).expect("right")
}

#[test]
fn what_is_not_there_yet_says_so() {
    for body in [
        json!({ "media": {} }),
        json!({ "personalize": { "userContext": "x" } }),
        json!({ "useNetwork": false }),
    ] {
        assert_eq!(error(post(body)).1, "miroir_not_implemented");
    }
    assert_eq!(error(get(&[("useNetwork", "true")])).1, "miroir_not_implemented");
}

/// The first four are texts of 1.50's own tests (`tests/search/multi/mod.rs`); the others are `deserr`'s, at their place.
#[test]
fn a_wrong_multi_search_says_where() {
    let not_a_uid = "Invalid value at `.queries[0].indexUid`: `hé` is not a valid index uid. Index uid can be an \
                     integer or a string containing only alphanumeric characters, hyphens (-) and underscores (_), and \
                     can not be more than 512 bytes.";
    let cases = [
        (json!([]), "Invalid value type: expected an object, but found an array: `[]`", "bad_request"),
        (json!({}), "Missing field `queries`", "bad_request"),
        (
            json!({ "queries": [{ "q": "doggo" }] }),
            "Missing field `indexUid` inside `.queries[0]`",
            "missing_index_uid",
        ),
        (json!({ "queries": [{ "indexUid": "hé" }] }), not_a_uid, "invalid_index_uid"),
        (
            json!({ "queries": [{ "indexUid": "a" }, { "indexUid": "b", "q": 3 }] }),
            "Invalid value type at `.queries[1].q`: expected a string, but found a positive integer: `3`",
            "invalid_search_q",
        ),
        (
            json!({ "queries": [{ "indexUid": "a", "attributesToCrop": [true] }] }),
            "Invalid value type at `.queries[0].attributesToCrop[0]`: expected a string, but found a boolean: `true`",
            "invalid_search_attributes_to_crop",
        ),
        (
            json!({ "queries": [3] }),
            "Invalid value type at `.queries[0]`: expected an object, but found a positive integer: `3`",
            "bad_request",
        ),
    ];
    for (body, message, code) in cases {
        let refused = multi_from_json(body.to_string().as_bytes()).expect_err("an error");
        let error = ResponseError::from(refused);
        assert_eq!((error.message.as_str(), error.code.as_str()), (message, code));
    }
}

#[test]
fn each_query_of_a_multi_search_is_a_search() {
    let body = json!({ "federation": null, "queries": [
        { "indexUid": "a", "q": "doggo", "limit": 3, "facets": ["race"] },
        { "indexUid": "b", "offset": null, "limit": null, "showPerformanceDetails": null },
        { "indexUid": "c", "federationOptions": { "weight": 2 } },
        { "indexUid": "d", "media": {} },
    ] });
    let MultiRequest { queries, federation } = multi_from_json(body.to_string().as_bytes()).expect("queries");
    assert_eq!(federation, None);
    let indexes: Vec<&str> = queries.iter().map(|query| query.index.as_str()).collect();
    assert_eq!(indexes, ["a", "b", "c", "d"]);
    assert_eq!(queries[0].search, post(json!({ "q": "doggo", "limit": 3, "facets": ["race"] })));
    assert_eq!(queries[1].search, post(json!({})));
    assert_eq!(error(queries[2].search.clone()).1, "invalid_multi_search_federation_options");
    assert_eq!(queries[3].search, Err(RequestError::Unsupported("media")));
}

fn federated(federation: serde_json::Value, query: serde_json::Value) -> Result<MultiRequest, RequestError> {
    let mut query = query;
    query["indexUid"] = json!("movies");
    multi_from_json(json!({ "queries": [query], "federation": federation }).to_string().as_bytes())
}

#[test]
fn a_federation_is_read() {
    let read = |federation| {
        let request =
            federated(federation, json!({ "federationOptions": { "weight": 0 } })).expect("a request");
        assert_eq!(request.queries[0].weight, 0.0);
        request.federation.expect("a federation")
    };
    let none = read(json!({}));
    assert_eq!(none.paging, Paging::Window { offset: 0, limit: 20 });
    assert_eq!((none.facets_by_index.len(), none.merge_facets, none.distinct), (0, None, None));
    let all = read(json!({
        "page": 2, "facetsByIndex": { "movies": ["genre"], "books": null },
        "mergeFacets": { "maxValuesPerFacet": 3 }, "distinct": "sku",
    }));
    assert_eq!(all.paging, Paging::Page { page: 2, hits_per_page: 20 });
    let facets: Vec<_> =
        all.facets_by_index.iter().map(|(uid, facets)| (uid.as_str(), facets.clone())).collect();
    assert_eq!(facets, [("books", None), ("movies", Some(vec!["genre".to_owned()]))]);
    assert_eq!(all.merge_facets, Some(MergeFacets { max_values_per_facet: Some(3) }));
    assert_eq!(all.distinct.as_deref(), Some("sku"));
}

/// Texts and codes of 1.50.
#[test]
fn a_federation_that_is_wrong_is_refused() {
    let bodies = [
        (
            json!({ "limit": "a" }),
            "federation.limit`: expected a positive integer, but found a string: `\"a\"`",
            "invalid_search_limit",
        ),
        (
            json!({ "limit": null }),
            "federation.limit`: expected a positive integer, but found null",
            "invalid_search_limit",
        ),
        (
            json!({ "facetsByIndex": [] }),
            "federation.facetsByIndex`: expected an object, but found an array: `[]`",
            "invalid_multi_search_facets_by_index",
        ),
        (
            json!({ "mergeFacets": 1 }),
            "federation.mergeFacets`: expected an object, but found a positive integer: `1`",
            "invalid_multi_search_merge_facets",
        ),
        (
            json!({ "mergeFacets": { "maxValuesPerFacet": "a" } }),
            "federation.mergeFacets.maxValuesPerFacet`: expected a positive integer, but found a string: `\"a\"`",
            "invalid_multi_search_max_values_per_facet",
        ),
    ];
    for (federation, text, code) in bodies {
        let (message, of) = error(federated(federation, json!({})));
        assert_eq!((message, of), (format!("Invalid value type at `.{text}"), code));
    }
    let weight = json!({ "federationOptions": { "weight": -1 } });
    let refused = error(federated(json!({}), weight));
    let text = "Invalid value at `.queries[0].federationOptions.weight`: the value of `weight` is invalid, expected a \
                positive float (>= 0.0).";
    assert_eq!(refused, (text.to_owned(), "invalid_multi_search_weight"));
    let (message, code) = error(federated(json!({ "facetsByIndex": { "a b": ["x"] } }), json!({})));
    assert_eq!(code, "invalid_multi_search_facets_by_index");
    assert_eq!(
        message,
        "Invalid value at `.federation.facetsByIndex`: the key \"a b\" could not be deserialized into the key type `meilisearch_types::index_uid::IndexUid`"
    );
}

/// Of what only the list as a whole has. Texts and codes of 1.50.
#[test]
fn a_query_of_a_federation_has_no_page_of_its_own() {
    let cases = [
        (
            json!({ "limit": 1 }),
            "Using pagination options is not allowed in federated queries.\n - Hint: remove `limit` from the query or remove `federation` from the request\n - Hint: pass `federation.limit` and `federation.offset` for pagination in federated search",
            "invalid_multi_search_query_pagination",
        ),
        (
            json!({ "facets": ["BOOSTED"] }),
            "Using facet options is not allowed in federated queries.\n - Hint: remove `facets` from the query or remove `federation` from the request\n - Hint: pass `federation.facetsByIndex.movies: [\"BOOSTED\"]` for facets in federated search",
            "invalid_multi_search_query_facets",
        ),
        (
            json!({ "distinct": "a" }),
            "Using `distinct` options is not allowed in federated queries when it also appears in `.federation.distinct`.\n - Hint: remove `distinct` from the query or remove `federation` from the request\n  - Note: `distinct` at the query level is discouraged in federated search.",
            "invalid_multi_search_distinct",
        ),
        (
            json!({ "federationOptions": { "queryPosition": 1 } }),
            "Using `federationOptions.queryPosition` requires enabling the `network` experimental feature. See https://github.com/orgs/meilisearch/discussions/805",
            "feature_not_enabled",
        ),
    ];
    for (query, text, code) in cases {
        let request = federated(json!({ "distinct": "b" }), query).expect("a request");
        let refused = error(request.queries[0].search.clone());
        assert_eq!(refused, (text.to_owned(), code));
    }
    let empty = federated(json!({}), json!({ "facets": [] })).expect("a request");
    assert!(empty.queries[0].search.is_ok(), "no facets are none");
}

/// In a body `null` is no filter; in a URL it is a wrong one, as it would be inside an array.
#[test]
fn null_is_a_wrong_filter_in_a_url() {
    assert_eq!(post(json!({ "filter": null })).expect("right").filter, None);
    let wrong = "Invalid syntax for the filter parameter: `expected String, Array, found: null`.";
    let code = "invalid_search_filter";
    assert_eq!(error(get(&[("filter", "null")])), (wrong.to_owned(), code));
    assert_eq!(get(&[("filter", "[null]")]).expect("left to nodes").filter, Some(json!([null])));
}

#[test]
fn locales_are_looked_at_before_anything_is_searched() {
    let (text, code) = error(post(json!({ "locales": ["fr", "jp"] })));
    let begins =
        "Unknown value `jp` at `.locales[1]`: expected one of `af`, `ak`, `am`, `ar`, `az`, `be`, `bn`,";
    assert!(text.starts_with(begins) && text.ends_with("`zul`, `cmn`"), "{text}");
    assert_eq!(code, "invalid_search_locales");
    let (text, code) = error(get(&[("locales", "fr,,jp,xx")]));
    let begins = "Invalid value in parameter `locales`: Unsupported locale `jp`, expected one of af, ak, am, ar, az, be, bg,";
    assert!(text.starts_with(begins) && text.ends_with("zho, zul"), "{text}");
    assert_eq!(code, "invalid_search_locales");
    let queries = json!({ "queries": [{ "indexUid": "movies", "locales": ["jp"] }] });
    let (text, _) = error(multi_from_json(queries.to_string().as_bytes()));
    assert!(text.starts_with("Unknown value `jp` at `.queries[0].locales[0]`: "), "{text}");
    assert_eq!(get(&[("locales", "fr,eng")]).expect("right").locales, Some(vec!["fr".into(), "eng".into()]));
}
