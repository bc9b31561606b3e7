//! A multi-search: several searches in one request.

use deserr::Deserr;
use miroir_api::{ErrorCode, ResponseError};
use miroir_model::{IndexUid, InvalidIndexUid};

use super::body::{CROP_LENGTH, CROP_MARKER, POST_TAG, PRE_TAG, Threshold, search_body};
use super::post::parse;
use super::refusal::{JsonRefusal, Subject, code_of};
use super::{DEFAULT_LIMIT, MatchingStrategy, Paging, RequestError, SearchRequest};

/// Multi-searches.
struct MultiSearch;

impl Subject for MultiSearch {
    fn code(at: &[&str], missing: Option<&str>) -> ErrorCode {
        match (at, missing) {
            (["queries"], Some("indexUid")) => ErrorCode::MissingIndexUid,
            (["queries", "indexUid", ..], _) => ErrorCode::InvalidIndexUid,
            (["queries", member @ ..], _) => code_of("invalid_search_", member),
            _ => ErrorCode::BadRequest,
        }
    }
}

/// One search of a multi-search.
#[derive(Debug, Clone, PartialEq)]
pub struct MultiQuery {
    /// The index.
    pub index: IndexUid,
    /// What is looked for, or why that cannot be. Searches before this one may have an error that comes first.
    pub search: Result<SearchRequest, RequestError>,
}

#[derive(Deserr)]
#[deserr(error = JsonRefusal<MultiSearch>, rename_all = camelCase, deny_unknown_fields)]
struct Body {
    queries: Vec<Query>,
    #[deserr(default)]
    federation: Option<serde_json::Value>,
}

search_body!(Query about MultiSearch, Option, {
    index_uid: Uid,
}, {
    #[deserr(default)]
    federation_options: Option<serde_json::Value>,
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
/// Meilisearch's error where the body is wrong, and where it asks for what is not there yet: one list of hits of all.
pub fn multi_from_json(body: &[u8]) -> Result<Vec<MultiQuery>, RequestError> {
    let body: Body = deserr::deserialize(parse(body)?).map_err(|error: JsonRefusal<MultiSearch>| error.0)?;
    if body.federation.is_some() {
        return Err(RequestError::Unsupported("federation"));
    }
    Ok(body.queries.into_iter().map(Query::into_multi).collect())
}

impl Query {
    fn into_multi(mut self) -> MultiQuery {
        let index = self.index_uid.0.clone();
        let search = match self.federation_options.take() {
            None => self.search(),
            Some(_) => Err(RequestError::Invalid(ResponseError::new(
                ErrorCode::InvalidMultiSearchFederationOptions,
                "Using `federationOptions` is not allowed in a non-federated search.\n - Hint: remove \
                 `federationOptions` from the query or add `federation` to the request.",
            ))),
        };
        MultiQuery { index, search }
    }
}
