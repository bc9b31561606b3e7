//! The JSON form.

use deserr::Deserr;
use miroir_api::{ErrorCode, ResponseError};
use serde_json::Value;

use super::refusal::{InvalidThreshold, JsonRefusal, Search};
use super::{DEFAULT_LIMIT, MatchingStrategy, Paging, RequestError, SearchRequest};

pub(super) const CROP_LENGTH: usize = 10;
pub(super) const CROP_MARKER: &str = "…";
pub(super) const PRE_TAG: &str = "<em>";
pub(super) const POST_TAG: &str = "</em>";

/// The order of the members is that of Meilisearch: its error about an unknown one lists them.
#[derive(Deserr)]
#[deserr(error = JsonRefusal<Search>, rename_all = camelCase, deny_unknown_fields)]
struct Body {
    #[deserr(default)]
    q: Option<String>,
    #[deserr(default = 0)]
    offset: usize,
    #[deserr(default = DEFAULT_LIMIT)]
    limit: usize,
    #[deserr(default)]
    page: Option<usize>,
    #[deserr(default)]
    hits_per_page: Option<usize>,
    #[deserr(default)]
    attributes_to_retrieve: Option<Vec<String>>,
    #[deserr(default)]
    attributes_to_crop: Option<Vec<String>>,
    #[deserr(default = CROP_LENGTH)]
    crop_length: usize,
    #[deserr(default = CROP_MARKER.to_owned())]
    crop_marker: String,
    #[deserr(default)]
    attributes_to_highlight: Option<Vec<String>>,
    #[deserr(default = PRE_TAG.to_owned())]
    highlight_pre_tag: String,
    #[deserr(default = POST_TAG.to_owned())]
    highlight_post_tag: String,
    #[deserr(default)]
    show_matches_position: bool,
    #[deserr(default)]
    filter: Option<Value>,
    #[deserr(default)]
    sort: Option<Vec<String>>,
    #[deserr(default)]
    distinct: Option<String>,
    #[deserr(default)]
    facets: Option<Vec<String>>,
    #[deserr(default)]
    matching_strategy: MatchingStrategy,
    #[deserr(default)]
    attributes_to_search_on: Option<Vec<String>>,
    #[deserr(default)]
    ranking_score_threshold: Option<Threshold>,
    #[deserr(default)]
    locales: Option<Vec<String>>,
    #[deserr(default)]
    hybrid: Option<Value>,
    #[deserr(default)]
    vector: Option<Value>,
    #[deserr(default)]
    retrieve_vectors: bool,
    #[deserr(default)]
    media: Option<Value>,
    #[deserr(default)]
    personalize: Option<Value>,
    #[deserr(default)]
    use_network: Option<bool>,
    #[deserr(default)]
    show_ranking_score: bool,
    #[deserr(default)]
    show_ranking_score_details: bool,
    #[deserr(default)]
    show_performance_details: bool,
}

/// 0 to 1.
#[derive(Deserr)]
#[deserr(try_from(f64) = Self::try_from -> InvalidThreshold)]
pub(super) struct Threshold(pub(super) f64);

impl TryFrom<f64> for Threshold {
    type Error = InvalidThreshold;

    fn try_from(score: f64) -> Result<Self, InvalidThreshold> {
        if (0.0..=1.0).contains(&score) { Ok(Self(score)) } else { Err(InvalidThreshold) }
    }
}

/// Parses the body of a POST.
///
/// # Errors
/// Meilisearch's error where the body is wrong, and where it asks for what is not there yet.
pub fn from_json(body: &[u8]) -> Result<SearchRequest, RequestError> {
    let body: Body = deserr::deserialize(parse(body)?).map_err(|error: JsonRefusal<Search>| error.0)?;
    body.check_supported()?;
    Ok(SearchRequest {
        q: body.q,
        paging: Paging::of(body.offset, body.limit, body.page, body.hits_per_page),
        attributes_to_retrieve: body.attributes_to_retrieve,
        attributes_to_crop: body.attributes_to_crop,
        crop_length: body.crop_length,
        crop_marker: body.crop_marker,
        attributes_to_highlight: body.attributes_to_highlight,
        highlight_pre_tag: body.highlight_pre_tag,
        highlight_post_tag: body.highlight_post_tag,
        show_matches_position: body.show_matches_position,
        filter: body.filter,
        sort: body.sort,
        distinct: body.distinct,
        facets: body.facets,
        matching_strategy: body.matching_strategy,
        attributes_to_search_on: body.attributes_to_search_on,
        ranking_score_threshold: body.ranking_score_threshold.map(|threshold| threshold.0),
        locales: body.locales,
        show_ranking_score: body.show_ranking_score,
        show_ranking_score_details: body.show_ranking_score_details,
    })
}

impl Body {
    fn check_supported(&self) -> Result<(), RequestError> {
        let asked = [
            ("hybrid", self.hybrid.is_some()),
            ("vector", self.vector.is_some()),
            ("retrieveVectors", self.retrieve_vectors),
            ("media", self.media.is_some()),
            ("personalize", self.personalize.is_some()),
            ("useNetwork", self.use_network.is_some()),
            ("showPerformanceDetails", self.show_performance_details),
        ];
        match asked.into_iter().find(|(_, asked)| *asked) {
            Some((name, _)) => Err(RequestError::Unsupported(name)),
            None => Ok(()),
        }
    }
}

/// The body as JSON, of whatever form.
pub(crate) fn parse(body: &[u8]) -> Result<Value, ResponseError> {
    if body.is_empty() {
        return Err(ResponseError::new(ErrorCode::MissingPayload, "A json payload is missing."));
    }
    serde_json::from_slice(body).map_err(|error| {
        let text = format!("The json payload provided is malformed. `{error}`.");
        ResponseError::new(ErrorCode::MalformedPayload, text)
    })
}
