//! What nodes are told.

use miroir_api::ApiVersion;
use miroir_settings::{
    FacetOrder, Features, NODE_FACET_VALUES, NODE_HITS, NodeShape, Rules, SettingName, SettingsPatch,
    UserSettings, deciding_rule, node_settings,
};
use serde_json::{Value, json};

const ONE: NodeShape = NodeShape { several_shards: false };
const SEVERAL: NodeShape = NodeShape { several_shards: true };

fn rules(version: ApiVersion) -> Rules {
    Rules { version, features: Features::default() }
}

fn settings(body: &Value) -> UserSettings {
    let patch = SettingsPatch::parse(body, rules(ApiVersion::V1_50)).expect("a right body");
    UserSettings::new(ApiVersion::V1_50).apply(&patch).expect("a right change")
}

fn told(settings: &UserSettings, shape: NodeShape) -> Value {
    serde_json::from_str(&node_settings(settings, shape, None)).expect("JSON")
}

fn ours() -> Value {
    json!({"attributePatterns": ["_miroir"],
           "features": {"facetSearch": false, "filter": {"equality": true, "comparison": false}}})
}

#[test]
fn a_new_index_of_one_shard_differs_by_the_filter_only() {
    let told = told(&UserSettings::new(ApiVersion::V1_50), ONE);
    let names = SettingName::of_version(ApiVersion::V1_50).filter(|name| *name != SettingName::Chat);
    let expected = names.map(|name| {
        let value = match name {
            SettingName::DisplayedAttributes => json!(["*"]),
            SettingName::FilterableAttributes => json!([ours()]),
            _ => Value::Null,
        };
        (name.as_str().to_owned(), value)
    });
    assert_eq!(told, expected.collect::<Value>());
}

#[test]
fn several_shards_need_an_order_of_ties_and_room_to_merge() {
    for (version, count) in [(ApiVersion::V1_15, 6), (ApiVersion::V1_50, 7)] {
        let told = told(&UserSettings::new(version), SEVERAL);
        let rules = told["rankingRules"].as_array().unwrap();
        assert_eq!(rules.len(), count + 1);
        assert_eq!(rules[count], "_miroir:asc");
        assert_eq!(told["faceting"]["maxValuesPerFacet"], NODE_FACET_VALUES);
        assert_eq!(told["pagination"]["maxTotalHits"], NODE_HITS);
    }
    let large = settings(&json!({
        "rankingRules": ["typo"],
        "faceting": {"maxValuesPerFacet": 900_000},
        "pagination": {"maxTotalHits": 900_000},
    }));
    let told = told(&large, SEVERAL);
    assert_eq!(told["rankingRules"], json!(["typo", "_miroir:asc"]));
    assert_eq!(told["faceting"], json!({"maxValuesPerFacet": 900_000, "sortFacetValuesBy": {"*": "alpha"}}));
    assert_eq!(told["pagination"], json!({"maxTotalHits": 900_000}));
}

/// The rule that decides about the member on the node must be ours, and theirs keep their places when they can.
#[test]
fn our_filter_rule_decides_about_the_member() {
    for theirs in [
        json!(["genre"]),
        json!([{"attributePatterns": ["*"]}]),
        json!(["genre", {"attributePatterns": ["x", "_m*"], "features": {"filter": {"equality": false}}}]),
    ] {
        let told = told(&settings(&json!({"filterableAttributes": theirs})), ONE);
        let rules: Vec<_> = serde_json::from_value(told["filterableAttributes"].clone()).unwrap();
        let (decides, features) = deciding_rule(&rules, "_miroir").unwrap();
        assert_eq!(told["filterableAttributes"][decides], ours());
        assert!(features.filter.equality, "{theirs}");
    }
}

#[test]
fn what_a_user_hides_or_cuts_stays_with_the_peers() {
    let settings = settings(&json!({"displayedAttributes": ["title"], "distinctAttribute": "sku"}));
    let told = told(&settings, SEVERAL);
    assert_eq!(told["displayedAttributes"], json!(["*"]));
    assert_eq!(told["distinctAttribute"], "sku");
    assert_eq!(settings.displayed_attributes(), Some(vec!["title".to_owned()]));
}

#[test]
fn embedders_that_must_go_are_named() {
    let held = settings(&json!({"embedders": {
        "gone": {"source": "userProvided", "dimensions": 2},
        "kept": {"source": "ollama", "model": "m", "url": "http://localhost:1/api/embed", "apiKey": "secret"},
    }}));
    let new = settings(&json!({"embedders": {"kept": {"source": "ollama", "model": "m"}}}));
    let told: Value = serde_json::from_str(&node_settings(&new, ONE, Some(&held))).unwrap();
    let embedders = told["embedders"].as_object().unwrap();
    assert_eq!(embedders["gone"], Value::Null);
    assert_eq!((&embedders["kept"]["url"], &embedders["kept"]["apiKey"]), (&Value::Null, &Value::Null));
    assert!(embedders["kept"].as_object().unwrap().contains_key("url"));
    let told: Value = serde_json::from_str(&node_settings(&held, ONE, None)).unwrap();
    assert_eq!(told["embedders"]["kept"]["apiKey"], "secret");
}

/// Embedders are sent what the user knows of a document.
#[test]
fn the_template_of_embedders_leaves_the_reserved_member_out() {
    let own = "{{doc.title}}";
    let ollama = json!({"source": "ollama", "model": "m", "url": "http://localhost:1/api/embed"});
    let with = |template: &str| {
        let mut embedder = ollama.clone();
        embedder["documentTemplate"] = template.into();
        embedder
    };
    let chosen = settings(&json!({"embedders": {"given": {"source": "userProvided", "dimensions": 2},
                                                "default": ollama, "own": with(own)}}));
    let told = told(&chosen, ONE);
    let ours = "{% for field in fields %}{% if field.is_searchable and field.value != nil and field.name != \"_miroir\" %}\
                {{ field.name }}: {{ field.value }}\n{% endif %}{% endfor %}";
    assert_eq!(told["embedders"]["default"]["documentTemplate"], ours);
    assert_eq!(told["embedders"]["own"]["documentTemplate"], own);
    assert!(told["embedders"]["given"].get("documentTemplate").is_none());
    // Going back from an own template is going back to ours.
    let held = settings(&json!({"embedders": {"default": with(own)}}));
    let new = settings(&json!({"embedders": {"default": ollama}}));
    let told: Value = serde_json::from_str(&node_settings(&new, ONE, Some(&held))).unwrap();
    assert_eq!(told["embedders"]["default"]["documentTemplate"], ours);
}

#[test]
fn the_reserved_member_can_be_named_nowhere() {
    for body in [
        json!({"displayedAttributes": ["_miroir"]}),
        json!({"searchableAttributes": ["a", "_miroir.x"]}),
        json!({"filterableAttributes": ["_miroir"]}),
        json!({"filterableAttributes": [{"attributePatterns": ["_miroir"]}]}),
        json!({"sortableAttributes": ["_miroir"]}),
        json!({"rankingRules": ["_miroir:desc"]}),
        json!({"distinctAttribute": "_miroir"}),
        json!({"typoTolerance": {"disableOnAttributes": ["_miroir"]}}),
        json!({"faceting": {"sortFacetValuesBy": {"_miroir": "count"}}}),
        json!({"localizedAttributes": [{"locales": ["fr"], "attributePatterns": ["_miroir"]}]}),
        json!({"nonSeparatorTokens": ["\u{22C0}"]}),
        json!({"dictionary": ["\u{22C1}\u{22DF}"]}),
    ] {
        let error = SettingsPatch::parse(&body, rules(ApiVersion::V1_50)).unwrap_err();
        assert_eq!(error.code.as_str(), "miroir_reserved_attribute", "{body}");
    }
    for body in [
        json!({"filterableAttributes": [{"attributePatterns": ["*"]}], "sortableAttributes": ["_miroirs"]}),
        json!({"separatorTokens": ["\u{22C0}"], "dictionary": ["a\u{22C0}", ""]}),
    ] {
        assert!(SettingsPatch::parse(&body, rules(ApiVersion::V1_50)).is_ok(), "{body}");
    }
}

#[test]
fn the_old_version_knows_less() {
    let refused = |body: Value| SettingsPatch::parse(&body, rules(ApiVersion::V1_15)).unwrap_err().message;
    assert!(refused(json!({"foreignKeys": []})).starts_with("Unknown field `foreignKeys`: expected one of"));
    assert!(refused(json!({"rankingRules": ["attributeRank"]})).contains("ranking rule is invalid"));
    let embedder = json!({"embedders": {"a": {"searchFragments": {}}}});
    assert!(refused(embedder).starts_with("Unknown field `searchFragments` inside `.embedders.a`: "));
    let told = told(&UserSettings::new(ApiVersion::V1_15), ONE);
    assert!(told.get("foreignKeys").is_none());
}

#[test]
fn typed_values_are_what_was_set() {
    let settings = settings(&json!({
        "searchableAttributes": ["title"],
        "sortableAttributes": ["b", "a"],
        "rankingRules": ["words", "price:desc"],
        "faceting": {"maxValuesPerFacet": 7, "sortFacetValuesBy": {"genre": "count"}},
        "pagination": {"maxTotalHits": 12},
        "embedders": {"e": {"source": "userProvided", "dimensions": 3}},
        "searchCutoffMs": 150,
        "facetSearch": false,
    }));
    assert_eq!(settings.searchable_attributes(), Some(vec!["title".to_owned()]));
    assert_eq!(settings.displayed_attributes(), None);
    assert_eq!(settings.sortable_attributes().into_iter().collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(settings.ranking_rules()[1].attribute(), Some("price"));
    assert_eq!((settings.max_values_per_facet(), settings.max_total_hits()), (7, 12));
    let orders = settings.facet_orders();
    assert_eq!((orders.of("genre"), orders.of("year")), (FacetOrder::Count, FacetOrder::Alpha));
    assert_eq!(settings.embedders()[0].dimensions, Some(3));
    assert_eq!((settings.search_cutoff_ms(), settings.facet_search()), (Some(150), false));
    let new = UserSettings::new(ApiVersion::V1_50);
    assert_eq!((new.max_values_per_facet(), new.max_total_hits(), new.facet_search()), (100, 1000, true));
    assert_eq!((new.distinct_attribute(), new.search_cutoff_ms()), (None, None));
    assert!(new.filterable_attributes().is_empty() && new.embedders().is_empty());
    assert_eq!(new.ranking_rules().len(), 7);
}
