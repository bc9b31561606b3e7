//! Filters that limit what is asked to some of a node's units.

use miroir_model::{RESERVED_MEMBER, UnitSet};
use miroir_placement::{Cover, ReservedValue, cover};
use serde_json::Value;

/// The filter that leaves the documents of these units, on a node that holds those; none when it holds no others.
pub(crate) fn limit(units: UnitSet, held: UnitSet) -> Option<String> {
    let list = |values: Vec<ReservedValue>| {
        values.iter().map(|value| format!("\"{}\"", value.text())).collect::<Vec<_>>().join(", ")
    };
    cover(units, held).map(|cover| match cover {
        Cover::In(values) => format!("{RESERVED_MEMBER} IN [{}]", list(values)),
        Cover::NotIn(values) => format!("{RESERVED_MEMBER} NOT IN [{}]", list(values)),
    })
}

/// The JSON text of the filter that asks for both: a user's filter, as JSON text, and another. `None` when the user's
/// is no filter. The outer array of a filter is a conjunction.
pub(crate) fn both(users: &str, other: String) -> Option<String> {
    let mut all = match serde_json::from_str(users).ok()? {
        Value::Array(all) => all,
        one @ Value::String(_) => vec![one],
        _ => return None,
    };
    all.push(other.into());
    Some(Value::from(all).to_string())
}

#[cfg(test)]
mod tests {
    use miroir_model::SlotRange;

    use super::*;

    fn units(first: u16, last: u16) -> UnitSet {
        SlotRange::new(first, last).unwrap().units()
    }

    #[test]
    fn only_what_is_fewer_is_limited() {
        assert_eq!(limit(units(0, 1023), units(0, 1023)), None);
        assert_eq!(limit(UnitSet::ALL, units(0, 1023)), None);
        let first_sixteenth = format!("_miroir IN [\"{}\"]", "\u{22C2}\u{22C0}");
        assert_eq!(limit(units(0, 1023), UnitSet::ALL), Some(first_sixteenth));
        let all_but_one = limit(units(128, 16383), UnitSet::ALL);
        assert_eq!(all_but_one.as_deref(), Some("_miroir NOT IN [\"\u{22C1}\u{22C0}\u{22C0}\"]"));
    }

    #[test]
    fn a_users_filter_keeps_its_meaning() {
        let both = |users| both(users, "x".to_owned());
        assert_eq!(both(r#""a = 1 OR b = 2""#).as_deref(), Some(r#"["a = 1 OR b = 2","x"]"#));
        assert_eq!(
            both(r#"["a = 1",["b = 2","c = 3"]]"#).as_deref(),
            Some(r#"["a = 1",["b = 2","c = 3"],"x"]"#)
        );
        assert_eq!(both("{}"), None);
    }
}
