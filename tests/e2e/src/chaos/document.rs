//! What documents and settings look like.
//!
//! Every write has a number, and every document says which writes made it: `v` is the last one that replaced it, `u`
//! the last one that updated it; `e` counts the edits since. So a document that is read tells its place in the history of its id, and of which index
//! it is, whatever that is called now.

use serde_json::{Map, Value};

use super::op::Number;

/// The number in a document's id.
pub(crate) type Id = u32;

/// Values of `k`, by which deletions filter, are below.
pub(crate) const KINDS: u8 = 8;

/// A document, as stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Stored {
    pub(crate) v: Option<Number>,
    pub(crate) u: Option<Number>,
    pub(crate) k: Option<u8>,
    pub(crate) e: Option<u64>,
}

/// The write whose settings these are.
pub(crate) fn mark(settings: &Value) -> Option<Number> {
    let names = settings["filterableAttributes"].as_array()?;
    names.iter().filter_map(Value::as_str).find_map(|name| name.strip_prefix("mark")?.parse().ok())
}

/// A document as a user writes and reads it. What is stored decides all of it.
pub(crate) fn document(id: Id, stored: &Stored) -> Value {
    let mut members = Map::new();
    members.insert("id".to_owned(), name(id).into());
    if let Some(v) = stored.v {
        members.insert("v".to_owned(), v.into());
        members.insert("text".to_owned(), text(v).into());
    }
    if let Some(k) = stored.k {
        members.insert("k".to_owned(), k.into());
    }
    if let Some(u) = stored.u {
        members.insert("u".to_owned(), u.into());
    }
    if let Some(e) = stored.e {
        members.insert("e".to_owned(), e.into());
    }
    members.into()
}

/// Whether the documents of a write are long: a batch of them is more than one entry of the log takes.
pub(crate) fn is_large(number: Number) -> bool {
    number % 499 == 498
}

/// Some words, the same for each document of a write.
fn text(v: Number) -> String {
    let words = if is_large(v) { 8000 } else { v % 30 };
    let mut text = format!("words of {v}");
    let mut chance = v;
    for _ in 0..words {
        // Knuth's multiplier: words that neither compress well nor are too many.
        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        text.push_str(&format!(" w{}", chance >> 44));
    }
    text
}

/// What a document that was read says of itself; the text says why it is none that was ever written.
pub(crate) fn read(found: &Value) -> Result<(Id, Stored), String> {
    let strange = || format!("{found} is no document that was ever written");
    let id =
        found["id"].as_str().and_then(|name| name.strip_prefix("d-")?.parse().ok()).ok_or_else(strange)?;
    let k = found["k"].as_u64().and_then(|k| u8::try_from(k).ok());
    let stored = Stored { v: found["v"].as_u64(), u: found["u"].as_u64(), k, e: found["e"].as_u64() };
    if document(id, &stored) == *found { Ok((id, stored)) } else { Err(strange()) }
}

pub(crate) fn name(id: Id) -> String {
    format!("d-{id}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_read_is_what_was_written() {
        let stored = Stored { v: Some(41), u: Some(50), k: Some(3), e: Some(2) };
        let written = document(7, &stored);
        assert_eq!(read(&written), Ok((7, stored)));
        let mut torn = written.clone();
        torn["text"] = "words of 40".into();
        assert!(read(&torn).is_err(), "members of two versions");
        assert_eq!(mark(&json!({"filterableAttributes": ["k", "mark12"]})), Some(12));
    }
}
