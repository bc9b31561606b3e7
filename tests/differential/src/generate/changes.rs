//! Changes of settings, each with a search that is sent while it happens.

use serde_json::{Map, Value, json};

use super::{Choices, Source};
use crate::corpus::Corpus;
use crate::profile::{CHANGING, MOVIE_SORTS};

/// A change of settings.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Change {
    /// Decides who is asked.
    pub(crate) number: u64,
    pub(crate) before: Value,
    pub(crate) after: Value,
    /// The body of a search that shows every hit, by its id.
    pub(crate) search: Value,
}

/// Values that a setting may have. Each order of rules ends with the id: nothing ties.
const VALUES: &str = r#"{
    "rankingRules": [
        ["words", "typo", "proximity", "attribute", "sort", "exactness", "id:asc"],
        ["sort", "words", "typo", "proximity", "attribute", "exactness", "id:desc"],
        ["imdb_votes:desc", "words", "attribute", "exactness", "sort", "id:asc"],
        ["year:asc", "sort", "exactness", "id:desc"]
    ],
    "searchableAttributes": [["*"], ["title"], ["director", "title"]],
    "stopWords": [[], ["the", "of", "a"]],
    "synonyms": [{}, { "house": ["home"], "the": ["house"] }]
}"#;

pub(crate) fn change(number: u64, dice: &mut Choices, corpus: &Corpus) -> Change {
    let values: Map<String, Value> = serde_json::from_str(VALUES).expect("JSON");
    let lists =
        [("filterableAttributes", CHANGING.filterable()), ("sortableAttributes", MOVIE_SORTS.to_vec())];
    let (mut before, mut after) = (Map::new(), Map::new());
    let mut set = |dice: &mut Choices, name: &str, values: &[Value]| {
        let value = dice.pick(values).clone();
        let other = if dice.chance(50) { dice.pick(values).clone() } else { value.clone() };
        before.insert(name.to_owned(), value);
        after.insert(name.to_owned(), other);
    };
    for (name, values) in &values {
        set(dice, name, values.as_array().map(Vec::as_slice).unwrap_or_default());
    }
    for (name, whole) in lists {
        let without = |left: &str| json!(whole.iter().filter(|is| **is != left).collect::<Vec<_>>());
        set(dice, name, &[json!(whole), json!(whole), without("year")]);
    }
    let mut source = Source { profile: CHANGING, corpus, dice, members: Map::new() };
    if source.dice.chance(70) {
        let count = 1 + source.dice.below(3);
        let words = source.run(count);
        source.set("q", words);
    }
    source.filter();
    source.sort();
    source.set("limit", CHANGING.max_total_hits);
    source.set("attributesToRetrieve", json!(["id"]));
    let search = source.members.into();
    Change { number, before: before.into(), after: after.into(), search }
}
