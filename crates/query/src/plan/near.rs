//! What nodes are asked where vectors are compared.
//!
//! Each node gives the documents near a vector, and a hybrid search merges these with what it found by words, as one node
//! does (`merge::hybrid`). The vector of the words is made once: one node is asked for it, and the others get it from us.

use std::borrow::Cow;
use std::collections::BTreeSet;

use miroir_model::reserved;
use serde_json::value::RawValue;

use super::body::{NodeBody, NodePaging, and};
use super::{NodeRequest, Plan};
use crate::request::hybrid::Means;

/// By what nodes find documents.
#[derive(Debug, Clone, Copy)]
pub(crate) enum By<'a> {
    Words,
    /// Near this vector. Where none is known, near the one that each node's embedder makes of the words.
    Vector(Option<&'a RawValue>),
}

/// A ratio at which a node compares vectors however good the documents are that it finds by words, and at which what it
/// finds by vectors comes first (the greatest below 1).
const NEARLY_ALL: f32 = 1.0 - f32::EPSILON / 2.0;

impl Plan {
    /// By what documents are found first. A hybrid search looks for words first, and that may be enough.
    pub(crate) fn by(&self) -> By<'_> {
        match self.request.means() {
            Means::Vectors(_) => By::Vector(self.vector.as_deref()),
            Means::Words | Means::Both(_) => By::Words,
        }
    }

    /// What the nodes are asked first, by words or by vectors.
    pub(crate) fn first_requests(&self, by: By<'_>) -> Cow<'_, [NodeRequest]> {
        let planned = match (by, self.by()) {
            (By::Words, By::Words) => true,
            (By::Vector(asked), By::Vector(planned)) => {
                asked.map(RawValue::get) == planned.map(RawValue::get)
            }
            _ => false,
        };
        if planned {
            return Cow::Borrowed(&self.requests);
        }
        (0..self.requests.len()).map(|number| self.first_request(number, by)).collect()
    }

    /// The same search by words, by vectors, or, where a node answers alone, as the user asks for it.
    pub(super) fn found_by<'a>(&'a self, body: NodeBody<'a>, by: By<'a>) -> NodeBody<'a> {
        let Some(hybrid) = &self.request.hybrid else { return body };
        match by {
            _ if self.whole => body.near(hybrid, hybrid.semantic_ratio, self.vector.as_deref()),
            By::Words => body,
            By::Vector(None) => body.near(hybrid, 1.0, None),
            // What is found by words and vectors together heeds the words that must not be there.
            By::Vector(vector) if self.may_negate() => body.near(hybrid, NEARLY_ALL, vector),
            By::Vector(vector) => body.near(hybrid, 1.0, vector).wordless(),
        }
    }

    /// Whether the words may say which of them must not be there, also in what a hybrid search finds by vectors.
    pub(crate) fn may_negate(&self) -> bool {
        let negates = self.request.q.as_deref().is_some_and(|q| q.contains('-'));
        negates && self.is_hybrid() && self.version.traits().hybrid_negates
    }

    /// Whose answers say what vector an embedder makes of the words, without hits: those of one node, and if it says nothing
    /// those of others. In a hybrid search a node whose embedder fails answers without it; so does one (1.15) that finds
    /// nothing by it, and others may find something.
    pub(crate) fn embedding_requests(&self) -> [Vec<NodeRequest>; 2] {
        let others = if self.version.traits().tells_vector { 0 } else { self.requests.len() };
        let first = self.requests.len().min(1);
        [0..first, first..others].map(|numbers| numbers.filter_map(|at| self.embedding_request(at)).collect())
    }

    fn embedding_request(&self, number: usize) -> Option<NodeRequest> {
        let hybrid = self.request.hybrid.as_ref()?;
        let both = matches!(self.request.means(), Means::Both(_));
        let ratio = if both { NEARLY_ALL } else { 1.0 };
        let mut body = NodeBody::new(&self.request, &self.fields, NodePaging::Window { offset: 0, limit: 1 });
        (body.filter, body.facets, body.ranking_score_threshold) = (None, None, None);
        body.attributes_to_retrieve = Some(&[]);
        body.retrieve_vectors = true;
        Some(self.to(number, &body.near(hybrid, ratio, None)))
    }

    /// Hits of these slots near a vector with the words marked in them, which a node does only when it looks for both.
    pub(crate) fn marked_request(
        &self,
        number: usize,
        slots: BTreeSet<String>,
        vector: Option<&RawValue>,
    ) -> NodeRequest {
        let mut body = self.body(self.window.first(self.window.hits()), By::Words);
        (body.facets, body.show_ranking_score) = (None, false);
        if let Some(hybrid) = &self.request.hybrid {
            body = body.near(hybrid, NEARLY_ALL, vector);
        }
        if slots.is_empty() {
            return self.limited(number, body);
        }
        body.filter = and(self.request.filter.as_ref(), Some(reserved::with_one_of(slots)));
        self.to(number, &body)
    }

    /// Whether what is found by words and by vectors is merged.
    pub(crate) fn is_hybrid(&self) -> bool {
        !self.whole && matches!(self.request.means(), Means::Both(_))
    }

    /// Whether hits that are found by vectors show where the words are.
    pub(crate) fn marks_words(&self) -> bool {
        let request = &self.request;
        request.attributes_to_highlight.is_some()
            || request.attributes_to_crop.is_some()
            || request.show_matches_position
    }
}
