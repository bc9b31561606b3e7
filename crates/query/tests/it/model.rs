//! A node, in as much as a search can tell: documents with given matches, ordered by Meilisearch's rules.
//!
//! Written from the contract, not from the crate: it sorts documents by tuples, and writes texts with `serde_json`.

use std::collections::{BTreeMap, BTreeSet};

use miroir_model::{Slot, reserved};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

#[derive(Debug, Clone)]
pub(crate) struct Doc {
    pub(crate) id: u32,
    pub(crate) slot: u16,
    words: u64,
    typos: u64,
    near: u64,
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

pub(crate) fn any_docs() -> impl Strategy<Value = Vec<Doc>> {
    let price = prop_oneof![
        2 => Just(None), 3 => (0_u8..4).prop_map(|n| Some(Price::Number(n))), 1 => (0_u8..3).prop_map(|n| Some(Price::Text(n)))
    ];
    let slot = prop_oneof![3 => 0_u16..16384, 1 => (0_u16..4).prop_map(|slot| slot * 5000)];
    let doc = (
        slot,
        1..=WORDS,
        0_u64..3,
        1_u64..=2,
        price,
        proptest::collection::btree_set(0_u8..12, 0..3),
        any::<u32>(),
    );
    proptest::collection::vec(doc, 0..120).prop_map(|docs| {
        let doc = |(id, (slot, words, typos, near, price, genres, internal)): (usize, _)| Doc {
            id: id as u32,
            slot,
            words,
            typos,
            near,
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
        let price = (self.price.is_none(), self.price);
        let price = if sorted { Some(price) } else { None };
        (std::cmp::Reverse(self.words), self.typos, std::cmp::Reverse(self.near), price, self.slot)
    }

    /// What the score is made of, given the most typos that a document with as many words has.
    fn ranks(&self, most: u64) -> [(u64, u64); 3] {
        [(self.words, WORDS), (most + 1 - self.typos, most + 1), (self.near, 2)]
    }

    fn score(&self, most: u64) -> f64 {
        let merge = |(rank, max): (u64, u64), (r, m): (u64, u64)| ((rank - 1) * m + r, max * m);
        let (rank, max) = self.ranks(most).into_iter().fold((1, 1), merge);
        rank as f64 / max as f64
    }

    fn price(&self) -> Value {
        match self.price {
            Some(Price::Number(n)) => json!(f64::from(n) * 1.5),
            Some(Price::Text(n)) => json!(format!("p{n}")),
            None => Value::Null,
        }
    }
}

/// What a node answers to a body of ours, or what one node, which is `alone`, answers to the user's: its ties are by id.
pub(crate) fn answer(docs: &[Doc], body: &str, alone: bool) -> String {
    let body: Value = serde_json::from_str(body).expect("JSON");
    let sorted = body.get("sort").is_some();
    let mut docs: Vec<&Doc> = docs.iter().filter(|doc| passes(doc, &body["filter"])).collect();
    docs.sort_by_key(|doc| {
        (doc.rank(sorted), if alone { doc.id.to_string() } else { doc.internal.to_string() })
    });
    let mut typos: BTreeMap<u64, u64> = BTreeMap::new();
    for doc in &docs {
        let most = typos.entry(doc.words).or_default();
        *most = doc.typos.max(*most);
    }
    let size = |name: &str| body[name].as_u64().map(|n| n as usize);
    let (first, count) = match (size("page"), size("hitsPerPage")) {
        (None, None) => (size("offset").unwrap_or(0), size("limit").unwrap_or(20)),
        (page, hits) => (
            (page.unwrap_or(1).saturating_sub(1)) * hits.unwrap_or(20),
            if page == Some(0) { 0 } else { hits.unwrap_or(20) },
        ),
    };
    let distinct = body.get("distinct").is_some();
    let mut seen = BTreeSet::new();
    let least = body["rankingScoreThreshold"].as_f64().unwrap_or(0.0);
    let passing: Vec<&Doc> = (docs.iter().copied())
        .filter(|doc| doc.score(typos[&doc.words]) >= least)
        .filter(|doc| !distinct || doc.price.is_none_or(|price| seen.insert(price)))
        .collect();
    let hits: Vec<Value> = (passing.iter().skip(first).take(count))
        .map(|doc| hit(doc, typos[&doc.words], &body, sorted))
        .collect();
    // What scores too little is left out once it is met.
    if count > 0 && passing.len() < first + count {
        docs = passing;
    }
    let mut answer =
        json!({ "hits": hits, "query": body["q"].as_str().unwrap_or(""), "processingTimeMs": 1 });
    let totals = match size("page").or(size("hitsPerPage")) {
        None => json!({ "limit": count, "offset": first, "estimatedTotalHits": docs.len() }),
        Some(_) => {
            json!({ "hitsPerPage": size("hitsPerPage").unwrap_or(20), "page": size("page").unwrap_or(1), "totalPages": docs.len().checked_div(count).unwrap_or(0), "totalHits": docs.len() })
        }
    };
    merge_into(&mut answer, totals);
    if body.get("facets").is_some() {
        merge_into(&mut answer, facets(&docs));
    }
    merge_into(&mut answer, json!({ "requestUid": "u" }));
    answer.to_string()
}

fn merge_into(answer: &mut Value, more: Value) {
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

fn hit(doc: &Doc, most: u64, body: &Value, sorted: bool) -> Value {
    let reserved = reserved::values(doc.slot_value());
    let mut all = Map::new();
    all.insert("id".into(), doc.id.into());
    all.insert("title".into(), format!("t\"{}", doc.id).into());
    all.insert("price".into(), doc.price());
    all.insert("genre".into(), doc.genres.iter().copied().collect());
    all.insert("_miroir".into(), json!(reserved));
    let asked = body["attributesToRetrieve"].as_array().filter(|names| !names.contains(&json!("*")));
    let mut hit: Map<String, Value> = all
        .into_iter()
        .filter(|(name, _)| asked.is_none_or(|asked| asked.iter().any(|is| is == name)))
        .collect();
    let ranks = doc.ranks(most);
    if body["showRankingScore"] == true {
        hit.insert("_rankingScore".into(), json!(doc.score(most)));
    }
    if body["showRankingScoreDetails"] == true {
        let score = |at: usize| ranks[at].0 as f64 / ranks[at].1 as f64;
        let mut details = json!({
            "words": { "order": 0, "matchingWords": doc.words, "maxMatchingWords": WORDS, "score": score(0) },
            "typo": { "order": 1, "typoCount": doc.typos, "maxTypoCount": most, "score": score(1) },
            "proximity": { "order": 2, "score": score(2) },
        });
        if sorted {
            merge_into(&mut details, json!({ "price:asc": { "order": 3, "value": doc.price() } }));
        }
        let last = 3 + usize::from(sorted);
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
