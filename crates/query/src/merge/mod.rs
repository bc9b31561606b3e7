//! From the answers of nodes to the answer of one Meilisearch.
//!
//! The order is that of the ranking rules, compared rule by rule ([`keys`]); the last rule is the slot, and hits that are
//! equal in all of them and in their slot are ordered by their id, as text. Totals add up, facets are merged by value
//! ([`facets`]), scores are rewritten to what one node would say ([`score`]), and what is ours is cut out ([`hit`]).
//! Values of documents are never decoded.
//!
//! A node gives its hits in *its* order of ties. When the page ends inside a tie, and the node has more of it than it
//! sent, the merge asks for the whole slot ([`Merged::NeedsSlot`]) and takes the tie from that answer.
//!
//! What differs from one Meilisearch: with a distinct attribute, totals and facets count documents that another node's
//! hit shadows, but for those seen on the way to the page; `rankingScoreThreshold` is applied by each node to its own
//! score, which can lie below the common one; hits within one metre of each other are one group for Meilisearch's geo
//! sort, here only where they are on one node.

mod facets;
mod hit;
mod keys;
mod members;
mod run;
mod score;
mod whole;

use std::collections::BTreeSet;

use miroir_model::NodeId;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::plan::body::{NodePaging, among, and};
use crate::plan::{NodeRequest, Plan};
use crate::request::Paging;
pub(crate) use facets::normalized;
use facets::{Distribution, Stats};
use hit::Hit;
use keys::{Key, SortValue};
pub(crate) use members::{Members, ObjectWriter, write_string};
use run::Run;

/// What an answer says that the caller knows.
#[derive(Debug, Clone, Copy)]
pub struct Meta<'a> {
    /// How long the search took, in milliseconds.
    pub processing_time_ms: u64,
    /// The uid of the request (1.50 on).
    pub request_uid: Option<&'a str>,
}

/// What comes of the answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Merged {
    /// The answer, JSON.
    Answer(String),
    /// One more request is needed: the page ends inside a tie that a node has more of. Its answer goes to
    /// [`merge_with_slot`].
    NeedsSlot(NodeRequest),
}

/// Why answers do not merge.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// An answer is no answer to a search.
    #[error("the answer of node `{node}` is not what a search gives: {cause}")]
    Unreadable {
        /// The node.
        node: NodeId,
        /// What is wrong with it.
        cause: serde_json::Error,
    },
    /// A node that was asked has not answered.
    #[error("the answer of node `{0}` is missing")]
    Missing(NodeId),
}

/// What a node says. Members that are not named here are made anew.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NodeAnswer<'a> {
    #[serde(borrow)]
    hits: Vec<&'a RawValue>,
    estimated_total_hits: Option<u64>,
    total_hits: Option<u64>,
    #[serde(borrow)]
    facet_distribution: Option<Members<'a>>,
    #[serde(borrow)]
    facet_stats: Option<Members<'a>>,
}

/// An answer of which only the hits count.
#[derive(Deserialize)]
struct Hits<'a> {
    #[serde(borrow)]
    hits: Vec<&'a RawValue>,
}

/// Merges the answers of the nodes that the plan asks, in any order.
///
/// # Errors
/// When an answer is missing or cannot be read.
pub fn merge<B: AsRef<[u8]>>(
    plan: &Plan,
    answers: &[(NodeId, B)],
    meta: Meta<'_>,
) -> Result<Merged, MergeError> {
    merge_all(plan, answers, None, meta)
}

/// Merges the answers together with the one that [`Merged::NeedsSlot`] asked for.
///
/// # Errors
/// When an answer is missing or cannot be read.
pub fn merge_with_slot<B: AsRef<[u8]>>(
    plan: &Plan,
    answers: &[(NodeId, B)],
    slot: (&NodeId, &[u8]),
    meta: Meta<'_>,
) -> Result<Merged, MergeError> {
    merge_all(plan, answers, Some(slot), meta)
}

fn merge_all<'a, B: AsRef<[u8]>>(
    plan: &Plan,
    answers: &'a [(NodeId, B)],
    slot: Option<(&NodeId, &'a [u8])>,
    meta: Meta<'_>,
) -> Result<Merged, MergeError> {
    let of = |request: &NodeRequest| answers.iter().find(|(node, _)| *node == request.node);
    let missing = |request: &NodeRequest| MergeError::Missing(request.node.clone());
    if let (true, [request]) = (plan.whole, plan.requests.as_slice()) {
        let (node, body) = of(request).ok_or_else(|| missing(request))?;
        let answer = whole::cut(plan, body.as_ref());
        return answer
            .map(Merged::Answer)
            .map_err(|cause| MergeError::Unreadable { node: node.clone(), cause });
    }
    let mut merge = Merge::new(plan);
    for (number, request) in plan.requests.iter().enumerate() {
        let (node, body) = of(request).ok_or_else(|| missing(request))?;
        let slot = slot.filter(|(of, _)| *of == node).map(|(_, body)| body);
        let added = merge.add(number, body.as_ref(), slot);
        added.map_err(|cause| MergeError::Unreadable { node: node.clone(), cause })?;
    }
    let node = |number: usize| plan.requests[number].node.clone();
    let cut =
        merge.take_page().map_err(|(number, cause)| MergeError::Unreadable { node: node(number), cause })?;
    if let Some(request) = cut.filter(|_| slot.is_none()).and_then(|number| merge.slot_request(number)) {
        return Ok(Merged::NeedsSlot(request));
    }
    merge.share_typos();
    Ok(Merged::Answer(merge.write(meta)))
}

/// A merge under way.
struct Merge<'a, 'p> {
    plan: &'p Plan,
    runs: Vec<Run<'a>>,
    /// The hits up to the end of the page, in order.
    hits: Vec<Hit<'a>>,
    total: u64,
    facets: Option<(Distribution<'a>, Stats<'a>)>,
}

impl<'a, 'p> Merge<'a, 'p> {
    fn new(plan: &'p Plan) -> Self {
        Self { plan, runs: Vec::new(), hits: Vec::new(), total: 0, facets: None }
    }

    fn add(&mut self, number: usize, body: &'a [u8], slot: Option<&'a [u8]>) -> serde_json::Result<()> {
        let answer: NodeAnswer<'a> = serde_json::from_slice(body)?;
        self.total += answer.total_hits.or(answer.estimated_total_hits).unwrap_or(0);
        self.runs.push(Run::new(self.plan, number, answer.hits, slot)?);
        if let Some(distribution) = &answer.facet_distribution {
            let facets = self.facets.get_or_insert_default();
            facets.0.add(distribution)?;
            facets.1.add(answer.facet_stats.as_ref().unwrap_or(&Members::default()))?;
        }
        Ok(())
    }

    /// Takes the hits up to the end of the page. A document that two nodes gave counts once; of a distinct value the
    /// best hit stays. Gives the number of a node whose tie on the page may go on.
    fn take_page(&mut self) -> Result<Option<usize>, (usize, serde_json::Error)> {
        let mut cut = None;
        let mut seen = BTreeSet::new();
        while self.hits.len() < self.plan.window.depth() {
            let firsts =
                self.runs.iter().enumerate().filter_map(|(number, run)| Some((number, run.first()?)));
            let Some((number, _)) = firsts.min_by(|(_, a), (_, b)| a.order(b)) else { break };
            if self.runs[number].is_cut() {
                cut = Some(number);
            }
            let taken = self.runs[number].take(self.plan).map_err(|cause| (number, cause))?;
            let Some(hit) = taken else { break };
            let twice = self
                .hits
                .last()
                .is_some_and(|last| last.answer != number && last.id == hit.id && last.ties(&hit));
            let values =
                self.plan.distinct.as_deref().map(|attribute| hit.values_of(attribute)).unwrap_or_default();
            if twice || values.iter().any(|value| seen.contains(value)) {
                self.total = self.total.saturating_sub(1);
            } else {
                seen.extend(values);
                self.hits.push(hit);
            }
        }
        Ok(cut)
    }

    /// Gives each hit the most typos that any candidate could have, over all nodes: hits that are equal in the rules
    /// before share it. A node that has more such hits than were taken has one of them first.
    fn share_typos(&mut self) {
        let mut first = 0;
        while first < self.hits.len() {
            let Some(head) = self.hits[first].before_typos() else {
                first += 1;
                continue;
            };
            let same = |hit: &&Hit<'a>| hit.before_typos() == Some(head);
            let end = first + self.hits[first..].iter().take_while(same).count();
            let left = self.runs.iter().filter_map(Run::first).filter(same);
            let common =
                self.hits[first..end].iter().chain(left).map(|hit| hit.common_typos).max().unwrap_or(0);
            self.hits[first..end].iter_mut().for_each(|hit| hit.common_typos = common);
            first = end;
        }
    }

    /// A request for all hits of the slot of the last hit of this node on the page.
    fn slot_request(&self, number: usize) -> Option<NodeRequest> {
        let last = self.hits.iter().rev().find(|hit| hit.answer == number)?;
        let Some(Key::Sort { value: SortValue::Text(slot), .. }) = last.keys.keys.last() else { return None };
        let limit = usize::try_from(miroir_settings::NODE_HITS).unwrap_or(usize::MAX);
        let mut body = self.plan.body(NodePaging::Window { offset: 0, limit });
        body.facets = None;
        let limited = among("IN", std::iter::once(slot.to_string()));
        body.filter = and(self.plan.request.filter.as_ref(), Some(limited));
        Some(NodeRequest { body: body.to_json(), ..self.plan.requests[number].clone() })
    }

    fn write(&self, meta: Meta<'_>) -> String {
        let places = &self.plan.window.places;
        let page = &self.hits[places.start.min(self.hits.len())..places.end.min(self.hits.len())];
        let mut out = String::with_capacity(1024 * (page.len() + 1));
        let mut answer = ObjectWriter::new(&mut out);
        let hits = answer.name("hits");
        hits.push('[');
        for (place, hit) in page.iter().enumerate() {
            if place > 0 {
                hits.push(',');
            }
            hit.write(self.plan, hits);
        }
        hits.push(']');
        write_string(answer.name("query"), self.plan.request.q.as_deref().unwrap_or_default());
        answer.raw("processingTimeMs", &meta.processing_time_ms.to_string());
        self.write_paging(&mut answer);
        if let Some((distribution, stats)) = &self.facets {
            distribution.write(self.plan, self.total, answer.name("facetDistribution"));
            stats.write(answer.name("facetStats"));
        }
        if let Some(uid) = meta.request_uid {
            write_string(answer.name("requestUid"), uid);
        }
        answer.end();
        out
    }

    fn write_paging(&self, answer: &mut ObjectWriter<'_>) {
        let most = self.plan.window.max_total_hits;
        let capped = self.plan.version.traits().totals_capped;
        let total = if capped { self.total.min(most as u64) } else { self.total };
        let mut number = |name, number: u64| answer.raw(name, &number.to_string());
        match self.plan.window.paging {
            Paging::Window { offset, limit } => {
                number("limit", limit as u64);
                number("offset", if capped { offset.min(most) } else { offset } as u64);
                number("estimatedTotalHits", total);
            }
            Paging::Page { page, hits_per_page } => {
                number("hitsPerPage", hits_per_page as u64);
                number("page", page as u64);
                number(
                    "totalPages",
                    if hits_per_page == 0 { 0 } else { total.div_ceil(hits_per_page as u64) },
                );
                number("totalHits", total);
            }
        }
    }
}
