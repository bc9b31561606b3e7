//! A document as copies are compared by: members sorted by name at every depth, the reserved one left out.

use miroir_model::RESERVED_MEMBER;
use serde_json::{Map, Value};

/// The canonical text of a document.
pub(crate) fn text(mut document: Map<String, Value>) -> String {
    document.remove(RESERVED_MEMBER);
    sorted(Value::Object(document)).to_string()
}

fn sorted(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.into_iter().collect();
            members.sort_by(|(a, _), (b, _)| a.cmp(b));
            Value::Object(members.into_iter().map(|(name, value)| (name, sorted(value))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_does_not_matter_and_the_reserved_member_does_not_count() {
        let document = |text| serde_json::from_str(text).expect("an object");
        let a = text(document(r#"{"b":{"y":1,"x":[{"q":1,"p":2}]},"a":1,"_miroir":["x"]}"#));
        let b = text(document(r#"{"a":1,"b":{"x":[{"p":2,"q":1}],"y":1}}"#));
        assert_eq!(a, b);
        assert_eq!(a, r#"{"a":1,"b":{"x":[{"p":2,"q":1}],"y":1}}"#);
    }
}
