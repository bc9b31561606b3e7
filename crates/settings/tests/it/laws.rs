//! What holds for any changes of settings.

use miroir_api::ApiVersion;
use miroir_settings::{Features, NodeShape, Rules, SettingName, SettingsPatch, UserSettings, node_settings};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

const EVERYTHING: Features =
    Features { chat_completions: true, foreign_keys: true, composite_embedders: true, multimodal: true };

fn version() -> impl Strategy<Value = ApiVersion> {
    prop::sample::select(&ApiVersion::ALL[..])
}

fn attribute() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "b", "a.b", "title", "_m", "*"]).prop_map(str::to_owned)
}

fn word_set() -> impl Strategy<Value = Value> {
    prop::collection::vec("[a-c]{1,2}", 0..4).prop_map(Value::from)
}

fn rule() -> impl Strategy<Value = Value> {
    let patterns = prop::collection::vec("[*]?[_am][_a-m]{0,2}[*]?", 1..3);
    prop_oneof![
        attribute().prop_map(Value::from),
        (patterns, any::<bool>(), any::<bool>()).prop_map(|(patterns, facets, equality)| json!({
            "attributePatterns": patterns,
            "features": { "facetSearch": facets, "filter": { "equality": equality } }
        })),
    ]
}

/// An object with some of the members, each with a value or `null`.
fn some_of(members: Vec<(&'static str, BoxedStrategy<Value>)>) -> BoxedStrategy<Value> {
    let some: Vec<_> = members
        .into_iter()
        .map(|(name, value)| {
            let sent = prop_oneof![2 => Just(None), 1 => Just(Some(Value::Null)), 4 => value.prop_map(Some)];
            sent.prop_map(move |value| Some((name.to_owned(), value?)))
        })
        .collect();
    some.prop_map(|members| Value::Object(members.into_iter().flatten().collect::<Map<_, _>>())).boxed()
}

fn embedder() -> impl Strategy<Value = Value> {
    let own = (1..5u64).prop_map(|dimensions| json!({"source": "userProvided", "dimensions": dimensions}));
    let rest = ("[a-z]{1,30}", any::<bool>()).prop_map(|(key, template)| {
        let mut embedder = json!({"source": "rest", "url": "http://localhost:1", "request": "{{text}}",
            "response": "{{embedding}}", "dimensions": 3, "apiKey": key});
        if template {
            embedder["documentTemplate"] = json!("{{doc.title}}");
        }
        embedder
    });
    prop_oneof![own, rest, Just(Value::Null)]
}

/// A body that the version's rules accept.
fn body() -> BoxedStrategy<Value> {
    let attributes = || prop::collection::vec(attribute(), 0..4).prop_map(Value::from).boxed();
    let ranking =
        prop::sample::subsequence(vec!["words", "typo", "sort", "exactness", "a:asc", "b:desc"], 0..5);
    let sizes = some_of(vec![
        ("oneTypo", (0..9u64).prop_map(Value::from).boxed()),
        ("twoTypos", (9..20u64).prop_map(Value::from).boxed()),
    ]);
    let flag = || any::<bool>().prop_map(Value::from).boxed();
    let orders = prop::collection::btree_map(attribute(), prop::sample::select(vec!["alpha", "count"]), 0..3);
    let embedders = prop::collection::btree_map("[xyz]", embedder(), 0..3);
    some_of(vec![
        ("displayedAttributes", attributes()),
        ("searchableAttributes", attributes()),
        ("filterableAttributes", prop::collection::vec(rule(), 0..4).prop_map(Value::from).boxed()),
        ("sortableAttributes", attributes()),
        ("rankingRules", ranking.prop_map(Value::from).boxed()),
        ("stopWords", word_set().boxed()),
        ("dictionary", word_set().boxed()),
        (
            "synonyms",
            prop::collection::btree_map("[ab]", word_set(), 0..3).prop_map(|map| json!(map)).boxed(),
        ),
        ("distinctAttribute", attribute().prop_map(Value::from).boxed()),
        (
            "typoTolerance",
            some_of(vec![
                ("enabled", flag()),
                ("minWordSizeForTypos", sizes),
                ("disableOnWords", word_set().boxed()),
            ]),
        ),
        (
            "faceting",
            some_of(vec![
                ("maxValuesPerFacet", (0..200_000u64).prop_map(Value::from).boxed()),
                ("sortFacetValuesBy", orders.prop_map(|orders| json!(orders)).boxed()),
            ]),
        ),
        ("pagination", some_of(vec![("maxTotalHits", (1..20_000u64).prop_map(Value::from).boxed())])),
        ("embedders", embedders.prop_map(|embedders| json!(embedders)).boxed()),
        ("searchCutoffMs", any::<u64>().prop_map(Value::from).boxed()),
        ("facetSearch", flag()),
        ("chat", some_of(vec![("description", "[a-z]{0,3}".prop_map(Value::from).boxed())])),
    ])
}

fn parse(body: &Value, version: ApiVersion) -> SettingsPatch {
    SettingsPatch::parse(body, Rules { version, features: EVERYTHING })
        .expect("the strategy makes right bodies")
}

/// The settings after each change that can be applied.
fn after(bodies: &[Value], version: ApiVersion) -> UserSettings {
    bodies.iter().fold(UserSettings::new(version), |settings, body| {
        settings.apply(&parse(body, version)).unwrap_or(settings)
    })
}

/// A body for nodes, read as a user's would be. (The reserved member is one that users may not name.)
fn as_users(node_body: &str) -> Value {
    serde_json::from_str(&node_body.replace("_miroir", "_tag")).expect("JSON")
}

proptest! {
    #[test]
    fn a_change_applied_twice_is_applied_once(
        version in version(), bodies in prop::collection::vec(body(), 0..3), last in body()
    ) {
        let patch = parse(&last, version);
        if let Ok(once) = after(&bodies, version).apply(&patch) {
            prop_assert_eq!(once.apply(&patch).unwrap(), once);
        }
    }

    #[test]
    fn what_is_shown_can_be_sent_back(version in version(), bodies in prop::collection::vec(body(), 0..4)) {
        let settings = after(&bodies, version);
        let shown: Value = serde_json::from_str(&settings.to_json(EVERYTHING)).unwrap();
        prop_assume!(!shown.to_string().contains("apiKey"), "a cut key is another key");
        let again = UserSettings::new(version).apply(&parse(&shown, version)).unwrap();
        prop_assert_eq!(again.to_json(EVERYTHING), settings.to_json(EVERYTHING));
    }

    #[test]
    fn details_are_a_patch_with_the_same_details(version in version(), body in body()) {
        let details = parse(&body, version).details();
        let again = parse(&serde_json::from_str(&details).unwrap(), version);
        let keyless = !details.contains("apiKey");
        prop_assert!(!keyless || again.details() == details);
    }

    #[test]
    fn a_reset_of_all_leaves_a_new_index(version in version(), bodies in prop::collection::vec(body(), 0..4)) {
        let settings = after(&bodies, version).apply(&SettingsPatch::reset_all(version)).unwrap();
        prop_assert_eq!(&settings, &UserSettings::new(version));
        let one_by_one = SettingName::of_version(version).fold(after(&bodies, version), |settings, name| {
            settings.apply(&SettingsPatch::reset(name)).unwrap()
        });
        prop_assert_eq!(one_by_one, settings);
    }

    #[test]
    fn the_log_can_store_both(version in version(), bodies in prop::collection::vec(body(), 0..4), body in body()) {
        let settings = after(&bodies, version);
        let bytes = postcard::to_stdvec(&settings).unwrap();
        prop_assert_eq!(postcard::from_bytes::<UserSettings>(&bytes).unwrap(), settings);
        let patch = parse(&body, version);
        let bytes = postcard::to_stdvec(&patch).unwrap();
        prop_assert_eq!(postcard::from_bytes::<SettingsPatch>(&bytes).unwrap(), patch);
    }

    #[test]
    fn what_nodes_are_told_never_shows(
        version in version(), bodies in prop::collection::vec(body(), 0..4), several_shards in any::<bool>()
    ) {
        let settings = after(&bodies, version);
        prop_assert!(!settings.to_json(EVERYTHING).contains("_miroir"));
        let told = node_settings(&settings, NodeShape { several_shards }, None);
        prop_assert!(told.contains("_miroir"));
    }

    /// A node here is what it was told, merged as a node merges.
    #[test]
    fn a_node_that_held_others_ends_like_a_fresh_one(
        version in version(), several_shards in any::<bool>(),
        former in prop::collection::vec(body(), 0..4), new in prop::collection::vec(body(), 0..4)
    ) {
        let shape = NodeShape { several_shards };
        let (former, new) = (after(&former, version), after(&new, version));
        let told = |node: UserSettings, body: String| node.apply(&parse(&as_users(&body), version)).unwrap();
        let fresh = || UserSettings::new(version);
        let held = told(fresh(), node_settings(&former, shape, None));
        let rolled = held.apply(&parse(&as_users(&node_settings(&new, shape, Some(&former))), version));
        match rolled {
            Ok(rolled) => prop_assert_eq!(rolled, told(fresh(), node_settings(&new, shape, None))),
            // A node keeps the key when the source changes, and some sources may have none.
            Err(error) => prop_assert!(error.message.contains("Field `apiKey` unavailable"), "{}", error),
        }
    }
}
