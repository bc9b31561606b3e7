//! `skipCreation`, which milli 1.15 lacks: documents that the index does not hold are taken out of the payload.

use std::io::{BufWriter, Write};

use memmap2::Mmap;
use milli::Object;
use serde_json::Value;
use serde_json::value::RawValue;

use super::run::Work;
use crate::error::ApiError;
use crate::mapped;

/// The payload without the documents whose id the index does not hold. A document without a valid id stays, so that it
/// fails the task as it does elsewhere.
///
/// # Errors
/// An error of the disk.
pub(super) fn known_only(work: &Work<'_>, payload: &Mmap) -> Result<Mmap, ApiError> {
    let txn = work.index.read_txn()?;
    // Without a primary key the index is empty, and no document is known.
    let primary_key = work.index.primary_key(&txn)?;
    let mut kept = work.engine.payloads.scratch()?;
    let mut out = BufWriter::new(&mut kept);
    for raw in serde_json::Deserializer::from_slice(payload).into_iter::<&RawValue>() {
        let raw = raw.map_err(ApiError::internal)?;
        let Some(primary_key) = primary_key else { break };
        let document: Object = serde_json::from_str(raw.get()).map_err(ApiError::internal)?;
        let known = match id(&document, primary_key) {
            Some(id) => work.index.external_documents_ids().get(&txn, id)?.is_some(),
            None => true,
        };
        if known {
            out.write_all(raw.get().as_bytes())?;
            out.write_all(b"\n")?;
        }
    }
    out.flush()?;
    drop(out);
    Ok(mapped::map_file(&kept)?)
}

/// The id as milli writes it: the text, or the integer in decimal.
fn id(document: &Object, path: &str) -> Option<String> {
    match find(document, path)? {
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Number(number) if number.is_i64() || number.is_u64() => Some(number.to_string()),
        _ => None,
    }
}

/// A dotted path may be one literal key, or lead through objects, at any of its dots.
fn find<'a>(object: &'a Object, path: &str) -> Option<&'a Value> {
    if let Some(value) = object.get(path) {
        return Some(value);
    }
    path.match_indices('.').find_map(|(dot, _)| match object.get(&path[..dot])? {
        Value::Object(inner) => find(inner, &path[dot + 1..]),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ids_are_found_through_dots() {
        let found = |document: Value, path| id(document.as_object().expect("an object"), path);
        assert_eq!(found(json!({ "id": " a " }), "id").as_deref(), Some("a"));
        assert_eq!(found(json!({ "a": { "b.c": 7 } }), "a.b.c").as_deref(), Some("7"));
        assert_eq!(found(json!({ "a.b": { "c": 7 } }), "a.b.c").as_deref(), Some("7"));
        assert_eq!(found(json!({ "a": 1 }), "a.b"), None);
        assert_eq!(found(json!({ "id": 1.0 }), "id"), None);
    }
}
