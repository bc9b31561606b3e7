//! The documents: excerpts of real data, with a few members made from them that real data of this kind has too: lists,
//! objects, and values of mixed types.

use std::collections::BTreeMap;
use std::path::PathBuf;

use miroir_testkit::Dice;
use serde_json::{Map, Value, json};

/// Which documents an index has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Data {
    Movies,
    Cities,
}

impl Data {
    fn file(self) -> &'static str {
        match self {
            Self::Movies => "movies.ndjson",
            Self::Cities => "cities.ndjson",
        }
    }

    /// Members that have words worth looking for.
    fn worded(self) -> &'static [&'static str] {
        match self {
            Self::Movies => &["title", "title", "title", "director", "distributor"],
            Self::Cities => &["name", "name", "name", "region"],
        }
    }
}

/// The embedder of vectors.
pub(crate) const EMBEDDER: &str = "given";
/// More than documents that have vectors: so many fit into one leaf of the engine's trees, where it finds the very nearest.
pub(crate) const DIMENSIONS: usize = 128;
/// One of so many documents has a vector.
pub(crate) const WITH_VECTOR: usize = 9;

/// The vector of the document at this place, if it has one.
pub(crate) fn vector_of(place: usize) -> Option<Vec<f32>> {
    let mut dice = Dice::new(17, place as u64);
    let number = |dice: &mut Dice| dice.below(21) as f32 - 10.0;
    place.is_multiple_of(WITH_VECTOR).then(|| (0..DIMENSIONS).map(|_| number(&mut dice)).collect())
}

pub(crate) struct Corpus {
    pub(crate) documents: Vec<Map<String, Value>>,
    places: BTreeMap<String, usize>,
    /// In how many texts each word is, in lower case.
    common: BTreeMap<String, usize>,
    data: Data,
}

impl Corpus {
    /// From the repository, or from the folder that `MIROIR_DATA` names.
    pub(crate) fn read(data: Data) -> Self {
        let folder = std::env::var_os("MIROIR_DATA")
            .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/data")), PathBuf::from);
        let path = folder.join(data.file());
        let text =
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let documents: Vec<Map<String, Value>> =
            text.lines().map(|line| enriched(data, serde_json::from_str(line).unwrap())).collect();
        let places =
            documents.iter().enumerate().map(|(place, document)| (document["id"].to_string(), place));
        let mut corpus = Self { places: places.collect(), common: BTreeMap::new(), documents, data };
        for place in 0..corpus.documents.len() {
            for turn in 2..data.worded().len() {
                let words = corpus.words(place, turn).into_iter().map(str::to_lowercase);
                for word in words.collect::<Vec<_>>() {
                    *corpus.common.entry(word).or_default() += 1;
                }
            }
        }
        corpus
    }

    /// The id of the document with the name that the hit shows.
    pub(crate) fn id_of(&self, hit: &Value) -> Option<&Value> {
        let name = self.data.worded()[0];
        let shown = hit.get(name)?;
        self.documents.iter().find(|document| document.get(name) == Some(shown))?.get("id")
    }

    /// Whether several documents have the word.
    pub(crate) fn is_common(&self, word: &str) -> bool {
        self.common.get(&word.to_lowercase()).is_some_and(|count| *count >= 6)
    }

    /// Whether a longer word begins with this one.
    pub(crate) fn begins_others(&self, word: &str) -> bool {
        let word = word.to_lowercase();
        let after = (std::ops::Bound::Excluded(word.clone()), std::ops::Bound::Unbounded);
        self.common.range(after).next().is_some_and(|(next, _)| next.starts_with(&word))
    }

    /// The same with vectors.
    pub(crate) fn lines_with_vectors(&self, places: std::ops::Range<usize>) -> String {
        let line = |place: usize| {
            let mut document = self.documents[place].clone();
            document.insert("_vectors".to_owned(), json!({ EMBEDDER: vector_of(place) }));
            Value::from(document).to_string() + "\n"
        };
        places.map(line).collect()
    }

    /// NDJSON of some of the documents.
    pub(crate) fn lines(&self, places: std::ops::Range<usize>) -> String {
        self.documents[places]
            .iter()
            .map(|document| Value::from(document.clone()).to_string() + "\n")
            .collect()
    }

    pub(crate) fn by_id(&self, id: &str) -> Option<&Map<String, Value>> {
        self.places.get(id).map(|place| &self.documents[*place])
    }

    /// The words of one text of the document at this place; `turn` chooses which text.
    pub(crate) fn words(&self, place: usize, turn: usize) -> Vec<&str> {
        let members = self.data.worded();
        let text = self.documents[place].get(members[turn % members.len()]).and_then(Value::as_str);
        text.unwrap_or_default().split_whitespace().collect()
    }
}

fn enriched(data: Data, mut document: Map<String, Value>) -> Map<String, Value> {
    let id = document["id"].as_u64().unwrap();
    let of = |document: &Map<String, Value>, name: &str| document.get(name).cloned().unwrap_or_default();
    match data {
        Data::Movies => {
            let tags = ["genre", "rating", "creative_type"].map(|name| of(&document, name));
            let tags: Vec<Value> = tags.into_iter().filter(|tag| !tag.is_null()).collect();
            let gross = json!({ "us": document["us_gross"], "world": document["worldwide_gross"] });
            document.insert("tags".to_owned(), tags.into());
            document.insert("gross".to_owned(), gross);
            document.insert("old".to_owned(), (document["year"].as_u64() < Some(1990)).into());
            document.insert(
                "label".to_owned(),
                of(&document, if id.is_multiple_of(3) { "rating" } else { "year" }),
            );
        }
        Data::Cities => {
            let place = json!({ "country": document["country"], "region": document["region"] });
            document.insert("place".to_owned(), place);
            document.insert(
                "label".to_owned(),
                if id.is_multiple_of(2) { of(&document, "country") } else { (id % 50).into() },
            );
            if id.is_multiple_of(11) {
                document.remove("_geo");
            }
        }
    }
    document
}
