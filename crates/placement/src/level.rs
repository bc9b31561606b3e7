//! Brings every node to its share, with few moves.
//!
//! It is a flow problem: copies are pushed along shortest paths from nodes above their share to nodes below it. A step
//! of a path moves one copy of a shard to a node that lacks it. Steps that crowd a zone are taken only when no path
//! without them exists. An allotment with every node at its share, rounded down or up, always exists (each shard spread
//! over the nodes in proportion to their shares is a fractional one), so the paths do too, and the loop ends: each
//! round brings a node that is out of its bounds one copy nearer to them.

use std::cmp::Reverse;
use std::collections::{BTreeSet, VecDeque};

use crate::layout::Table;

/// What a node should hold, as a fraction: `copies / of`.
#[derive(Clone, Copy)]
struct Share {
    copies: u128,
    of: u128,
}

impl Share {
    fn floor(self) -> u128 {
        self.copies / self.of
    }

    fn ceil(self) -> u128 {
        self.copies.div_ceil(self.of)
    }
}

/// Moves copies until every node holds its share, rounded down or up.
pub(crate) fn level(table: &mut Table) {
    let shares = shares(table);
    let mut loads = vec![0_u128; table.nodes.len()];
    table.holders.iter().flatten().for_each(|node| loads[*node] += 1);
    while let Some((donors, receivers)) = unbalanced(&shares, &loads) {
        let gentle = path(table, &donors, &receivers, true);
        let Some(steps) = gentle.or_else(|| path(table, &donors, &receivers, false)) else { return };
        for Step { shard, from, to } in steps {
            table.holders[shard].remove(&from);
            table.holders[shard].insert(to);
            loads[from] -= 1;
            loads[to] += 1;
        }
    }
}

/// Shares in proportion to the weights, but no more than one copy of each shard: what is above that goes to the others.
fn shares(table: &Table) -> Vec<Share> {
    let shards = table.holders.len() as u128;
    let mut full = BTreeSet::new();
    loop {
        let copies = shards * (table.factor - full.len()) as u128;
        let rest = table.nodes.iter().enumerate().filter(|(node, _)| !full.contains(node));
        let of = rest.map(|(_, row)| u128::from(row.weight)).sum::<u128>().max(1);
        let share = |node: usize| match full.contains(&node) {
            true => Share { copies: shards, of: 1 },
            false => Share { copies: copies * u128::from(table.nodes[node].weight), of },
        };
        let all: Vec<Share> = (0..table.nodes.len()).map(share).collect();
        let over = |node: &usize| all[*node].copies > shards * all[*node].of;
        let more: Vec<usize> = (0..all.len()).filter(over).collect();
        if more.is_empty() {
            return all;
        }
        full.extend(more);
    }
}

/// The nodes to take from, most overloaded first, and those to give to, most underloaded first; `None` when every node
/// is within its bounds.
fn unbalanced(shares: &[Share], loads: &[u128]) -> Option<(Vec<usize>, Vec<usize>)> {
    let nodes = || 0..loads.len();
    let above: Vec<usize> = nodes().filter(|n| loads[*n] > shares[*n].ceil()).collect();
    let below: Vec<usize> = nodes().filter(|n| loads[*n] < shares[*n].floor()).collect();
    if above.is_empty() && below.is_empty() {
        return None;
    }
    // A node that is out of bounds is paired with whatever is on the other side of its share.
    let excess = |n: &usize| (loads[*n] * shares[*n].of).cast_signed() - shares[*n].copies.cast_signed();
    let mut donors = if above.is_empty() { nodes().filter(|n| excess(n) > 0).collect() } else { above };
    let mut receivers = if below.is_empty() { nodes().filter(|n| excess(n) < 0).collect() } else { below };
    let by_share = |n: &usize| excess(n) * 1_000_000 / shares[*n].of.cast_signed();
    donors.sort_by_key(|n| Reverse(by_share(n)));
    receivers.sort_by_key(by_share);
    Some((donors, receivers))
}

/// One copy goes from one node to another.
#[derive(Clone, Copy)]
struct Step {
    shard: usize,
    from: usize,
    to: usize,
}

/// The shortest way from a donor to a receiver; the last step comes first, so that no node has to hold a shard twice.
fn path(table: &Table, donors: &[usize], receivers: &[usize], gentle: bool) -> Option<Vec<Step>> {
    let mut reached: Vec<Option<Option<Step>>> = vec![None; table.nodes.len()];
    donors.iter().for_each(|donor| reached[*donor] = Some(None));
    let mut queue: VecDeque<usize> = donors.iter().copied().collect();
    while let Some(from) = queue.pop_front() {
        let others = (0..table.nodes.len()).filter(|node| !receivers.contains(node));
        for to in receivers.iter().copied().chain(others) {
            if reached[to].is_some() {
                continue;
            }
            let Some(shard) = best_shard(table, from, to, gentle) else { continue };
            reached[to] = Some(Some(Step { shard, from, to }));
            if receivers.contains(&to) {
                return Some(walk_back(&reached, to));
            }
            queue.push_back(to);
        }
    }
    None
}

fn walk_back(reached: &[Option<Option<Step>>], receiver: usize) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut at = receiver;
    while let Some(Some(step)) = reached[at] {
        steps.push(step);
        at = step.from;
    }
    steps
}

/// The shard of `from` that `to` lacks and wants most. A gentle step leaves no zone with more copies of the shard than
/// the zone that it came from had.
fn best_shard(table: &Table, from: usize, to: usize, gentle: bool) -> Option<usize> {
    let same_zone = table.nodes[from].zone == table.nodes[to].zone;
    let allowed = |shard: &usize| {
        let holders = &table.holders[*shard];
        let moves = holders.contains(&from) && !holders.contains(&to);
        moves && (!gentle || same_zone || table.in_zone_of(*shard, to) < table.in_zone_of(*shard, from))
    };
    let shards = (0..table.holders.len()).filter(allowed);
    shards.max_by_key(|shard| (table.nodes[to].scores[*shard], Reverse(table.nodes[from].scores[*shard])))
}
