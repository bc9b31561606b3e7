//! Requests that name the reserved member, and what a Meilisearch 1.50.0 says that has no document with it.

use miroir_api::{ApiVersion, ErrorCode};
use miroir_query::{check_list, check_search, from_json, list_from_json};
use miroir_settings::{Features, Rules, SettingsPatch, UserSettings};
use serde_json::{Value, json};

fn settings(value: &Value) -> UserSettings {
    let rules = Rules { version: ApiVersion::V1_50, features: Features::default() };
    let patch = SettingsPatch::parse(value, rules).expect("right settings");
    UserSettings::new(rules.version).apply(&patch).expect("settings that fit")
}

fn refusal(settings: &UserSettings, request: &Value) -> Option<(ErrorCode, String)> {
    let request = from_json(request.to_string().as_bytes()).expect("a request");
    let error = check_search(&request, "movies", settings).err()?;
    Some((error.code, error.message))
}

const NOT_DISTINCT: &str = "Index `movies`: Attribute `_miroir` is not filterable and thus, cannot be used as \
                            distinct attribute.";

#[test]
fn plain_names() {
    let shown = settings(&json!({"filterableAttributes": ["price", "genre"]}));
    let hidden = settings(
        &json!({"filterableAttributes": ["title", "genre"], "displayedAttributes": ["id", "title"]}),
    );
    let all_hidden = settings(&json!({"filterableAttributes": ["genre"], "displayedAttributes": ["id"]}));
    for (settings, distinct, facets) in [
        (
            &shown,
            "Available filterable attributes patterns are: `genre, price`.",
            "Available filterable attributes patterns are: `genre, price`.",
        ),
        (
            &hidden,
            "Available filterable attributes patterns are: `title, <..hidden-attributes>`.",
            "Available filterable attributes patterns are: `genre, title`.",
        ),
        (
            &all_hidden,
            "This index does not have configured filterable attributes.",
            "Available filterable attributes patterns are: `genre`.",
        ),
        (
            &settings(&json!({})),
            "This index does not have configured filterable attributes.",
            "This index does not have configured filterable attributes.",
        ),
    ] {
        let distinct = (ErrorCode::InvalidSearchDistinct, format!("{NOT_DISTINCT} {distinct}"));
        assert_eq!(refusal(settings, &json!({"distinct": "_miroir"})), Some(distinct));
        // `*` is a plain character beside plain names, and so is no pattern of theirs.
        for facet in ["_miroir", "_miroir.x", "_mir*", "*r", "*ro*", "*"] {
            let text = format!("Invalid facet distribution: Pattern `{facet}` is not filterable. {facets}");
            let expected = Some((ErrorCode::InvalidSearchFacets, text));
            assert_eq!(refusal(settings, &json!({"facets": [facet]})), expected);
        }
    }
}

#[test]
fn patterns() {
    let none = json!({"facetSearch": false, "filter": {"equality": false, "comparison": false}});
    let rules = settings(&json!({"filterableAttributes": [
        {"attributePatterns": ["*_id", "_m*"], "features": none}, {"attributePatterns": ["g*"]}, "title"
    ]}));
    let distinct = format!(
        "{NOT_DISTINCT} Note: this attribute matches rule #0 in filterableAttributes, but this rule does not enable \
         filtering.\nHint: enable filtering in rule #0 by adding appropriate filter features.\nHint: prepend another \
         rule matching _miroir with filter features before rule #0"
    );
    assert_eq!(
        refusal(&rules, &json!({"distinct": "_miroir"})),
        Some((ErrorCode::InvalidSearchDistinct, distinct))
    );
    let facets = "Invalid facet distribution: Attribute `_mir*` matched rule #0 in filterableAttributes, but this rule \
                  does not enable filtering.\nHint: enable filtering in rule #0 by modifying the features.filter \
                  object\nHint: prepend another rule matching `_mir*` with appropriate filter features before rule #0";
    let expected = Some((ErrorCode::InvalidSearchFacets, facets.to_owned()));
    assert_eq!(refusal(&rules, &json!({"facets": ["_mir*"]})), expected);
    let facets = "Invalid facet distribution: Pattern `*r` is not filterable. Available filterable attributes patterns \
                  are: `g*, title`.";
    let expected = Some((ErrorCode::InvalidSearchFacets, facets.to_owned()));
    assert_eq!(refusal(&rules, &json!({"facets": ["*r"]})), expected);
    assert_eq!(refusal(&rules, &json!({"facets": ["*", "title"]})), None);
    // What all patterns match can be counted: there is nothing of it.
    let all = settings(&json!({"filterableAttributes": [{"attributePatterns": ["*"]}]}));
    for facet in ["_miroir", "_miroir.x", "_mir*", "*", "*r"] {
        assert_eq!(refusal(&all, &json!({"facets": [facet]})), None, "{facet}");
    }
}

#[test]
fn several_faults_come_in_order() {
    let settings = settings(&json!({"filterableAttributes": ["genre"]}));
    let code = |request: Value| refusal(&settings, &request).map(|(code, _)| code);
    let all = json!({"distinct": "_miroir", "filter": "_miroir = 1", "facets": ["_miroir"]});
    assert_eq!(code(all), Some(ErrorCode::InvalidSearchDistinct));
    let other = json!({"distinct": "zz", "filter": "zz = 1", "facets": ["genre", "_miroir"]});
    assert_eq!(code(other), Some(ErrorCode::InvalidSearchDistinct));
    let filter = json!({"distinct": "genre", "filter": "zz = 1", "facets": ["_miroir"]});
    assert_eq!(code(filter), Some(ErrorCode::InvalidSearchFilter));
    let facets = json!({"facets": ["genre", "zz", "_miroir"]});
    let text = "Invalid facet distribution: Pattern `zz` is not filterable. Available filterable attributes patterns \
                are: `genre`.";
    assert_eq!(refusal(&settings, &facets), Some((ErrorCode::InvalidSearchFacets, text.to_owned())));
}

/// Nodes say what is wrong with them, and what is right about others.
#[test]
fn other_requests_are_left_to_the_nodes() {
    let settings = settings(&json!({"filterableAttributes": ["genre"]}));
    for request in [
        json!({"distinct": "zz", "filter": "zz = 1", "facets": ["zz", "gen*"], "sort": ["_miroir:asc"]}),
        json!({"distinct": "_miroirs", "facets": ["_miroirs", "genre.*"], "filter": "_miroirs = 1"}),
        json!({"attributesToSearchOn": ["_miroir"], "attributesToRetrieve": ["_miroir"]}),
        json!({"facets": [], "filter": "_miroir = "}),
        json!({}),
    ] {
        assert_eq!(refusal(&settings, &request), None, "{request}");
    }
}

#[test]
fn lists() {
    let settings = settings(&json!({"filterableAttributes": ["genre"]}));
    let check = |filter: &str| {
        let request = list_from_json(json!({"filter": filter}).to_string().as_bytes()).expect("a request");
        check_list(&request, &settings).map_err(|error| (error.code, error.message))
    };
    assert_eq!(check("zz = 1"), Ok(()));
    let text = "Attribute `_miroir` is not filterable. Available filterable attribute patterns are: `genre`.\n1:8 \
                _miroir EXISTS";
    assert_eq!(check("_miroir EXISTS"), Err((ErrorCode::InvalidDocumentFilter, text.to_owned())));
}
