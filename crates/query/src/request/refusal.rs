//! Errors of requests: `deserr` makes Meilisearch's texts, the place of the error gives Meilisearch's code.

use std::convert::Infallible;
use std::ops::ControlFlow;

use deserr::errors::{JsonError, QueryParamError};
use deserr::{DeserializeError, ErrorKind, IntoValue, MergeWithError, ValuePointerRef, take_cf_content};
use miroir_api::{ErrorCode, ResponseError};

/// An error in JSON.
pub(super) struct JsonRefusal(pub(super) ResponseError);

/// An error in the parameters of a URL.
pub(super) struct QueryRefusal(pub(super) ResponseError);

impl DeserializeError for JsonRefusal {
    fn error<V: IntoValue>(
        _: Option<Self>,
        error: ErrorKind<V>,
        at: ValuePointerRef,
    ) -> ControlFlow<Self, Self> {
        let text = take_cf_content(JsonError::error(None, error, at)).to_string();
        ControlFlow::Break(Self(ResponseError::new(code_at(at), text)))
    }
}

impl DeserializeError for QueryRefusal {
    fn error<V: IntoValue>(
        _: Option<Self>,
        error: ErrorKind<V>,
        at: ValuePointerRef,
    ) -> ControlFlow<Self, Self> {
        let text = take_cf_content(QueryParamError::error(None, error, at)).to_string();
        ControlFlow::Break(Self(ResponseError::new(code_at(at), text)))
    }
}

macro_rules! merges {
    ($refusal:ident, $($cause:ty),+) => {
        impl MergeWithError<Self> for $refusal {
            fn merge(_: Option<Self>, other: Self, _: ValuePointerRef) -> ControlFlow<Self, Self> {
                ControlFlow::Break(other)
            }
        }
        $(impl MergeWithError<$cause> for $refusal {
            fn merge(_: Option<Self>, cause: $cause, at: ValuePointerRef) -> ControlFlow<Self, Self> {
                Self::error::<Infallible>(None, ErrorKind::Unexpected { msg: cause.to_string() }, at)
            }
        })+
    };
}

merges!(JsonRefusal, InvalidThreshold);
merges!(QueryRefusal, InvalidThreshold, InvalidParameter);

/// A number that is no score.
#[derive(Debug, thiserror::Error)]
#[error("the value of `rankingScoreThreshold` is invalid, expected a float between `0.0` and `1.0`.")]
pub(super) struct InvalidThreshold;

/// A parameter whose text is no value of its type.
#[derive(Debug, thiserror::Error)]
#[error("could not parse `{text}` as a {expected}")]
pub(super) struct InvalidParameter {
    pub(super) text: String,
    pub(super) expected: &'static str,
}

/// The code of an error at this place: `invalid_search_` and the name of the member. An error about the request as a
/// whole is a `bad_request`.
fn code_at(at: ValuePointerRef) -> ErrorCode {
    let member = match first_key(at) {
        Some("hybrid") => "hybrid_query",
        Some("hybridEmbedder") => "embedder",
        Some("hybridSemanticRatio") => "semantic_ratio",
        Some(member) => member,
        None => return ErrorCode::BadRequest,
    };
    let mut name = String::from("invalid_search_");
    for c in member.chars() {
        if c.is_ascii_uppercase() {
            name.push('_');
        }
        name.push(c.to_ascii_lowercase());
    }
    name.parse().unwrap_or(ErrorCode::BadRequest)
}

fn first_key(at: ValuePointerRef<'_>) -> Option<&str> {
    match at {
        ValuePointerRef::Origin => None,
        ValuePointerRef::Key { key, prev: ValuePointerRef::Origin } => Some(key),
        ValuePointerRef::Key { prev, .. } | ValuePointerRef::Index { prev, .. } => first_key(*prev),
    }
}
