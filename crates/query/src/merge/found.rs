//! What a search has found: by words, by vectors, or by both.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::counts::Counts;
use super::hit::Hit;
use super::page::{self, Counted, Page};
use super::run::Run;
use super::{NodeAnswer, Source, Stop, distinct, hybrid};
use crate::answers::Answers;
use crate::plan::Plan;
use crate::plan::near::By;
use crate::request::hybrid::Means;

/// The hits that the user asked for, and what is told with them.
pub(super) struct Found<'a> {
    pub(super) hits: Vec<Hit<'a>>,
    pub(super) counts: Counts<'a>,
    /// Where vectors could be compared.
    pub(super) near: Option<Near<'a>>,
}

/// What is told of a search by vectors.
#[derive(Clone, Copy)]
pub(super) struct Near<'a> {
    /// How many of the hits vectors found.
    pub(super) hits: usize,
    /// Documents were compared with a vector.
    pub(super) compared: bool,
    /// With this one, where it is known.
    pub(super) vector: Option<&'a RawValue>,
}

/// Merges what nodes have said, as far as it goes.
pub(super) fn found<'a, B: AsRef<[u8]>>(plan: &'a Plan, answers: &'a Answers<B>) -> Result<Found<'a>, Stop> {
    let source = |by| Source::new(plan, answers, by);
    match plan.request.means() {
        Means::Words => {
            let (page, counts) = list(&source(By::Words))?;
            Ok(Found { hits: page.into_window(plan), counts, near: None })
        }
        Means::Vectors(_) => {
            // A node that cannot make a vector refuses the search.
            let vector = Target::of(&source(plan.by()))?.vector();
            let (page, counts) = list(&source(By::Vector(vector)))?;
            let hits = page.into_window(plan);
            Ok(Found { near: Some(Near { hits: hits.len(), compared: true, vector }), hits, counts })
        }
        Means::Both(means) => hybrid::found(plan, answers, means.semantic_ratio),
    }
}

/// What documents are compared with.
pub(super) enum Target<'a> {
    Vector(&'a RawValue),
    /// What each node makes of the words: one has made a vector, and (1.15) does not say which.
    Untold,
    /// The words have no vector.
    None,
}

impl<'a> Target<'a> {
    /// The user's vector, or the one that a node has made of the words.
    pub(super) fn of<B: AsRef<[u8]>>(source: &Source<'a, 'a, B>) -> Result<Self, Stop> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Embedded<'a> {
            #[serde(borrow)]
            query_vector: Option<&'a RawValue>,
            semantic_hit_count: Option<u64>,
        }

        if let Some(vector) = &source.plan.vector {
            return Ok(Self::Vector(vector));
        }
        let mut number = 0;
        for requests in source.plan.embedding_requests() {
            source.all_there(&requests)?;
            for request in &requests {
                match serde_json::from_slice(source.to(request).unwrap_or_default()) {
                    Ok(Embedded { query_vector: Some(vector), .. }) => return Ok(Self::Vector(vector)),
                    Ok(Embedded { semantic_hit_count: Some(1..), .. }) => return Ok(Self::Untold),
                    Ok(_) => number += 1,
                    Err(cause) => return Err(Stop::Unreadable { number, cause }),
                }
            }
        }
        Ok(Self::None)
    }

    pub(super) fn vector(&self) -> Option<&'a RawValue> {
        if let Self::Vector(vector) = self { Some(vector) } else { None }
    }
}

/// The hits up to the end of the page in their order, and what is counted; or what must be asked for that.
pub(super) fn list<'a, B: AsRef<[u8]>>(source: &Source<'a, 'a, B>) -> Result<(Page<'a>, Counts<'a>), Stop> {
    let plan = source.plan;
    let requests = plan.first_requests(source.by);
    source.all_there(&requests)?;
    let at = |number: usize| move |cause| Stop::Unreadable { number, cause };
    let (mut runs, mut counts) = (Vec::new(), Counts::default());
    let mut nodes: Vec<NodeAnswer<'_>> = Vec::new();
    for (number, request) in requests.iter().enumerate() {
        let mut answer: NodeAnswer<'_> =
            serde_json::from_slice(source.to(request).unwrap_or_default()).map_err(at(number))?;
        counts.add(&answer).map_err(at(number))?;
        runs.push(Run::new(source, number, std::mem::take(&mut answer.hits)).map_err(at(number))?);
        nodes.push(answer);
    }
    let page = page::take(source, &mut runs)?;
    if plan.counts_values() {
        distinct::recount(source, &nodes, &page, &mut counts)?;
        return Ok((page, counts));
    }
    counts.total = counts.total.saturating_sub(page.shadowed + page.below);
    match page.counted(plan) {
        Counted::All => {}
        Counted::Hits(total) if plan.request.facets.is_none() => counts.total = total,
        counted => {
            let above = Counts::above_threshold(source)?;
            counts.replace(counted, above, (&page, plan.window.max_total_hits));
        }
    }
    Ok((page, counts))
}
