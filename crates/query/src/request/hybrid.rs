//! The part of a search that is about vectors.

use deserr::Deserr;
use miroir_api::{ErrorCode, ResponseError};
use miroir_settings::UserSettings;
use serde::Serialize;

use super::SearchRequest;
use super::refusal::InvalidRatio;

/// Search by vectors, beside words or instead of them.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Hybrid {
    /// The embedder whose vectors are compared.
    pub embedder: String,
    /// How much vectors count: from 0 (words alone) to 1 (vectors alone).
    pub semantic_ratio: f32,
}

/// How documents are found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Means<'a> {
    Words,
    Vectors(&'a Hybrid),
    Both(&'a Hybrid),
}

impl SearchRequest {
    /// How its documents are found (`search_kind` of Meilisearch). Words alone need no embedder, and so nobody looks
    /// whether it is there.
    pub(crate) fn means(&self) -> Means<'_> {
        let Some(hybrid) = &self.hybrid else { return Means::Words };
        let wordless = self.q.as_deref().is_none_or(|q| q.trim().is_empty());
        if hybrid.semantic_ratio == 0.0 || (wordless && self.vector.is_none()) {
            Means::Words
        } else if hybrid.semantic_ratio == 1.0 || wordless {
            Means::Vectors(hybrid)
        } else {
            Means::Both(hybrid)
        }
    }

    /// Whether it looks for words, and for what is near a vector only where these are not enough.
    pub fn is_hybrid(&self) -> bool {
        matches!(self.means(), Means::Both(_))
    }

    /// The same by words alone.
    #[must_use]
    pub fn by_words(&self) -> Self {
        Self { hybrid: None, vector: None, ..self.clone() }
    }

    /// Whether an index with these settings has the embedder that it names, and vectors of that length, where this is
    /// known. It is looked at before all else.
    ///
    /// # Errors
    /// Meilisearch's.
    pub fn check_vector(&self, settings: &UserSettings) -> Result<(), ResponseError> {
        if self.vector.is_some() && self.hybrid.is_none() {
            let text = "Invalid request: missing `hybrid` parameter when `vector` or `media` are present.";
            return Err(ResponseError::new(ErrorCode::MissingSearchHybrid, text));
        }
        let (Means::Vectors(hybrid) | Means::Both(hybrid)) = self.means() else { return Ok(()) };
        let embedders = settings.embedders();
        let Some(embedder) = embedders.iter().find(|embedder| embedder.name == hybrid.embedder) else {
            let text = format!("Cannot find embedder with name `{}`.", hybrid.embedder);
            return Err(ResponseError::new(ErrorCode::InvalidSearchEmbedder, text));
        };
        let found = self.vector.as_ref().map(|vector| vector.len() as u64);
        match (embedder.dimensions, found) {
            (Some(expected), Some(found)) if expected != found => Err(ResponseError::new(
                ErrorCode::InvalidVectorDimensions,
                format!("Invalid vector dimensions: expected: `{expected}`, found: `{found}`."),
            )),
            _ => Ok(()),
        }
    }
}

/// How it is said in JSON.
#[derive(Debug, Deserr)]
#[deserr(rename_all = camelCase, deny_unknown_fields, where_predicate = __Deserr_E: deserr::MergeWithError<InvalidRatio>)]
pub(crate) struct Body {
    #[deserr(default = Ratio(DEFAULT_RATIO))]
    semantic_ratio: Ratio,
    embedder: String,
}

pub(super) const DEFAULT_RATIO: f32 = 0.5;

impl From<Body> for Hybrid {
    fn from(Body { semantic_ratio: Ratio(semantic_ratio), embedder }: Body) -> Self {
        Self { embedder, semantic_ratio }
    }
}

/// 0 to 1.
#[derive(Debug, Clone, Copy, Deserr)]
#[deserr(try_from(f32) = Self::try_from -> InvalidRatio)]
pub(super) struct Ratio(pub(super) f32);

impl TryFrom<f32> for Ratio {
    type Error = InvalidRatio;

    fn try_from(ratio: f32) -> Result<Self, InvalidRatio> {
        if (0.0..=1.0).contains(&ratio) { Ok(Self(ratio)) } else { Err(InvalidRatio) }
    }
}

/// The same as a text.
#[derive(Debug, Clone, Copy, Deserr)]
#[deserr(try_from(String) = Self::try_from -> InvalidRatio)]
pub(super) struct TextRatio(f32);

impl TryFrom<String> for TextRatio {
    type Error = InvalidRatio;

    fn try_from(text: String) -> Result<Self, InvalidRatio> {
        let ratio: f32 = text.parse().map_err(|_| InvalidRatio)?;
        Ratio::try_from(ratio).map(|Ratio(ratio)| Self(ratio))
    }
}

/// What the parameters of a URL say.
///
/// # Errors
/// Meilisearch's, when they do not say which embedder is meant.
pub(super) fn from_parameters(
    embedder: Option<String>,
    ratio: Option<TextRatio>,
    vector: bool,
) -> Result<Option<Hybrid>, ResponseError> {
    let mandatory = |code, parameter: &str| {
        ResponseError::new(code, format!("`hybridEmbedder` is mandatory when `{parameter}` is present"))
    };
    match (embedder, ratio) {
        (None, Some(_)) => Err(mandatory(ErrorCode::InvalidSearchHybridQuery, "hybridSemanticRatio")),
        (None, None) if vector => Err(mandatory(ErrorCode::MissingSearchHybrid, "vector")),
        (None, None) => Ok(None),
        (Some(embedder), ratio) => {
            let semantic_ratio = ratio.map_or(DEFAULT_RATIO, |TextRatio(ratio)| ratio);
            Ok(Some(Hybrid { embedder, semantic_ratio }))
        }
    }
}
