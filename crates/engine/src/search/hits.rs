//! The documents of an answer, each with what the query asks to see.

use std::collections::BTreeSet;

use milli::constants::RESERVED_VECTORS_FIELD_NAME;
use milli::heed::RoTxn;
use milli::score_details::ScoreDetails;
use milli::tokenizer::TokenizerBuilder;
use milli::{
    AscDesc, DocumentId, FieldId, FieldsIdsMap, Index, MatcherBuilder, MatchingWords, Member, Object,
};
use serde_json::{Value, json};

use super::format::Formatter;
use super::query::SearchQuery;
use super::select::select_values;
use crate::error::ApiError;
use crate::index::with_vectors;

/// Makes the hits of the documents found, in their order.
///
/// # Errors
/// An error of the disk.
pub(super) fn make<'s>(
    index: &Index,
    txn: &RoTxn<'_>,
    query: &SearchQuery,
    words: MatchingWords,
    found: impl IntoIterator<Item = (DocumentId, &'s [ScoreDetails])>,
) -> Result<Vec<Object>, ApiError> {
    let separators = index.allowed_separators(txn)?;
    let separators: Option<Vec<&str>> =
        separators.as_ref().map(|words| words.iter().map(String::as_str).collect());
    let dictionary = index.dictionary(txn)?;
    let dictionary: Option<Vec<&str>> =
        dictionary.as_ref().map(|words| words.iter().map(String::as_str).collect());
    let mut tokenizer = TokenizerBuilder::default();
    tokenizer.create_char_map(true);
    if let Some(separators) = &separators {
        tokenizer.separators(separators);
    }
    if let Some(dictionary) = &dictionary {
        tokenizer.words_dict(dictionary);
    }
    let mut matcher = MatcherBuilder::new(words, tokenizer.into_tokenizer());
    matcher.crop_marker(query.crop_marker.clone());
    matcher.highlight_prefix(query.highlight_pre_tag.clone());
    matcher.highlight_suffix(query.highlight_post_tag.clone());

    let maker = Maker::new(index, txn, query, matcher)?;
    found.into_iter().map(|(id, score)| maker.hit(id, score)).collect()
}

struct Maker<'a> {
    index: &'a Index,
    txn: &'a RoTxn<'a>,
    query: &'a SearchQuery,
    names: FieldsIdsMap,
    displayed: Vec<String>,
    /// Every field is displayed.
    displays_all: bool,
    retrieved: Vec<String>,
    /// Every displayed field is retrieved.
    retrieves_all: bool,
    vectors: bool,
    formatter: Formatter<'a>,
    /// The point from which distances are told, when the query sorts by one.
    origin: Option<[f64; 2]>,
}

impl<'a> Maker<'a> {
    fn new(
        index: &'a Index,
        txn: &'a RoTxn<'a>,
        query: &'a SearchQuery,
        matcher: MatcherBuilder<'a>,
    ) -> Result<Self, ApiError> {
        let names = index.fields_ids_map(txn)?;
        let listed = index.displayed_fields_ids(txn)?;
        let displays_all = listed.is_none();
        let displayed: BTreeSet<FieldId> = match listed {
            Some(ids) => ids.into_iter().collect(),
            None => names.iter().map(|(id, _)| id).collect(),
        };
        let asked =
            query.attributes_to_retrieve.as_ref().filter(|asked| asked.iter().all(|name| name != "*"));
        let retrieved: BTreeSet<FieldId> = match asked {
            Some(asked) => {
                asked.iter().filter_map(|name| names.id(name)).filter(|id| displayed.contains(id)).collect()
            }
            None => displayed.clone(),
        };
        let vectors = query.retrieve_vectors && shows_vectors(index, txn)?;
        let shown = |ids: &BTreeSet<FieldId>| names_of(&names, ids.iter().copied());
        let localized = index.localized_attributes_rules(txn)?.unwrap_or_default();
        Ok(Self {
            formatter: Formatter::new(query, matcher, &names, (&displayed, &retrieved), localized),
            retrieved: shown(&retrieved)
                .into_iter()
                .filter(|name| name != RESERVED_VECTORS_FIELD_NAME)
                .collect(),
            displayed: shown(&displayed),
            origin: query.sort.as_ref().and_then(|sort| sort.iter().find_map(|text| point(text))),
            index,
            txn,
            displays_all,
            retrieves_all: asked.is_none(),
            query,
            names,
            vectors,
        })
    }

    fn hit(&self, id: DocumentId, score: &[ScoreDetails]) -> Result<Object, ApiError> {
        let stored = milli::all_obkv_to_json(self.index.document(self.txn, id)?, &self.names)?;
        let displayed = match self.displays_all {
            true => stored,
            false => select_values(&stored, self.displayed.iter().map(String::as_str)),
        };
        let mut hit = match self.displays_all && self.retrieves_all {
            true => displayed.clone(),
            false => select_values(&displayed, self.retrieved.iter().map(String::as_str)),
        };
        hit.shift_remove(RESERVED_VECTORS_FIELD_NAME);
        if self.vectors {
            let user = displayed.get(RESERVED_VECTORS_FIELD_NAME).cloned();
            hit.insert(RESERVED_VECTORS_FIELD_NAME.to_owned(), with_vectors(self.index, self.txn, id, user)?);
        }
        let (formatted, positions) = self.formatter.format(&displayed);
        if let Some(distance) = self.origin.and_then(|origin| distance(&origin, &hit)) {
            hit.insert("_geoDistance".to_owned(), json!(distance));
        }
        if !formatted.is_empty() {
            hit.insert("_formatted".to_owned(), Value::Object(formatted));
        }
        if let Some(positions) = positions {
            hit.insert("_matchesPosition".to_owned(), json!(positions));
        }
        if self.query.show_ranking_score {
            hit.insert("_rankingScore".to_owned(), json!(ScoreDetails::global_score(score.iter())));
        }
        if self.query.show_ranking_score_details {
            hit.insert(
                "_rankingScoreDetails".to_owned(),
                Value::Object(ScoreDetails::to_json_map(score.iter())),
            );
        }
        Ok(hit)
    }
}

pub(super) fn names_of(names: &FieldsIdsMap, ids: impl Iterator<Item = FieldId>) -> Vec<String> {
    ids.filter_map(|id| names.name(id)).map(str::to_owned).collect()
}

/// Vectors can be seen when `_vectors` is displayed.
fn shows_vectors(index: &Index, txn: &RoTxn<'_>) -> milli::Result<bool> {
    Ok(index.displayed_fields(txn)?.is_none_or(|names| names.contains(&RESERVED_VECTORS_FIELD_NAME)))
}

fn point(sort: &str) -> Option<[f64; 2]> {
    match sort.parse().ok()? {
        AscDesc::Asc(Member::Geo(point)) | AscDesc::Desc(Member::Geo(point)) => Some(point),
        _ => None,
    }
}

/// Metres from the point to the document, when it shows where it is.
fn distance(origin: &[f64; 2], document: &Object) -> Option<u64> {
    let geo = document.get("_geo")?;
    let part = |name| match geo.get(name)? {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    let metres = milli::distance_between_two_points(origin, &[part("lat")?, part("lng")?]);
    Some(metres.round() as u64)
}
