//! The form of a URL's parameters: every value is a text, lists are separated by commas.

use deserr::{
    DeserializeError, Deserr, ErrorKind, IntoValue, MergeWithError, ValueKind, ValuePointerRef,
    take_cf_content,
};
use miroir_api::{ErrorCode, ResponseError};
use serde_json::{Map, Value};

use super::body::{CROP_LENGTH, CROP_MARKER, POST_TAG, PRE_TAG, Threshold};
use super::hybrid::{self, TextRatio};
use super::locale::Locales;
use super::refusal::{InvalidParameter, InvalidThreshold, QueryRefusal, Search, Subject};
use super::{DEFAULT_LIMIT, MatchingStrategy, Paging, RequestError, SearchRequest};
use crate::filter;

/// The order of the parameters is that of Meilisearch: its error about an unknown one lists them.
#[derive(Deserr)]
#[deserr(error = QueryRefusal<Search>, rename_all = camelCase, deny_unknown_fields)]
struct Parameters {
    #[deserr(default)]
    q: Option<String>,
    #[deserr(default = Parsed(0))]
    offset: Parsed<usize>,
    #[deserr(default = Parsed(DEFAULT_LIMIT))]
    limit: Parsed<usize>,
    #[deserr(default)]
    page: Option<Parsed<usize>>,
    #[deserr(default)]
    hits_per_page: Option<Parsed<usize>>,
    #[deserr(default)]
    attributes_to_retrieve: Option<Parsed<List>>,
    #[deserr(default)]
    attributes_to_crop: Option<Parsed<List>>,
    #[deserr(default = Parsed(CROP_LENGTH))]
    crop_length: Parsed<usize>,
    #[deserr(default = CROP_MARKER.to_owned())]
    crop_marker: String,
    #[deserr(default)]
    attributes_to_highlight: Option<Parsed<List>>,
    #[deserr(default = PRE_TAG.to_owned())]
    highlight_pre_tag: String,
    #[deserr(default = POST_TAG.to_owned())]
    highlight_post_tag: String,
    #[deserr(default)]
    show_matches_position: Parsed<bool>,
    #[deserr(default)]
    filter: Option<String>,
    #[deserr(default)]
    sort: Option<String>,
    #[deserr(default)]
    distinct: Option<String>,
    #[deserr(default)]
    facets: Option<Parsed<List>>,
    #[deserr(default)]
    matching_strategy: MatchingStrategy,
    #[deserr(default)]
    attributes_to_search_on: Option<Parsed<List>>,
    #[deserr(default)]
    ranking_score_threshold: Option<TextThreshold>,
    #[deserr(default)]
    locales: Option<Parsed<Locales>>,
    #[deserr(default)]
    hybrid_embedder: Option<String>,
    #[deserr(default)]
    hybrid_semantic_ratio: Option<TextRatio>,
    #[deserr(default)]
    vector: Option<Parsed<Vector>>,
    #[deserr(default)]
    retrieve_vectors: Parsed<bool>,
    #[deserr(default)]
    personalize_user_context: Option<String>,
    #[deserr(default)]
    use_network: Option<Parsed<bool>>,
    #[deserr(default)]
    show_ranking_score: Parsed<bool>,
    #[deserr(default)]
    show_ranking_score_details: Parsed<bool>,
    #[deserr(default)]
    show_performance_details: Parsed<bool>,
}

/// Parses the parameters of a GET, decoded. Of two with one name the last counts.
///
/// # Errors
/// Meilisearch's error where a parameter is wrong, and where one asks for what is not there yet.
pub fn from_parameters<'a>(
    parameters: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<SearchRequest, RequestError> {
    let parameters: Parameters =
        deserr::deserialize(texts(parameters)).map_err(|error: QueryRefusal<Search>| error.0)?;
    parameters.check_supported()?;
    let hybrid = hybrid::from_parameters(
        parameters.hybrid_embedder,
        parameters.hybrid_semantic_ratio,
        parameters.vector.is_some(),
    )?;
    let list = |list: Option<Parsed<List>>| list.map(|Parsed(List(items))| items);
    let number = |number: Option<Parsed<usize>>| number.map(|Parsed(number)| number);
    Ok(SearchRequest {
        q: parameters.q,
        paging: Paging::of(
            parameters.offset.0,
            parameters.limit.0,
            number(parameters.page),
            number(parameters.hits_per_page),
        ),
        attributes_to_retrieve: list(parameters.attributes_to_retrieve),
        attributes_to_crop: list(parameters.attributes_to_crop),
        crop_length: parameters.crop_length.0,
        crop_marker: parameters.crop_marker,
        attributes_to_highlight: list(parameters.attributes_to_highlight),
        highlight_pre_tag: parameters.highlight_pre_tag,
        highlight_post_tag: parameters.highlight_post_tag,
        show_matches_position: parameters.show_matches_position.0,
        filter: parameters.filter.map(|text| filter_of(text, ErrorCode::InvalidSearchFilter)).transpose()?,
        sort: parameters.sort.map(|text| sort_criteria(&text)),
        distinct: parameters.distinct,
        facets: list(parameters.facets),
        matching_strategy: parameters.matching_strategy,
        attributes_to_search_on: list(parameters.attributes_to_search_on),
        ranking_score_threshold: parameters.ranking_score_threshold.map(|threshold| threshold.0),
        locales: parameters.locales.map(|Parsed(Locales(codes))| codes),
        hybrid,
        vector: parameters.vector.map(|Parsed(Vector(numbers))| numbers),
        retrieve_vectors: parameters.retrieve_vectors.0,
        show_ranking_score: parameters.show_ranking_score.0,
        show_ranking_score_details: parameters.show_ranking_score_details.0,
    })
}

/// Parameters as an object of texts.
pub(crate) fn texts<'a>(parameters: impl IntoIterator<Item = (&'a str, &'a str)>) -> Value {
    let texts = parameters.into_iter().map(|(name, text)| (name.to_owned(), Value::from(text)));
    Value::Object(texts.collect::<Map<String, Value>>())
}

/// A filter that is JSON is taken for it: an array can be sent.
///
/// # Errors
/// When it is `null`, which in a body is no filter, and a wrong one here.
pub(crate) fn filter_of(text: String, code: ErrorCode) -> Result<Value, ResponseError> {
    let filter = serde_json::from_str(&text).unwrap_or(Value::String(text));
    match filter::parse(&filter) {
        Err(error) if filter.is_null() => Err(ResponseError::new(code, error.to_string())),
        _ => Ok(filter),
    }
}

impl Parameters {
    fn check_supported(&self) -> Result<(), RequestError> {
        let asked = [
            ("personalizeUserContext", self.personalize_user_context.is_some()),
            ("useNetwork", self.use_network.is_some()),
            ("showPerformanceDetails", self.show_performance_details.0),
        ];
        match asked.into_iter().find(|(_, asked)| *asked) {
            Some((name, _)) => Err(RequestError::Unsupported(name)),
            None => Ok(()),
        }
    }
}

/// The criteria of a `sort` parameter: separated by commas, but for those inside `_geoPoint(…)`.
pub(crate) fn sort_criteria(text: &str) -> Vec<String> {
    let mut criteria: Vec<String> = Vec::new();
    let mut in_point = false;
    for part in text.trim_matches('"').split(',').map(str::trim) {
        match criteria.last_mut() {
            Some(point) if in_point => {
                point.push(',');
                point.push_str(part);
                in_point = !part.ends_with("):asc") && !part.ends_with("):desc");
            }
            _ => {
                in_point = part.starts_with("_geoPoint(");
                criteria.push(part.to_owned());
            }
        }
    }
    criteria
}

/// A value that is read from a text.
#[derive(Default, Clone, Copy)]
pub(crate) struct Parsed<T>(pub(crate) T);

pub(crate) trait FromText: Sized {
    const EXPECTED: &'static str;
    fn from_text(text: &str) -> Option<Self>;

    /// What is said of a text that is no such value.
    fn refused(text: String) -> InvalidParameter {
        InvalidParameter::Value { text, expected: Self::EXPECTED }
    }
}

impl FromText for usize {
    const EXPECTED: &'static str = "positive integer";
    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl FromText for bool {
    const EXPECTED: &'static str = "boolean, expected either `true` or `false`";
    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

/// Texts separated by commas; empty ones do not count.
pub(crate) struct List(pub(crate) Vec<String>);

impl FromText for List {
    const EXPECTED: &'static str = "list";
    fn from_text(text: &str) -> Option<Self> {
        Some(Self(text.split(',').filter(|item| !item.is_empty()).map(str::to_owned).collect()))
    }
}

/// Numbers separated by commas; empty texts do not count.
struct Vector(Vec<f32>);

impl FromText for Vector {
    const EXPECTED: &'static str = "list of numbers";
    fn from_text(text: &str) -> Option<Self> {
        let numbers = text.split(',').filter(|item| !item.is_empty()).map(str::parse);
        numbers.collect::<Result<_, _>>().map(Self).ok()
    }

    fn refused(_: String) -> InvalidParameter {
        InvalidParameter::Float
    }
}

impl<T: FromText, S: Subject> Deserr<QueryRefusal<S>> for Parsed<T> {
    fn deserialize_from_value<V: IntoValue>(
        value: deserr::Value<V>,
        at: ValuePointerRef<'_>,
    ) -> Result<Self, QueryRefusal<S>> {
        let deserr::Value::String(text) = value else {
            let wrong = ErrorKind::IncorrectValueKind { actual: value, accepted: &[ValueKind::String] };
            return Err(take_cf_content(QueryRefusal::<S>::error(None, wrong, at)));
        };
        let parsed = T::from_text(&text).map(Self);
        parsed.ok_or_else(|| take_cf_content(QueryRefusal::<S>::merge(None, T::refused(text), at)))
    }
}

#[derive(Deserr)]
#[deserr(try_from(String) = Self::try_from -> InvalidThreshold)]
pub(crate) struct TextThreshold(pub(crate) f64);

impl TryFrom<String> for TextThreshold {
    type Error = InvalidThreshold;

    fn try_from(text: String) -> Result<Self, InvalidThreshold> {
        let score: f64 = text.parse().map_err(|_| InvalidThreshold)?;
        Threshold::try_from(score).map(|threshold| Self(threshold.0))
    }
}
