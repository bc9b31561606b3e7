//! A node, in as much as a search can tell: documents with given matches, ordered by Meilisearch's rules.
//!
//! Written from the contract, not from the crate: it sorts documents by tuples, and writes texts with `serde_json`.

mod near;

use std::collections::{BTreeMap, BTreeSet};

use miroir_model::{Slot, reserved};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

#[derive(Debug, Clone)]
pub(crate) struct Doc {
    pub(crate) id: u32,
    pub(crate) slot: u16,
    pub(crate) words: u64,
    typos: u64,
    near: u64,
    /// How near it is to every vector, in 32nds; `None` has no vector.
    nearness: Option<u8>,
    price: Option<Price>,
    genres: BTreeSet<u8>,
    /// Insertion order on a node; differs between copies.
    internal: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Price {
    Number(u8),
    Text(u8),
}

pub(crate) const WORDS: u64 = 3;
/// Documents of this genre have the word that some queries do not want.
const NEGATED: u8 = 11;

pub(crate) fn any_docs() -> impl Strategy<Value = Vec<Doc>> {
    let price = prop_oneof![
        2 => Just(None), 3 => (0_u8..4).prop_map(|n| Some(Price::Number(n))), 1 => (0_u8..3).prop_map(|n| Some(Price::Text(n)))
    ];
    let slot = prop_oneof![3 => 0_u16..16384, 1 => (0_u16..4).prop_map(|slot| slot * 5000)];
    let doc = (
        slot,
        (0..=WORDS, 0_u64..3, 1_u64..=2, proptest::option::weighted(0.8, 0_u8..=32)),
        price,
        proptest::collection::btree_set(0_u8..12, 0..3),
        any::<u32>(),
    );
    proptest::collection::vec(doc, 0..120).prop_map(|docs| {
        let doc = |(id, (slot, (words, typos, near, nearness), price, genres, internal)): (usize, _)| Doc {
            id: id as u32,
            slot,
            words,
            typos,
            near,
            nearness,
            price,
            genres,
            internal,
        };
        docs.into_iter().enumerate().map(doc).collect()
    })
}

impl Doc {
    fn slot_value(&self) -> Slot {
        Slot::try_from(self.slot).expect("a slot")
    }

    /// Best first. Prices ascend: numbers, then texts, then none.
    fn rank(&self, sorted: bool) -> impl Ord + use<> {
        let price = sorted.then(|| self.price_rank());
        (std::cmp::Reverse(self.words), self.typos, std::cmp::Reverse(self.near), price, self.slot)
    }

    /// Gets a vector that is not the opposite of all others.
    pub(crate) fn come_near(&mut self) {
        self.nearness = Some(self.nearness.map_or(1, |nearness| nearness.max(1)));
    }

    fn price_rank(&self) -> impl Ord + use<> {
        (self.price.is_none(), self.price)
    }

    /// Nearest first.
    pub(crate) fn nearness_rank(&self, sorted: bool) -> impl Ord + use<> {
        (std::cmp::Reverse(self.nearness), sorted.then(|| self.price_rank()), self.slot, self.id.to_string())
    }

    pub(crate) fn similarity(&self) -> Option<f64> {
        self.nearness.map(|nearness| f64::from(nearness) / 32.0)
    }

    /// What the score is made of, given the most typos that a document with as many words has.
    fn ranks(&self, most: u64) -> [(u64, u64); 3] {
        [(self.words, WORDS), (most + 1 - self.typos, most + 1), (self.near, 2)]
    }

    fn score(&self, most: u64) -> f64 {
        self.score_so_far(most, 3)
    }

    /// By the first so many rules.
    fn score_so_far(&self, most: u64, rules: usize) -> f64 {
        let merge = |(rank, max): (u64, u64), (r, m): (u64, u64)| ((rank - 1) * m + r, max * m);
        let (rank, max) = self.ranks(most).into_iter().take(rules).fold((1, 1), merge);
        rank as f64 / max as f64
    }

    /// As its user wrote it: some write whole numbers without a fraction.
    fn written_price(&self) -> Value {
        match self.price {
            Some(Price::Number(n)) if n.is_multiple_of(2) && self.id.is_multiple_of(2) => {
                json!(u64::from(n) * 3 / 2)
            }
            _ => self.price(),
        }
    }

    fn price(&self) -> Value {
        match self.price {
            Some(Price::Number(n)) => json!(f64::from(n) * 1.5),
            Some(Price::Text(n)) => json!(format!("p{n}")),
            None => Value::Null,
        }
    }
}

/// The most typos of documents with so many words.
fn most_typos(docs: &[&Doc]) -> BTreeMap<u64, u64> {
    let mut typos: BTreeMap<u64, u64> = BTreeMap::new();
    for doc in docs {
        let most = typos.entry(doc.words).or_default();
        *most = doc.typos.max(*most);
    }
    typos
}

/// What a node answers to a body of ours, or what one node, which is `alone`, answers to the user's: its ties are by id.
pub(crate) fn answer(docs: &[Doc], body: &str, alone: bool) -> String {
    let body: Value = serde_json::from_str(body).expect("JSON");
    let sorted = body.get("sort").is_some();
    let all: Vec<&Doc> = docs.iter().filter(|doc| passes(doc, &body["filter"])).collect();
    // A word that must not be there counts for what is found by vectors too, but not where nothing else is (1.50).
    let negates = body["q"].as_str().is_some_and(|q| q.contains(" -"));
    let is_left = |doc: &&Doc| !negates || !doc.genres.contains(&NEGATED);
    let mut docs: Vec<&Doc> = all.iter().copied().filter(|doc| doc.words > 0).filter(is_left).collect();
    let all: Vec<&Doc> = match body["hybrid"]["semanticRatio"].as_f64() {
        Some(1.0) => all,
        _ => all.into_iter().filter(is_left).collect(),
    };
    docs.sort_by_key(|doc| {
        (doc.rank(sorted), if alone { doc.id.to_string() } else { doc.internal.to_string() })
    });
    let typos = most_typos(&docs);
    let size = |name: &str| body[name].as_u64().map(|n| n as usize);
    let (first, count) = window(&body);
    let Looked { passing, refused, .. } = Looked::for_page(&docs, &body, &typos);
    docs.retain(|doc| !refused.contains(&doc.id));
    let distinct = body.get("distinct").is_some();
    let mut seen = BTreeSet::new();
    let passing: Vec<&Doc> = (passing.into_iter())
        .filter(|doc| !distinct || doc.price.is_none_or(|price| seen.insert(price)))
        .collect();
    if distinct {
        leave_out_shadowed(&mut docs, &passing, &body);
    }
    let scored: Vec<(&Doc, f64)> = passing.iter().map(|doc| (*doc, doc.score(typos[&doc.words]))).collect();
    // What can be reached on one node; nodes of a cluster give more.
    let most = size("most").unwrap_or(usize::MAX);
    let reached = count.min(most.saturating_sub(first));
    let found = near::found(&scored, all, &body, first.min(most) + reached);
    if found.vector.is_some() {
        docs = found.candidates;
    }
    let marked = body.get("q").is_some() && body["hybrid"]["semanticRatio"] != 1.0;
    let page: Vec<(&Doc, bool)> = found.docs.iter().copied().skip(first).take(reached).collect();
    let hits: Vec<Value> = (page.iter())
        .map(|(doc, near)| {
            hit(
                doc,
                // What only vectors found is not among them.
                typos.get(&doc.words).copied().unwrap_or(0).max(doc.typos),
                &body,
                Shows { sorted, near: *near, marked },
            )
        })
        .collect();
    let mut answer = json!({ "hits": hits, "query": body["q"].as_str().unwrap_or("") });
    if let Some(vector) = found.vector.filter(|_| body["retrieveVectors"] == true) {
        merge_into(&mut answer, json!({ "queryVector": vector }));
    }
    merge_into(&mut answer, json!({ "processingTimeMs": 1 }));
    merge_into(&mut answer, totals(&body, docs.len()));
    if body.get("facets").is_some() {
        merge_into(&mut answer, facets(&docs));
    }
    merge_into(&mut answer, json!({ "requestUid": "u" }));
    if body["hybrid"]["semanticRatio"].as_f64().is_some_and(|ratio| ratio > 0.0) {
        let near = page.iter().filter(|(_, near)| *near).count();
        merge_into(&mut answer, json!({ "semanticHitCount": near }));
    }
    answer.to_string()
}

/// Leaves the best hit of each distinct value: of all for a page, otherwise of those that are seen on the way to its end.
fn leave_out_shadowed(docs: &mut Vec<&Doc>, kept: &[&Doc], body: &Value) {
    let (first, count) = window(body);
    let seen = match body.get("page").or(body.get("hitsPerPage")) {
        Some(_) => kept.len(),
        None if count == 0 => 0,
        None => kept.len().min(first + count),
    };
    let prices: BTreeSet<Price> = kept[..seen].iter().filter_map(|doc| doc.price).collect();
    docs.retain(|doc| {
        let is_seen = doc.price.is_some_and(|price| prices.contains(&price));
        !is_seen || kept[..seen].iter().any(|kept| kept.id == doc.id)
    });
}

/// How Meilisearch goes down the rules: hits that are equal so far are one bucket. One that scores too little is left out
/// once it is met, and one that is wholly before the page is not looked at any closer by a node that `skips`.
struct Looked<'d> {
    least: f64,
    first: usize,
    count: usize,
    skips: bool,
    typos: &'d BTreeMap<u64, u64>,
    passing: Vec<&'d Doc>,
    refused: BTreeSet<u32>,
}

impl<'d> Looked<'d> {
    fn for_page(docs: &[&'d Doc], body: &Value, typos: &'d BTreeMap<u64, u64>) -> Self {
        // A hybrid search is put in pages later; to leave out values of which it has a hit is not modelled.
        let (first, count) = match (body.get("distinct"), body.get("hybrid")) {
            (None, None) => window(body),
            _ => (0, docs.len()),
        };
        let least = body["rankingScoreThreshold"].as_f64().unwrap_or(0.0);
        let (passing, refused) = Default::default();
        let mut looked = Self { least, first, count, skips: body["skips"] == true, typos, passing, refused };
        if docs.len() >= first || !looked.skips {
            looked.at(docs, 0);
        }
        looked
    }

    fn at(&mut self, bucket: &[&'d Doc], rule: usize) {
        let key = |doc: &Doc| doc.ranks(self.typos[&doc.words]).into_iter().nth(rule);
        let buckets: Vec<&[&Doc]> = bucket.chunk_by(|one, other| key(one) == key(other)).collect();
        for bucket in buckets {
            if self.count == 0 || self.passing.len() >= self.first + self.count {
                return;
            }
            if bucket[0].score_so_far(self.typos[&bucket[0].words], rule + 1) < self.least {
                self.refused.extend(bucket.iter().map(|doc| doc.id));
            } else if rule == 2 || self.skips && self.passing.len() + bucket.len() < self.first {
                self.passing.extend(bucket);
            } else {
                self.at(bucket, rule + 1);
            }
        }
    }
}

/// The place of the first hit, and how many there are.
fn window(body: &Value) -> (usize, usize) {
    let size = |name: &str| body[name].as_u64().map(|n| n as usize);
    match (size("page"), size("hitsPerPage")) {
        (None, None) => (size("offset").unwrap_or(0), size("limit").unwrap_or(20)),
        (page, hits) => (
            (page.unwrap_or(1).saturating_sub(1)) * hits.unwrap_or(20),
            if page == Some(0) { 0 } else { hits.unwrap_or(20) },
        ),
    }
}

fn totals(body: &Value, total: usize) -> Value {
    let size = |name: &str, default: usize| body[name].as_u64().map_or(default, |n| n as usize);
    let (first, count) = window(body);
    if body.get("page").or(body.get("hitsPerPage")).is_none() {
        return json!({ "limit": count, "offset": first, "estimatedTotalHits": total });
    }
    let pages = total.checked_div(count).unwrap_or(0);
    json!({ "hitsPerPage": size("hitsPerPage", 20), "page": size("page", 1), "totalPages": pages, "totalHits": total })
}

pub(crate) fn merge_into(answer: &mut Value, more: Value) {
    if let (Value::Object(answer), Value::Object(more)) = (answer, more) {
        answer.extend(more);
    }
}

/// A conjunction of `genre = n` and our conditions.
fn passes(doc: &Doc, filter: &Value) -> bool {
    match filter {
        Value::Array(all) => all.iter().all(|one| passes(doc, one)),
        Value::String(text) => {
            if let Some(genre) = text.strip_prefix("genre = ") {
                return doc.genres.contains(&genre.parse().expect("a genre"));
            }
            let (operator, list) =
                text.strip_prefix("_miroir ").and_then(|rest| rest.split_once(" [")).expect("ours");
            let named: Vec<&str> =
                list.trim_end_matches(']').split(',').map(|value| value.trim_matches('"')).collect();
            assert!(named.len() <= 64, "{} values", named.len());
            let has = reserved::values(doc.slot_value()).iter().any(|value| named.contains(&value.as_str()));
            has == (operator == "IN")
        }
        _ => true,
    }
}

/// How a hit is shown.
struct Shows {
    sorted: bool,
    /// It was found by its vector.
    near: bool,
    /// The words are marked.
    marked: bool,
}

fn hit(doc: &Doc, most: u64, body: &Value, Shows { sorted, near, marked }: Shows) -> Value {
    let reserved = reserved::values(doc.slot_value());
    let mut all = Map::new();
    all.insert("id".into(), doc.id.into());
    all.insert("title".into(), format!("t\"{}", doc.id).into());
    all.insert("price".into(), doc.written_price());
    all.insert("genre".into(), doc.genres.iter().copied().collect());
    all.insert("_miroir".into(), json!(reserved));
    let asked = body["attributesToRetrieve"].as_array().filter(|names| !names.contains(&json!("*")));
    let mut hit: Map<String, Value> = all
        .into_iter()
        .filter(|(name, _)| asked.is_none_or(|asked| asked.iter().any(|is| is == name)))
        .collect();
    if body["retrieveVectors"] == true {
        hit.insert("_vectors".into(), json!({ "e": doc.nearness }));
    }
    if body.get("attributesToHighlight").is_some() {
        let title = if marked { "<em>t</em>" } else { "t" };
        hit.insert("_formatted".into(), json!({ "title": title }));
    }
    if body["showRankingScore"] == true {
        let score = if near { doc.similarity().unwrap_or(0.0) } else { doc.score(most) };
        hit.insert("_rankingScore".into(), json!(score));
    }
    let ranks = doc.ranks(most);
    if body["showRankingScoreDetails"] == true {
        let score = |at: usize| ranks[at].0 as f64 / ranks[at].1 as f64;
        let mut details = json!({
            "words": { "order": 0, "matchingWords": doc.words, "maxMatchingWords": WORDS, "score": score(0) },
            "typo": { "order": 1, "typoCount": doc.typos, "maxTypoCount": most, "score": score(1) },
            "proximity": { "order": 2, "score": score(2) },
        });
        let mut last = 3;
        if near {
            details = json!({ "vectorSort": { "order": 0, "similarity": doc.similarity() } });
            last = 1;
        }
        if sorted {
            merge_into(&mut details, json!({ "price:asc": { "order": last, "value": doc.price() } }));
            last += 1;
        }
        merge_into(&mut details, json!({ "_miroir:asc": { "order": last, "value": reserved[0] } }));
        hit.insert("_rankingScoreDetails".into(), details);
    }
    hit.into()
}

/// Uncut, as nodes with a high limit give them.
fn facets(docs: &[&Doc]) -> Value {
    let mut genres: BTreeMap<String, u64> = BTreeMap::new();
    let mut prices: BTreeMap<String, u64> = BTreeMap::new();
    let mut extremes: Option<(f64, f64)> = None;
    for doc in docs {
        doc.genres.iter().for_each(|genre| *genres.entry(genre.to_string()).or_default() += 1);
        match doc.price {
            Some(Price::Number(n)) => {
                let value = f64::from(n) * 1.5;
                *prices.entry(value.to_string()).or_default() += 1;
                let (min, max) = extremes.unwrap_or((value, value));
                extremes = Some((value.min(min), value.max(max)));
            }
            Some(Price::Text(n)) => *prices.entry(format!("p{n}")).or_default() += 1,
            None => {}
        }
    }
    let stats = extremes.map_or(json!({}), |(min, max)| json!({ "price": { "min": min, "max": max } }));
    let reserved = json!({ "\u{22C0}": docs.len() });
    json!({ "facetDistribution": { "_miroir": reserved, "genre": genres, "price": prices }, "facetStats": stats })
}

/// The answer as its user would get it of a node without anything of ours: members of ours cut, values kept.
pub(crate) fn without_ours(answer: &str, details: bool, visible: Option<&[&str]>) -> Value {
    let mut answer: Value = serde_json::from_str(answer).expect("JSON");
    for hit in answer["hits"].as_array_mut().expect("hits") {
        let hit = hit.as_object_mut().expect("an object");
        hit.shift_remove("_miroir");
        hit.retain(|name, _| {
            name.starts_with('_') || visible.is_none_or(|names| names.contains(&name.as_str()))
        });
        if !details {
            hit.shift_remove("_rankingScoreDetails");
        }
        if let Some(details) = hit.get_mut("_rankingScoreDetails").and_then(Value::as_object_mut) {
            details.shift_remove("_miroir:asc");
        }
    }
    for facets in ["facetDistribution", "facetStats"] {
        if let Some(facets) = answer.get_mut(facets).and_then(Value::as_object_mut) {
            facets.shift_remove("_miroir");
        }
    }
    answer
}
