//! The stored encoding of the reserved member, [`RESERVED_MEMBER`](crate::RESERVED_MEMBER).
//!
//! Each document on a node carries `"_miroir":[slot, unit, sixteenth]`: where it lies, at three grains, so that a
//! search limited to some slots filters on few values. The values
//! - are made of U+22C0 to U+22DF, the 32 digits of base 32, which Meilisearch takes for separators: no value becomes
//!   a word, so no query can match one, whatever the index's searchable attributes;
//! - are stable under the normalisation of facets (NFKD, lower case, trim), and are no ASCII that users put among
//!   their non-separator tokens;
//! - begin with a character that names their level, so that a value of one level is none of another, and the smallest
//!   value, by which a ranking rule `_miroir:asc` sorts, is the slot's.
//!
//! | level | first character | digits | values |
//! |---|---|---|---|
//! | slot | U+22C0 | 3 | 16384 |
//! | unit (128 slots) | U+22C1 | 2 | 128 |
//! | sixteenth (1024 slots) | U+22C2 | 1 | 16 |
//!
//! An edit by function adds a fourth value to the documents that it changes, its mark: U+22C3 and the 13 digits of the
//! task's number. Nothing searches for it; the next write of the document takes it away.
//!
//! This is a stored format: nodes hold it. It never changes; golden bytes below pin it.

use crate::{RESERVED_MEMBER, SLOTS, Slot, TaskUid, Unit};

/// How many slots make a sixteenth, the coarsest grain of a filter.
pub const SIXTEENTH_SLOTS: u16 = 1024;
/// How many sixteenths an index has.
pub const SIXTEENTHS: u8 = (SLOTS / SIXTEENTH_SLOTS) as u8;
/// The length in bytes of the member's value as JSON; the same for every slot.
pub const JSON_LEN: usize = 37;

/// 1024 consecutive slots: eight units. Below [`SIXTEENTHS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sixteenth(u8);

impl Sixteenth {
    /// The sixteenth that holds a slot.
    pub fn of_slot(slot: Slot) -> Self {
        Self((slot.get() / SIXTEENTH_SLOTS) as u8)
    }

    /// The sixteenth that holds a unit.
    pub fn of_unit(unit: Unit) -> Self {
        Self(unit.get() / (SIXTEENTH_SLOTS / crate::UNIT_SLOTS) as u8)
    }

    /// The number.
    pub fn get(self) -> u8 {
        self.0
    }

    /// All of them, lowest first.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..SIXTEENTHS).map(Self)
    }
}

/// The value of a slot: four characters.
pub fn slot_value(slot: Slot) -> String {
    text(0, u64::from(slot.get()), 3)
}

/// The value of a unit: three characters.
pub fn unit_value(unit: Unit) -> String {
    text(1, u64::from(unit.get()), 2)
}

/// The value of a sixteenth: two characters.
pub fn sixteenth_value(sixteenth: Sixteenth) -> String {
    text(2, u64::from(sixteenth.get()), 1)
}

/// The mark of an edit by function: fourteen characters.
pub fn mark(task: TaskUid) -> String {
    text(3, task.0, 13)
}

/// The filter that leaves the documents with one of these values.
pub fn with_one_of(values: impl IntoIterator<Item = String>) -> String {
    format!("{RESERVED_MEMBER} IN [{}]", quoted(values))
}

/// The filter that leaves the documents with none of these values.
pub fn with_none_of(values: impl IntoIterator<Item = String>) -> String {
    format!("{RESERVED_MEMBER} NOT IN [{}]", quoted(values))
}

/// No value has a character that a filter's quotes would need an escape for.
fn quoted(values: impl IntoIterator<Item = String>) -> String {
    values.into_iter().map(|value| format!("\"{value}\"")).collect::<Vec<_>>().join(",")
}

/// The three values that a document of this slot carries, in their order.
pub fn values(slot: Slot) -> [String; 3] {
    [slot_value(slot), unit_value(slot.unit()), sixteenth_value(Sixteenth::of_slot(slot))]
}

/// The member's value as JSON: an array of the three values, without whitespace or escapes.
pub fn json(slot: Slot) -> [u8; JSON_LEN] {
    // Each character is E2 8B 80+digit in UTF-8.
    const LEAD: [u8; 2] = [0xE2, 0x8B];
    let mut json = [0; JSON_LEN];
    let (n, unit, sixteenth) = (slot.get(), slot.unit().get(), Sixteenth::of_slot(slot).get());
    let digit = |value: u16| (value % 32) as u8;
    let mut at = 0;
    let mut put = |bytes: &[u8]| {
        json[at..at + bytes.len()].copy_from_slice(bytes);
        at += bytes.len();
    };
    let levels: [(&[u8], &[u8]); 3] = [
        (b"[\"", &[0, digit(n / 1024), digit(n / 32), digit(n)]),
        (b",\"", &[1, unit / 32, unit % 32]),
        (b",\"", &[2, sixteenth]),
    ];
    for (opening, digits) in levels {
        put(opening);
        for digit in digits {
            put(&LEAD);
            put(&[0x80 + digit]);
        }
        put(b"\"");
    }
    put(b"]");
    json
}

/// The slot whose value this is, as [`slot_value`] writes it; nothing for any other text.
pub fn parse_slot_value(value: &str) -> Option<Slot> {
    let mut chars = value.chars().map(|c| u16::try_from(u32::from(c).checked_sub(0x22C0)?).ok());
    let mut digit = || chars.next().flatten().filter(|digit| *digit < 32);
    if digit()? != 0 {
        return None;
    }
    let number = digit()? << 10 | digit()? << 5 | digit()?;
    if chars.next().is_some() {
        return None;
    }
    Slot::try_from(number).ok()
}

/// The slot of a document whose member has this value as JSON; nothing unless it is exactly [`json`]'s text.
pub fn parse_json(json_text: &str) -> Option<Slot> {
    let value = json_text.strip_prefix("[\"")?.get(..12)?;
    parse_slot_value(value).filter(|slot| json(*slot) == json_text.as_bytes())
}

/// A level's character and the digits of a number, most significant first.
fn text(level: u64, number: u64, digits: u32) -> String {
    let digit =
        |d: u64| u32::try_from(d % 32).ok().and_then(|d| char::from_u32(0x22C0 + d)).unwrap_or_default();
    let places = (0..digits).rev().map(|place| number >> (5 * place));
    std::iter::once(level).chain(places).map(digit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::UNITS;

    fn slot(n: u16) -> Slot {
        Slot::try_from(n).expect("a slot")
    }

    /// Frozen: nodes hold these bytes.
    #[test]
    fn golden_bytes() {
        let golden: [(u16, &str); 4] = [
            (0, "[\"\u{22C0}\u{22C0}\u{22C0}\u{22C0}\",\"\u{22C1}\u{22C0}\u{22C0}\",\"\u{22C2}\u{22C0}\"]"),
            (
                1023,
                "[\"\u{22C0}\u{22C0}\u{22DF}\u{22DF}\",\"\u{22C1}\u{22C0}\u{22C7}\",\"\u{22C2}\u{22C0}\"]",
            ),
            (
                5000,
                "[\"\u{22C0}\u{22C4}\u{22DC}\u{22C8}\",\"\u{22C1}\u{22C1}\u{22C7}\",\"\u{22C2}\u{22C4}\"]",
            ),
            (
                16383,
                "[\"\u{22C0}\u{22CF}\u{22DF}\u{22DF}\",\"\u{22C1}\u{22C3}\u{22DF}\",\"\u{22C2}\u{22CF}\"]",
            ),
        ];
        for (n, text) in golden {
            assert_eq!(String::from_utf8_lossy(&json(slot(n))), text);
        }
        let digits: String = "\u{22C0}".repeat(10);
        assert_eq!(mark(TaskUid(1025)), format!("\u{22C3}{digits}\u{22C1}\u{22C0}\u{22C1}"));
        assert_eq!(mark(TaskUid(u64::MAX)), format!("\u{22C3}\u{22CF}{}", "\u{22DF}".repeat(12)));
        assert_eq!(json(slot(0))[..8], [b'[', b'"', 0xE2, 0x8B, 0x80, 0xE2, 0x8B, 0x80]);
    }

    #[test]
    fn every_slot_reads_back_and_values_sort_as_slots() {
        let all: Vec<Slot> = (0..SLOTS).map(slot).collect();
        for s in &all {
            assert_eq!(parse_slot_value(&slot_value(*s)), Some(*s));
            let json = json(*s);
            let text = std::str::from_utf8(&json).expect("UTF-8");
            assert_eq!(serde_json::from_str::<[String; 3]>(text).expect("JSON"), values(*s));
            assert_eq!(parse_json(text), Some(*s));
        }
        assert!(all.windows(2).all(|pair| slot_value(pair[0]) < slot_value(pair[1])));
        assert!(values(slot(16383))[0] < values(slot(0))[1] && values(slot(16383))[1] < values(slot(0))[2]);
    }

    #[test]
    fn a_sixteenth_is_eight_units() {
        let distinct: std::collections::BTreeSet<String> = (0..UNITS)
            .map(|unit| slot(unit * crate::UNIT_SLOTS))
            .inspect(|s| assert_eq!(Sixteenth::of_unit(s.unit()), Sixteenth::of_slot(*s)))
            .map(|s| sixteenth_value(Sixteenth::of_slot(s)))
            .collect();
        assert_eq!(distinct.len(), usize::from(SIXTEENTHS));
        assert_eq!(distinct, Sixteenth::all().map(sixteenth_value).collect());
    }

    #[test]
    fn other_texts_are_no_slot() {
        let unit = unit_value(slot(77).unit());
        let long = slot_value(slot(3)) + "\u{22C0}";
        let beyond = "\u{22C0}\u{22D0}\u{22C0}\u{22C0}";
        for text in
            ["", "a", "\u{22C0}\u{22C0}\u{22C0}", "\u{22C0}\u{22C0}\u{22C0}\u{22E0}", beyond, &unit, &long]
        {
            assert_eq!(parse_slot_value(text), None, "{text}");
        }
        for text in ["", "[\"", "[]", "null", "[\"aaaaaaaaaaaa\"]", "[\"\u{22C0}\u{22C0}\u{22C0}\u{22C0}\"]"]
        {
            assert_eq!(parse_json(text), None, "{text}");
        }
    }
}
