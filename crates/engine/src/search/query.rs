//! The parameters of a search.

use milli::TermsMatchingStrategy;
use milli::tokenizer::Language;
use serde_json::{Map, Value};

use super::filter::parse;
use super::paging::Paging;
use crate::error::ApiError;
use crate::index::language;
use crate::routes::Fields;

#[derive(Debug, Clone)]
pub(crate) struct SearchQuery {
    pub(super) q: Option<String>,
    pub(super) vector: Option<Vec<f32>>,
    pub(super) hybrid: Option<Hybrid>,
    pub(super) paging: Paging,
    pub(super) attributes_to_retrieve: Option<Vec<String>>,
    pub(super) retrieve_vectors: bool,
    pub(super) attributes_to_crop: Vec<String>,
    pub(super) crop_length: usize,
    pub(super) attributes_to_highlight: Vec<String>,
    pub(super) show_matches_position: bool,
    pub(super) show_ranking_score: bool,
    pub(super) show_ranking_score_details: bool,
    pub(super) filter: Option<Value>,
    pub(super) sort: Option<Vec<String>>,
    pub(super) distinct: Option<String>,
    pub(super) facets: Option<Vec<String>>,
    pub(super) highlight_pre_tag: String,
    pub(super) highlight_post_tag: String,
    pub(super) crop_marker: String,
    pub(super) matching_strategy: TermsMatchingStrategy,
    pub(super) attributes_to_search_on: Option<Vec<String>>,
    pub(super) ranking_score_threshold: Option<f64>,
    pub(super) locales: Option<Vec<Language>>,
}

/// How documents are found: by words, by vectors, or by both with this share for vectors.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Means {
    Words,
    Vectors,
    Both(f32),
}

/// Search by vectors beside words.
#[derive(Debug, Clone)]
pub(crate) struct Hybrid {
    pub(super) embedder: String,
    /// From 0 (words only) to 1 (vectors only).
    pub(super) semantic_ratio: f32,
}

impl SearchQuery {
    /// Reads the body of a search.
    ///
    /// # Errors
    /// The code of the parameter that is wrong, `bad_request` for an unknown one.
    pub(crate) fn parse(body: Map<String, Value>) -> Result<Self, ApiError> {
        let mut fields = Fields::new(body, "invalid_search_");
        let query = Self {
            q: fields.text("q")?,
            vector: fields.typed("vector", "an array of numbers")?,
            hybrid: hybrid(fields.object("hybrid")?)?,
            paging: Paging::parse(&mut fields)?,
            attributes_to_retrieve: fields.texts("attributesToRetrieve")?,
            retrieve_vectors: fields.flag("retrieveVectors")?,
            attributes_to_crop: fields.texts("attributesToCrop")?.unwrap_or_default(),
            crop_length: fields.size("cropLength")?.unwrap_or(10),
            attributes_to_highlight: fields.texts("attributesToHighlight")?.unwrap_or_default(),
            show_matches_position: fields.flag("showMatchesPosition")?,
            show_ranking_score: fields.flag("showRankingScore")?,
            show_ranking_score_details: fields.flag("showRankingScoreDetails")?,
            filter: fields.any("filter"),
            sort: fields.texts("sort")?,
            distinct: fields.text("distinct")?,
            facets: fields.texts("facets")?,
            highlight_pre_tag: fields.text("highlightPreTag")?.unwrap_or_else(|| "<em>".to_owned()),
            highlight_post_tag: fields.text("highlightPostTag")?.unwrap_or_else(|| "</em>".to_owned()),
            crop_marker: fields.text("cropMarker")?.unwrap_or_else(|| "…".to_owned()),
            matching_strategy: matching_strategy(fields.text("matchingStrategy")?.as_deref())?,
            attributes_to_search_on: fields.texts("attributesToSearchOn")?,
            ranking_score_threshold: threshold(fields.typed("rankingScoreThreshold", "a number")?)?,
            locales: locales(fields.texts("locales")?)?,
        };
        fields.finish()?;
        query.check_vector()?;
        Ok(query)
    }

    fn check_vector(&self) -> Result<(), ApiError> {
        if self.vector.is_some() && self.hybrid.is_none() {
            let text = "Invalid request: missing `hybrid` parameter when `vector` or `media` are present.";
            return Err(ApiError::new("missing_search_hybrid", text));
        }
        Ok(())
    }

    /// Whether its filter can be read.
    pub(super) fn check_filter(&self) -> Result<(), ApiError> {
        self.filter.as_ref().map_or(Ok(()), |filter| parse(filter, "invalid_search_filter").map(|_| ()))
    }

    /// How documents are found.
    pub(super) fn means(&self) -> Means {
        let Some(Hybrid { semantic_ratio, .. }) = &self.hybrid else { return Means::Words };
        let wordless = self.q.as_deref().is_none_or(|q| q.trim().is_empty());
        match (&self.q, &self.vector) {
            // A placeholder search.
            (_, None) if wordless => Means::Words,
            _ if *semantic_ratio == 1.0 => Means::Vectors,
            _ if *semantic_ratio == 0.0 => Means::Words,
            // As in 1.50; 1.15 looks for the words of a blank text too.
            _ if wordless => Means::Vectors,
            _ => Means::Both(*semantic_ratio),
        }
    }

    pub(super) fn needs_scores(&self) -> bool {
        self.show_ranking_score || self.show_ranking_score_details || self.ranking_score_threshold.is_some()
    }
}

fn matching_strategy(name: Option<&str>) -> Result<TermsMatchingStrategy, ApiError> {
    match name {
        None | Some("last") => Ok(TermsMatchingStrategy::Last),
        Some("all") => Ok(TermsMatchingStrategy::All),
        Some("frequency") => Ok(TermsMatchingStrategy::Frequency),
        Some(other) => Err(ApiError::new(
            "invalid_search_matching_strategy",
            format!(
                "Unknown value `{other}` at `.matchingStrategy`: expected one of `last`, `all`, `frequency`"
            ),
        )),
    }
}

fn threshold(threshold: Option<f64>) -> Result<Option<f64>, ApiError> {
    if threshold.is_some_and(|threshold| !(0.0..=1.0).contains(&threshold)) {
        let text = "Invalid value at `.rankingScoreThreshold`: the value of `rankingScoreThreshold` is invalid, \
                    expected a float between `0.0` and `1.0`.";
        return Err(ApiError::new("invalid_search_ranking_score_threshold", text));
    }
    Ok(threshold)
}

fn locales(codes: Option<Vec<String>>) -> Result<Option<Vec<Language>>, ApiError> {
    let Some(codes) = codes else { return Ok(None) };
    let known = codes.iter().map(|code| {
        language(code).ok_or_else(|| {
            ApiError::new(
                "invalid_search_locales",
                format!("Unknown value `{code}` at `.locales`: not a locale"),
            )
        })
    });
    known.collect::<Result<_, _>>().map(Some)
}

fn hybrid(body: Option<Map<String, Value>>) -> Result<Option<Hybrid>, ApiError> {
    let Some(body) = body else { return Ok(None) };
    let mut fields = Fields::new(body, "invalid_search_");
    let embedder = fields.text("embedder")?;
    let ratio: Option<f32> = fields.typed("semanticRatio", "a number")?;
    fields.finish()?;
    let embedder = embedder.ok_or_else(|| {
        ApiError::new("invalid_search_embedder", "Missing field `embedder` inside `.hybrid`")
    })?;
    let semantic_ratio = ratio.unwrap_or(0.5);
    if !(0.0..=1.0).contains(&semantic_ratio) {
        let text = "Invalid value at `.hybrid.semanticRatio`: the value of `semanticRatio` is invalid, expected a float \
                    between `0.0` and `1.0`.";
        return Err(ApiError::new("invalid_search_semantic_ratio", text));
    }
    Ok(Some(Hybrid { embedder, semantic_ratio }))
}
