//! Which hits the user gets, and how many nodes must give so that they are among them.

use std::ops::Range;

use super::body::NodePaging;
use crate::request::Paging;

/// The part of the merged hits that is asked for. Hits beyond `maxTotalHits` cannot be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) paging: Paging,
    pub(crate) max_total_hits: usize,
    /// Places in the merged order.
    pub(crate) places: Range<usize>,
}

impl Window {
    pub(crate) fn new(paging: Paging, max_total_hits: usize) -> Self {
        let (first, count) = match paging {
            Paging::Window { offset, limit } => (offset, limit),
            Paging::Page { page: 0, .. } => (0, 0),
            Paging::Page { page, hits_per_page } => ((page - 1).saturating_mul(hits_per_page), hits_per_page),
        };
        let first = first.min(max_total_hits);
        let places = first..first.saturating_add(count).min(max_total_hits);
        Self { paging, max_total_hits, places }
    }

    /// How many hits of each node can be on the page.
    pub(crate) fn depth(&self) -> usize {
        if self.places.is_empty() { 0 } else { self.places.end }
    }

    /// What a node is asked for. A node that answers alone (`whole`) is asked for what the user asked for. Others are
    /// asked for all that can be on the page and one hit more, which tells whether the last one ends a tie. A page
    /// stays a page, since only pages have exact totals.
    pub(crate) fn asked(&self, whole: bool) -> NodePaging {
        match self.paging {
            Paging::Window { offset, limit } if whole => NodePaging::Window { offset, limit },
            Paging::Page { page, hits_per_page } if whole => NodePaging::Page { page, hits_per_page },
            _ => self.first(self.hits()),
        }
    }

    /// How many hits a node is asked for that does not answer alone.
    pub(crate) fn hits(&self) -> usize {
        match self.depth() {
            0 => 0,
            depth => depth.saturating_add(1),
        }
    }

    /// So many first hits of a node.
    pub(crate) fn first(&self, hits: usize) -> NodePaging {
        match self.paging {
            Paging::Window { .. } => NodePaging::Window { offset: 0, limit: hits },
            Paging::Page { .. } => NodePaging::Page { page: 1, hits_per_page: hits },
        }
    }
}
