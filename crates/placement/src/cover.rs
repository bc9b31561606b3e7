//! The filter that limits a search to some of the units on a node.
//!
//! A filter's cost grows faster than the number of its values, so 64 are the limit. Values
//! name sixteenths where a whole one is wanted, units elsewhere. Where naming what is *not* wanted takes fewer, the
//! filter is turned round; one of the two always needs 64 at most: a sixteenth of which some units are wanted and some
//! not costs 8 values in both together, any other costs one.

use std::fmt;

use miroir_model::reserved::{
    SIXTEENTH_SLOTS, Sixteenth, sixteenth_value, unit_value, with_none_of, with_one_of,
};
use miroir_model::{SlotRange, Unit, UnitSet};

/// One value of the reserved member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReservedValue {
    /// 1024 slots.
    Sixteenth(Sixteenth),
    /// 128 slots.
    Unit(Unit),
}

impl ReservedValue {
    /// The units whose documents carry this value.
    pub fn units(self) -> UnitSet {
        match self {
            Self::Sixteenth(sixteenth) => units_of(sixteenth),
            Self::Unit(unit) => [unit].into_iter().collect(),
        }
    }

    /// The value as it stands in documents.
    pub fn text(self) -> String {
        match self {
            Self::Sixteenth(sixteenth) => sixteenth_value(sixteenth),
            Self::Unit(unit) => unit_value(unit),
        }
    }
}

/// A condition on the reserved member: at most 64 values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cover {
    /// The document has one of the values.
    In(Vec<ReservedValue>),
    /// The document has none of the values.
    NotIn(Vec<ReservedValue>),
}

/// The condition that leaves exactly the documents of the wanted units; `None` when no condition is needed, since all
/// that the node can hold is wanted. `held` are the units of the node's copies in *any* state: a `Joining` or
/// `Leaving` copy has documents that a search must not see twice.
pub fn cover(wanted: UnitSet, held: UnitSet) -> Option<Cover> {
    if held.difference(wanted).is_empty() {
        return None;
    }
    let (those, others) = (values(wanted), values(UnitSet::ALL.difference(wanted)));
    Some(if those.len() <= others.len() { Cover::In(those) } else { Cover::NotIn(others) })
}

/// The text of [`cover`]'s condition: the filter that leaves exactly the documents of the wanted units on a node that
/// holds those; `None` when none is needed.
pub fn limiting_filter(wanted: UnitSet, held: UnitSet) -> Option<String> {
    cover(wanted, held).map(|cover| cover.to_string())
}

/// The condition as a filter.
impl fmt::Display for Cover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&match self {
            Self::In(values) => with_one_of(values.iter().map(|value| value.text())),
            Self::NotIn(values) => with_none_of(values.iter().map(|value| value.text())),
        })
    }
}

/// The fewest values whose documents are those of the units.
fn values(units: UnitSet) -> Vec<ReservedValue> {
    let mut values = Vec::new();
    let mut partly = UnitSet::EMPTY;
    for sixteenth in Sixteenth::all() {
        let all = units_of(sixteenth);
        if all.difference(units).is_empty() {
            values.push(ReservedValue::Sixteenth(sixteenth));
        } else {
            partly = partly.union(all.intersection(units));
        }
    }
    values.extend(partly.iter().map(ReservedValue::Unit));
    values
}

fn units_of(sixteenth: Sixteenth) -> UnitSet {
    let first = u16::from(sixteenth.get()) * SIXTEENTH_SLOTS;
    let range = SlotRange::new(first, first + SIXTEENTH_SLOTS - 1);
    range.expect("a sixteenth is a run of whole units").units()
}
