//! Paths of attributes, as Meilisearch selects by them: `a.b` is the member `b` of the object `a` (or of each object in
//! the array `a`), and also a member that is called `a.b`.

use miroir_settings::lies_in;
use serde_json::{Map, Value};

/// Whether selecting `selector` selects all of `name`.
pub(crate) fn covers(selector: &str, name: &str) -> bool {
    lies_in(name, selector)
}

/// Whether one of the two lies in the other.
pub(crate) fn related(a: &str, b: &str) -> bool {
    covers(a, b) || covers(b, a)
}

/// Calls `visit` for each value at the path, in an object's member `name` with this value.
pub(crate) fn visit<'v>(name: &str, value: &'v Value, path: &str, visit: &mut impl FnMut(&'v Value)) {
    if name == path {
        return visit(value);
    }
    let Some(rest) = path.strip_prefix(name).and_then(|rest| rest.strip_prefix('.')) else { return };
    let mut within = |object: &'v Map<String, Value>| {
        object.iter().for_each(|(name, value)| self::visit(name, value, rest, visit));
    };
    match value {
        Value::Object(object) => within(object),
        Value::Array(items) => items.iter().filter_map(Value::as_object).for_each(within),
        _ => {}
    }
}

/// What the selectors leave of an object's member; `None` when they leave nothing.
pub(crate) fn select(name: &str, value: &Value, selectors: &[&str]) -> Option<Value> {
    if selectors.iter().any(|selector| covers(selector, name)) {
        return Some(value.clone());
    }
    let inner: Vec<&str> = selectors
        .iter()
        .filter_map(|s| s.strip_prefix(name).and_then(|rest| rest.strip_prefix('.')))
        .collect();
    if inner.is_empty() {
        return None;
    }
    let object = |object: &Map<String, Value>| -> Map<String, Value> {
        let kept =
            object.iter().filter_map(|(name, value)| Some((name.clone(), select(name, value, &inner)?)));
        kept.collect()
    };
    match value {
        Value::Object(members) => Some(object(members)).filter(|left| !left.is_empty()).map(Value::Object),
        Value::Array(items) => {
            let left: Vec<Value> =
                items.iter().filter_map(Value::as_object).map(object).map(Value::Object).collect();
            (!left.is_empty()).then_some(Value::Array(left))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn paths_select_as_meilisearch_does() {
        let person = json!({ "name": "jean", "race": { "name": "dog", "size": 80 }, "age.x": 1 });
        assert_eq!(
            select("p", &person, &["p.race.size", "p.name"]),
            Some(json!({ "name": "jean", "race": { "size": 80 } }))
        );
        assert_eq!(select("p", &person, &["p.age.x"]), Some(json!({ "age.x": 1 })));
        assert_eq!(select("p", &person, &["q", "p.none"]), None);
        assert_eq!(select("p", &person, &["p"]), Some(person.clone()));
        let list = json!([{ "a": 1, "b": 2 }, 3, { "a": 4 }]);
        assert_eq!(select("l", &list, &["l.a"]), Some(json!([{ "a": 1 }, { "a": 4 }])));
        let mut seen = Vec::new();
        visit("l", &list, "l.a", &mut |value| seen.push(value.clone()));
        assert_eq!(seen, [json!(1), json!(4)]);
        assert!(covers("a", "a.b") && !covers("a", "ab") && !covers("a.b", "a") && related("a.b", "a"));
    }
}
