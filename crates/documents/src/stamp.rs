//! Stamping: the reserved member spliced into the raw text of a document.

use miroir_model::{RESERVED_MEMBER, Slot, reserved};

/// How many bytes a stamp adds to a document; the same for every document.
pub const STAMP_LEN: usize = r#","_miroir":"#.len() + reserved::JSON_LEN;

/// What stands between the last member of a stamped document and its end.
const OPENING: &[u8; STAMP_LEN - reserved::JSON_LEN] = br#","_miroir":"#;

/// The stamp and the brace that closes the document.
pub(crate) type Ending = [u8; STAMP_LEN + 1];

/// What replaces the final brace of a document of this slot.
pub(crate) fn ending(slot: Slot) -> Ending {
    const { assert!(matches!(RESERVED_MEMBER.as_bytes(), b"_miroir")) };
    let mut ending = [b'}'; STAMP_LEN + 1];
    ending[..OPENING.len()].copy_from_slice(OPENING);
    ending[OPENING.len()..STAMP_LEN].copy_from_slice(&reserved::json(slot));
    ending
}

/// The document with the reserved member as its last one. Nothing for a text that ends with no brace.
///
/// The document must have a member, as every document has its id, and none of this name.
pub fn stamp(document: &str, slot: Slot) -> Option<String> {
    let open = document.strip_suffix('}')?;
    let ending = ending(slot);
    Some(format!("{open}{}", std::str::from_utf8(&ending).ok()?))
}

/// The document and slot of a text that [`stamp`] made; nothing for any other text.
///
/// It knows only the stamp itself: what a node gives back has its members in the node's order.
pub fn unstamp(stamped: &str) -> Option<(String, Slot)> {
    let (open, slot) = split(stamped)?;
    Some((format!("{open}}}"), slot))
}

/// The text before the stamp, and the slot.
pub(crate) fn split(stamped: &str) -> Option<(&str, Slot)> {
    let (open, ending) = stamped.split_at_checked(stamped.len().checked_sub(STAMP_LEN + 1)?)?;
    let slot = reserved::parse_json(ending.strip_prefix(r#","_miroir":"#)?.strip_suffix('}')?)?;
    Some((open, slot))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Frozen: nodes and payloads hold these bytes.
    #[test]
    fn golden_bytes() {
        let slot = Slot::try_from(5000).unwrap();
        let stamped = "{ \"id\": 1 ,\"_miroir\":[\"\u{22C0}\u{22C4}\u{22DC}\u{22C8}\",\"\u{22C1}\u{22C1}\u{22C7}\",\
                       \"\u{22C2}\u{22C4}\"]}";
        assert_eq!(stamp("{ \"id\": 1 }", slot).as_deref(), Some(stamped));
    }

    proptest! {
        #[test]
        fn removing_the_stamp_gives_the_document_back(body in "\\PC*", space in "[ \n\t]*", slot in 0..16384u16) {
            let slot = Slot::try_from(slot).unwrap();
            let document = format!("{{\"id\":{}{space}}}", serde_json::Value::from(body));
            let stamped = stamp(&document, slot).unwrap();
            prop_assert_eq!(stamped.len(), document.len() + STAMP_LEN);
            serde_json::from_str::<serde_json::Value>(&stamped).unwrap();
            prop_assert_eq!(unstamp(&stamped), Some((document, slot)));
        }

        #[test]
        fn other_texts_are_not_stamped(text in "\\PC{0,80}") {
            prop_assert_eq!(unstamp(&text), None);
        }
    }
}
