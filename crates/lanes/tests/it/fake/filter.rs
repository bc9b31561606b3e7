//! The filters that tests use: `field = value`, `field IN [..]`, `field NOT IN [..]`, and arrays of them.

use serde_json::Value;

/// Whether a document matches a filter, given as JSON text.
pub(crate) fn matches(document: &Value, filter: &str) -> bool {
    let holds = |condition: &Value| condition_holds(document, condition.as_str().expect("a condition"));
    match serde_json::from_str(filter).expect("JSON") {
        Value::Array(all) => all.iter().all(|condition| match condition {
            Value::Array(any) => any.iter().any(holds),
            one => holds(one),
        }),
        one => holds(&one),
    }
}

fn condition_holds(document: &Value, condition: &str) -> bool {
    let has = |field: &str, wanted: &[&str]| {
        let values = match &document[field] {
            Value::Array(values) => values.clone(),
            one => vec![one.clone()],
        };
        values.iter().any(|value| match value {
            Value::String(text) => wanted.contains(&text.as_str()),
            other => wanted.contains(&other.to_string().as_str()),
        })
    };
    if let Some((field, values)) = condition.split_once(" NOT IN ") {
        return !has(field, &split(values));
    }
    if let Some((field, values)) = condition.split_once(" IN ") {
        return has(field, &split(values));
    }
    let (field, value) = condition.split_once(" = ").expect("a condition that tests use");
    has(field, &[value])
}

fn split(list: &str) -> Vec<&str> {
    let inner = list.trim_start_matches('[').trim_end_matches(']');
    inner.split(',').map(|value| value.trim().trim_matches('"')).collect()
}
