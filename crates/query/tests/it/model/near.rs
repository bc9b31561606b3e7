//! What a node finds by vectors, and by words and vectors (`milli/src/search/hybrid.rs`): written from the contract.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::Doc;

/// What one search has found, best first.
pub(super) struct Found<'a> {
    /// With how each was found: by vectors?
    pub(super) docs: Vec<(&'a Doc, bool)>,
    /// All that could be found.
    pub(super) candidates: Vec<&'a Doc>,
    pub(super) vector: Option<Value>,
}

/// `words` is what words find, best first, with scores; `all` is what passes the filter. The window is where the page is.
pub(super) fn found<'a>(words: &[(&'a Doc, f64)], all: Vec<&'a Doc>, body: &Value, end: usize) -> Found<'a> {
    let ratio = body["hybrid"]["semanticRatio"].as_f64().unwrap_or(0.0) as f32;
    let by_words = Found {
        docs: words.iter().map(|(doc, _)| (*doc, false)).collect(),
        candidates: words.iter().map(|(doc, _)| *doc).collect(),
        vector: None,
    };
    let share = f64::from(1.0 - ratio);
    let first = &words[..end.min(words.len())];
    if ratio == 0.0
        || (ratio < 1.0 && first.len() == end && first.iter().all(|(_, score)| score * share >= 0.45))
    {
        return by_words;
    }
    let sorted = body.get("sort").is_some();
    let mut near = all.clone();
    near.sort_by_key(|doc| doc.nearness_rank(sorted));
    let vector = Some(body.get("vector").cloned().unwrap_or_else(|| json!([0.5, 0.25])));
    if ratio == 1.0 {
        return Found { docs: near.into_iter().map(|doc| (doc, true)).collect(), candidates: all, vector };
    }
    near.truncate(end);
    let (mut near, mut words) = (near.into_iter().peekable(), first.iter().peekable());
    let mut docs = Vec::new();
    let mut seen = BTreeSet::new();
    loop {
        let take_near = match (near.peek(), words.peek()) {
            (None, None) => break,
            (Some(_), None) => true,
            (None, Some(_)) => false,
            (Some(doc), Some((other, score))) => {
                let (ours, theirs) = (doc.similarity().unwrap_or(0.0) * f64::from(ratio), score * share);
                let by_score = match (ours - theirs).abs() <= f64::EPSILON {
                    true => Ordering::Equal,
                    false => ours.total_cmp(&theirs),
                };
                let by_price =
                    if sorted { other.price_rank().cmp(&doc.price_rank()) } else { Ordering::Equal };
                by_score.then(by_price).is_ge()
            }
        };
        let doc = if take_near { near.next() } else { words.next().map(|(doc, _)| *doc) };
        docs.extend(doc.filter(|doc| seen.insert(doc.id)).map(|doc| (doc, take_near)));
    }
    Found { docs, candidates: all, vector }
}
