//! What is found by words and by vectors, as one list (`milli/src/search/hybrid.rs`).
//!
//! As one node does: words come first, and where they find enough that is good, nothing else is asked. If not, the
//! nearest documents are found too, and the two lists are merged by their scores, each times its share; a document is
//! where it is better. Where a hit shows the words in it, those that vectors found are asked for once more: a node that
//! compares vectors alone marks nothing.
//!
//! What differs from one Meilisearch: with a `rankingScoreThreshold` totals and facets are those of what vectors find where
//! that fills the page, and documents that only one of the two found are counted as far as they are hits where it does not.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use itertools::Itertools;
use serde_json::value::RawValue;

use super::counts::Counts;
use super::facets::FacetValue;
use super::found::{Found, Near, Target, list};
use super::hit::Hit;
use super::keys::{Key, SortValue};
use super::page::Page;
use super::{Hits, Source, Stop};
use crate::answers::Answers;
use crate::federated::Value;
use crate::plan::Plan;
use crate::plan::near::By;

/// A list whose every score, times the share of words, is this much is good enough (`results_good_enough`).
const GOOD_ENOUGH: f64 = 0.45;

/// A hit, and what it is compared by.
struct Rated<'a> {
    hit: Hit<'a>,
    values: Vec<Value>,
    /// By what its scores are multiplied.
    share: f64,
    near: bool,
}

pub(super) fn found<'a, B: AsRef<[u8]>>(
    plan: &'a Plan,
    answers: &'a Answers<B>,
    semantic_ratio: f32,
) -> Result<Found<'a>, Stop> {
    let words = Source::new(plan, answers, By::Words);
    let (page, counts) = list(&words)?;
    let share = f64::from(1.0 - semantic_ratio);
    let by_words = |(page, counts): (Page<'a>, Counts<'a>)| Found {
        hits: page.into_window(plan),
        counts,
        near: Some(Near { hits: 0, compared: false, vector: None }),
    };
    if is_good_enough(&page, share, plan) {
        return Ok(by_words((page, counts)));
    }
    let target = Target::of(&words)?;
    // A search does not fail because its words have no vector.
    if matches!(target, Target::None) {
        return Ok(by_words((page, counts)));
    }
    let vector = target.vector();
    let near = Source::new(plan, answers, By::Vector(vector));
    let (nearest, counted) = list(&near)?;
    let counts = union((&page, counts), (&nearest, counted));
    let rated = |page: Page<'a>, near, share| -> Result<Vec<Rated<'a>>, Stop> {
        page.hits.into_iter().map(|hit| Rated::new(hit, plan, (near, share))).collect()
    };
    let (words, nearest) = (rated(page, false, share)?, rated(nearest, true, f64::from(semantic_ratio))?);
    let mut hits: Vec<Rated<'a>> = one_list(plan, nearest, words);
    mark_words(&near, &mut hits, vector)?;
    let near = Near { hits: hits.iter().filter(|rated| rated.near).count(), compared: true, vector };
    Ok(Found { hits: hits.into_iter().map(|rated| rated.hit).collect(), counts, near: Some(near) })
}

/// Whether there are as many hits as are looked at, and all of them are good.
fn is_good_enough(page: &Page<'_>, share: f64, plan: &Plan) -> bool {
    let good = |hit: &Hit<'_>| hit.score().is_some_and(|score| score * share >= GOOD_ENOUGH);
    page.hits.len() >= plan.window.depth() && page.hits.iter().all(good)
}

impl<'a> Rated<'a> {
    fn new(hit: Hit<'a>, plan: &Plan, (near, share): (bool, f64)) -> Result<Self, Stop> {
        let number = hit.answer;
        let mut values = hit.values(plan, 1.0).map_err(|cause| Stop::Unreadable { number, cause })?;
        let is_score = |value: &Value| matches!(value, Value::Score(_));
        // Without a rule of relevance nothing is compared by vectors: both lists have the same order.
        if near
            && !hit.keys.by_vector
            && let Some(place) = values.iter().position(is_score)
        {
            values.retain(|value| !is_score(value));
            values.insert(place, Value::Score(0.0));
        }
        Ok(Self { hit, values, share, near })
    }

    /// `Greater` is the better hit (`compare_scores`).
    fn compare(&self, other: &Self) -> Ordering {
        let orders = self.values.iter().zip(&other.values).map(|values| match values {
            (Value::Score(ours), Value::Score(theirs)) => {
                let (ours, theirs) = (ours * self.share, theirs * other.share);
                if (ours - theirs).abs() <= f64::EPSILON { Ordering::Equal } else { ours.total_cmp(&theirs) }
            }
            (Value::Sort(ours), Value::Sort(theirs)) => ours.compare(theirs),
            (Value::Score(ours), Value::Sort(_)) if *ours == 0.0 => Ordering::Less,
            (Value::Score(_), Value::Sort(_)) => Ordering::Greater,
            (Value::Sort(_), Value::Score(theirs)) if *theirs == 0.0 => Ordering::Greater,
            (Value::Sort(_), Value::Score(_)) => Ordering::Less,
        });
        let first = orders.into_iter().find(|order| order.is_ne());
        first.unwrap_or_else(|| self.values.len().cmp(&other.values.len()))
    }
}

/// The hits of the page that the user asked for.
fn one_list<'a>(plan: &Plan, nearest: Vec<Rated<'a>>, words: Vec<Rated<'a>>) -> Vec<Rated<'a>> {
    let distinct = plan.distinct.as_deref().filter(|_| plan.version.traits().hybrid_is_distinct);
    let (mut ids, mut values) = (BTreeSet::<Cow<'a, str>>::new(), BTreeSet::<FacetValue>::new());
    let is_new = |rated: &Rated<'a>| {
        if !ids.insert(rated.hit.id.clone()) {
            return false;
        }
        let own = distinct.map(|attribute| rated.hit.distinct_values(attribute)).unwrap_or_default();
        let new = !own.iter().any(|value| values.contains(value));
        if new {
            values.extend(own);
        }
        new
    };
    let places = &plan.window.places;
    let merged = nearest.into_iter().merge_by(words, |near, words| near.compare(words).is_ge());
    merged.filter(is_new).skip(places.start).take(places.len()).collect()
}

/// What the two count together. By vectors every document that the filter lets pass is found, but where a threshold ends
/// the list.
fn union<'a>(
    (words, by_words): (&Page<'a>, Counts<'a>),
    (nearest, near): (&Page<'a>, Counts<'a>),
) -> Counts<'a> {
    if !nearest.is_cut() {
        return near;
    }
    let known: BTreeSet<&str> = words.hits.iter().map(|hit| hit.id.as_ref()).collect();
    let more = nearest.hits.iter().filter(|hit| !known.contains(hit.id.as_ref())).count();
    Counts { total: by_words.total + more as u64, ..by_words }
}

/// Has nodes mark the words in the hits that vectors found, where they have not when they gave them.
fn mark_words<'a, B: AsRef<[u8]>>(
    source: &Source<'a, 'a, B>,
    hits: &mut [Rated<'a>],
    vector: Option<&RawValue>,
) -> Result<(), Stop> {
    if !source.plan.marks_words() || source.plan.may_negate() {
        return Ok(());
    }
    let mut slots = BTreeMap::<usize, BTreeSet<String>>::new();
    for Rated { hit, .. } in hits.iter().filter(|rated| rated.near) {
        let slots = slots.entry(hit.answer).or_default();
        if let Some(Key::Sort { value: SortValue::Text(slot), .. }) = hit.keys.keys.last()
            && !source.plan.in_order
        {
            slots.insert(slot.clone().into_owned());
        }
    }
    let marked = |(number, slots)| (number, source.plan.marked_request(number, slots, vector));
    let requests: BTreeMap<usize, _> = slots.into_iter().map(marked).collect();
    source.all_there(&requests.values().cloned().collect::<Vec<_>>())?;
    for (number, request) in requests {
        let at = |cause| Stop::Unreadable { number, cause };
        let answer: Hits<'a> = serde_json::from_slice(source.to(&request).unwrap_or_default()).map_err(at)?;
        for raw in answer.hits {
            let marked = Hit::read(raw, source.plan, number).map_err(at)?;
            let same = |rated: &&mut Rated<'a>| {
                rated.near && rated.hit.answer == number && rated.hit.id == marked.id
            };
            if let Some(rated) = hits.iter_mut().find(same) {
                rated.hit.take_marks(&marked);
            }
        }
    }
    Ok(())
}
