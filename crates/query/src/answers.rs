//! The answers of nodes, by what they were asked.

use std::collections::BTreeMap;

use memchr::memmem;
use miroir_model::NodeId;

use crate::plan::NodeRequest;

/// Answers so far. A later plan finds in them what it asks again.
#[derive(Debug, Clone)]
pub struct Answers<B>(BTreeMap<NodeId, BTreeMap<String, B>>);

impl<B> Default for Answers<B> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<B> Answers<B> {
    /// Adds the answer to a request.
    pub fn insert(&mut self, request: &NodeRequest, answer: B) {
        self.0.entry(request.node.clone()).or_default().insert(request.body.clone(), answer);
    }

    /// The answer to a request, once it is there.
    pub fn to(&self, request: &NodeRequest) -> Option<&B> {
        self.0.get(&request.node)?.get(&request.body)
    }

    /// The requests that have no answer yet.
    pub fn lacking<'r>(&self, requests: &'r [NodeRequest]) -> impl Iterator<Item = &'r NodeRequest> {
        requests.iter().filter(|request| self.to(request).is_none())
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.0.values().map(BTreeMap::len).sum()
    }
}

impl<'r, B> FromIterator<(&'r NodeRequest, B)> for Answers<B> {
    fn from_iter<I: IntoIterator<Item = (&'r NodeRequest, B)>>(answers: I) -> Self {
        let mut all = Self::default();
        for (request, answer) in answers {
            all.insert(request, answer);
        }
        all
    }
}

/// Whether a node's answer, with the details of scores, says that the node ran out of the time that the index gives a
/// search (`searchCutoffMs`): some hits are ordered by the first rules only then, as on one Meilisearch.
///
/// Texts cannot have what is looked for, since their quotes are escaped.
pub fn ran_out_of_time(answer: &[u8]) -> bool {
    memmem::find(answer, br#""skipped":{"order":"#).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_that_was_skipped_says_so() {
        let hit = r#"{"hits":[{"id":1,"_rankingScoreDetails":{"words":{"order":0,"matchingWords":1,"maxMatchingWords":1,"score":1.0},"skipped":{"order":1}}}]}"#;
        assert!(ran_out_of_time(hit.as_bytes()));
        let text = serde_json::json!({ "hits": [{ "title": r#""skipped":{"order":1}"#, "skipped": 1 }] });
        assert!(!ran_out_of_time(text.to_string().as_bytes()));
    }
}
