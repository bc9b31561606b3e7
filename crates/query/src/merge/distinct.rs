//! How many hits there are in all, each of another distinct value, which answers with pages say.
//!
//! Nodes tell how many values they have each, and one that several have counts once. Which ones these are the facet of the
//! attribute shows: where nothing is left out for its value, the values of all nodes together are so many hits, and so is
//! each document without a value. This is exact where documents have one value at most, where the attribute is filterable,
//! and where a node has less than [`NODE_FACET_VALUES`] of them.
//!
//! What cannot be counted so, and facets, of which each value's best hit counts, are estimated ([`groups`]).

use miroir_settings::NODE_FACET_VALUES;

use super::counts::Counts;
use super::page::Page;
use super::{NodeAnswer, Source, Stop};
use crate::plan::NodeRequest;

/// What a node counts.
struct OfNode<'a> {
    /// One hit of each value.
    kept: Counts<'a>,
    /// All that match.
    all: Counts<'a>,
}

/// Puts the sums over nodes right.
pub(super) fn recount<'a, B: AsRef<[u8]>>(
    source: &Source<'a, '_, B>,
    kept: &[NodeAnswer<'a>],
    page: &Page<'_>,
    counts: &mut Counts<'a>,
) -> Result<(), Stop> {
    let hits = page.hits.len() as u64;
    if page.ended && counts.facets.is_none() {
        counts.total = hits;
        return Ok(());
    }
    let nodes = of_nodes(source, kept)?;
    let attribute = source.plan.distinct.as_deref().unwrap_or_default();
    let exact = values(&nodes, attribute);
    counts.total = match exact {
        _ if page.ended => hits,
        Some(total) => total,
        None => groups(nodes.iter().map(|node| (node.all.total, node.kept.total))).max(hits),
    };
    let Some((distribution, _)) = &mut counts.facets else { return Ok(()) };
    distribution.recount(|facet, value| {
        let most = if exact.is_some() && facet == attribute { 1 } else { counts.total };
        let of =
            |counts: &Counts<'_>| counts.facets.as_ref().map_or(0, |(facets, _)| facets.count(facet, value));
        groups(nodes.iter().map(|node| (of(&node.all), of(&node.kept)))).min(most)
    });
    Ok(())
}

fn of_nodes<'a, B: AsRef<[u8]>>(
    source: &Source<'a, '_, B>,
    kept: &[NodeAnswer<'a>],
) -> Result<Vec<OfNode<'a>>, Stop> {
    let requests: Vec<NodeRequest> =
        (0..kept.len()).map(|number| source.plan.undistinct_request(number)).collect();
    source.all_there(&requests)?;
    let of_node = |request: &NodeRequest, kept: &NodeAnswer<'a>| {
        let mut node = OfNode { kept: Counts::default(), all: Counts::default() };
        node.kept.add(kept)?;
        node.all.add(&serde_json::from_slice(source.to(request).unwrap_or_default())?)?;
        Ok(node)
    };
    let nodes = requests.iter().zip(kept).enumerate();
    nodes
        .map(|(number, (request, kept))| {
            of_node(request, kept).map_err(|cause| Stop::Unreadable { number, cause })
        })
        .collect()
}

/// The values of all nodes and the documents without one; `None` where they cannot be told.
fn values(nodes: &[OfNode<'_>], attribute: &str) -> Option<u64> {
    let mut together = super::Distribution::default();
    let mut without = 0;
    for OfNode { kept, all } in nodes {
        let (distribution, _) = all.facets.as_ref()?;
        let (values, documents) = distribution.sums(attribute)?;
        let lacking = all.total.checked_sub(documents)?;
        // A node comes to another number where documents have several values, or where it was written to meanwhile.
        if values >= NODE_FACET_VALUES || values + lacking != kept.total {
            return None;
        }
        without += lacking;
        together.join(distribution, attribute);
    }
    let (values, _) = together.sums(attribute)?;
    Some(values + without)
}

/// How many groups there are in all, given the documents and the groups that each node has.
///
/// A document is on a node by a hash of its id. So where a node has the share `p` of the documents, a group of `g` is seen
/// there with the probability `1 - (1 - p)^g`; of `n` groups of one size, `c` documents together, nodes see
/// `n (1 - (1 - p)^(c / n))` each. This grows with `n`, and the `n` is looked for that gives what they did see. It is too
/// low where sizes differ: by 10 to 17 % where they are 1 to 9 as often each, on 2 to 8 nodes.
fn groups(nodes: impl Iterator<Item = (u64, u64)> + Clone) -> u64 {
    let documents: u64 = nodes.clone().map(|(documents, _)| documents).sum();
    let (least, seen) = nodes.clone().fold((0, 0), |(least, seen), (_, of)| (of.max(least), seen + of));
    if documents == 0 {
        return seen;
    }
    let documents = documents as f64;
    let expected = |groups: f64| -> f64 {
        let sees = |of: u64| 1.0 - (1.0 - of as f64 / documents).powf(documents / groups);
        nodes.clone().map(|(of, _)| groups * sees(of)).sum()
    };
    let (mut low, mut high) = (least as f64, seen as f64);
    while high - low > 0.1 {
        let middle = low.midpoint(high);
        *(if expected(middle) < seen as f64 { &mut low } else { &mut high }) = middle;
    }
    low.midpoint(high).round() as u64
}

#[cfg(test)]
mod tests {
    use super::groups;

    /// Groups of `size` documents, which go to nodes by a hash: what each node has.
    fn spread(groups: u64, size: impl Fn(u64) -> u64, nodes: usize) -> Vec<(u64, u64)> {
        let mut of_nodes = vec![(0, 0); nodes];
        for group in 0..groups {
            let mut documents = vec![0; nodes];
            for document in 0..size(group) {
                let hash = xxhash_rust::xxh3::xxh3_64(format!("{group}-{document}").as_bytes());
                documents[(hash % nodes as u64) as usize] += 1;
            }
            for (of_node, documents) in of_nodes.iter_mut().zip(documents) {
                of_node.0 += documents;
                of_node.1 += u64::from(documents > 0);
            }
        }
        of_nodes
    }

    fn is_near(size: impl Fn(u64) -> u64, percent: u64) {
        for nodes in [2, 3, 8] {
            let estimate = groups(spread(1000, &size, nodes).into_iter());
            let off = estimate.abs_diff(1000);
            assert!(off <= percent * 10, "{nodes} nodes, groups of {} and others: {estimate}", size(0));
        }
    }

    #[test]
    fn groups_over_nodes_are_estimated_well() {
        is_near(|_| 1, 0);
        // Few pairs are on one of many nodes: chance counts most there.
        is_near(|_| 2, 10);
        is_near(|_| 5, 3);
        is_near(|_| 40, 1);
        is_near(|group| 1 + group % 9, 18);
    }

    #[test]
    fn a_group_on_few_nodes_is_estimated_within_what_they_see() {
        assert_eq!(groups([(0, 0), (7, 3)].into_iter()), 3);
        assert_eq!(groups([(4, 4), (3, 3)].into_iter()), 7);
        assert_eq!(groups([(9, 1), (8, 1)].into_iter()), 1);
        assert_eq!(groups(std::iter::empty()), 0);
        // A node was written to between its two answers.
        assert_eq!(groups([(0, 2), (0, 1)].into_iter()), 3);
    }
}
