//! Choosing members of a document by dotted names, with arrays in between (what Meilisearch's `permissive-json-pointer`
//! does).

use serde_json::{Map, Value};

/// Whether the name `selector` is `key` or lies inside it.
fn is_inside(selector: &str, key: &str) -> bool {
    selector.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// The members that the selectors name, in the document's order. A selector may be a literal key that holds dots.
pub(crate) fn select_values<'a>(
    object: &Map<String, Value>,
    selectors: impl IntoIterator<Item = &'a str>,
) -> Map<String, Value> {
    select(object, &selectors.into_iter().collect::<Vec<_>>())
}

fn select(object: &Map<String, Value>, selectors: &[&str]) -> Map<String, Value> {
    let mut chosen = Map::new();
    for (key, value) in object {
        if selectors.contains(&key.as_str()) {
            chosen.insert(key.clone(), value.clone());
            if !key.contains('.') {
                continue;
            }
        }
        let inner: Vec<&str> = selectors
            .iter()
            .filter_map(|selector| selector.strip_prefix(key.as_str())?.strip_prefix('.'))
            .collect();
        if inner.is_empty() {
            continue;
        }
        match value {
            Value::Object(object) => {
                chosen.insert(key.clone(), Value::Object(select(object, &inner)));
            }
            Value::Array(values) => {
                chosen.insert(key.clone(), Value::Array(select_in_array(values, &inner)));
            }
            _ => (),
        }
    }
    chosen
}

fn select_in_array(values: &[Value], selectors: &[&str]) -> Vec<Value> {
    let one = |value: &Value| match value {
        Value::Array(values) => Some(Value::Array(select_in_array(values, selectors))),
        Value::Object(object) => {
            let chosen = select(object, selectors);
            (!chosen.is_empty()).then_some(Value::Object(chosen))
        }
        _ => None,
    };
    values.iter().filter_map(one).collect()
}

/// Calls `leaf` with each string, number, boolean or null that a selector reaches or lies inside, its dotted name
/// without array positions, and these positions.
pub(super) fn each_leaf(
    object: &mut Map<String, Value>,
    selectors: &[&str],
    leaf: &mut impl FnMut(&str, &[usize], &mut Value),
) {
    Walk { selectors, leaf }.object(object, "", &mut Vec::new());
}

struct Walk<'a, F> {
    selectors: &'a [&'a str],
    leaf: &'a mut F,
}

impl<F: FnMut(&str, &[usize], &mut Value)> Walk<'_, F> {
    fn object(&mut self, object: &mut Map<String, Value>, base: &str, positions: &mut Vec<usize>) {
        for (key, value) in object.iter_mut() {
            let name = if base.is_empty() { key.clone() } else { format!("{base}.{key}") };
            let wanted = |selector: &&str| is_inside(selector, &name) || is_inside(&name, selector);
            if self.selectors.iter().any(wanted) {
                self.value(value, &name, positions);
            }
        }
    }

    fn value(&mut self, value: &mut Value, name: &str, positions: &mut Vec<usize>) {
        match value {
            Value::Object(object) => self.object(object, name, positions),
            Value::Array(values) => {
                for (position, value) in values.iter_mut().enumerate() {
                    positions.push(position);
                    self.value(value, name, positions);
                    positions.pop();
                }
            }
            leaf => (self.leaf)(name, positions, leaf),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn selected(document: Value, selectors: &[&str]) -> Value {
        select_values(document.as_object().expect("an object"), selectors.iter().copied()).into()
    }

    #[test]
    fn members_are_chosen_through_objects_and_arrays() {
        let document = json!({
            "id": 1,
            "doggo": { "name": "bob", "age": 3 },
            "cats": [{ "name": "a", "age": 1 }, { "age": 2 }, 3, [{ "name": "b" }]],
            "doggo.name": "dotted",
        });
        assert_eq!(selected(document.clone(), &["doggo"]), json!({ "doggo": { "name": "bob", "age": 3 } }));
        assert_eq!(
            selected(document.clone(), &["doggo.name"]),
            json!({ "doggo": { "name": "bob" }, "doggo.name": "dotted" })
        );
        assert_eq!(
            selected(document.clone(), &["cats.name"]),
            json!({ "cats": [{ "name": "a" }, [{ "name": "b" }]] })
        );
        assert_eq!(selected(document.clone(), &["id.x", "dog"]), json!({}));
        assert_eq!(selected(document, &["doggo.x"]), json!({ "doggo": {} }));
    }

    #[test]
    fn leaves_are_visited_with_their_positions() {
        let mut document = json!({ "a": [{ "b": ["x", "y"] }, { "b": "z" }], "c": 1, "d": { "e": null } });
        let mut seen = Vec::new();
        let object = document.as_object_mut().expect("an object");
        each_leaf(object, &["a.b", "d"], &mut |name, positions, value| {
            seen.push(format!("{name} {positions:?} {value}"));
        });
        assert_eq!(seen, [r#"a.b [0, 0] "x""#, r#"a.b [0, 1] "y""#, r#"a.b [1] "z""#, "d.e [] null"]);
    }
}
