//! Documents like one: `GET` and `POST /indexes/{uid}/similar`.
//!
//! A node finds only what is like a document of its own. So the vector of the document is read from whoever has it, and
//! all nodes are asked for what is near it. An index of one shard is asked as it is.
//!
//! What differs from one Meilisearch: of a document with several vectors of one embedder the first is compared, not each
//! with its like; and no more documents can be reached than nodes give. There is no answer yet where a ranking rule of the
//! user's comes before those of relevance, by which nodes order what is near first, and with a `distinctAttribute`, which
//! nodes heed in what they find near, and one Meilisearch does not. The index's `searchCutoffMs` counts here, since nodes are
//! asked for a search.

mod request;

use miroir_api::{ErrorCode, ResponseError};
use miroir_model::NodeId;
use miroir_settings::{NODE_HITS, RankingRule, UserSettings};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::answers::Answers;
use crate::filter::Filter;
use crate::merge::{
    Hit, MergeError, Merged, Meta, Nearest, ObjectWriter, merge, nearest, write_list, write_string,
};
use crate::plan::{NodeRequest, Plan, PlanError, plan, plan_around};
use crate::request::{Hybrid, Paging, RequestError, SearchRequest};
use crate::reserved::parsed;
use crate::view::{IndexView, Shown};
pub use request::{SimilarRequest, similar_from_json, similar_from_parameters};

/// What is wrong with a search for similar documents that no node would say.
///
/// # Errors
/// Meilisearch's, of the first thing that is wrong, and a 501 where there is no answer yet.
pub fn check_similar(
    request: &SimilarRequest,
    settings: &UserSettings,
    one_shard: bool,
) -> Result<(), ResponseError> {
    let embedder = &request.embedder;
    if !settings.embedders().iter().any(|known| known.name == *embedder) {
        let text = format!("Cannot find embedder with name `{embedder}`.");
        return Err(ResponseError::new(ErrorCode::InvalidSimilarEmbedder, text));
    }
    request.unreadable_filter.clone().map_or(Ok(()), Err)?;
    request.id.as_ref().map_err(Clone::clone)?;
    if let Some(filter) = request.filter.as_ref().and_then(parsed).filter(Filter::names_reserved) {
        let refused = filter.check_filterable(&settings.filterable_attributes());
        refused.map_err(|error| ResponseError::new(ErrorCode::InvalidSimilarFilter, error.to_string()))?;
    }
    let by_nearness = |rule: &RankingRule| match rule {
        RankingRule::Sort => None,
        RankingRule::Asc(_) | RankingRule::Desc(_) => Some(false),
        _ => Some(true),
    };
    let unsupported = |what| Err(RequestError::Unsupported(what).into());
    if one_shard {
        return Ok(());
    }
    if settings.ranking_rules().iter().find_map(by_nearness) != Some(true) {
        return unsupported(
            "`similar` of an index of several shards whose first ranking rule, but for `sort`, is none of relevance",
        );
    }
    if settings.distinct_attribute().is_some() {
        return unsupported("`similar` of an index of several shards with a `distinctAttribute`");
    }
    Ok(())
}

/// The vectors of a document.
#[derive(Debug, Clone, PartialEq)]
pub enum SourceVector {
    /// There is no such document.
    NoDocument,
    /// The document has none of this embedder.
    None,
    /// The first of them.
    First(Vec<f32>),
}

impl SourceVector {
    /// The vector of the first document of a list that shows vectors.
    ///
    /// # Errors
    /// When it is no such list.
    pub fn of_list(list: &str, embedder: &str) -> serde_json::Result<Self> {
        #[derive(Deserialize)]
        struct List {
            results: Vec<Document>,
        }
        #[derive(Deserialize)]
        struct Document {
            #[serde(default, rename = "_vectors")]
            vectors: serde_json::Map<String, Value>,
        }
        let list: List = serde_json::from_str(list)?;
        let Some(document) = list.results.first() else { return Ok(Self::NoDocument) };
        let embeddings = document.vectors.get(embedder).and_then(|vectors| vectors["embeddings"].as_array());
        match embeddings.and_then(|embeddings| embeddings.first()) {
            Some(first) => Vec::deserialize(first).map(Self::First),
            None => Ok(Self::None),
        }
    }
}

impl SimilarRequest {
    /// As a search for what is near a vector, the document itself among it.
    fn search(&self, vector: Option<Vec<f32>>) -> SearchRequest {
        let limit = self.offset.saturating_add(self.limit).saturating_add(1);
        SearchRequest {
            paging: Paging::Window { offset: 0, limit },
            attributes_to_retrieve: self.attributes_to_retrieve.clone(),
            filter: self.filter.clone(),
            ranking_score_threshold: self.ranking_score_threshold,
            hybrid: Some(Hybrid { embedder: self.embedder.clone(), semantic_ratio: 1.0 }),
            vector,
            retrieve_vectors: self.retrieve_vectors,
            show_ranking_score: self.show_ranking_score,
            show_ranking_score_details: self.show_ranking_score_details,
            ..SearchRequest::default()
        }
    }
}

/// A search for similar documents, ready to be sent: to `POST /indexes/{index}/similar` where the index has one shard, to
/// `…/search` where it has several.
#[derive(Debug, Clone)]
pub struct SimilarPlan {
    /// What nodes are asked.
    pub search: Plan,
    request: SimilarRequest,
    /// The document itself is among those that nodes count.
    counts_itself: bool,
    /// How many hits are counted at most.
    most: usize,
}

/// As a node with all documents is asked.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    id: &'a str,
    embedder: &'a str,
    offset: usize,
    limit: usize,
    filter: Option<&'a Value>,
    attributes_to_retrieve: Option<&'a [String]>,
    retrieve_vectors: bool,
    show_ranking_score: bool,
    show_ranking_score_details: bool,
    ranking_score_threshold: Option<f64>,
}

/// What documents are compared with.
#[derive(Debug, Clone)]
pub struct Likeness {
    /// The vector of the document.
    pub vector: Vec<f32>,
    /// The filter lets the document itself pass.
    pub passes: bool,
}

/// Plans a search for documents like one (of which nothing need be known for an index of one shard); around an earlier
/// plan, whose nodes may not all be there any more.
///
/// # Errors
/// When no copy of some shard can be searched.
pub fn plan_similar(
    (request, likeness): (&SimilarRequest, Option<&Likeness>),
    index: &IndexView<'_>,
    before: Option<&SimilarPlan>,
) -> Result<SimilarPlan, PlanError> {
    let most = index.shown.max_total_hits;
    let reached = most.max(usize::try_from(NODE_HITS).unwrap_or(usize::MAX));
    let shown = Shown { max_total_hits: reached, distinct: None, ..index.shown.clone() };
    let index = &IndexView { shown: &shown, ..index.clone() };
    let asked = request.search(likeness.map(|likeness| likeness.vector.clone()));
    let mut search = match before {
        None => plan(&asked, index)?,
        Some(before) => plan_around(&asked, index, &before.search)?,
    };
    search.similar = true;
    if let (true, [alone]) = (search.whole, search.requests.as_slice()) {
        let filter = search.filter_of(0).cloned();
        let body = Body {
            id: request.id.as_deref().unwrap_or_default(),
            embedder: &request.embedder,
            offset: request.offset,
            limit: request.limit,
            filter: filter.as_ref(),
            attributes_to_retrieve: search.fields.retrieved.as_deref(),
            retrieve_vectors: request.retrieve_vectors && search.fields.shows_vectors(),
            show_ranking_score: request.show_ranking_score,
            show_ranking_score_details: request.show_ranking_score_details,
            ranking_score_threshold: request.ranking_score_threshold,
        };
        let body = serde_json::to_string(&body).expect("texts, numbers and JSON values always serialise");
        search.requests = vec![NodeRequest { body, ..alone.clone() }];
    }
    let counts_itself = likeness.is_some_and(|likeness| likeness.passes);
    Ok(SimilarPlan { search, request: request.clone(), counts_itself, most })
}

/// Merges what nodes have said.
///
/// # Errors
/// When an answer cannot be read.
pub fn merge_similar<B: AsRef<[u8]>>(
    plan: &SimilarPlan,
    answers: &Answers<B>,
    meta: Meta<'_>,
) -> Result<Merged, MergeError> {
    match plan.search.whole {
        true => merge(&plan.search, answers, meta),
        false => nearest(&plan.search, answers, |found| plan.answer(found, meta)),
    }
}

/// The answer about a document that nothing can be compared with; so many others pass the filter.
pub fn similar_to_none(request: &SimilarRequest, others: u64, meta: Meta<'_>) -> String {
    request.answer(others, meta, |out| out.push_str("[]"))
}

impl SimilarPlan {
    fn answer(&self, found: Nearest<'_>, meta: Meta<'_>) -> String {
        let id = self.request.id.as_deref().unwrap_or_default();
        let Nearest { mut hits, total } = found;
        let others = total.saturating_sub(u64::from(self.counts_itself));
        // It may not be there: others can be as near to it as it is itself.
        hits.retain(|hit| hit.id != id);
        // A document without a vector is like none.
        hits.retain(|hit| hit.is_near());
        let page = hits.get(self.request.offset..).unwrap_or_default();
        let page = &page[..page.len().min(self.request.limit)];
        let (page, others) = match page.iter().position(|hit| self.is_unlike(hit)) {
            None => (page, others),
            Some(end) => (&page[..end], (self.request.offset + end) as u64),
        };
        self.request.answer(others.min(self.most as u64), meta, |out| {
            write_list(out, page, |hit, out| hit.write(&self.search, out));
        })
    }

    /// Whether a hit ends the page, being less like the document than the user wants to see. Hits before the page are
    /// not looked at: they are counted whatever their score (`search/similar.rs` of milli).
    fn is_unlike(&self, hit: &Hit<'_>) -> bool {
        let least = self.request.ranking_score_threshold;
        least.is_some_and(|least| hit.score().is_some_and(|score| score < least))
    }

    /// The same with the user's filter alone, for one of the nodes: see [`Plan::user_filter_alone`].
    pub fn user_filter_alone(&self) -> Option<NodeRequest> {
        self.search.user_filter_alone().filter(|_| !self.search.whole)
    }

    /// What a node's refusal says to the user.
    pub fn user_error(&self, node: &NodeId, body: &[u8]) -> Option<ResponseError> {
        let error = self.search.user_error(node, body)?;
        let code = match error.code {
            // A node that was asked as it is has said it rightly.
            ErrorCode::InvalidSearchFilter if !self.search.whole => ErrorCode::InvalidSimilarFilter,
            ErrorCode::InvalidSearchEmbedder => ErrorCode::InvalidSimilarEmbedder,
            code => code,
        };
        // A search says of which index it speaks, this does not.
        let prefix = format!("Index `{}`: ", self.search.uid);
        let text = error.message.strip_prefix(&prefix).unwrap_or(&error.message);
        Some(ResponseError::new(code, text))
    }
}

impl SimilarRequest {
    fn answer(&self, total: u64, meta: Meta<'_>, hits: impl FnOnce(&mut String)) -> String {
        let mut out = String::new();
        let mut answer = ObjectWriter::new(&mut out);
        hits(answer.name("hits"));
        write_string(answer.name("id"), self.id.as_deref().unwrap_or_default());
        answer.raw("processingTimeMs", &meta.processing_time_ms.to_string());
        answer.raw("limit", &self.limit.to_string());
        answer.raw("offset", &self.offset.to_string());
        answer.raw("estimatedTotalHits", &total.to_string());
        answer.end();
        out
    }
}
