//! Deletions by id.

use serde_json::Value;
use serde_json::value::RawValue;

use crate::payload::PayloadWriter;
use crate::{Prepared, canonical_id, slot_of_id};

/// Packs the ids of documents to delete, as the client sent them: texts, or any other JSON whose text is then the id.
/// What no document can have as its id is counted and not stored.
pub fn prepare_deletions<'v>(ids: impl IntoIterator<Item = &'v RawValue>) -> Prepared {
    let mut writer = PayloadWriter::new();
    let mut received = 0;
    for id in ids {
        received += 1;
        let text = match serde_json::from_str(id.get()) {
            Ok(Value::String(text)) => text,
            Ok(other) => other.to_string(),
            Err(_unreadable) => continue,
        };
        if let Some(id) = canonical_id(&text) {
            writer.push_deletion(slot_of_id(id), id);
        }
    }
    Prepared { payload: writer.finish(), received, primary_key: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::{FrameKind, for_each_frame};

    #[test]
    fn ids_are_canonical_and_what_is_none_is_only_counted() {
        let body = r#"[1,"1","a b","tt-1",1.5,true,null,-3,"",{"a":1},"\u0031"]"#;
        let ids: Vec<&RawValue> = serde_json::from_str(body).unwrap();
        let prepared = prepare_deletions(ids);
        let mut stored = Vec::new();
        for_each_frame(&prepared.payload.blocks, |frame| {
            assert_eq!((frame.kind, frame.slot), (FrameKind::Deletion, slot_of_id(frame.text)));
            stored.push(frame.text.to_owned());
        })
        .unwrap();
        // `true` and `null` are texts that an id may have.
        assert_eq!(stored, ["1", "1", "tt-1", "true", "null", "-3", "1"]);
        assert_eq!(prepared.received, 11);
    }
}
