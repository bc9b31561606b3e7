//! A multi-search: several searches in one request.

use deserr::Deserr;
use miroir_api::{ErrorCode, ResponseError};
use miroir_model::{IndexUid, InvalidIndexUid};

use super::body::{CROP_LENGTH, CROP_MARKER, POST_TAG, PRE_TAG, Threshold, search_body};
use super::federation::{self, Federation, Options};
use super::post::parse;
use super::refusal::{JsonRefusal, Subject, code_of};
use super::{DEFAULT_LIMIT, MatchingStrategy, Paging, RequestError, SearchRequest, hybrid};
use crate::filter;

const DISTINCT_TWICE: &str = "Using `distinct` options is not allowed in federated queries when it also appears in \
                              `.federation.distinct`.\n - Hint: remove `distinct` from the query or remove \
                              `federation` from the request\n  - Note: `distinct` at the query level is discouraged in \
                              federated search.";

/// Multi-searches.
pub(super) struct MultiSearch;

impl Subject for MultiSearch {
    fn code(at: &[&str], missing: Option<&str>) -> ErrorCode {
        match (at, missing) {
            (["queries"], Some("indexUid")) => ErrorCode::MissingIndexUid,
            (["queries", "indexUid", ..], _) => ErrorCode::InvalidIndexUid,
            (["queries", "federationOptions", member @ ..], _)
            | (["federation", "mergeFacets", member @ ..], _)
                if !member.is_empty() =>
            {
                code_of("invalid_multi_search_", member)
            }
            (["queries", "federationOptions"], _) => ErrorCode::BadRequest,
            (["queries", member @ ..], _) => code_of("invalid_search_", member),
            (["federation", member @ ("mergeFacets" | "facetsByIndex"), ..], _) => {
                code_of("invalid_multi_search_", &[member])
            }
            (["federation", member @ ..], _) => code_of("invalid_search_", member),
            _ => ErrorCode::BadRequest,
        }
    }
}

/// Several searches.
#[derive(Debug, Clone, PartialEq)]
pub struct MultiRequest {
    /// The searches.
    pub queries: Vec<MultiQuery>,
    /// How their hits become one list; without it each has an answer of its own.
    pub federation: Option<Federation>,
}

/// One search of a multi-search.
#[derive(Debug, Clone, PartialEq)]
pub struct MultiQuery {
    /// The index.
    pub index: IndexUid,
    /// What is looked for, or why that cannot be. Searches before this one may have an error that comes first.
    pub search: Result<SearchRequest, RequestError>,
    /// What keeps its filter from being read. Where hits become one list, filters are looked at before all else.
    pub unreadable_filter: Option<ResponseError>,
    /// By what its scores are multiplied before they are compared with those of other searches.
    pub weight: f64,
}

#[derive(Deserr)]
#[deserr(error = JsonRefusal<MultiSearch>, rename_all = camelCase, deny_unknown_fields)]
struct Body {
    queries: Vec<Query>,
    #[deserr(default)]
    federation: Option<federation::Body>,
}

search_body!(Query about MultiSearch, Option, {
    index_uid: Uid,
}, {
    #[deserr(default)]
    federation_options: Option<Options>,
});

#[derive(Deserr)]
#[deserr(try_from(String) = Self::try_from -> InvalidIndexUid)]
struct Uid(IndexUid);

impl TryFrom<String> for Uid {
    type Error = InvalidIndexUid;

    fn try_from(text: String) -> Result<Self, InvalidIndexUid> {
        text.parse().map(Self)
    }
}

/// Parses the body of a multi-search.
///
/// # Errors
/// Meilisearch's error where the body is wrong, and where it asks for what is not there yet.
pub fn multi_from_json(body: &[u8]) -> Result<MultiRequest, RequestError> {
    let body: Body = deserr::deserialize(parse(body)?).map_err(|error: JsonRefusal<MultiSearch>| error.0)?;
    let federation = body.federation.map(federation::Body::federation).transpose()?;
    let queries = body.queries.into_iter().map(|query| query.into_multi(federation.as_ref())).collect();
    Ok(MultiRequest { queries, federation })
}

impl Query {
    fn into_multi(mut self, federation: Option<&Federation>) -> MultiQuery {
        let (index, options) = (self.index_uid.0.clone(), self.federation_options.take());
        let checked = match federation {
            Some(federation) => self.fits(federation, options.as_ref()),
            None if options.is_some() => Err(ResponseError::new(
                ErrorCode::InvalidMultiSearchFederationOptions,
                "Using `federationOptions` is not allowed in a non-federated search.\n - Hint: remove \
                 `federationOptions` from the query or add `federation` to the request.",
            )),
            None => Ok(()),
        };
        let filter = self.filter.as_ref().map_or(Ok(None), |filter| filter::parse(filter));
        let unreadable_filter =
            filter.err().map(|error| ResponseError::new(ErrorCode::InvalidSearchFilter, error.to_string()));
        let search = match checked {
            Ok(()) => self.search(),
            Err(error) => Err(RequestError::Invalid(error)),
        };
        MultiQuery { index, search, unreadable_filter, weight: options.unwrap_or_default().weight.0 }
    }

    /// Whether it asks for nothing that only the list as a whole can have (`PartitionedQueries::partition` of
    /// Meilisearch).
    fn fits(&self, federation: &Federation, options: Option<&Options>) -> Result<(), ResponseError> {
        let refuse = |code, what: &str, member: &str, hint: &str| {
            Err(ResponseError::new(
                code,
                format!(
                    "Using {what} is not allowed in federated queries.\n - Hint: remove `{member}` from the query or \
                     remove `federation` from the request{hint}"
                ),
            ))
        };
        let paging = [
            ("offset", self.offset),
            ("limit", self.limit),
            ("page", self.page),
            ("hitsPerPage", self.hits_per_page),
        ];
        if let Some((member, _)) = paging.iter().find(|(_, value)| value.is_some()) {
            let hint = "\n - Hint: pass `federation.limit` and `federation.offset` for pagination in federated search";
            return refuse(ErrorCode::InvalidMultiSearchQueryPagination, "pagination options", member, hint);
        }
        if let Some(facets) = self.facets.as_ref().filter(|facets| !facets.is_empty()) {
            let uid = &self.index_uid.0;
            let hint = format!(
                "\n - Hint: pass `federation.facetsByIndex.{uid}: {facets:?}` for facets in federated search"
            );
            return refuse(ErrorCode::InvalidMultiSearchQueryFacets, "facet options", "facets", &hint);
        }
        if self.personalize.is_some() {
            let hint = "\n - Hint: pass `federation.personalize` for personalization in federated search";
            let code = ErrorCode::InvalidMultiSearchQueryPersonalization;
            return refuse(code, "`.personalize`", "personalize", hint);
        }
        if self.show_performance_details.is_some() {
            let code = ErrorCode::InvalidMultiSearchQueryShowPerformanceDetails;
            return refuse(code, "`.showPerformanceDetails`", "showPerformanceDetails", "");
        }
        if self.distinct.is_some() && federation.distinct.is_some() {
            return Err(ResponseError::new(ErrorCode::InvalidMultiSearchDistinct, DISTINCT_TWICE));
        }
        options.map_or(Ok(()), Options::check)
    }
}
