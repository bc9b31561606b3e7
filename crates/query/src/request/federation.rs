//! What a multi-search says about the one list that its hits become.

use std::collections::BTreeMap;

use deserr::Deserr;
use miroir_api::{ErrorCode, ResponseError};
use miroir_model::IndexUid;

use super::body::Given;
use super::multi::MultiSearch;
use super::refusal::{InvalidWeight, JsonRefusal};
use super::{DEFAULT_LIMIT, Paging, RequestError};

/// How the hits of several searches become one list. Every member is Meilisearch's of the same name.
#[derive(Debug, Clone, PartialEq)]
pub struct Federation {
    /// Which part of the list.
    pub paging: Paging,
    /// What values are counted of, index by index. Indexes that no search names are looked at too: their facets may be
    /// wrong.
    pub facets_by_index: BTreeMap<IndexUid, Option<Vec<String>>>,
    /// One distribution for all indexes.
    pub merge_facets: Option<MergeFacets>,
    /// At most one hit for each value of it, in all indexes.
    pub distinct: Option<String>,
}

/// How the facets of several indexes become one distribution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserr)]
#[deserr(error = JsonRefusal<MultiSearch>, rename_all = camelCase, deny_unknown_fields)]
pub struct MergeFacets {
    /// How many values of a facet there are at most; those of the indexes are cut before by their own settings.
    #[deserr(default)]
    pub max_values_per_facet: Option<usize>,
}

#[derive(Deserr)]
#[deserr(error = JsonRefusal<MultiSearch>, rename_all = camelCase, deny_unknown_fields)]
pub(super) struct Body {
    #[deserr(default)]
    limit: Given<usize>,
    #[deserr(default)]
    offset: Given<usize>,
    #[deserr(default)]
    page: Option<usize>,
    #[deserr(default)]
    hits_per_page: Option<usize>,
    #[deserr(default)]
    facets_by_index: BTreeMap<IndexUid, Option<Vec<String>>>,
    #[deserr(default)]
    merge_facets: Option<MergeFacets>,
    #[deserr(default)]
    distinct: Option<String>,
    #[deserr(default)]
    show_performance_details: bool,
    #[deserr(default)]
    personalize: Option<serde_json::Value>,
}

impl Body {
    pub(super) fn federation(self) -> Result<Federation, RequestError> {
        if self.personalize.is_some() {
            return Err(RequestError::Unsupported("federation.personalize"));
        }
        if self.show_performance_details {
            return Err(RequestError::Unsupported("federation.showPerformanceDetails"));
        }
        Ok(Federation {
            paging: Paging::of(
                Option::from(self.offset).unwrap_or_default(),
                Option::from(self.limit).unwrap_or(DEFAULT_LIMIT),
                self.page,
                self.hits_per_page,
            ),
            facets_by_index: self.facets_by_index,
            merge_facets: self.merge_facets,
            distinct: self.distinct,
        })
    }
}

/// What one search says about its part of the list.
#[derive(Default, Deserr)]
#[deserr(error = JsonRefusal<MultiSearch>, rename_all = camelCase, deny_unknown_fields)]
pub(super) struct Options {
    #[deserr(default)]
    pub(super) weight: Weight,
    #[deserr(default)]
    remote: Option<String>,
    #[deserr(default)]
    query_position: Option<usize>,
}

impl Options {
    /// Meilisearch has a network of servers behind a switch that is off unless it is switched on. Miroir is none of
    /// them, so it says what one Meilisearch with the switch off says.
    pub(super) fn check(&self) -> Result<(), ResponseError> {
        let action = match (&self.remote, self.query_position) {
            (Some(_), _) => "Performing a remote federated search",
            (None, Some(_)) => "Using `federationOptions.queryPosition`",
            (None, None) => return Ok(()),
        };
        Err(ResponseError::new(
            ErrorCode::FeatureNotEnabled,
            format!(
                "{action} requires enabling the `network` experimental feature. See \
                 https://github.com/orgs/meilisearch/discussions/805"
            ),
        ))
    }
}

/// 0 or more.
#[derive(Debug, Clone, Copy, PartialEq, Deserr)]
#[deserr(try_from(f64) = Self::try_from -> InvalidWeight)]
pub(super) struct Weight(pub(super) f64);

impl Default for Weight {
    fn default() -> Self {
        Self(1.0)
    }
}

impl TryFrom<f64> for Weight {
    type Error = InvalidWeight;

    fn try_from(weight: f64) -> Result<Self, InvalidWeight> {
        if weight < 0.0 { Err(InvalidWeight) } else { Ok(Self(weight)) }
    }
}
