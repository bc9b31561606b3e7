//! What a search compares vectors with.

use std::time::{Duration, Instant};

use milli::UserError;
use milli::score_details::ScoreDetails;
use milli::vector::EmbeddingConfigs;
use serde_json::Value;

use super::query::{Hybrid, Means, SearchQuery};
use crate::error::ApiError;

/// Time that an embedder's service has to answer a search by vectors alone.
const EMBEDDING_TIME: Duration = Duration::from_secs(10);

/// The same in a hybrid search, which can do without (milli's own).
const HYBRID_EMBEDDING_TIME: Duration = Duration::from_secs(3);

/// What words find is good enough when each score, times the share of words, is this much (milli's own).
const GOOD_ENOUGH: f64 = 0.45;

/// Gives the search what it needs to compare vectors, and gives back the vector when the query wants to see it. The
/// words of a hybrid search are embedded here only for that: milli embeds them itself, but does not tell the vector.
///
/// # Errors
/// `invalid_search_embedder`, `invalid_vector_dimensions`, or `vector_embedding_error` in a search by vectors alone.
pub(super) fn add_vector(
    known: &EmbeddingConfigs,
    query: &SearchQuery,
    hybrid: &Hybrid,
    search: &mut milli::Search<'_>,
) -> Result<Option<Vec<f32>>, ApiError> {
    if query.means() == Means::Words {
        return Ok(None);
    }
    let (embedder, _, quantized) = known.get(&hybrid.embedder).ok_or_else(|| {
        let error = UserError::InvalidSearchEmbedder(hybrid.embedder.clone());
        ApiError::from(milli::Error::from(error))
    })?;
    if let Some(vector) = query.vector.as_ref().filter(|vector| vector.len() != embedder.dimensions()) {
        let (expected, found) = (embedder.dimensions(), vector.len());
        return Err(milli::Error::from(UserError::InvalidVectorDimensions { expected, found }).into());
    }
    let vector = match (query.means(), &query.vector, &query.q) {
        (Means::Vectors, None, Some(q)) => {
            let embedded = embedder.embed_search(q, Some(Instant::now() + EMBEDDING_TIME));
            Some(embedded.map_err(|error| milli::Error::from(milli::vector::Error::from(error)))?)
        }
        (Means::Both(_), None, Some(q)) if query.retrieve_vectors => {
            match embedder.embed_search(q, Some(Instant::now() + HYBRID_EMBEDDING_TIME)) {
                Ok(vector) => Some(vector),
                Err(error) => {
                    // Without an embedder milli answers with what the words find, as it does when it fails to embed.
                    tracing::warn!(%error, "a hybrid search found no vector for its words");
                    return Ok(None);
                }
            }
        }
        (_, vector, _) => vector.clone(),
    };
    let shown = vector.clone().filter(|_| query.retrieve_vectors);
    search.semantic(hybrid.embedder.clone(), embedder, quantized, vector);
    Ok(shown)
}

/// Whether what words find is good enough, so that a hybrid search for `hits` hits compares no vectors
/// (`results_good_enough` of milli, which does not tell). `scores` are those of the first hits that words find.
pub(super) fn words_are_enough(semantic_ratio: f32, hits: usize, scores: &[Vec<ScoreDetails>]) -> bool {
    let share = f64::from(1.0 - semantic_ratio);
    let good = |scores: &Vec<ScoreDetails>| ScoreDetails::global_score(scores.iter()) * share >= GOOD_ENOUGH;
    scores.len() >= hits && scores.iter().all(good)
}

/// A vector as Meilisearch writes it: each number with the digits that tell it from other `f32`, not with those of the
/// `f64` that equals it.
pub(super) fn view(vector: &[f32]) -> Value {
    let view = |number: &f32| number.to_string().parse::<f64>().map_or(Value::Null, Value::from);
    vector.iter().map(view).collect()
}

#[cfg(test)]
mod tests {
    use milli::score_details::Words;

    use super::*;

    #[test]
    fn words_are_enough_where_there_are_as_many_good_hits_as_are_asked_for() {
        let scores = |matching_words: &[u32]| -> Vec<Vec<ScoreDetails>> {
            let words = |matching_words: &u32| {
                let words = Words { matching_words: *matching_words, max_matching_words: 10 };
                vec![ScoreDetails::Words(words)]
            };
            matching_words.iter().map(words).collect()
        };
        assert!(words_are_enough(0.5, 2, &scores(&[10, 9])));
        assert!(words_are_enough(0.5, 0, &[]), "nothing is asked for");
        assert!(!words_are_enough(0.5, 2, &scores(&[10, 5])), "a bad one");
        assert!(!words_are_enough(0.5, 3, &scores(&[10, 10])), "too few");
        assert!(!words_are_enough(0.6, 1, &scores(&[10])), "words count too little");
    }

    #[test]
    fn numbers_have_the_digits_of_32_bits() {
        assert_eq!(view(&[0.1, 1.0, -2.5e-7]).to_string(), "[0.1,1.0,-2.5e-7]");
    }
}
