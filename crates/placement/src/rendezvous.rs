//! Weighted rendezvous hashing, in integers.
//!
//! Each node draws a uniform number `u` for a shard, and scores `weight / -log2(u)`: the highest wins. A node then wins
//! with a chance proportional to its weight, and a node that comes or goes changes only what it wins or held. The
//! logarithm is computed in fixed point, because a floating one may differ between machines, and peers must agree.
//!
//! Pinned, since a change of it moves data: `u` is `xxh3-64(index id, little-endian 8 bytes ‖ first slot of the
//! shard, little-endian 2 bytes ‖ node name in UTF-8) / 2^64`, the logarithm has 32 binary digits after the point.

use std::cmp::Ordering;

use miroir_model::{NodeId, PhysicalId, SlotRange};
use xxhash_rust::xxh3::xxh3_64;

/// How much a node wants a shard; the greatest wins.
#[derive(Debug, Clone, Copy)]
pub struct Score {
    weight: u32,
    /// `-log2(u)` in units of 2^-32: 1 to 64·2^32.
    exponent: u64,
}

/// The score of a node for the shard of these slots.
pub fn score(index: PhysicalId, range: SlotRange, node: &NodeId, weight: u32) -> Score {
    let mut key = Vec::with_capacity(10 + node.as_str().len());
    key.extend_from_slice(&index.0.to_le_bytes());
    key.extend_from_slice(&range.first().to_le_bytes());
    key.extend_from_slice(node.as_str().as_bytes());
    Score { weight, exponent: minus_log2(xxh3_64(&key)) }
}

/// `-log2(hash / 2^64)` in units of 2^-32, for a hash of at least 1 (0 counts as 1).
fn minus_log2(hash: u64) -> u64 {
    let hash = hash.max(1);
    let zeros = hash.leading_zeros();
    let mut mantissa = hash << zeros;
    let mut fraction = 0_u64;
    for _ in 0..32 {
        let square = (u128::from(mantissa) * u128::from(mantissa)) >> 63;
        let carry = square >> 64 != 0;
        fraction = fraction << 1 | u64::from(carry);
        mantissa = if carry { (square >> 1) as u64 } else { square as u64 };
    }
    (u64::from(zeros + 1) << 32) - fraction
}

impl Ord for Score {
    fn cmp(&self, other: &Self) -> Ordering {
        let cross = |a: &Self, b: &Self| u128::from(a.weight) * u128::from(b.exponent);
        cross(self, other).cmp(&cross(other, self))
    }
}

impl PartialOrd for Score {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Score {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Score {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_logarithm_is_right() {
        for (hash, expected) in
            [(u64::MAX, 1), (1 << 63, 1 << 32), (1 << 62, 2 << 32), (1, 64 << 32), (0, 64 << 32)]
        {
            assert_eq!(minus_log2(hash), expected, "{hash}");
        }
        for hash in (1..64).map(|k| 0x9E37_79B9_7F4A_7C15_u64.wrapping_mul(k)) {
            let exact = -(hash as f64 / 2_f64.powi(64)).log2() * 2_f64.powi(32);
            assert!((minus_log2(hash) as f64 - exact).abs() <= 2.0, "{hash}");
        }
    }

    #[test]
    fn the_hash_is_pinned() {
        let range = SlotRange::new(2688, 5375).unwrap();
        let exponents =
            ["node-0", "node-1"].map(|node| score(PhysicalId(7), range, &node.into(), 1).exponent);
        assert_eq!(exponents, [2_311_425_157, 2_645_279_833]);
    }

    #[test]
    fn a_node_wins_by_its_weight() {
        let nodes = [("a", 1), ("b", 2), ("c", 5)];
        let mut wins = [0_u32; 3];
        for index in 0..20_000 {
            let of = |k: &usize| score(PhysicalId(index), SlotRange::ALL, &nodes[*k].0.into(), nodes[*k].1);
            wins[(0..3).max_by_key(of).unwrap()] += 1;
        }
        for (won, expected) in wins.into_iter().zip([2_500, 5_000, 12_500]) {
            assert!(won.abs_diff(expected) < 250, "{wins:?}");
        }
    }
}
