//! From the answers of nodes to the answer of one Meilisearch.
//!
//! The order is that of the ranking rules, compared rule by rule ([`keys`]); the last rule is the slot, and hits that are
//! equal in all of them and in their slot are ordered by their id, as text. Totals add up, facets are merged by value
//! ([`facets`]), scores are rewritten to what one node would say ([`score`]), and what is ours is cut out ([`hit`]).
//! Values of documents are never decoded.
//!
//! A merge is done from the beginning each time more answers are there, and says what it lacks until it has all it needs
//! ([`Merged::Asks`]): the first answers, more hits of a node of which many are dropped on the way to the page, the whole
//! of a tie in which the page ends (a node gives its hits in *its* order of ties), and, below a least score, what is left
//! to count. So it keeps nothing between rounds, and a node can be replaced by another at any time.
//!
//! What differs from one Meilisearch: with a distinct attribute, totals and facets count documents that another node's
//! hit shadows, but for those seen on the way to the page (the totals of pages do not: [`distinct`]); where a `rankingScoreThreshold` ends the hits, facets count by
//! each node's own scores, which can lie below the common ones, and so do the totals of pages (1.50) that it does not end;
//! with both, and a sort before the rules that scores are made of, a document that scores too little hides others of its
//! node with the same distinct value; hits within one metre of each other are one group for Meilisearch's geo sort, here
//! only where they are on one node.

mod answer;
mod counts;
mod distinct;
mod facets;
mod found;
mod hit;
mod hybrid;
mod keys;
mod members;
mod page;
mod run;
mod score;
mod threshold;
mod whole;

use miroir_model::NodeId;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::answers::Answers;
use crate::federated::Contribution;
use crate::metadata::Described;
use crate::plan::near::By;
use crate::plan::{NodeRequest, Plan};
use answer::write;
pub(crate) use counts::Counts;
use facets::Distribution;
pub(crate) use facets::{Extremes, FacetValue, normalized, write_lists, write_stats};
use found::{found, list};
pub(crate) use hit::Hit;
pub(crate) use keys::{Key, Rule, Rules, SortValue, sort_key};
pub(crate) use members::{Members, ObjectWriter, Text, float, write_list, write_string};
pub(crate) use score::fraction;

/// What an answer says that the caller knows.
#[derive(Debug, Clone, Copy)]
pub struct Meta<'a> {
    /// How long the search took, in milliseconds.
    pub processing_time_ms: u64,
    /// The uid of the request (1.50 on).
    pub request_uid: Option<&'a str>,
    /// The uids of its searches, in their order, where the user wants to be told of them; otherwise none.
    pub query_uids: &'a [String],
}

/// What comes of the answers so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Merged<T = String> {
    /// The answer; JSON where it is a text.
    Answer(T),
    /// These must be answered too. None of them is, so asking and merging in turn comes to an end.
    Asks(Vec<NodeRequest>),
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

/// What keeps a merge from being done.
enum Stop {
    /// These are not answered yet.
    Lacks(Vec<NodeRequest>),
    /// The answer to request `number` of a plan is no answer to a search.
    Unreadable { number: usize, cause: serde_json::Error },
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

/// What a list of hits is made of.
struct Source<'a, 'p, B> {
    plan: &'p Plan,
    answers: &'a Answers<B>,
    by: By<'a>,
    /// There are answers to more than the first requests.
    later: bool,
}

impl<'a, 'p, B> Source<'a, 'p, B> {
    fn new(plan: &'p Plan, answers: &'a Answers<B>, by: By<'a>) -> Self {
        Self { plan, answers, by, later: answers.count() > plan.requests.len() }
    }

    /// Whether these are answered.
    fn all_there(&self, requests: &[NodeRequest]) -> Result<(), Stop> {
        let lacking: Vec<NodeRequest> = self.answers.lacking(requests).cloned().collect();
        if lacking.is_empty() { Ok(()) } else { Err(Stop::Lacks(lacking)) }
    }
}

impl<'a, B: AsRef<[u8]>> Source<'a, '_, B> {
    fn to(&self, request: &NodeRequest) -> Option<&'a [u8]> {
        self.answers.to(request).map(AsRef::as_ref)
    }
}

/// Merges the answers to what the plan, and merges before this one, have asked.
///
/// # Errors
/// When an answer cannot be read.
pub fn merge<B: AsRef<[u8]>>(
    plan: &Plan,
    answers: &Answers<B>,
    meta: Meta<'_>,
) -> Result<Merged, MergeError> {
    if let (true, [request]) = (plan.whole, plan.requests.as_slice()) {
        let source = Source::new(plan, answers, plan.by());
        let text = source.all_there(&plan.requests).and_then(|()| {
            let body = source.to(request).unwrap_or_default();
            whole::cut(plan, body, meta).map_err(|cause| Stop::Unreadable { number: 0, cause })
        });
        return merged(plan, text);
    }
    merged(plan, found(plan, answers).map(|found| write(plan, &found, meta)))
}

/// Merges the answers to a search whose hits become one list with those of others.
///
/// # Errors
/// When an answer cannot be read.
pub fn merge_federated<B: AsRef<[u8]>>(
    plan: &Plan,
    answers: &Answers<B>,
) -> Result<Merged<Contribution>, MergeError> {
    let contribution = found(plan, answers).and_then(|found| {
        let contribute = |hit: &Hit<'_>| {
            let number = hit.answer;
            hit.contribute(plan).map_err(|cause| Stop::Unreadable { number, cause })
        };
        let query_vector = found.near.and_then(|near| near.vector);
        Ok(Contribution {
            hits: found.hits.iter().map(contribute).collect::<Result<_, _>>()?,
            totals: found.counts.totals((&plan.facet_orders, plan.max_values_per_facet)),
            compares_vectors: found.near.is_some(),
            compared: found.near.is_some_and(|near| near.compared),
            shows_vectors: plan.request.retrieve_vectors,
            query_vector: query_vector.map(|vector| vector.get().to_owned()),
            described: Described::of(plan),
        })
    });
    merged(plan, contribution)
}

/// What is near a vector.
pub(crate) struct Nearest<'a> {
    pub(crate) hits: Vec<Hit<'a>>,
    pub(crate) total: u64,
}

/// Merges the answers to a search for what is like a document.
pub(crate) fn nearest<B: AsRef<[u8]>>(
    plan: &Plan,
    answers: &Answers<B>,
    answer: impl FnOnce(Nearest<'_>) -> String,
) -> Result<Merged, MergeError> {
    let found = list(&Source::new(plan, answers, plan.by()));
    merged(plan, found.map(|(page, counts)| answer(Nearest { hits: page.hits, total: counts.total })))
}

fn merged<T>(plan: &Plan, done: Result<T, Stop>) -> Result<Merged<T>, MergeError> {
    match done {
        Ok(answer) => Ok(Merged::Answer(answer)),
        Err(Stop::Lacks(requests)) => Ok(Merged::Asks(requests)),
        Err(Stop::Unreadable { number, cause }) => {
            Err(MergeError::Unreadable { node: plan.requests[number].node.clone(), cause })
        }
    }
}
