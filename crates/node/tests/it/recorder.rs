//! Writes `fixtures/answers.jsonl`: requests made from the corpora, and what official Meilisearch answers.

use std::fmt::Write as _;

use miroir_model::{Slot, reserved};
use miroir_node::fixtures::{self, Exchange, Profile, Route};
use miroir_testkit::Dice;
use serde_json::{Value, json};

use crate::official::Official;

/// How many searches and fetches are made for each profile.
const SEARCHES: usize = 110;
const FETCHES: usize = 10;

/// Makes requests about the documents of one profile.
struct Asker {
    dice: Dice,
    documents: Vec<Value>,
    movies: bool,
    stamped: bool,
}

impl Asker {
    fn new(profile: &Profile, seed: u64) -> Self {
        let documents = profile.documents().unwrap();
        let stamped = !documents[0]["_miroir"].is_null();
        Self { dice: Dice::from(seed), documents, movies: profile.name.starts_with("movies"), stamped }
    }

    fn words(&mut self) -> Vec<String> {
        let field = *self.dice.pick(if self.movies {
            &["title", "title", "director", "distributor"]
        } else {
            &["name", "name", "region"]
        });
        let document = self.dice.below(self.documents.len());
        let text = self.documents[document][field].as_str().unwrap_or("the king").to_owned();
        let words: Vec<_> = text.split_whitespace().map(str::to_owned).collect();
        let first = self.dice.below(words.len());
        let count = 1 + self.dice.below(3);
        words.into_iter().skip(first).take(count).collect()
    }

    fn query(&mut self) -> String {
        let mut words = self.words();
        match self.dice.below(9) {
            0 => return String::new(),
            1 => words.extend(self.words()),
            2 => return format!("\"{}\"", words.join(" ")),
            3 => {
                let without = self.words().swap_remove(0);
                return format!("{} -{without}", words.join(" "));
            }
            // A prefix.
            4 => {
                let last = words.last_mut().expect("a text has words");
                *last = last.chars().take(1 + self.dice.below(3)).collect();
            }
            // A typo in each long word.
            5..=7 => {
                for word in words.iter_mut().filter(|word| word.chars().count() > 4) {
                    let at = 1 + self.dice.below(word.chars().count() - 1);
                    *word = word.chars().enumerate().map(|(i, c)| if i == at { 'q' } else { c }).collect();
                }
            }
            _ => {}
        }
        words.join(" ")
    }

    /// A value of a field of some document, as a filter writes it.
    fn value(&mut self, field: &str) -> String {
        let document = self.dice.below(self.documents.len());
        match &self.documents[document][field] {
            Value::String(text) => format!("'{}'", text.replace('\'', "\\'")),
            Value::Number(number) => number.to_string(),
            _ => "1".to_owned(),
        }
    }

    fn condition(&mut self) -> String {
        let fields: &[&str] = if self.movies {
            &["genre", "year", "director", "rating", "imdb_rating"]
        } else {
            &["country", "region", "id"]
        };
        let field = *self.dice.pick(fields);
        let (a, b) = (self.value(field), self.value(field));
        if self.stamped && self.dice.one_in(3) {
            let values: Vec<_> = (0..16).map(|_| self.dice.below(1 << 14) as u64).collect();
            let mut text = String::from("_miroir IN [");
            for number in values {
                let slot = Slot::of_hash(number << 50);
                write!(text, "\"{}\", ", reserved::unit_value(slot.unit())).unwrap();
            }
            return text
                + &format!(
                    "\"{}\"]",
                    reserved::sixteenth_value(reserved::Sixteenth::of_slot(Slot::of_hash(0)))
                );
        }
        match self.dice.below(7) {
            0 => format!("{field} != {a}"),
            1 => format!("{field} IN [{a}, {b}]"),
            2 => format!("{field} EXISTS"),
            3 => format!("{field} IS NULL"),
            4 if self.movies => format!("imdb_rating >= {}", 3 + self.dice.below(5)),
            4 => format!("_geoRadius({}, {}, 3000000)", 50 - self.dice.below(40), self.dice.below(40)),
            5 if self.movies => {
                format!("year {} TO {}", 1960 + self.dice.below(30), 1990 + self.dice.below(20))
            }
            5 => "_geoBoundingBox([55, 30], [35, -10])".to_owned(),
            _ => format!("{field} = {a}"),
        }
    }

    fn filter(&mut self) -> Value {
        let (a, b) = (self.condition(), self.condition());
        match self.dice.below(5) {
            0 => json!(format!("{a} OR {b}")),
            1 => json!(format!("{a} AND NOT {b}")),
            2 => json!([a, [b, self.condition()]]),
            _ => json!(a),
        }
    }

    fn sort(&mut self) -> Value {
        let place = format!("_geoPoint({}, {}):asc", self.dice.below(60), self.dice.below(90));
        let movies = ["year:asc", "imdb_rating:desc", "title:asc", "year:desc"].map(str::to_owned);
        let cities = ["name:desc".to_owned(), "country:asc".to_owned(), place.clone(), place];
        let rules = if self.movies { &movies } else { &cities };
        let mut sort = vec![self.dice.pick(rules).clone()];
        if self.dice.one_in(3) {
            sort.push("id:desc".to_owned());
        }
        json!(sort)
    }

    fn search(&mut self) -> Value {
        let mut request = json!({"q": self.query(), "attributesToRetrieve": ["id"]});
        let (text, facets, distinct) = match self.movies {
            true => ("title", json!(["genre", "rating", "imdb_rating"]), "director"),
            false => ("name", json!(["country", "region"]), "country"),
        };
        if self.dice.one_in(3) {
            let page = 1 + self.dice.below(2) * self.dice.below(2);
            request["page"] = page.into();
            request["hitsPerPage"] = 4.into();
            if self.dice.one_in(4) {
                request["distinct"] = distinct.into();
            }
        } else {
            request["limit"] = (1 + self.dice.below(6)).into();
            request["offset"] = (self.dice.below(3) * self.dice.below(2)).into();
        }
        let details = !self.dice.one_in(4);
        request["showRankingScore"] = details.into();
        request["showRankingScoreDetails"] = details.into();
        if request["q"] == "" || self.dice.one_in(4) {
            request["filter"] = self.filter();
        }
        if self.dice.one_in(3) {
            request["sort"] = self.sort();
        }
        if self.dice.one_in(5) {
            request["facets"] = facets;
        }
        if self.dice.one_in(6) {
            request["matchingStrategy"] = "all".into();
        }
        if self.dice.one_in(8) {
            request["attributesToSearchOn"] = json!([text]);
        }
        self.shape(request, text)
    }

    /// What is shown of a hit.
    fn shape(&mut self, mut request: Value, text: &str) -> Value {
        if self.dice.one_in(8) || request["sort"].to_string().contains("_geo") {
            request["attributesToRetrieve"] = json!(["*"]);
        }
        if self.dice.one_in(5) {
            request["attributesToRetrieve"] = json!(["id", text]);
            request["attributesToHighlight"] = json!([text]);
            request["showMatchesPosition"] = self.dice.one_in(2).into();
            if self.dice.one_in(2) {
                request["attributesToCrop"] = json!([text]);
                request["cropLength"] = (1 + self.dice.below(3)).into();
            }
        }
        request
    }

    fn fetch(&mut self) -> Value {
        let mut request = json!({"offset": self.dice.below(9), "limit": 1 + self.dice.below(5)});
        if !self.dice.one_in(4) {
            request["filter"] = self.filter();
        }
        if self.dice.one_in(3) {
            request["fields"] = json!(["id", "title", "name"]);
        }
        request
    }
}

fn requests() -> Vec<Exchange> {
    let mut exchanges = Vec::new();
    for (profile, seed) in fixtures::profiles().unwrap().into_iter().zip(1..) {
        let mut asker = Asker::new(&profile, seed);
        let mut push = |route, request| {
            exchanges.push(Exchange { profile: profile.name.clone(), route, request, answer: Value::Null });
        };
        (0..SEARCHES).for_each(|_| push(Route::Search, asker.search()));
        (0..FETCHES).for_each(|_| push(Route::Fetch, asker.fetch()));
    }
    exchanges
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "writes the fixtures anew"]
async fn record() {
    let official = Official::start().await.expect("MIROIR_MEILISEARCH names the program to record");
    let mut exchanges = requests();
    let answers = fixtures::ask(&official.target(), &exchanges).await.unwrap();
    let mut lines = String::new();
    for (exchange, answer) in exchanges.iter_mut().zip(answers) {
        exchange.answer = answer;
        lines += &serde_json::to_string(exchange).unwrap();
        lines.push('\n');
    }
    std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/answers.jsonl"), lines).unwrap();
}
