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
//! hit shadows, but for those seen on the way to the page; where a `rankingScoreThreshold` ends the hits, facets count by
//! each node's own scores, which can lie below the common ones, and so do the totals of pages (1.50) that it does not end;
//! with both, and a sort before the rules that scores are made of, a document that scores too little hides others of its
//! node with the same distinct value; hits within one metre of each other are one group for Meilisearch's geo sort, here
//! only where they are on one node.

mod answer;
mod counts;
mod facets;
mod hit;
mod keys;
mod members;
mod page;
mod run;
mod score;
mod whole;

use miroir_model::NodeId;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::answers::Answers;
use crate::federated::Contribution;
use crate::plan::{NodeRequest, Plan};
use answer::write;
pub(crate) use counts::Counts;
pub(crate) use facets::{Extremes, FacetValue, normalized, write_lists, write_stats};
pub(crate) use keys::{Key, Rule, Rules, SortValue, sort_key};
pub(crate) use members::{Members, ObjectWriter, Text, float, write_list, write_string};
use page::{Counted, Page, Taken};
use run::Run;
pub(crate) use score::fraction;

/// What an answer says that the caller knows.
#[derive(Debug, Clone, Copy)]
pub struct Meta<'a> {
    /// How long the search took, in milliseconds.
    pub processing_time_ms: u64,
    /// The uid of the request (1.50 on).
    pub request_uid: Option<&'a str>,
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

/// The answer to request `number` of a plan is no answer to a search.
struct Unreadable {
    number: usize,
    cause: serde_json::Error,
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

/// What a merge works on.
struct Source<'a, 'p, B> {
    plan: &'p Plan,
    answers: &'a Answers<B>,
    /// There are answers to more than the first requests.
    later: bool,
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
    with_source(plan, answers, |source| {
        if let (true, [request]) = (plan.whole, plan.requests.as_slice()) {
            let text = whole::cut(plan, source.to(request).unwrap_or_default());
            return text.map(Merged::Answer).map_err(|cause| Unreadable { number: 0, cause });
        }
        found(source, |page, counts| Ok(write(plan, page, counts, meta)))
    })
}

/// Merges the answers to a search whose hits become one list with those of others.
///
/// # Errors
/// When an answer cannot be read.
pub fn merge_federated<B: AsRef<[u8]>>(
    plan: &Plan,
    answers: &Answers<B>,
) -> Result<Merged<Contribution>, MergeError> {
    with_source(plan, answers, |source| {
        found(source, |page, counts| {
            let (mut hits, mut unreadable) = (Vec::new(), None);
            for hit in page.window(plan) {
                match hit.contribute(plan) {
                    Ok(hit) => hits.push(hit),
                    Err(cause) => unreadable = Some(Unreadable { number: hit.answer, cause }),
                }
            }
            let totals = counts.totals((&plan.facet_orders, plan.max_values_per_facet));
            unreadable.map_or(Ok(Contribution { hits, totals }), Err)
        })
    })
}

fn with_source<'a, B, T>(
    plan: &'a Plan,
    answers: &'a Answers<B>,
    merge: impl FnOnce(&Source<'a, 'a, B>) -> Result<Merged<T>, Unreadable>,
) -> Result<Merged<T>, MergeError> {
    let lacking: Vec<NodeRequest> = answers.lacking(&plan.requests).cloned().collect();
    if !lacking.is_empty() {
        return Ok(Merged::Asks(lacking));
    }
    merge(&Source { plan, answers, later: answers.count() > plan.requests.len() }).map_err(
        |Unreadable { number, cause }| MergeError::Unreadable {
            node: plan.requests[number].node.clone(),
            cause,
        },
    )
}

/// The hits up to the end of the page, and what is counted; or what must be asked for that.
fn found<'a, B: AsRef<[u8]>, T>(
    source: &Source<'a, '_, B>,
    answer: impl FnOnce(&Page<'a>, &Counts<'a>) -> Result<T, Unreadable>,
) -> Result<Merged<T>, Unreadable> {
    let plan = source.plan;
    let at = |number: usize| move |cause| Unreadable { number, cause };
    let (mut runs, mut counts) = (Vec::new(), Counts::default());
    for (number, request) in plan.requests.iter().enumerate() {
        let answer: NodeAnswer<'_> =
            serde_json::from_slice(source.to(request).unwrap_or_default()).map_err(at(number))?;
        counts.add(&answer).map_err(at(number))?;
        runs.push(Run::new(source, number, answer.hits).map_err(at(number))?);
    }
    let page = match page::take(source, &mut runs)? {
        Taken::Page(page) => page,
        Taken::Lacks(requests) => return Ok(Merged::Asks(requests)),
    };
    counts.total = counts.total.saturating_sub(page.shadowed + page.below);
    match page.counted(plan) {
        Counted::All => {}
        Counted::Hits(total) if plan.request.facets.is_none() => counts.total = total,
        counted => match Counts::above_threshold(source)? {
            Err(requests) => return Ok(Merged::Asks(requests)),
            Ok(above) => counts.replace(counted, above, (&page, plan.window.max_total_hits)),
        },
    }
    answer(&page, &counts).map(Merged::Answer)
}
