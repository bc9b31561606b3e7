//! A cover leaves exactly the wanted units, with 64 values at most.

use miroir_model::{Slot, SlotRange, UNIT_SLOTS, UNITS, UnitSet};
use miroir_placement::{Cover, ReservedValue, ShardMap, cover, limiting_filter};
use proptest::prelude::*;

fn units() -> impl Strategy<Value = UnitSet> {
    let set = |bits: u128| -> UnitSet {
        let unit = |n: u16| Slot::try_from(n * UNIT_SLOTS).expect("a slot").unit();
        (0..UNITS).filter(|n| bits & (1 << n) != 0).map(unit).collect()
    };
    // Sparse, half and dense sets: each bit is the AND or OR of several draws.
    (any::<[u128; 3]>(), 0..5).prop_map(move |([a, b, c], kind)| {
        set(match kind {
            0 => a & b & c,
            1 => a & b,
            2 => a,
            3 => a | b,
            _ => a | b | c,
        })
    })
}

fn left_by(cover: &Cover) -> UnitSet {
    let named =
        |values: &[ReservedValue]| values.iter().fold(UnitSet::EMPTY, |set, value| set.union(value.units()));
    match cover {
        Cover::In(values) => named(values),
        Cover::NotIn(values) => UnitSet::ALL.difference(named(values)),
    }
}

fn values(cover: &Cover) -> &[ReservedValue] {
    match cover {
        Cover::In(values) | Cover::NotIn(values) => values,
    }
}

proptest! {
    #[test]
    fn it_leaves_exactly_what_is_wanted(wanted in units(), held in units()) {
        match cover(wanted, held) {
            None => prop_assert!(held.difference(wanted).is_empty()),
            Some(cover) => {
                prop_assert!(!held.difference(wanted).is_empty());
                prop_assert_eq!(left_by(&cover), wanted);
                prop_assert!(values(&cover).len() <= 64);
            }
        }
    }
}

/// What was measured with 1.50: every third shard of an index (38 for 17 shards there, whose cuts lie elsewhere).
#[test]
fn every_third_shard_costs_what_is_known() {
    for (shards, expected) in [(6, 14), (17, 39), (64, 44)] {
        let map = ShardMap::even(shards).unwrap();
        let third = |k: usize| {
            let mine = map.shards().iter().skip(k).step_by(3);
            mine.fold(UnitSet::EMPTY, |set, shard| set.union(shard.range.units()))
        };
        let cost = (0..3).map(|k| values(&cover(third(k), UnitSet::ALL).unwrap()).len()).max().unwrap();
        assert_eq!(cost, expected, "{shards} shards");
    }
}

#[test]
fn only_what_is_fewer_is_limited() {
    let units = |first, last| SlotRange::new(first, last).expect("whole units").units();
    assert_eq!(limiting_filter(units(0, 1023), units(0, 1023)), None);
    assert_eq!(limiting_filter(UnitSet::ALL, units(0, 1023)), None);
    let first_sixteenth = "_miroir IN [\"\u{22C2}\u{22C0}\"]";
    assert_eq!(limiting_filter(units(0, 1023), UnitSet::ALL).as_deref(), Some(first_sixteenth));
    let all_but_one = "_miroir NOT IN [\"\u{22C1}\u{22C0}\u{22C0}\"]";
    assert_eq!(limiting_filter(units(128, 16383), UnitSet::ALL).as_deref(), Some(all_but_one));
}
