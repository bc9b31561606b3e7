//! Errors of requests: `deserr` makes Meilisearch's texts, the place of the error gives Meilisearch's code.

use std::any::type_name;
use std::convert::Infallible;
use std::marker::PhantomData;
use std::ops::ControlFlow;

use deserr::errors::{JsonError, QueryParamError};
use deserr::{DeserializeError, ErrorKind, IntoValue, MergeWithError, ValuePointerRef, take_cf_content};
use miroir_api::{ErrorCode, ResponseError};
use miroir_model::{IndexUid, InvalidIndexUid};

/// What a request is about: it decides the codes of its errors.
pub(crate) trait Subject {
    /// The code of an error at this place: the names of the members on the way to it, without places in lists. `missing`
    /// is the member that should be there.
    fn code(at: &[&str], missing: Option<&str>) -> ErrorCode;
}

/// Searches.
pub(crate) struct Search;

impl Subject for Search {
    fn code(at: &[&str], _: Option<&str>) -> ErrorCode {
        code_of("invalid_search_", at)
    }
}

/// Texts name the type of a key that is no name of an index.
const MEILISEARCHS_UID: &str = "meilisearch_types::index_uid::IndexUid";

/// An error in JSON.
pub(crate) struct JsonRefusal<S>(pub(crate) ResponseError, PhantomData<S>);

/// An error in the parameters of a URL.
pub(crate) struct QueryRefusal<S>(pub(crate) ResponseError, PhantomData<S>);

impl<S: Subject> DeserializeError for JsonRefusal<S> {
    fn error<V: IntoValue>(
        _: Option<Self>,
        error: ErrorKind<'_, V>,
        at: ValuePointerRef<'_>,
    ) -> ControlFlow<Self, Self> {
        let code = S::code(&names(at), missing(&error));
        let text = take_cf_content(JsonError::error(None, error, at)).to_string();
        let text = text.replace(type_name::<IndexUid>(), MEILISEARCHS_UID);
        ControlFlow::Break(Self(ResponseError::new(code, text), PhantomData))
    }
}

impl<S: Subject> DeserializeError for QueryRefusal<S> {
    fn error<V: IntoValue>(
        _: Option<Self>,
        error: ErrorKind<'_, V>,
        at: ValuePointerRef<'_>,
    ) -> ControlFlow<Self, Self> {
        let code = S::code(&names(at), missing(&error));
        let text = take_cf_content(QueryParamError::error(None, error, at)).to_string();
        ControlFlow::Break(Self(ResponseError::new(code, text), PhantomData))
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

merges!(JsonRefusal, InvalidThreshold, InvalidIndexUid, InvalidWeight, InvalidRatio);
merges!(QueryRefusal, InvalidThreshold, InvalidParameter, InvalidRatio);

/// A number that is no score.
#[derive(Debug, thiserror::Error)]
#[error("the value of `rankingScoreThreshold` is invalid, expected a float between `0.0` and `1.0`.")]
pub(crate) struct InvalidThreshold;

/// A number that is no weight.
#[derive(Debug, thiserror::Error)]
#[error("the value of `weight` is invalid, expected a positive float (>= 0.0).")]
pub(crate) struct InvalidWeight;

/// A number that is no part of a whole.
#[derive(Debug, thiserror::Error)]
#[error("the value of `semanticRatio` is invalid, expected a float between `0.0` and `1.0`.")]
pub(crate) struct InvalidRatio;

/// A parameter whose text is no value of its type.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InvalidParameter {
    #[error("could not parse `{text}` as a {expected}")]
    Value { text: String, expected: &'static str },
    #[error("invalid float literal")]
    Float,
    #[error("Unsupported locale `{unknown}`, expected one of {known}")]
    Locale { unknown: String, known: String },
}

/// The members of `hybrid`, which have codes of their own.
const HYBRID: [&str; 2] = ["semanticRatio", "embedder"];

/// The code of an error in a member: `invalid_search_`, say, and the name of the first member on the way. An error about
/// the request as a whole is a `bad_request`.
pub(crate) fn code_of(codes: &str, at: &[&str]) -> ErrorCode {
    let member = match at.first() {
        Some(&"hybrid") => at.get(1).filter(|member| HYBRID.contains(member)).unwrap_or(&"hybrid_query"),
        Some(&"hybridEmbedder") => "embedder",
        Some(&"hybridSemanticRatio") => "semantic_ratio",
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

/// The names of the members on the way to a place, the outermost first.
fn names(at: ValuePointerRef<'_>) -> Vec<&str> {
    match at {
        ValuePointerRef::Origin => Vec::new(),
        ValuePointerRef::Key { key, prev } => {
            let mut names = names(*prev);
            names.push(key);
            names
        }
        ValuePointerRef::Index { prev, .. } => names(*prev),
    }
}

/// The member that is not there, though it must be.
fn missing<'a, V: IntoValue>(error: &ErrorKind<'a, V>) -> Option<&'a str> {
    match error {
        ErrorKind::MissingField { field } => Some(*field),
        _ => None,
    }
}
