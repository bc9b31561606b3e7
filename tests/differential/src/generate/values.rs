//! Searches among the values of a facet.

use serde_json::Value;

use super::words::spoil;
use super::{Choices, Profile, Source, source};
use crate::corpus::Corpus;

/// A search among the values of a facet.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct AmongValues {
    pub(crate) profile: Profile,
    pub(crate) body: Value,
}

pub(crate) fn among_values<'a>(
    dice: &mut Choices,
    corpus_of: impl Fn(&Profile) -> &'a Corpus,
) -> AmongValues {
    let (profile, mut source) = source(dice, corpus_of);
    source.words();
    source.filter();
    source.facet(&profile);
    source.go_wrong();
    AmongValues { profile, body: source.members.into() }
}

impl Source<'_> {
    fn facet(&mut self, profile: &Profile) {
        let facet = match self.dice.below(20) {
            0 => "runtime",
            1 => *self.dice.pick(profile.numbers),
            _ => *self.dice.pick(profile.texts),
        };
        self.set("facetName", facet);
        if self.dice.chance(25) {
            self.set("exhaustiveFacetCount", true);
        }
        let Value::String(text) = self.value_of(facet) else { return };
        if self.dice.chance(25) {
            return;
        }
        let begun: String = text.chars().take(1 + self.dice.below(9)).collect();
        let spoilt = begun.chars().count() > 4 && self.dice.chance(30);
        let query = if spoilt { spoil(&begun, self.dice) } else { begun };
        self.set("facetQuery", query);
    }
}
