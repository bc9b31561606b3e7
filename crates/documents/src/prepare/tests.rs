use std::collections::BTreeMap;

use miroir_model::UnitSet;
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::Value;

use super::*;
use crate::check::{Embedder, check_strictly, hides_errors};
use crate::payload::for_each_frame;
use crate::{parse_csv_delimiter, unstamp};

const RULES: Rules<'_> =
    Rules { index_uid: "x", primary_key: None, requested_key: None, geo: false, embedders: &[] };

/// The documents of a payload, as the client sent them.
fn documents(prepared: &Prepared) -> Vec<String> {
    let mut documents = Vec::new();
    for_each_frame(&prepared.payload.blocks, |frame| {
        let (document, slot) = unstamp(frame.text).expect("a stamped document");
        assert_eq!(slot, frame.slot);
        documents.push(document);
    })
    .unwrap();
    documents
}

fn refusal(format: Format, body: &str, rules: &Rules<'_>) -> (String, String) {
    match prepare(format, body.as_bytes(), rules).unwrap_err() {
        PrepareError::Refused { refusal, .. } => (refusal.code.to_string(), refusal.message),
        PrepareError::Payload(error) => (error.code().to_string(), error.to_string()),
    }
}

/// One request to a real server of version 1.50.0, and what came of it. The index is `x`; the settings, then the
/// document `before`, were there first.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Recorded {
    content_type: String,
    csv_delimiter: Option<String>,
    primary_key: Option<String>,
    #[serde(default)]
    settings: BTreeMap<String, Value>,
    before: Option<String>,
    body: String,
    /// The answer, unless it was a 202.
    error: Option<RecordedError>,
    /// `receivedDocuments` of the task.
    received: Option<u64>,
    /// The error of the task.
    task_error: Option<RecordedError>,
    /// The index's primary key after the task, when it succeeded.
    key: Option<String>,
}

#[derive(Deserialize)]
struct RecordedError {
    status: Option<u16>,
    code: String,
    message: String,
}

/// What came of a request: the error of the answer, or of the task, or the primary key.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Answer(u16, String, String),
    Failed(u64, String, String),
    Stored(u64, Option<String>),
}

impl Recorded {
    fn theirs(&self) -> Outcome {
        let received = self.received.unwrap_or_default();
        match (&self.error, &self.task_error) {
            (Some(e), _) => Outcome::Answer(e.status.unwrap_or_default(), e.code.clone(), e.message.clone()),
            (None, Some(e)) => Outcome::Failed(received, e.code.clone(), e.message.clone()),
            (None, None) => Outcome::Stored(received, self.key.clone()),
        }
    }

    fn ours(&self) -> Outcome {
        let has_geo = |setting: &str| {
            self.settings
                .get(setting)
                .and_then(Value::as_array)
                .is_some_and(|list| list.contains(&Value::from("_geo")))
        };
        let embedders: Vec<Embedder> = self
            .settings
            .get("embedders")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
            .map(|(name, embedder)| Embedder {
                name: name.clone(),
                dimensions: embedder["dimensions"].as_u64().map(|n| n as usize),
            })
            .collect();
        let rules = Rules {
            primary_key: self.before.as_ref().map(|_| "id"),
            requested_key: self.primary_key.as_deref(),
            geo: has_geo("filterableAttributes") || has_geo("sortableAttributes"),
            embedders: &embedders,
            ..RULES
        };
        let prepared = self
            .csv_delimiter
            .as_deref()
            .map(parse_csv_delimiter)
            .transpose()
            .and_then(|delimiter| Format::from_request(Some(&self.content_type), delimiter))
            .map_err(PrepareError::from)
            .and_then(|format| prepare(format, self.body.as_bytes(), &rules));
        match prepared {
            Ok(prepared) => Outcome::Stored(prepared.received, prepared.primary_key),
            Err(PrepareError::Payload(e)) => {
                Outcome::Answer(e.code().http_status(), e.code().to_string(), e.to_string())
            }
            Err(PrepareError::Refused { refusal, received }) => {
                Outcome::Failed(received, refusal.code.to_string(), refusal.message)
            }
        }
    }

    /// Where we mean to differ: what only nodes can judge, and what makes a real server crash.
    fn differs(&self) -> bool {
        let theirs = self.task_error.as_ref();
        theirs.is_some_and(|error| {
            error.code == "vector_embedding_error" || error.message.contains("An unexpected crash occurred")
        }) || self.settings.get("filterableAttributes") == Some(&serde_json::json!(["_geojson"]))
    }
}

#[test]
fn every_recorded_request_ends_as_on_a_real_server() {
    let recorded = include_str!("../../tests/fixtures/meilisearch-1.50.ndjson");
    let (mut same, mut different) = (0, 0);
    let mut wrong = Vec::new();
    for line in recorded.lines() {
        let request: Recorded = serde_json::from_str(line).expect("a recorded request");
        match (request.ours(), request.theirs()) {
            _ if request.differs() => different += 1,
            (ours, theirs) if ours == theirs => same += 1,
            (ours, theirs) => wrong.push(format!("{line}\n  ours   {ours:?}\n  theirs {theirs:?}")),
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), same + wrong.len(), wrong.join("\n"));
    assert!(same > 250 && different < 20, "{same} the same, {different} meant to differ");
}

#[test]
fn values_stay_the_clients_bytes() {
    let array = "[ {\"id\" : 1, \"price\": 0.10,\n \"big\": 1E+300 , \"n\": {\"a\":1, \"a\": 2},\t\"s\":\"\\u00e9\\/\" } ,{\"id\":2}]";
    let prepared = prepare(Format::Json, array.as_bytes(), &RULES).unwrap();
    let first = "{\"id\" : 1, \"price\": 0.10,\n \"big\": 1E+300 , \"n\": {\"a\":1, \"a\": 2},\t\"s\":\"\\u00e9\\/\" }";
    assert_eq!(documents(&prepared), [first, "{\"id\":2}"]);
    let lines = format!("{first}\n\n{first}{{\"id\":2}}");
    let prepared = prepare(Format::Ndjson, lines.as_bytes(), &RULES).unwrap();
    assert_eq!(documents(&prepared), [first, first, "{\"id\":2}"]);
    assert_eq!(prepared.received, 3);
}

#[test]
fn a_reserved_name_is_refused() {
    let text = "`_miroir` is reserved: a document cannot have an attribute of this name.";
    for body in ["[{\"id\":1,\"_miroir\":1}]", "[{\"id\":1},{\"_mir\\u006fir\":null}]"] {
        let expected = ("miroir_reserved_attribute".to_owned(), text.to_owned());
        assert_eq!(refusal(Format::Json, body, &RULES), expected);
    }
    assert!(prepare(Format::Json, br#"[{"id":1,"a":{"_miroir":1}}]"#, &RULES).is_ok());
}

#[test]
fn a_repeated_id_is_written_once_in_json_since_nodes_are_sent_ndjson() {
    let body = r#"[{"id":1,"a":0.10,"id":2,"a":0.20}]"#;
    let prepared = prepare(Format::Json, body.as_bytes(), &RULES).unwrap();
    assert_eq!(documents(&prepared), [r#"{"id":2,"a":0.20}"#]);
    assert_eq!(prepared.payload.units, UnitSet::from_iter([slot_of_id("2").unit()]));
}

#[test]
fn more_than_65535_fields_are_refused() {
    let body = |from: usize, to: usize| {
        let fields: Vec<String> = (from..to).map(|n| format!("\"k{n}\":1")).collect();
        format!("{{\"id\":{from},{}}}\n", fields.join(","))
    };
    let full = body(0, 65_534);
    assert!(prepare(Format::Ndjson, full.as_bytes(), &RULES).is_ok());
    assert!(prepare(Format::Ndjson, (full.clone() + &*full).as_bytes(), &RULES).is_ok());
    let (code, text) = refusal(Format::Ndjson, &(full + &*body(65_533, 65_535)), &RULES);
    assert_eq!(code, "max_fields_limit_exceeded");
    assert_eq!(text, "A document cannot contain more than 65,535 fields.");
}

#[test]
fn bytes_that_are_no_text_are_malformed() {
    let error = |format, body: &[u8]| prepare(format, body, &RULES).unwrap_err().to_string();
    // Where the parser sees the fault depends on its version.
    let json = "The `json` payload provided is malformed. `Couldn't serialize document value: invalid unicode code \
                point at line 1 column ";
    assert!(error(Format::Json, b"[{\"id\":1,\"a\":\"\xff\"}]").starts_with(json));
    assert!(error(Format::Json, b"{\"id\":1,\"a\":\"\xff\"}").starts_with(json));
    assert!(
        error(Format::Ndjson, b"{\"id\":1}\n\"\xff\"")
            .contains("invalid unicode code point at line 2 column")
    );
    assert_eq!(
        error(Format::Csv { delimiter: b',' }, b"id,a\n1,\xff"),
        "The `csv` payload provided is malformed: `CSV parse error: record 1 (line 2, field: 1, byte: 5): invalid \
         utf-8: invalid UTF-8 in field 1 near byte index 0`."
    );
    let marked = prepare(Format::Csv { delimiter: b',' }, b"\xef\xbb\xbfid,a\n1,2", &RULES).unwrap();
    assert_eq!(documents(&marked), [r#"{"id":"1","a":"2"}"#]);
}

#[test]
fn a_stored_batch_is_judged_by_other_rules() {
    let body = r#"[{"id":1,"_geo":1,"id2":"a b"},{"id":2}]"#;
    let rules = Rules { primary_key: Some("id"), ..RULES };
    let prepared = prepare(Format::Json, body.as_bytes(), &rules).unwrap();
    let blocks = &prepared.payload.blocks;
    assert_eq!(revalidate(blocks, &rules), Ok(()));
    let strict = refusal(Format::Json, body, &Rules { geo: true, ..rules });
    match revalidate(blocks, &Rules { geo: true, ..rules }) {
        Err(RevalidateError::Refused(refusal)) => {
            assert_eq!((refusal.code.to_string(), refusal.message), strict);
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(revalidate([[1, 0]], &rules), Err(RevalidateError::Damaged(_))));
}

/// A key and a document nested as deep as a request allows must not exhaust the stack.
#[test]
fn a_key_of_any_depth_is_looked_up_without_harm() {
    let nested = |depth: usize| {
        let body = format!("[{}1{}]", "{\"a\":".repeat(depth), "}".repeat(depth));
        let key = vec!["a"; depth].join(".");
        prepare(Format::Json, body.as_bytes(), &Rules { requested_key: Some(&key), ..RULES })
    };
    assert_eq!(documents(&nested(100).unwrap()).len(), 1);
    assert!(matches!(nested(100_000), Err(PrepareError::Refused { .. })));
}

/// Any JSON value, as compact text.
fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec(("[a-z_.]{1,6}", inner), 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    /// Compact or with whitespace, one after the other or in an array: each document comes back byte for byte, in
    /// order, in the slot of its id.
    #[test]
    fn documents_come_back(
        values in prop::collection::vec(("[A-Za-z0-9_-]{1,20}", json(), any::<bool>()), 0..20),
        format in prop_oneof![Just(Format::Json), Just(Format::Ndjson)],
    ) {
        let texts: Vec<String> = values
            .iter()
            .map(|(id, value, pretty)| {
                let document = serde_json::json!({ "key": id, "value": value });
                if *pretty { format!("{document:#}") } else { document.to_string() }
            })
            .collect();
        let body = match format {
            Format::Json => format!("[{}]", texts.join(" ,\n")),
            _ => texts.join("\n") + "\n",
        };
        let rules = Rules { primary_key: Some("key"), ..RULES };
        let prepared = prepare(format, body.as_bytes(), &rules).unwrap();
        prop_assert_eq!(documents(&prepared), texts);
        let slots = values.iter().map(|(id, ..)| slot_of_id(id));
        prop_assert_eq!(prepared.payload.units, slots.map(|slot| slot.unit()).collect());
        prop_assert_eq!(revalidate(&prepared.payload.blocks, &rules), Ok(()));
    }

    #[test]
    fn any_bytes_never_panic(body in prop::collection::vec(any::<u8>(), 0..200), json in "[\\[\\]{}\",:0-9a\\\\u dDeE.-]{0,80}") {
        for format in [Format::Json, Format::Ndjson, Format::Csv { delimiter: b';' }] {
            let rules = Rules { geo: true, requested_key: Some("a.b"), ..RULES };
            _ = prepare(format, &body, &rules);
            _ = prepare(format, json.as_bytes(), &rules);
        }
    }

    /// What the quick look lets pass, the strict reading passes too.
    #[test]
    fn the_quick_look_hides_no_error(value in json(), number in "-?[1-9][0-9]{0,400}(\\.[0-9]{1,3})?([eE][+-]?[0-9]{1,3})?", escape in "\\\\u[dD][89abcdefAB][0-9a-f]{2}(\\\\u[dD][cdef][0-9]{2})?") {
        for text in [value.to_string(), number, format!("\"{escape}\"")] {
            let object = format!("{{\"a\":{text}}}");
            let raw: &RawValue = serde_json::from_str(&object).unwrap();
            let readable = serde_json::from_str::<Value>(&object).is_ok();
            prop_assert_eq!(check_strictly(raw).is_ok(), readable, "{}", object);
            if !hides_errors(raw.get()) {
                prop_assert!(readable, "{}", object);
            }
        }
    }
}

#[test]
fn a_document_that_no_node_would_take_is_refused() {
    let body = |length: usize| format!("{{\"id\":1,\"t\":\"{}\"}}", "x".repeat(length - 15));
    let longest = (100 << 20) - (1 << 10);
    let prepared = prepare(Format::Json, body(longest).as_bytes(), &RULES).unwrap();
    assert_eq!(prepared.received, 1);
    let (code, text) = refusal(Format::Json, &body(longest + 1), &RULES);
    assert_eq!(code, "payload_too_large");
    assert_eq!(text, "A document has 104856577 bytes; it can have at most 104856576.");
}
