//! Which hits the user gets, and how many nodes must give so that they are among them.

use std::ops::Range;

use super::body::NodePaging;
use crate::request::Paging;
use crate::request::hybrid::Means;

/// The part of the merged hits that is asked for. Hits beyond `maxTotalHits` cannot be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) paging: Paging,
    pub(crate) max_total_hits: usize,
    /// Places in the merged order.
    pub(crate) places: Range<usize>,
    /// How many first hits are looked at.
    depth: usize,
}

impl Window {
    pub(crate) fn new(paging: Paging, max_total_hits: usize, means: Means<'_>) -> Self {
        let (first, count) = match paging {
            Paging::Window { offset, limit } => (offset, limit),
            Paging::Page { page: 0, .. } => (0, 0),
            Paging::Page { page, hits_per_page } => ((page - 1).saturating_mul(hits_per_page), hits_per_page),
        };
        let first = first.min(max_total_hits);
        let places = first..first.saturating_add(count).min(max_total_hits);
        // Hits before an empty page decide whether words were enough.
        let depth = if places.is_empty() && !matches!(means, Means::Both(_)) { 0 } else { places.end };
        Self { paging, max_total_hits, places, depth }
    }

    /// How many hits of each node can be on the page.
    pub(crate) fn depth(&self) -> usize {
        self.depth
    }

    /// What the user asked for, and so a node that answers alone.
    pub(crate) fn users(&self) -> NodePaging {
        match self.paging {
            Paging::Window { offset, limit } => NodePaging::Window { offset, limit },
            Paging::Page { page, hits_per_page } => NodePaging::Page { page, hits_per_page },
        }
    }

    /// How many hits of one node are enough for certain: all that can be on the page, and one hit more, which tells
    /// whether the last one ends a tie.
    pub(crate) fn hits(&self) -> usize {
        match self.depth() {
            0 => 0,
            depth => depth.saturating_add(1),
        }
    }

    /// So many first hits of a node. A page stays a page, since only pages have exact totals.
    pub(crate) fn first(&self, hits: usize) -> NodePaging {
        match self.paging {
            Paging::Window { .. } => NodePaging::Window { offset: 0, limit: hits },
            Paging::Page { .. } => NodePaging::Page { page: 1, hits_per_page: hits },
        }
    }
}
