//! The shards of one index. They tile the slot space: no gap, no overlap, at least one.

use miroir_model::{NodeId, SLOTS, ShardId, Slot, SlotRange, UNIT_SLOTS, UNITS, UnitSet};
use serde::{Deserialize, Serialize};

use crate::shard::{CopyState, Shard};

/// The most shards that an index can have: one per unit.
pub const MAX_SHARDS: u16 = UNITS;

/// The shards of one index, lowest slots first. Every value of this type tiles the slot space; its ids are distinct
/// and below the next one to give out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Parts", into = "Parts")]
pub struct ShardMap {
    shards: Vec<Shard>,
    next: ShardId,
}

/// The stored form.
#[derive(Serialize, Deserialize)]
struct Parts(Vec<Shard>, ShardId);

/// Shards that do not make a [`ShardMap`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidShardMap {
    /// No shard begins at this slot, where the shard before it ended.
    #[error("slot {slot} begins no shard although the shard before it ends there")]
    Gap {
        /// The slot.
        slot: u16,
    },
    /// Two shards have this id.
    #[error("two shards have the id {0}")]
    DuplicateId(ShardId),
    /// The id is not below the next one to give out.
    #[error("the shard id {id} is not below the next one, {next}")]
    FutureId {
        /// The id.
        id: ShardId,
        /// The next one.
        next: ShardId,
    },
}

/// A number of shards that no index can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an index has 1 to {MAX_SHARDS} shards, not {0}")]
pub struct InvalidShardCount(pub u16);

/// How many shards an index gets whose creator does not say: the smallest of 1, 2, 4, 8, … that is at least twice the
/// nodes of a group, 1 if a group has one node.
pub fn default_shards(nodes_of_a_group: usize) -> u16 {
    match nodes_of_a_group {
        0 | 1 => 1,
        nodes if nodes >= usize::from(MAX_SHARDS / 2) => MAX_SHARDS,
        nodes => ((nodes * 2) as u16).next_power_of_two(),
    }
}

impl ShardMap {
    /// The map of these shards, in any order. `next` is the id that the next new shard gets.
    ///
    /// # Errors
    /// When they do not tile the slot space or an id is repeated or not below `next`.
    pub fn new(mut shards: Vec<Shard>, next: ShardId) -> Result<Self, InvalidShardMap> {
        shards.sort_by_key(|shard| shard.range.first());
        let map = Self { shards, next };
        map.check()?;
        Ok(map)
    }

    /// `count` shards without copies, cut at unit boundaries as evenly as possible: their sizes differ by at most one
    /// unit. Ids go from 0 up with the slots.
    ///
    /// # Errors
    /// When `count` is not 1 to 128.
    pub fn even(count: u16) -> Result<Self, InvalidShardCount> {
        if !(1..=MAX_SHARDS).contains(&count) {
            return Err(InvalidShardCount(count));
        }
        let cut = |k: u16| (u32::from(UNITS) * u32::from(k) / u32::from(count)) as u16 * UNIT_SLOTS;
        let shards = (0..count).map(|k| Shard {
            id: ShardId(k.into()),
            range: SlotRange::new(cut(k), cut(k + 1) - 1)
                .expect("cuts are unit boundaries, and there are units for all"),
            copies: Default::default(),
        });
        Ok(Self { shards: shards.collect(), next: ShardId(count.into()) })
    }

    /// The invariant: shards tile the slot space, ids are distinct and below the next.
    ///
    /// # Errors
    /// The first breach, from the lowest slot up.
    pub fn check(&self) -> Result<(), InvalidShardMap> {
        let mut expected = 0;
        for shard in &self.shards {
            if shard.range.first() != expected {
                return Err(InvalidShardMap::Gap { slot: expected });
            }
            expected = shard.range.last() + 1;
            if shard.id >= self.next {
                return Err(InvalidShardMap::FutureId { id: shard.id, next: self.next });
            }
        }
        if expected != SLOTS {
            return Err(InvalidShardMap::Gap { slot: expected });
        }
        let mut ids: Vec<ShardId> = self.shards.iter().map(|shard| shard.id).collect();
        ids.sort_unstable();
        match ids.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(InvalidShardMap::DuplicateId(pair[0])),
            None => Ok(()),
        }
    }

    /// The shards, lowest slots first.
    pub fn shards(&self) -> &[Shard] {
        &self.shards
    }

    /// The shard of this id.
    pub fn shard(&self, id: ShardId) -> Option<&Shard> {
        self.shards.iter().find(|shard| shard.id == id)
    }

    /// The shard that holds this slot.
    pub fn shard_of(&self, slot: Slot) -> &Shard {
        let after = self.shards.partition_point(|shard| shard.range.first() <= slot.get());
        &self.shards[after - 1]
    }

    /// The units that a node holds, in any state of its copies.
    pub fn units_of(&self, node: &NodeId) -> UnitSet {
        let held = self.shards.iter().filter(|shard| shard.copies.contains_key(node));
        held.fold(UnitSet::EMPTY, |units, shard| units.union(shard.range.units()))
    }

    /// Sets or adds the copy of a shard on a node, and gives the state that it was in. Nothing happens to a map that
    /// lacks the shard.
    pub fn set_copy(&mut self, shard: ShardId, node: &NodeId, state: CopyState) -> Option<CopyState> {
        let shard = self.shards.iter_mut().find(|is| is.id == shard)?;
        shard.copies.insert(node.clone(), state)
    }
}

impl TryFrom<Parts> for ShardMap {
    type Error = InvalidShardMap;

    fn try_from(Parts(shards, next): Parts) -> Result<Self, InvalidShardMap> {
        Self::new(shards, next)
    }
}

impl From<ShardMap> for Parts {
    fn from(map: ShardMap) -> Self {
        Self(map.shards, map.next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn even_maps_tile_and_differ_by_one_unit() {
        for count in 1..=MAX_SHARDS {
            let map = ShardMap::even(count).unwrap();
            assert_eq!(map.check(), Ok(()));
            let sizes = map.shards().iter().map(|shard| shard.range.units().len());
            assert!(sizes.clone().max().unwrap() - sizes.min().unwrap() <= 1, "{count}");
        }
        assert_eq!(ShardMap::even(0), Err(InvalidShardCount(0)));
        assert_eq!(ShardMap::even(129), Err(InvalidShardCount(129)));
        // Pinned: six shards, as the form of `/_miroir/topology` shows them.
        let bounds =
            ShardMap::even(6).unwrap().shards().iter().map(|s| s.range.to_string()).collect::<Vec<_>>();
        assert_eq!(
            bounds,
            ["0..=2687", "2688..=5375", "5376..=8191", "8192..=10879", "10880..=13567", "13568..=16383"]
        );
    }

    #[test]
    fn every_slot_has_its_shard() {
        let map = ShardMap::even(7).unwrap();
        for slot in (0..SLOTS).map(|slot| Slot::try_from(slot).unwrap()) {
            assert!(map.shard_of(slot).range.contains(slot));
        }
    }

    #[test]
    fn what_does_not_tile_is_refused() {
        let even = ShardMap::even(3).unwrap();
        let with = |change: fn(&mut Vec<Shard>)| {
            let mut shards = even.shards.clone();
            change(&mut shards);
            ShardMap::new(shards, even.next)
        };
        assert_eq!(with(|_| ()), Ok(even.clone()));
        assert_eq!(with(|shards| shards.reverse()), Ok(even.clone()));
        assert_eq!(with(|shards| drop(shards.remove(1))), Err(InvalidShardMap::Gap { slot: 5376 }));
        assert_eq!(with(|shards| drop(shards.remove(2))), Err(InvalidShardMap::Gap { slot: 10880 }));
        assert_eq!(with(|shards| shards[1].range = SlotRange::ALL), Err(InvalidShardMap::Gap { slot: 5376 }));
        assert_eq!(with(Vec::clear), Err(InvalidShardMap::Gap { slot: 0 }));
        assert_eq!(with(|shards| shards[1].id = ShardId(0)), Err(InvalidShardMap::DuplicateId(ShardId(0))));
        let future = InvalidShardMap::FutureId { id: ShardId(3), next: ShardId(3) };
        assert_eq!(with(|shards| shards[0].id = ShardId(3)), Err(future));
    }

    #[test]
    fn a_stored_map_reads_back_and_a_broken_one_does_not() {
        let mut map = ShardMap::even(2).unwrap();
        map.set_copy(ShardId(1), &NodeId::new("b"), CopyState::Joining);
        let bytes = postcard::to_stdvec(&map).unwrap();
        assert_eq!(postcard::from_bytes::<ShardMap>(&bytes), Ok(map));
        let broken = postcard::to_stdvec(&Parts(Vec::new(), ShardId(0))).unwrap();
        assert!(postcard::from_bytes::<ShardMap>(&broken).is_err());
    }

    #[test]
    fn units_follow_the_copies() {
        let (mut map, node) = (ShardMap::even(4).unwrap(), NodeId::new("a"));
        assert_eq!(map.set_copy(ShardId(0), &node, CopyState::Serving), None);
        map.set_copy(ShardId(3), &node, CopyState::Joining);
        let both = map.shards()[0].range.units().union(map.shards()[3].range.units());
        assert_eq!(map.units_of(&node), both);
        assert_eq!(map.set_copy(ShardId(9), &node, CopyState::Serving), None);
        assert_eq!(map.units_of(&node), both);
    }

    #[test]
    fn the_default_number_of_shards() {
        let expected = [
            (0, 1),
            (1, 1),
            (2, 4),
            (3, 8),
            (4, 8),
            (5, 16),
            (8, 16),
            (9, 32),
            (63, 128),
            (64, 128),
            (500, 128),
        ];
        for (nodes, shards) in expected {
            assert_eq!(default_shards(nodes), shards, "{nodes}");
        }
    }
}
