//! The golden files are a Meilisearch 1.50.0's own answers: `refused.json` has the texts of `POST documents/delete`,
//! `accepted.json` how `POST search` quotes what it was asked. The inputs are those of Meilisearch's tests of its
//! parser, and as many again.

use miroir_settings::FilterableRule;
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn golden(text: &str) -> Vec<(String, String)> {
    serde_json::from_str(text).expect("pairs of texts")
}

fn parsed(text: &str) -> Filter<'_> {
    parse_text(text).unwrap_or_else(|error| panic!("{text}: {error}")).expect("not blank")
}

fn refused(text: &str) -> String {
    parse_text(text).expect_err(text).to_string()
}

#[test]
fn refused_in_meilisearchs_words() {
    let pairs = golden(include_str!("golden/refused.json"));
    assert!(pairs.len() > 250);
    for (text, error) in pairs {
        assert_eq!(refused(&text), error, "{text}");
    }
}

#[test]
fn read_as_meilisearch_reads_it() {
    let pairs = golden(include_str!("golden/accepted.json"));
    assert!(pairs.len() > 140);
    for (text, quoted) in pairs {
        let filter = parsed(&text);
        assert_eq!(filter.to_string(), quoted, "{text}");
        assert_eq!(parsed(&quoted), filter, "{text}");
    }
}

#[test]
fn foreign_filters() {
    let filter = parsed("_foreign( a , b = 'c d' OR e EXISTS) AND f = g");
    assert_eq!(filter.to_string(), r#"(_foreign("a", ("b" = "c d") OR ("e" EXISTS))) AND ("f" = "g")"#);
    assert_eq!(filter.attributes().map(Token::value).collect::<Vec<_>>(), ["f", "a"]);
}

/// Limits as they were measured.
#[test]
fn depth_is_limited() {
    let nested =
        |open: &str, depth: usize, close: &str| format!("{}a = b{}", open.repeat(depth), close.repeat(depth));
    for (open, most, close) in
        [("(", 36, ")"), ("NOT ", 147, ""), ("NOT (", 29, ")"), ("_foreign(x,", 49, ")")]
    {
        assert!(parse_text(&nested(open, most, close)).is_ok(), "{open}");
        let error = refused(&nested(open, most + 1, close));
        assert!(error.contains("depth limit") || open.starts_with("_foreign"), "{open}: {error}");
    }
}

/// On a small stack, which a call for each part would overflow. What took more than linear time would not end.
#[test]
fn no_text_is_too_long() {
    const REPEATED: &str = "(|NOT |NOT(|_foreign(a,|a = b AND |a = b OR |a IN [|AND'y'IN['b',]|''|_geoRadius(1,|\
                            _geoPolygon([1,1],|_vectors.a.|a |\\|a='\\|,|['a']|a TO |é| AND y = 1";
    let work = || {
        for part in REPEATED.split('|').map(|part| part.repeat(200_000)) {
            for start in ["", "y IN['b',]"] {
                match parse_text(&format!("{start}{part}")) {
                    Ok(filter) => drop(filter.map(|filter| filter.to_string())),
                    Err(error) => drop(error.to_string()),
                }
            }
        }
    };
    let thread = std::thread::Builder::new().stack_size(512 << 10).spawn(work).expect("a thread");
    thread.join().expect("no panic");
}

#[test]
fn arrays() {
    let shown = |filter: &Value| parse(filter).map(|filter| filter.map(|filter| filter.to_string()));
    let some = |text: &str| Ok(Some(text.to_owned()));
    assert_eq!(
        shown(&json!(["a = 1", ["b = 2", "c = 3"]])),
        some(r#"("a" = "1") AND (("b" = "2") OR ("c" = "3"))"#)
    );
    assert_eq!(shown(&json!([["a = 1"], [], "", [" "]])), some(r#""a" = "1""#));
    for empty in [json!(""), json!(" \n"), json!([]), json!([[], ""])] {
        assert_eq!(shown(&empty), Ok(None), "{empty}");
    }
    let wrong = |expected: &str, found: Value| {
        format!("Invalid syntax for the filter parameter: `expected {expected}, found: {found}`.")
    };
    for (filter, text) in [
        (json!(3), wrong("String, Array", json!(3))),
        (json!({"a": [1]}), wrong("String, Array", json!({"a": [1]}))),
        (json!(["a =", null]), wrong("String, [String]", json!(null))),
        (json!(["a =", ["b", ["c"]]]), wrong("String", json!(["c"]))),
        (
            json!(["a = 1", ["b = 2", "c ="]]),
            "Was expecting a value but instead got nothing.\n4:4 c =".to_owned(),
        ),
    ] {
        assert_eq!(shown(&filter).map_err(|error| error.to_string()), Err(text));
    }
}

/// Texts of the real server, with the features off.
#[test]
fn experimental_features() {
    let need = |text: &str| parsed(text).experimental().map(|experimental| experimental.to_string());
    assert_eq!(
        need("a = b OR NOT (genre NOT CONTAINS x AND _vectors EXISTS)").as_deref(),
        Some(
            "Using `CONTAINS` in a filter requires enabling the `contains filter` experimental feature. See \
             https://github.com/orgs/meilisearch/discussions/763\n25:33 a = b OR NOT (genre NOT CONTAINS x AND _vectors \
             EXISTS)"
        )
    );
    for (text, feature, place) in [
        ("_foreign(a, b = c)", "`foreign_keys`", "\n10:11 _foreign(a, b = c)"),
        ("_shard = x", "`network`", "\n1:7 _shard = x"),
        ("_vectors EXISTS", "`multimodal`", "\n1:9 _vectors EXISTS"),
    ] {
        let text = need(text).expect("a feature");
        assert!(text.contains(feature) && text.ends_with(place), "{text}");
    }
    assert_eq!(need("a STARTS WITH b AND '_vectors' EXISTS"), None);
}

/// Texts of the real server, which knows nothing of the reserved member.
#[test]
fn attributes_that_are_not_filterable() {
    let rules = |rules: Value| serde_json::from_value::<Vec<FilterableRule>>(rules).expect("rules");
    let checked =
        |text: &str, to: Value| parsed(text).check_filterable(&rules(to)).map_err(|error| error.to_string());
    let known = "is not filterable. Available filterable attribute patterns are: `genre`, `price`.";
    let to = json!(["price", "genre"]);
    assert_eq!(
        checked("genre = a AND _miroir = 3", to.clone()),
        Err(format!("Attribute `_miroir` {known}\n15:22 genre = a AND _miroir = 3"))
    );
    assert_eq!(
        checked("zz = a AND _miroir = 3 AND genre = x", to.clone()),
        Err(format!("Attribute `_miroir` {known}\n12:19 zz = a AND _miroir = 3 AND genre = x"))
    );
    assert_eq!(
        checked("_miroir.x IN [1] OR zz = 3", to.clone()),
        Err(format!("Attribute `zz` {known}\n21:23 _miroir.x IN [1] OR zz = 3"))
    );
    assert_eq!(checked("genre = a AND price.x < 3 AND _vectors EXISTS", to), Ok(()));
    assert_eq!(
        checked(r"'_m\x69roir' = 3", json!([])),
        Err("Attribute `_miroir` is not filterable. This index does not have configured filterable attributes.\n2:12 \
             '_m\\x69roir' = 3"
            .to_owned())
    );
    assert_eq!(
        parsed("genre = a AND _miroir = 3")
            .check_filterable_in_search(&[])
            .map_err(|error| error.to_string()),
        Err("Attribute `_miroir` is not filterable. This index does not have configured filterable \
             attributes.\n23:30 (\"genre\" = \"a\") AND (\"_miroir\" = \"3\")"
            .to_owned())
    );
    let features = json!({"facetSearch": false, "filter": {"equality": true, "comparison": false}});
    let every = json!([{"attributePatterns": ["*"], "features": features}]);
    assert!(checked("_miroir EXISTS", every.clone()).is_err());
    assert_eq!(checked("_miroirx EXISTS", every), Ok(()));
    assert!(parsed("NOT (a = b OR _miroir.x = y)").names_reserved());
    assert!(!parsed("_miroirs = _miroir").names_reserved());
}

/// What a filter is made of, and what it is not.
const PARTS: &str = "a|b.c|_geo|_vectors|_foreign|_geoRadius|_geoBoundingBox|_geoPolygon|AND|OR|NOT|IN|TO|EXISTS|IS|NULL|\
    EMPTY|CONTAINS|STARTS WITH|=|!=|<|>=|(|)|[|]|,|.|'|\"|\\| |  |\n|\u{a0}|1|-2.5e3|1e|é|🐻|fragments|.regenerate|userProvided|\
    \\x41|\\q|_geoPoint|'a b'";

fn part() -> impl Strategy<Value = &'static str> {
    prop::sample::select(PARTS.split('|').collect::<Vec<_>>())
}

fn quoted_text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z_.]{1,6}".prop_map(|word| if word.starts_with("_geo") { "x".to_owned() } else { word }),
        any::<String>().prop_map(|text| json!(text).to_string()),
        any::<String>().prop_map(|text| format!("'{}'", text.replace('\\', r"\\").replace('\'', r"\'"))),
    ]
}

fn filter_text() -> impl Strategy<Value = String> {
    let value = quoted_text;
    let leaf = prop_oneof![
        (
            value(),
            prop::sample::select(vec!["=", "!=", "<", ">=", " CONTAINS ", " NOT STARTS WITH "]),
            value()
        )
            .prop_map(|(attribute, operator, value)| format!("{attribute}{operator}{value}")),
        (value(), prop::collection::vec(value(), 0..3), any::<bool>()).prop_map(
            |(attribute, values, not)| {
                format!("{attribute} {}IN [{}]", if not { "NOT " } else { "" }, values.join(" , "))
            }
        ),
        (value(), value(), value()).prop_map(|(attribute, from, to)| format!("{attribute} {from} TO {to}")),
        (value(), prop::sample::select(vec!["EXISTS", "NOT EXISTS", "IS NULL", "IS NOT EMPTY"]))
            .prop_map(|(attribute, operator)| format!("{attribute} {operator}")),
        Just("_geoRadius(1, -2.5, 3e2)".to_owned()),
        Just("_geoPolygon([1,2],[3,4],[5,6])".to_owned()),
        any::<String>().prop_map(|name| format!("_vectors.{}.fragments.x EXISTS", json!(name))),
    ];
    leaf.prop_recursive(5, 40, 4, |inner| {
        let some = || prop::collection::vec(inner.clone(), 2..4);
        prop_oneof![
            some().prop_map(|filters| format!("({})", filters.join(" AND "))),
            some().prop_map(|filters| format!("({})", filters.join(" OR "))),
            inner.clone().prop_map(|filter| format!("NOT {filter}")),
            inner.clone().prop_map(|filter| format!("_foreign(x, {filter})")),
        ]
    })
}

proptest! {
    #[test]
    fn nothing_panics(text in any::<String>(), parts in prop::collection::vec(part(), 0..24)) {
        for text in [text, parts.concat(), parts.join(" ")] {
            match parse_text(&text) {
                Ok(Some(filter)) => {
                    let written = filter.to_string();
                    prop_assert_eq!(parsed(&written), filter);
                }
                Ok(None) => prop_assert!(text.trim().is_empty()),
                Err(error) => prop_assert!(error.to_string().contains('\n')),
            }
        }
    }

    #[test]
    fn a_filter_written_and_read_is_the_same(text in filter_text()) {
        let filter = parsed(&text);
        let written = filter.to_string();
        prop_assert_eq!(&parsed(&written), &filter);
        prop_assert_eq!(parsed(&written).to_string(), written);
    }

    #[test]
    fn a_quoted_value_means_itself(value in any::<String>()) {
        let single = format!("'{}'", value.replace('\\', r"\\").replace('\'', r"\'"));
        for text in [format!("a = {}", json!(value)), format!("a = {single}"), format!("a CONTAINS {single}")] {
            let Filter::Condition { is, .. } = parsed(&text) else { return Err(TestCaseError::fail(text)) };
            let (Condition::Compare(_, read) | Condition::Contains { word: read, .. }) = is else {
                return Err(TestCaseError::fail(text));
            };
            prop_assert_eq!(read.value(), &value);
        }
    }
}
