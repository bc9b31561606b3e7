//! The members of a search in JSON: of a search by itself, and of each query of a multi-search.

use deserr::{DeserializeError, Deserr, IntoValue, Value, ValuePointerRef};

use super::refusal::InvalidThreshold;

pub(super) const CROP_LENGTH: usize = 10;
pub(super) const CROP_MARKER: &str = "…";
pub(super) const PRE_TAG: &str = "<em>";
pub(super) const POST_TAG: &str = "</em>";

/// Makes a type of the members of a search, with some before and after them, and with the `null`s that `$given` allows:
/// those of an `Option`, or those of a [`Given`]. The order is that of Meilisearch: its error about an unknown member
/// lists them. (`deserr` has no `flatten` for types that refuse unknown members.)
macro_rules! search_body {
    ($name:ident about $subject:ident, $given:ident, { $($first:tt)* }, { $($last:tt)* }) => {
        #[derive(deserr::Deserr)]
        #[deserr(error = JsonRefusal<$subject>, rename_all = camelCase, deny_unknown_fields)]
        struct $name {
            $($first)*
            #[deserr(default)]
            q: Option<String>,
            #[deserr(default)]
            offset: $given<usize>,
            #[deserr(default)]
            limit: $given<usize>,
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
            filter: Option<serde_json::Value>,
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
            locales: Option<Vec<$crate::request::locale::Locale>>,
            #[deserr(default)]
            hybrid: Option<hybrid::Body>,
            #[deserr(default)]
            vector: Option<Vec<f32>>,
            #[deserr(default)]
            retrieve_vectors: bool,
            #[deserr(default)]
            media: Option<serde_json::Value>,
            #[deserr(default)]
            personalize: Option<serde_json::Value>,
            #[deserr(default)]
            use_network: Option<bool>,
            #[deserr(default)]
            show_ranking_score: bool,
            #[deserr(default)]
            show_ranking_score_details: bool,
            #[deserr(default)]
            show_performance_details: $given<bool>,
            $($last)*
        }

        impl $name {
            /// The search. The error is about what is not there yet.
            fn search(self) -> Result<SearchRequest, RequestError> {
                if let Some(name) = self.unsupported() {
                    return Err(RequestError::Unsupported(name));
                }
                Ok(SearchRequest {
                    q: self.q,
                    paging: Paging::of(
                        Option::from(self.offset).unwrap_or_default(),
                        Option::from(self.limit).unwrap_or(DEFAULT_LIMIT),
                        self.page,
                        self.hits_per_page,
                    ),
                    attributes_to_retrieve: self.attributes_to_retrieve,
                    attributes_to_crop: self.attributes_to_crop,
                    crop_length: self.crop_length,
                    crop_marker: self.crop_marker,
                    attributes_to_highlight: self.attributes_to_highlight,
                    highlight_pre_tag: self.highlight_pre_tag,
                    highlight_post_tag: self.highlight_post_tag,
                    show_matches_position: self.show_matches_position,
                    filter: self.filter,
                    sort: self.sort,
                    distinct: self.distinct,
                    facets: self.facets,
                    matching_strategy: self.matching_strategy,
                    attributes_to_search_on: self.attributes_to_search_on,
                    ranking_score_threshold: self.ranking_score_threshold.map(|threshold| threshold.0),
                    locales: $crate::request::locale::codes(self.locales),
                    hybrid: self.hybrid.map(Into::into),
                    vector: self.vector,
                    retrieve_vectors: self.retrieve_vectors,
                    show_ranking_score: self.show_ranking_score,
                    show_ranking_score_details: self.show_ranking_score_details,
                })
            }

            fn unsupported(&self) -> Option<&'static str> {
                let asked = [
                    ("media", self.media.is_some()),
                    ("personalize", self.personalize.is_some()),
                    ("useNetwork", self.use_network.is_some()),
                    ("showPerformanceDetails", Option::from(self.show_performance_details) == Some(true)),
                ];
                asked.into_iter().find(|(_, asked)| *asked).map(|(name, _)| name)
            }
        }
    };
}
pub(super) use search_body;

/// A member that may be left out, but not be `null`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Given<T>(Option<T>);

impl<T> Default for Given<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> From<Given<T>> for Option<T> {
    fn from(Given(member): Given<T>) -> Self {
        member
    }
}

impl<T: Deserr<E>, E: DeserializeError> Deserr<E> for Given<T> {
    fn deserialize_from_value<V: IntoValue>(value: Value<V>, at: ValuePointerRef<'_>) -> Result<Self, E> {
        T::deserialize_from_value(value, at).map(|member| Self(Some(member)))
    }
}

/// 0 to 1.
#[derive(Deserr)]
#[deserr(try_from(f64) = Self::try_from -> InvalidThreshold)]
pub(crate) struct Threshold(pub(crate) f64);

impl TryFrom<f64> for Threshold {
    type Error = InvalidThreshold;

    fn try_from(score: f64) -> Result<Self, InvalidThreshold> {
        if (0.0..=1.0).contains(&score) { Ok(Self(score)) } else { Err(InvalidThreshold) }
    }
}
