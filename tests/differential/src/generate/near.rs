//! Searches by vectors, and for documents like one.

use serde_json::{Map, Value, json};

use super::{Choices, Profile, Source};
use crate::corpus::{Corpus, DIMENSIONS, EMBEDDER, WITH_VECTOR, vector_of};

/// A search for documents like one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Like {
    pub(crate) profile: Profile,
    pub(crate) body: Value,
}

pub(crate) fn like(dice: &mut Choices, profile: Profile, corpus: &Corpus) -> Like {
    let mut source = Source { profile, corpus, dice, members: Map::new() };
    source.filter();
    let place = source.place_with_vector();
    let place = if source.dice.chance(15) { place + 1 } else { place };
    let id = match source.corpus.documents.get(place) {
        Some(document) if !source.dice.chance(4) => document["id"].clone(),
        _ => json!("nobody"),
    };
    source.set("id", id);
    source.embedder_of("embedder");
    if source.dice.chance(60) {
        let (offset, limit) = (source.dice.below(9), source.dice.below(30));
        source.set("offset", offset);
        source.set("limit", limit);
    }
    if source.dice.chance(20) {
        let percent = 40 + source.dice.below(20);
        source.set("rankingScoreThreshold", percent as f64 / 100.0);
    }
    for shown in ["retrieveVectors", "showRankingScore", "showRankingScoreDetails"] {
        if source.dice.chance(30) {
            source.set(shown, true);
        }
    }
    if source.dice.chance(30) {
        source.set("attributesToRetrieve", json!(["id", "title"]));
    }
    Like { profile, body: source.members.into() }
}

impl Source<'_> {
    /// Where an index has vectors.
    pub(super) fn near(&mut self) {
        if !self.profile.near || !self.dice.chance(85) {
            return;
        }
        self.embedder_of("hybrid");
        if self.dice.chance(85) {
            let vector = self.vector();
            self.set("vector", vector);
        }
        if self.dice.chance(30) {
            self.set("retrieveVectors", true);
        }
    }

    fn embedder_of(&mut self, member: &str) {
        let embedder = if self.dice.chance(4) { "nobody" } else { EMBEDDER };
        match member {
            "hybrid" => {
                let ratio = *self.dice.pick(&[0.0, 0.1, 0.3, 0.5, 0.5, 0.7, 0.9, 1.0]);
                self.set(member, json!({ "embedder": embedder, "semanticRatio": ratio }));
            }
            _ => self.set(member, embedder),
        }
    }

    /// The place of a document that has a vector.
    fn place_with_vector(&mut self) -> usize {
        self.dice.below(self.corpus.documents.len() / WITH_VECTOR) * WITH_VECTOR
    }

    /// One between those of two documents; seldom one of another length.
    fn vector(&mut self) -> Vec<f32> {
        let of = |place| vector_of(place).unwrap_or_default();
        let (one, other) = (of(self.place_with_vector()), of(self.place_with_vector()));
        let share = self.dice.below(5) as f32;
        let length = if self.dice.chance(3) { 3 } else { DIMENSIONS };
        one.iter().zip(&other).map(|(one, other)| one + share * other).take(length).collect()
    }
}
