//! Which part of a list of hits is asked for.

use serde_json::{Map, Value, json};

use crate::error::ApiError;
use crate::routes::Fields;

/// Hits in a part when nothing is asked.
const DEFAULT_LIMIT: usize = 20;

/// So many hits after others, or a page.
#[derive(Debug, Clone)]
pub(super) struct Paging {
    pub(super) offset: usize,
    limit: usize,
    page: Option<usize>,
    hits_per_page: Option<usize>,
}

impl Paging {
    /// Reads the members that say it.
    ///
    /// # Errors
    /// The code of the one that is no size.
    pub(super) fn parse(fields: &mut Fields) -> Result<Self, ApiError> {
        Ok(Self {
            offset: fields.size("offset")?.unwrap_or(0),
            limit: fields.size("limit")?.unwrap_or(DEFAULT_LIMIT),
            page: fields.size("page")?,
            hits_per_page: fields.size("hitsPerPage")?,
        })
    }

    /// Pages have exhaustive totals.
    pub(super) fn is_paged(&self) -> bool {
        self.page.is_some() || self.hits_per_page.is_some()
    }

    /// How many hits come before, and how many are in it.
    pub(super) fn part(&self) -> (usize, usize) {
        if !self.is_paged() {
            return (self.offset, self.limit);
        }
        let limit = self.on_a_page();
        // Page 0 shows nothing.
        let before = self.page.unwrap_or(1).checked_sub(1);
        before.map_or((0, 0), |pages| (limit.saturating_mul(pages), limit))
    }

    /// What an answer says of it; `offset` is what is told as such.
    pub(super) fn members(&self, offset: usize, total: usize) -> Map<String, Value> {
        let members = match self.is_paged() {
            false => vec![("limit", self.limit), ("offset", offset), ("estimatedTotalHits", total)],
            true => {
                let on_a_page = self.on_a_page();
                vec![
                    ("hitsPerPage", on_a_page),
                    ("page", self.page.unwrap_or(1)),
                    ("totalPages", if on_a_page == 0 { 0 } else { total.div_ceil(on_a_page) }),
                    ("totalHits", total),
                ]
            }
        };
        members.into_iter().map(|(name, number)| (name.to_owned(), json!(number))).collect()
    }

    fn on_a_page(&self) -> usize {
        self.hits_per_page.unwrap_or(DEFAULT_LIMIT)
    }
}
