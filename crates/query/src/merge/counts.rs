//! What nodes count: totals and facets.

use miroir_settings::FacetOrders;

use super::facets::{Distribution, Stats};
use super::members::Members;
use super::page::{Counted, Page};
use super::{NodeAnswer, Source, Stop};
use crate::federated::{Facets, Totals};
use crate::plan::NodeRequest;

/// The sums over nodes.
#[derive(Default)]
pub(crate) struct Counts<'a> {
    /// How many documents match.
    pub(crate) total: u64,
    /// The facets that were asked for.
    pub(super) facets: Option<(Distribution<'a>, Stats<'a>)>,
}

impl<'a> Counts<'a> {
    /// The same, of its own; facets in these orders and cut to this limit.
    pub(crate) fn totals(&self, shape: (&FacetOrders, usize)) -> Totals {
        let facets = self.facets.as_ref().map(|(distribution, stats)| {
            Facets::new(
                distribution.lists(shape, self.total),
                stats.0.iter().map(|(facet, extremes)| (facet.to_string(), *extremes)).collect(),
            )
        });
        Totals { total: self.total, facets }
    }

    /// Adds what one node says.
    pub(super) fn add(&mut self, answer: &NodeAnswer<'a>) -> serde_json::Result<()> {
        self.total += answer.total_hits.or(answer.estimated_total_hits).unwrap_or(0);
        let facets = answer.facet_distribution.as_ref();
        facets.map_or(Ok(()), |facets| {
            self.add_facets(facets, answer.facet_stats.as_ref().unwrap_or(&Members::default()))
        })
    }

    pub(crate) fn add_facets(
        &mut self,
        distribution: &Members<'a>,
        stats: &Members<'a>,
    ) -> serde_json::Result<()> {
        let facets = self.facets.get_or_insert_default();
        facets.0.add(distribution)?;
        facets.1.add(stats)
    }

    /// Takes over what is counted above the least score. Meilisearch stops to look for more where it has as many as may
    /// be reached by paging: then all count.
    pub(super) fn replace(&mut self, counted: Counted, above: Self, (page, most): (&Page<'_>, usize)) {
        match counted {
            Counted::Hits(total) => *self = Self { total, ..above },
            Counted::Above if above.total < most as u64 => {
                // A node's own score is at most the common one: it may leave out what is on the page.
                let total = above.total.saturating_sub(page.shadowed).max(page.hits.len() as u64);
                *self = Self { total, ..above };
            }
            _ => {}
        }
    }

    /// What nodes count without what scores less, each by its own score, than the user wants to see; or what must be
    /// asked for that.
    pub(super) fn above_threshold<B: AsRef<[u8]>>(source: &Source<'a, '_, B>) -> Result<Self, Stop> {
        let request = |number| source.plan.threshold_request(number, source.by);
        let requests: Vec<NodeRequest> = (0..source.plan.requests.len()).map(request).collect();
        source.all_there(&requests)?;
        let mut counts = Self::default();
        for (number, request) in requests.iter().enumerate() {
            let body = source.to(request).unwrap_or_default();
            let added = serde_json::from_slice(body).and_then(|answer: NodeAnswer<'a>| counts.add(&answer));
            added.map_err(|cause| Stop::Unreadable { number, cause })?;
        }
        Ok(counts)
    }
}
