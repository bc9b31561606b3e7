//! The parameters of a multi-search.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::error::ApiError;
use crate::routes::Fields;
use crate::search::paging::Paging;
use crate::search::query::SearchQuery;

/// What the codes of members begin with that only a multi-search has.
const OF_MULTI_SEARCH: &str = "invalid_multi_search_";

/// Several queries.
pub(crate) struct MultiSearch {
    pub(super) queries: Vec<MultiQuery>,
    /// How their hits become one list; without it each query has an answer of its own.
    pub(super) federation: Option<Federation>,
}

/// One query of several.
pub(super) struct MultiQuery {
    /// Its place among all.
    pub(super) position: usize,
    pub(super) uid: String,
    pub(super) search: SearchQuery,
    /// What its scores are multiplied by, when it has `federationOptions`.
    pub(super) weight: Option<f64>,
    /// The first member by which it asks for a part of its hits.
    paged_by: Option<&'static str>,
}

/// One list of hits.
pub(super) struct Federation {
    pub(super) paging: Paging,
    /// Names of facets, index by index.
    facets_by_index: BTreeMap<String, Option<Vec<String>>>,
    /// One distribution for all indexes.
    pub(super) merge_facets: Option<MergeFacets>,
    /// No two hits have one of its values in common, whatever their indexes.
    pub(super) distinct: Option<String>,
}

/// How the facets of several indexes become one distribution.
#[derive(Clone, Copy)]
pub(super) struct MergeFacets {
    pub(super) max_values_per_facet: Option<usize>,
}

impl MultiSearch {
    /// Reads the body of a multi-search.
    ///
    /// # Errors
    /// The code of the parameter that is wrong, `bad_request` for an unknown one.
    pub(crate) fn parse(body: Map<String, Value>) -> Result<Self, ApiError> {
        let refused = |error: ApiError| ApiError::new("bad_request", error.message);
        let mut fields = Fields::new(body, OF_MULTI_SEARCH);
        let queries: Option<Vec<Map<String, Value>>> =
            fields.typed("queries", "an array of objects").map_err(refused)?;
        let federation = fields.object("federation").map_err(refused)?;
        fields.finish()?;
        let queries = queries.ok_or_else(|| ApiError::new("bad_request", "Missing field `queries`"))?;
        let queries = queries.into_iter().enumerate().map(|(position, body)| {
            MultiQuery::parse(position, body).map_err(|error| error.in_query(position))
        });
        let queries = queries.collect::<Result<_, _>>()?;
        let federation =
            federation.map(|body| Federation::parse(body).map_err(|error| error.inside(".federation")));
        Ok(Self { queries, federation: federation.transpose()? })
    }

    /// The index of each query.
    pub(crate) fn uids(&self) -> impl Iterator<Item = &str> {
        self.queries.iter().map(|query| query.uid.as_str())
    }
}

impl MultiQuery {
    fn parse(position: usize, mut body: Map<String, Value>) -> Result<Self, ApiError> {
        let mut own = split(&mut body, ["indexUid", "federationOptions"]);
        let uid = own.text("indexUid").map_err(|error| ApiError::new("invalid_index_uid", error.message))?;
        let uid = uid.ok_or_else(|| ApiError::new("missing_index_uid", "Missing field `indexUid`"))?;
        let weight = own.object("federationOptions")?.map(weight).transpose()?;
        let is_there = |name: &&str| body.get(*name).is_some_and(|value| !value.is_null());
        let paged_by = ["offset", "limit", "page", "hitsPerPage"].into_iter().find(is_there);
        Ok(Self { position, uid, search: SearchQuery::parse(body)?, weight, paged_by })
    }

    /// It must not ask for what only the list as a whole can have.
    ///
    /// # Errors
    /// `invalid_multi_search_query_pagination`, `invalid_multi_search_query_facets`, `invalid_multi_search_distinct`.
    pub(super) fn check(&self, federation: &Federation) -> Result<(), ApiError> {
        if let Some(member) = self.paged_by {
            let text = format!(
                "Using pagination options is not allowed in federated queries.\n - Hint: remove `{member}` from the \
                 query or remove `federation` from the request\n - Hint: pass `federation.limit` and \
                 `federation.offset` for pagination in federated search"
            );
            return Err(ApiError::new("invalid_multi_search_query_pagination", text));
        }
        if let Some(facets) = self.search.facets.as_ref().filter(|facets| !facets.is_empty()) {
            let uid = &self.uid;
            let text = format!(
                "Using facet options is not allowed in federated queries.\n - Hint: remove `facets` from the query or \
                 remove `federation` from the request\n - Hint: pass `federation.facetsByIndex.{uid}: {facets:?}` for \
                 facets in federated search"
            );
            return Err(ApiError::new("invalid_multi_search_query_facets", text));
        }
        if self.search.distinct.is_some() && federation.distinct.is_some() {
            let text = "Using `distinct` options is not allowed in federated queries when it also appears in \
                        `.federation.distinct`.\n - Hint: remove `distinct` from the query or remove `federation` \
                        from the request\n  - Note: `distinct` at the query level is discouraged in federated search.";
            return Err(ApiError::new("invalid_multi_search_distinct", text));
        }
        Ok(())
    }
}

impl Federation {
    fn parse(mut body: Map<String, Value>) -> Result<Self, ApiError> {
        let mut facets = split(&mut body, ["facetsByIndex", "mergeFacets"]);
        let mut fields = Fields::new(body, "invalid_search_");
        let federation = Self {
            paging: Paging::parse(&mut fields)?,
            facets_by_index: facets.typed("facetsByIndex", "an object of arrays")?.unwrap_or_default(),
            merge_facets: facets.object("mergeFacets")?.map(MergeFacets::parse).transpose()?,
            distinct: fields.text("distinct")?,
        };
        fields.finish()?;
        Ok(federation)
    }

    /// The facets that are counted of an index.
    pub(super) fn facets_of(&self, uid: &str) -> Option<&[String]> {
        self.facets_by_index.get(uid)?.as_deref()
    }

    /// How many first hits of each index can be in the part of the list that is asked for.
    pub(super) fn depth(&self) -> usize {
        let (before, limit) = self.paging.part();
        before.saturating_add(limit)
    }
}

impl MergeFacets {
    fn parse(body: Map<String, Value>) -> Result<Self, ApiError> {
        let mut fields = Fields::new(body, OF_MULTI_SEARCH);
        let max_values_per_facet = fields.size("maxValuesPerFacet")?;
        fields.finish()?;
        Ok(Self { max_values_per_facet })
    }
}

/// Takes members out of a body that has others too.
fn split(body: &mut Map<String, Value>, names: [&str; 2]) -> Fields {
    Fields::new(names.into_iter().filter_map(|name| body.remove_entry(name)).collect(), OF_MULTI_SEARCH)
}

fn weight(options: Map<String, Value>) -> Result<f64, ApiError> {
    let mut fields = Fields::new(options, OF_MULTI_SEARCH);
    let weight: Option<f64> = fields.typed("weight", "a number")?;
    fields.finish()?;
    let weight = weight.unwrap_or(1.0);
    if weight < 0.0 {
        let text = "Invalid value at `.federationOptions.weight`: the value of `weight` is invalid, expected a \
                    positive float (>= 0.0).";
        return Err(ApiError::new("invalid_multi_search_weight", text));
    }
    Ok(weight)
}
