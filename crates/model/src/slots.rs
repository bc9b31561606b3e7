//! The hash space of documents: slots, units of slots, ranges.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How many slots an index has. A document's slot is the top 14 bits of the xxh3-64 of its canonical id.
pub const SLOTS: u16 = 16384;
/// How many slots make a unit, the grain of shard boundaries.
pub const UNIT_SLOTS: u16 = 128;
/// How many units an index has, and so how many shards at most.
pub const UNITS: u16 = SLOTS / UNIT_SLOTS;

/// A hash bucket of document ids, below [`SLOTS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct Slot(u16);

/// A number that is no [`Slot`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not a slot: slots go from 0 to 16383")]
pub struct InvalidSlot(pub u16);

impl Slot {
    /// The slot of a 64-bit hash: its top 14 bits.
    pub fn of_hash(hash: u64) -> Self {
        Self((hash >> 50) as u16)
    }

    /// The number.
    pub fn get(self) -> u16 {
        self.0
    }

    /// The unit that holds this slot.
    pub fn unit(self) -> Unit {
        Unit((self.0 / UNIT_SLOTS) as u8)
    }
}

impl TryFrom<u16> for Slot {
    type Error = InvalidSlot;

    fn try_from(slot: u16) -> Result<Self, InvalidSlot> {
        if slot < SLOTS { Ok(Self(slot)) } else { Err(InvalidSlot(slot)) }
    }
}

impl From<Slot> for u16 {
    fn from(slot: Slot) -> u16 {
        slot.0
    }
}

/// 128 consecutive slots. Below [`UNITS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Unit(u8);

impl Unit {
    /// The number.
    pub fn get(self) -> u8 {
        self.0
    }
}

/// A non-empty run of whole units of slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "(u16, u16)", into = "(u16, u16)")]
pub struct SlotRange {
    first: u16,
    last: u16,
}

/// Bounds that make no [`SlotRange`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("slots {0}..={1} are not a run of whole units of 128 slots below 16384")]
pub struct InvalidSlotRange(pub u16, pub u16);

impl SlotRange {
    /// All slots.
    pub const ALL: Self = Self { first: 0, last: SLOTS - 1 };

    /// The slots `first..=last`.
    ///
    /// # Errors
    /// When the run is empty, ends beyond the last slot or cuts a unit.
    pub fn new(first: u16, last: u16) -> Result<Self, InvalidSlotRange> {
        let whole = first.is_multiple_of(UNIT_SLOTS) && last % UNIT_SLOTS == UNIT_SLOTS - 1;
        if whole && first < last && last < SLOTS {
            Ok(Self { first, last })
        } else {
            Err(InvalidSlotRange(first, last))
        }
    }

    /// The lowest slot.
    pub fn first(self) -> u16 {
        self.first
    }

    /// The highest slot; it belongs to the range.
    pub fn last(self) -> u16 {
        self.last
    }

    /// How many slots.
    pub fn len(self) -> u16 {
        self.last - self.first + 1
    }

    /// Never: a range holds at least one unit.
    pub fn is_empty(self) -> bool {
        false
    }

    /// Whether the slot lies in the range.
    pub fn contains(self, slot: Slot) -> bool {
        (self.first..=self.last).contains(&slot.0)
    }

    /// The units of the range.
    pub fn units(self) -> UnitSet {
        let (first, last) = (self.first / UNIT_SLOTS, self.last / UNIT_SLOTS);
        (first..=last).map(|unit| Unit(unit as u8)).collect()
    }
}

impl TryFrom<(u16, u16)> for SlotRange {
    type Error = InvalidSlotRange;

    fn try_from((first, last): (u16, u16)) -> Result<Self, InvalidSlotRange> {
        Self::new(first, last)
    }
}

impl From<SlotRange> for (u16, u16) {
    fn from(range: SlotRange) -> (u16, u16) {
        (range.first, range.last)
    }
}

impl fmt::Display for SlotRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..={}", self.first, self.last)
    }
}

/// A set of units: 128 bits. What a task touches, and what a node holds of an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnitSet(u128);

impl UnitSet {
    /// No unit.
    pub const EMPTY: Self = Self(0);
    /// Every unit.
    pub const ALL: Self = Self(u128::MAX);

    /// Adds a unit.
    pub fn insert(&mut self, unit: Unit) {
        self.0 |= 1 << unit.0;
    }

    /// Whether the unit is in the set.
    pub fn contains(self, unit: Unit) -> bool {
        self.0 & (1 << unit.0) != 0
    }

    /// Whether the sets share a unit.
    pub fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The units in either set.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The units in both sets.
    #[must_use]
    pub fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The units of this set that are not in the other.
    #[must_use]
    pub fn difference(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether there is no unit.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// How many units.
    pub fn len(self) -> u32 {
        self.0.count_ones()
    }

    /// The units, lowest first.
    pub fn iter(self) -> impl Iterator<Item = Unit> {
        (0..UNITS as u8).map(Unit).filter(move |unit| self.contains(*unit))
    }
}

impl FromIterator<Unit> for UnitSet {
    fn from_iter<I: IntoIterator<Item = Unit>>(units: I) -> Self {
        let mut set = Self::EMPTY;
        units.into_iter().for_each(|unit| set.insert(unit));
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_gives_its_top_fourteen_bits() {
        assert_eq!(Slot::of_hash(0).get(), 0);
        assert_eq!(Slot::of_hash(u64::MAX).get(), SLOTS - 1);
        assert_eq!(Slot::of_hash(1 << 50).get(), 1);
        assert_eq!(Slot::of_hash((1 << 50) - 1).get(), 0);
    }

    #[test]
    fn ranges_are_whole_units() {
        assert_eq!(SlotRange::new(0, 127).map(|r| r.units().len()), Ok(1));
        assert_eq!(SlotRange::ALL.units(), UnitSet::ALL);
        for (first, last) in [(0, 0), (0, 126), (1, 128), (128, 127), (0, SLOTS), (16256, 16511)] {
            assert!(SlotRange::new(first, last).is_err(), "{first}..={last}");
        }
        assert!(serde_json::from_str::<SlotRange>("[0,5]").is_err());
        assert!(serde_json::from_str::<Slot>("16384").is_err());
    }

    #[test]
    fn unit_sets_are_sets() {
        let slot = |n| Slot::try_from(n).expect("a slot");
        let set: UnitSet = [slot(0), slot(130), slot(16383)].map(Slot::unit).into_iter().collect();
        assert_eq!(set.iter().map(Unit::get).collect::<Vec<_>>(), [0, 1, 127]);
        assert!(set.contains(slot(255).unit()) && !set.contains(slot(256).unit()));
        assert_eq!(set.difference(set), UnitSet::EMPTY);
    }
}
