//! Raw objects, member by member.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

/// The name of a member: borrowed unless it holds escapes.
pub(crate) struct Name<'de>(pub(crate) Cow<'de, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Name<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// Gives each member of an object to `take`, in order, repeated names included.
///
/// # Errors
/// When the value is no object, or a name cannot be read.
pub(crate) fn members<'de, F>(object: &'de RawValue, take: F) -> serde_json::Result<()>
where
    F: FnMut(&str, &'de RawValue),
{
    struct Each<F>(F);
    impl<'de, F: FnMut(&str, &'de RawValue)> Visitor<'de> for Each<F> {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a map")
        }

        fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<(), A::Error> {
            while let Some((Name(name), value)) = members.next_entry::<Name<'de>, &'de RawValue>()? {
                (self.0)(&name, value);
            }
            Ok(())
        }
    }
    object.deserialize_map(Each(take))
}

/// The members of an object, where of members of one name the last one stands at the place of the first. Values keep
/// their text.
///
/// # Errors
/// As [`members`].
pub(crate) fn last_members(object: &RawValue) -> serde_json::Result<Vec<(String, &RawValue)>> {
    let mut kept: Vec<(String, &RawValue)> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    members(object, |name, value| match places.get(name) {
        Some(place) => kept[*place].1 = value,
        None => {
            places.insert(name.to_owned(), kept.len());
            kept.push((name.to_owned(), value));
        }
    })?;
    Ok(kept)
}

/// The text of the object with [`last_members`] only; nothing when no name is repeated.
pub(crate) fn without_repeated_members(object: &RawValue) -> Option<String> {
    let mut count = 0;
    members(object, |_, _| count += 1).ok()?;
    let kept = last_members(object).ok()?;
    (kept.len() < count).then(|| {
        let members: Vec<String> =
            kept.into_iter().map(|(name, value)| format!("{}:{value}", Value::from(name))).collect();
        format!("{{{}}}", members.join(","))
    })
}

/// Whether the text may hold what the grammar of JSON allows and [`check_strictly`] does not; false alarms are many. A
/// number out of range has an exponent or 309 digits; half a surrogate pair is written `\ud…`; deep nesting takes many
/// brackets.
pub(crate) fn hides_errors(text: &str) -> bool {
    let (mut digits, mut brackets, mut escape) = (0usize, 0usize, 0u8);
    for byte in text.bytes() {
        match byte {
            b'0'..=b'9' => digits += 1,
            b'e' | b'E' if digits > 0 => return true,
            b'd' | b'D' if escape == 2 => return true,
            _ => digits = 0,
        }
        escape = match (escape, byte) {
            (0, b'\\') => 1,
            (1, b'u') => 2,
            _ => 0,
        };
        brackets += usize::from(matches!(byte, b'[' | b'{'));
        if digits >= 309 || brackets >= 127 {
            return true;
        }
    }
    false
}

/// Reads every value of an object to the end, as Meilisearch does when it indexes a document.
///
/// # Errors
/// The parser's, with places in the value of the top-level member.
pub(crate) fn check_strictly(object: &RawValue) -> serde_json::Result<()> {
    let mut checked = Ok(());
    members(object, |_, value| {
        if checked.is_ok() {
            checked = value.deserialize_any(Strict);
        }
    })?;
    checked
}

/// Visits a value as whatever it is, all the way down.
struct Strict;

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self).map(|()| Self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element::<Self>()?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while members.next_entry::<Name<'de>, Self>()?.is_some() {}
        Ok(())
    }
}
