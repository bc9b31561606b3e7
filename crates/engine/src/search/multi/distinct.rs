//! Keeping documents apart by the values that they store (`FacetValue` of 1.50).

use std::collections::HashSet;
use std::slice;

use milli::{Object, normalize_facet};
use serde_json::Value;

/// A value as facets compare it.
#[derive(PartialEq, Eq, Hash)]
pub(super) enum FacetValue {
    Number(String),
    /// Without what facets do not tell apart, as capitals.
    Text(String),
}

impl FacetValue {
    fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Bool(flag) => Some(Self::Text(flag.to_string())),
            Value::Number(number) => Some(Self::Number(number.to_string())),
            Value::String(text) => Some(Self::Text(normalize_facet(text))),
            _ => None,
        }
    }
}

/// The values that a document has of an attribute.
pub(super) fn values(document: &Object, name: &str) -> Vec<FacetValue> {
    let mut reached = Vec::new();
    reach(document, name, &mut reached);
    let leaves = reached.into_iter().flat_map(|value| match value {
        Value::Array(values) => values.as_slice(),
        value => slice::from_ref(value),
    });
    leaves.filter_map(FacetValue::of).collect()
}

/// What is called `name`: literally, or through objects and arrays of objects where it has dots.
fn reach<'a>(object: &'a Object, name: &str, reached: &mut Vec<&'a Value>) {
    reached.extend(object.get(name));
    for (dot, _) in name.match_indices('.') {
        let inside: &[Value] = match object.get(&name[..dot]) {
            Some(Value::Array(values)) => values.as_slice(),
            Some(value) => slice::from_ref(value),
            None => &[],
        };
        for object in inside.iter().filter_map(Value::as_object) {
            reach(object, &name[dot + 1..], reached);
        }
    }
}

/// The values that documents of the list have, when it is distinct.
pub(super) struct Distinct<'a> {
    attribute: Option<&'a str>,
    seen: HashSet<FacetValue>,
}

impl<'a> Distinct<'a> {
    pub(super) fn new(attribute: Option<&'a str>) -> Self {
        Self { attribute, seen: HashSet::new() }
    }

    /// Whether a document has no value that one before it has.
    pub(super) fn takes(&mut self, document: Option<&Object>) -> bool {
        let (Some(attribute), Some(document)) = (self.attribute, document) else { return true };
        let values = values(document, attribute);
        let is_new = !values.iter().any(|value| self.seen.contains(value));
        if is_new {
            self.seen.extend(values);
        }
        is_new
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn taken(documents: &[Value], attribute: &str) -> Vec<bool> {
        let mut distinct = Distinct::new(Some(attribute));
        documents.iter().map(|document| distinct.takes(document.as_object())).collect()
    }

    #[test]
    fn values_are_found_through_objects_and_arrays() {
        let documents = [
            json!({ "a": [{ "b": ["x", 1] }, { "b": true }] }),
            json!({ "a.b": "X " }),
            json!({ "a": { "b": 1 } }),
            json!({ "a": { "b": "true" } }),
            json!({ "a": { "b": "1" } }),
            json!({ "a": "1" }),
            json!({ "a": { "b": null } }),
        ];
        assert_eq!(taken(&documents, "a.b"), [true, false, false, false, true, true, true]);
    }
}
