//! Requests made up: from the corpus, from the routes, and from what has broken other servers.

use miroir_testkit::Dice;
use serde_json::Value;

use super::bodies;
use super::request::Sent;

/// Every method that HTTP names, and one that it does not.
pub(crate) const METHODS: [&str; 10] =
    ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "CONNECT", "BREW"];

/// What may stand for a name in a path.
const SEGMENTS: [&str; 16] = [
    "movies",
    "movies",
    "movies",
    "books",
    "nope",
    "0",
    "1",
    "4294967296",
    "a%2Fb",
    "%00",
    "%FF",
    "..",
    "%2E%2E",
    "*",
    "%F0%9F%98%80",
    "search",
];

const PARAMETERS: [&str; 44] = [
    "q",
    "offset",
    "limit",
    "page",
    "hitsPerPage",
    "filter",
    "sort",
    "facets",
    "attributesToRetrieve",
    "attributesToSearchOn",
    "attributesToCrop",
    "attributesToHighlight",
    "cropLength",
    "cropMarker",
    "highlightPreTag",
    "matchingStrategy",
    "showRankingScore",
    "showRankingScoreDetails",
    "showMatchesPosition",
    "rankingScoreThreshold",
    "distinct",
    "vector",
    "hybridEmbedder",
    "locales",
    "fields",
    "ids",
    "retrieveVectors",
    "primaryKey",
    "csvDelimiter",
    "customMetadata",
    "skipCreation",
    "shards",
    "factor",
    "uids",
    "batchUids",
    "statuses",
    "types",
    "indexUids",
    "canceledBy",
    "from",
    "reverse",
    "afterEnqueuedAt",
    "beforeFinishedAt",
    "unknown",
];

const ARGUMENTS: [&str; 30] = [
    "",
    "0",
    "1",
    "-1",
    "129",
    "65536",
    "4294967295",
    "4294967296",
    "18446744073709551615",
    "99999999999999999999",
    "1e9",
    "0x10",
    "NaN",
    "true",
    "TRUE",
    "*",
    "id",
    "id,_miroir",
    ",",
    "%2C%2C",
    "%00",
    "%FF",
    "%C3%28",
    "a%20%3D%201",
    "_miroir%20EXISTS",
    "((((((((((",
    "%5B%5B%5B",
    "2024-13-45",
    "%3B%3B",
    "9999-12-31T23:59:59Z",
];

const HEADERS: [(&str, &str); 16] = [
    ("content-type", "application/json"),
    ("content-type", "application/x-ndjson"),
    ("content-type", "text/csv; charset=utf-16"),
    ("content-type", ""),
    ("content-type", "\u{7f}"),
    ("content-type", "application/json; a=b; ;;"),
    ("content-encoding", "gzip"),
    ("content-encoding", "zstd"),
    ("content-encoding", "br"),
    ("content-encoding", "deflate, gzip"),
    ("content-length", "18446744073709551615"),
    ("idempotency-key", "k"),
    ("idempotency-key", "no spaces"),
    ("x-request-id", "\u{e9}"),
    ("accept-encoding", "gzip;q=9, *;q=-1"),
    ("authorization", "Bearer \u{0}"),
];

/// What requests are made of.
pub(crate) struct Generator {
    pub(crate) dice: Dice,
    paths: Vec<String>,
    corpus: Vec<Sent>,
    values: Vec<String>,
    broken: Vec<Vec<u8>>,
}

impl Generator {
    pub(crate) fn new(seed: u64) -> Self {
        let corpus = Sent::corpus().into_iter().map(|(_, sent)| sent).collect();
        let paths = miroir_http::paths().collect();
        Self { dice: Dice::from(seed), paths, corpus, values: bodies::values(), broken: bodies::broken() }
    }

    pub(crate) fn request(&mut self) -> Sent {
        let mut sent = self.dice.pick(&self.corpus).clone();
        if self.dice.one_in(2) {
            let path = self.dice.pick(&self.paths).clone();
            sent.target = self.filled(&path);
            sent.method = self.dice.pick(&METHODS).to_string();
        }
        if self.dice.one_in(3) {
            self.parameters(&mut sent.target);
        }
        if self.dice.one_in(4) {
            let (name, value) = *self.dice.pick(&HEADERS);
            sent.headers.retain(|(known, _)| known != name);
            sent.headers.push((name.to_owned(), value.as_bytes().to_vec()));
        }
        match self.dice.below(8) {
            0 => sent.body = self.dice.pick(&self.broken).clone(),
            1 => sent.body = self.dice.pick(&self.values).clone().into_bytes(),
            2..=4 => self.replace_a_value(&mut sent.body),
            5..=6 => self.damage(&mut sent.body),
            _ => {}
        }
        sent
    }

    /// A path with something in the place of each name.
    pub(crate) fn filled(&mut self, path: &str) -> String {
        let filled =
            path.split('/').map(|part| if part.starts_with('{') { *self.dice.pick(&SEGMENTS) } else { part });
        filled.collect::<Vec<_>>().join("/")
    }

    fn parameters(&mut self, target: &mut String) {
        for _ in 0..=self.dice.below(3) {
            let (name, value) = (*self.dice.pick(&PARAMETERS), *self.dice.pick(&ARGUMENTS));
            let value = if self.dice.one_in(20) { value.repeat(2000) } else { value.to_owned() };
            let sign = if target.contains('?') { '&' } else { '?' };
            target.push_str(&format!("{sign}{name}={value}"));
        }
    }

    /// Another value in the place of one of a JSON body's.
    fn replace_a_value(&mut self, body: &mut Vec<u8>) {
        const HERE: &str = "@@here@@";
        let Ok(mut value) = serde_json::from_slice::<Value>(body) else { return self.damage(body) };
        self.mark(&mut value, HERE);
        let with = self.dice.pick(&self.values).as_str();
        *body = value.to_string().replace(&format!("\"{HERE}\""), with).into_bytes();
    }

    /// Puts the mark somewhere into the value, or in its place.
    fn mark(&mut self, value: &mut Value, mark: &str) {
        let deeper = !self.dice.one_in(3);
        match value {
            Value::Array(items) if deeper && !items.is_empty() => {
                let at = self.dice.below(items.len());
                self.mark(&mut items[at], mark);
            }
            Value::Object(members) if deeper && !members.is_empty() => {
                let at = self.dice.below(members.len());
                self.mark(members.values_mut().nth(at).expect("that many"), mark);
            }
            end => *end = mark.into(),
        }
    }

    /// A few bytes changed, taken out, put in or cut off.
    fn damage(&mut self, body: &mut Vec<u8>) {
        for _ in 0..=self.dice.below(4) {
            let at = self.dice.below(body.len() + 1);
            match self.dice.below(5) {
                0 => body.truncate(at),
                1 if at < body.len() => body[at] = self.dice.below(256) as u8,
                2 if at < body.len() => drop(body.remove(at)),
                3 => body.insert(at, *self.dice.pick(b"\"\\{}[],:0-e\0\xff\n ")),
                _ => {
                    let end = at + self.dice.below(body.len() - at + 1);
                    let part = body[at..end].to_vec();
                    body.splice(at..at, part);
                }
            }
        }
    }
}
