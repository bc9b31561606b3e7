//! The body of a request to a node.

use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::fields::Fields;
use crate::request::hybrid::Means;
use crate::request::{Hybrid, MatchingStrategy, SearchRequest};

/// A search as a node is asked for it. Members are left out where they say nothing, so that a node's defaults hold.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NodeBody<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    q: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vector: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hybrid: Option<NodeHybrid<'a>>,
    #[serde(flatten)]
    pub(crate) paging: Option<NodePaging>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) attributes_to_retrieve: Option<&'a [String]>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) retrieve_vectors: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    attributes_to_crop: Option<&'a [String]>,
    crop_length: usize,
    crop_marker: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    attributes_to_highlight: Option<&'a [String]>,
    highlight_pre_tag: &'a str,
    highlight_post_tag: &'a str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    show_matches_position: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) filter: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sort: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    distinct: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) facets: Option<&'a [String]>,
    matching_strategy: MatchingStrategy,
    #[serde(skip_serializing_if = "Option::is_none")]
    attributes_to_search_on: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ranking_score_threshold: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    locales: Option<&'a [String]>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) show_ranking_score: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) show_ranking_score_details: bool,
}

/// How much vectors count for a node.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
struct NodeHybrid<'a> {
    embedder: &'a str,
    semantic_ratio: f32,
}

/// The part of the hits that a node is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
pub(crate) enum NodePaging {
    Window { offset: usize, limit: usize },
    Page { page: usize, hits_per_page: usize },
}

impl<'a> NodeBody<'a> {
    /// The user's search over what hits show here, with the user's filter only.
    pub(crate) fn new(request: &'a SearchRequest, fields: &'a Fields, paging: NodePaging) -> Self {
        Self {
            q: request.q.as_deref(),
            vector: None,
            hybrid: None,
            paging: Some(paging),
            attributes_to_retrieve: fields.retrieved.as_deref(),
            retrieve_vectors: request.retrieve_vectors && fields.shows_vectors(),
            attributes_to_crop: fields.cropped.as_deref(),
            crop_length: request.crop_length,
            crop_marker: &request.crop_marker,
            attributes_to_highlight: fields.highlighted.as_deref(),
            highlight_pre_tag: &request.highlight_pre_tag,
            highlight_post_tag: &request.highlight_post_tag,
            show_matches_position: request.show_matches_position,
            filter: request.filter.clone(),
            sort: request.sort.as_deref(),
            distinct: request.distinct.as_deref(),
            facets: request.facets.as_deref(),
            matching_strategy: request.matching_strategy,
            attributes_to_search_on: request.attributes_to_search_on.as_deref(),
            ranking_score_threshold: request.ranking_score_threshold,
            locales: request.locales.as_deref(),
            show_ranking_score: request.show_ranking_score,
            show_ranking_score_details: request.show_ranking_score_details,
        }
    }

    /// The same by vectors: near this one, or the one that the embedder makes of the words.
    pub(crate) fn near(self, hybrid: &'a Hybrid, semantic_ratio: f32, vector: Option<&'a RawValue>) -> Self {
        let embedder = &hybrid.embedder;
        Self { vector, hybrid: Some(NodeHybrid { embedder, semantic_ratio }), ..self }
    }

    /// The same without words.
    pub(crate) fn wordless(self) -> Self {
        Self { q: None, ..self }
    }

    /// The same of which only what matches counts, as one search of several. By vectors every document is found.
    ///
    /// Nodes refuse several searches whose hits cannot be put in one order, and there our last rule counts too. So nothing
    /// is sorted, and a search for everything is one for a blank, which finds everything and is taken for one for words.
    pub(crate) fn without_hits(request: &'a SearchRequest, fields: &'a Fields) -> Self {
        let body = Self::new(request, fields, NodePaging::Window { offset: 0, limit: 0 });
        let words = body.q.filter(|q| !q.is_empty() && request.means() == Means::Words);
        let q = Some(words.unwrap_or(" "));
        Self {
            q,
            paging: None,
            sort: None,
            facets: None,
            ranking_score_threshold: None,
            retrieve_vectors: false,
            ..body
        }
    }

    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("texts, numbers and JSON values always serialise")
    }
}

/// The user's filter and a condition of ours. An array is a conjunction. What is no filter is left for the node to
/// refuse.
pub(crate) fn and(filter: Option<&Value>, condition: Option<String>) -> Option<Value> {
    let Some(condition) = condition else { return filter.cloned() };
    Some(match filter {
        None | Some(Value::Null) => Value::String(condition),
        Some(Value::String(text)) if text.trim().is_empty() => Value::String(condition),
        Some(Value::String(text)) => Value::from(vec![text.clone(), condition]),
        Some(Value::Array(items)) => items.iter().cloned().chain([Value::String(condition)]).collect(),
        Some(other) => other.clone(),
    })
}
