//! Errors of requests: `deserr` makes Meilisearch's texts, the place of the error gives Meilisearch's code.

use std::convert::Infallible;
use std::marker::PhantomData;
use std::ops::ControlFlow;

use deserr::errors::{JsonError, QueryParamError};
use deserr::{DeserializeError, ErrorKind, IntoValue, MergeWithError, ValuePointerRef, take_cf_content};
use miroir_api::{ErrorCode, ResponseError};

/// What a request is about: the codes of its errors begin with it.
pub(crate) trait Subject {
    const CODES: &'static str;
}

/// Searches.
pub(crate) struct Search;

impl Subject for Search {
    const CODES: &'static str = "invalid_search_";
}

/// An error in JSON.
pub(crate) struct JsonRefusal<S>(pub(crate) ResponseError, PhantomData<S>);

/// An error in the parameters of a URL.
pub(crate) struct QueryRefusal<S>(pub(crate) ResponseError, PhantomData<S>);

impl<S: Subject> DeserializeError for JsonRefusal<S> {
    fn error<V: IntoValue>(
        _: Option<Self>,
        error: ErrorKind<V>,
        at: ValuePointerRef,
    ) -> ControlFlow<Self, Self> {
        let text = take_cf_content(JsonError::error(None, error, at)).to_string();
        ControlFlow::Break(Self(ResponseError::new(code_at(S::CODES, at), text), PhantomData))
    }
}

impl<S: Subject> DeserializeError for QueryRefusal<S> {
    fn error<V: IntoValue>(
        _: Option<Self>,
        error: ErrorKind<V>,
        at: ValuePointerRef,
    ) -> ControlFlow<Self, Self> {
        let text = take_cf_content(QueryParamError::error(None, error, at)).to_string();
        ControlFlow::Break(Self(ResponseError::new(code_at(S::CODES, at), text), PhantomData))
    }
}

macro_rules! merges {
    ($refusal:ident, $($cause:ty),+) => {
        impl<S: Subject> MergeWithError<Self> for $refusal<S> {
            fn merge(_: Option<Self>, other: Self, _: ValuePointerRef) -> ControlFlow<Self, Self> {
                ControlFlow::Break(other)
            }
        }
        $(impl<S: Subject> MergeWithError<$cause> for $refusal<S> {
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
pub(crate) struct InvalidThreshold;

/// A parameter whose text is no value of its type.
#[derive(Debug, thiserror::Error)]
#[error("could not parse `{text}` as a {expected}")]
pub(crate) struct InvalidParameter {
    pub(crate) text: String,
    pub(crate) expected: &'static str,
}

/// The code of an error at this place: `invalid_search_`, say, and the name of the member. An error about the request as a
/// whole is a `bad_request`.
fn code_at(codes: &str, at: ValuePointerRef) -> ErrorCode {
    let member = match first_key(at) {
        Some("hybrid") => "hybrid_query",
        Some("hybridEmbedder") => "embedder",
        Some("hybridSemanticRatio") => "semantic_ratio",
        Some(member) => member,
        None => return ErrorCode::BadRequest,
    };
    let mut name = String::from(codes);
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
