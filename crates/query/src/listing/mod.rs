//! Documents as they are stored: the list (`GET documents`, `POST documents/fetch`) and one by its id.
//!
//! Meilisearch lists documents in the order in which their ids were first seen. Over several shards there is no such
//! order, so the list goes shard by shard, lowest slots first, each in the order of the copy that is asked; the same
//! copies are asked for every page as long as they can be. How many documents each shard has decides which of them a
//! page touches: so the first round asks for numbers only, the second for the documents. An index of one shard is asked
//! once and lists as one Meilisearch. A sorted list takes one round: what each shard puts first, merged.

mod request;
mod sorted;

use std::collections::BTreeMap;
use std::ops::Range;

use miroir_documents::slot_of_id;
use miroir_model::{NodeId, RESERVED_MEMBER, ShardId};
use miroir_placement::limiting_filter;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::merge::{Members, MergeError, ObjectWriter, write_list};
use crate::plan::body::and;
use crate::plan::fields::VECTORS;
use crate::plan::{NodeRequest, PlanError, choose};
use crate::view::{IndexView, NodeView};
pub(crate) use request::document_id;
pub use request::{ListRequest, list_from_json, list_from_parameters};
use sorted::Order;

/// A list under way: requests to `POST /indexes/{index}/documents/fetch`, and what their answers are merged by.
#[derive(Debug, Clone)]
pub struct ListPlan {
    /// The requests. One node may get several.
    pub requests: Vec<NodeRequest>,
    request: ListRequest,
    /// The body of each request, without its paging.
    bodies: Vec<Map<String, Value>>,
    round: Round,
}

#[derive(Debug, Clone)]
enum Round {
    /// The answers say how many documents there are.
    Counts,
    /// The answers, one after the other, are the page. The total is known from the first round; in a list of one round
    /// it comes with the page.
    Page { total: Option<u64> },
    /// The answers are sorted, and the page is somewhere in what they make together.
    Sorted(Order),
}

/// What comes of the answers to a list's requests.
#[derive(Debug, Clone)]
pub enum Listed {
    /// The answer, JSON.
    Answer(String),
    /// One more round.
    Next(Box<ListPlan>),
}

/// Plans a list.
///
/// # Errors
/// When no copy of a shard that it touches can be searched.
pub fn plan_list(request: &ListRequest, index: &IndexView<'_>) -> Result<ListPlan, PlanError> {
    let mut shards = index.shards.to_vec();
    let mut ids: BTreeMap<ShardId, Vec<&str>> = BTreeMap::new();
    for id in request.ids.iter().flatten() {
        if let Some(shard) = shards.iter().find(|shard| shard.range.contains(slot_of_id(id))) {
            ids.entry(shard.id).or_default().push(id);
        }
    }
    let nothing = request.ids.is_some() && ids.is_empty();
    match nothing {
        // One node says that there is nothing, and whether the rest of the request is right.
        true => shards.truncate(1),
        false if request.ids.is_some() => shards.retain(|shard| ids.contains_key(&shard.id)),
        false => {}
    }
    let parts = choose(index.uid, &shards, 0)?;
    let order = request.sort.as_deref().filter(|_| shards.len() > 1).map(Order::new);
    let (mut requests, mut bodies) = (Vec::new(), Vec::new());
    for shard in &shards {
        let units = shard.range.units();
        let Some(part) = parts.iter().find(|part| part.wanted.intersects(units)) else { continue };
        let ids = request.ids.as_ref().map(|_| ids.get(&shard.id).cloned().unwrap_or_default());
        let condition = limiting_filter(units, part.node.held);
        bodies.push(body(request, order.as_ref(), condition, ids));
        requests.push(NodeRequest {
            node: part.node.id.clone(),
            index: part.node.index,
            body: String::new(),
        });
    }
    let round = match (order, bodies.len()) {
        (Some(order), _) => Round::Sorted(order),
        (None, 1) => Round::Page { total: None },
        (None, _) => Round::Counts,
    };
    let mut plan = ListPlan { requests, request: request.clone(), bodies, round };
    let window = match plan.round {
        Round::Counts => 0..0,
        Round::Page { .. } => request.offset..request.offset.saturating_add(request.limit),
        Round::Sorted(_) => 0..request.offset.saturating_add(request.limit),
    };
    for number in 0..plan.requests.len() {
        plan.requests[number].body = plan.body(number, &window);
    }
    Ok(plan)
}

/// The members of a body but for its paging.
fn body(
    request: &ListRequest,
    order: Option<&Order>,
    condition: Option<String>,
    ids: Option<Vec<&str>>,
) -> Map<String, Value> {
    let mut body = Map::new();
    if let Some(fields) = &request.fields {
        let own = fields.iter().map(String::as_str).filter(|name| *name != RESERVED_MEMBER);
        let mut names: Vec<&str> = own.collect();
        if let Some(order) = order {
            names.extend(order.attributes());
        }
        body.insert("fields".into(), names.into());
    }
    if let Some(ids) = ids {
        body.insert("ids".into(), ids.into());
    }
    if let Some(filter) = and(request.filter.as_ref(), condition) {
        body.insert("filter".into(), filter);
    }
    if request.retrieve_vectors {
        body.insert("retrieveVectors".into(), true.into());
    }
    if let Some(sort) = &request.sort {
        body.insert("sort".into(), sort.clone().into());
    }
    body
}

/// What a node lists.
#[derive(Deserialize)]
struct NodeList<'a> {
    #[serde(borrow)]
    results: Vec<&'a RawValue>,
    total: u64,
}

/// Merges the answers, in the order of the plan's requests.
///
/// # Errors
/// When an answer is missing or cannot be read.
pub fn merge_list<B: AsRef<[u8]>>(plan: &ListPlan, answers: &[B]) -> Result<Listed, MergeError> {
    let mut lists = Vec::with_capacity(plan.requests.len());
    for (number, request) in plan.requests.iter().enumerate() {
        let body = answers.get(number).ok_or_else(|| MergeError::Missing(request.node.clone()))?;
        let list: NodeList<'_> =
            serde_json::from_slice(body.as_ref()).map_err(|cause| unreadable(&request.node, cause))?;
        lists.push(list);
    }
    let total = lists.iter().map(|list| list.total).sum();
    match &plan.round {
        Round::Counts => {
            let next = plan.page_of(&lists, total);
            // Nothing of the page is anywhere: no second round.
            Ok(if next.requests.is_empty() {
                Listed::Answer(plan.answer(&[], total))
            } else {
                Listed::Next(Box::new(next))
            })
        }
        Round::Page { total: known } => {
            let documents: Vec<&RawValue> = lists.into_iter().flat_map(|list| list.results).collect();
            Ok(Listed::Answer(plan.answer(&documents, known.unwrap_or(total))))
        }
        Round::Sorted(order) => {
            let first = plan.requests.first().map(|request| request.node.clone());
            let sorted = order
                .merge(lists.into_iter().map(|list| list.results).collect())
                .map_err(|cause| unreadable(&first.unwrap_or_else(|| "".into()), cause))?;
            let page: Vec<&RawValue> = sorted.skip(plan.request.offset).take(plan.request.limit).collect();
            Ok(Listed::Answer(plan.answer(&page, total)))
        }
    }
}

fn unreadable(node: &NodeId, cause: serde_json::Error) -> MergeError {
    MergeError::Unreadable { node: node.clone(), cause }
}

impl ListPlan {
    fn body(&self, number: usize, window: &Range<usize>) -> String {
        let mut body = self.bodies[number].clone();
        body.insert("offset".into(), window.start.into());
        body.insert("limit".into(), window.len().into());
        Value::Object(body).to_string()
    }

    /// The second round: of each shard what lies in the page.
    fn page_of(&self, lists: &[NodeList<'_>], total: u64) -> Self {
        let (first, last) = (self.request.offset, self.request.offset.saturating_add(self.request.limit));
        let mut next = Self {
            requests: Vec::new(),
            bodies: Vec::new(),
            round: Round::Page { total: Some(total) },
            request: self.request.clone(),
        };
        let mut before = 0_usize;
        for (number, list) in lists.iter().enumerate() {
            let count = usize::try_from(list.total).unwrap_or(usize::MAX);
            let here = first.saturating_sub(before).min(count)..last.saturating_sub(before).min(count);
            if !here.is_empty() {
                let body = self.body(number, &here);
                next.requests.push(NodeRequest { body, ..self.requests[number].clone() });
            }
            before = before.saturating_add(count);
        }
        next
    }

    fn answer(&self, documents: &[&RawValue], total: u64) -> String {
        let mut out = String::with_capacity(256 * (documents.len() + 1));
        let mut answer = ObjectWriter::new(&mut out);
        write_list(answer.name("results"), documents, |document, out| self.write(document, out));
        answer.raw("offset", &self.request.offset.to_string());
        answer.raw("limit", &self.request.limit.to_string());
        answer.raw("total", &total.to_string());
        answer.end();
        out
    }

    fn write(&self, document: &RawValue, out: &mut String) {
        let fields = match (&self.round, &self.request.fields) {
            (Round::Sorted(_), Some(fields)) => Some(fields.as_slice()),
            _ => None,
        };
        write_document(document, fields, out);
    }
}

/// A document without the reserved member, and with these fields only when fields were added to what was asked for.
fn write_document(document: &RawValue, fields: Option<&[String]>, out: &mut String) {
    let Ok(members) = serde_json::from_str::<Members<'_>>(document.get()) else {
        return out.push_str(document.get());
    };
    let mut object = ObjectWriter::new(out);
    for (name, raw) in members.0.iter().filter(|(name, _)| name != RESERVED_MEMBER) {
        let Some(fields) = fields else {
            object.raw(name, raw.get());
            continue;
        };
        let fields: Vec<&str> = fields.iter().map(String::as_str).chain([VECTORS]).collect();
        if fields.iter().any(|field| crate::path::covers(field, name)) {
            object.raw(name, raw.get());
        } else if let Some(left) = serde_json::from_str(raw.get())
            .ok()
            .and_then(|value: Value| crate::path::select(name, &value, &fields))
        {
            object.raw(name, &left.to_string());
        }
    }
    object.end();
}

/// The nodes that have a document of this id (its canonical text), the one to ask first first.
///
/// # Errors
/// When no copy of its shard can be searched.
pub fn copies_of<'a>(id: &str, index: &IndexView<'a>) -> Result<Vec<&'a NodeView>, PlanError> {
    let slot = slot_of_id(id);
    let holds = index.shards.iter().find(|shard| shard.range.contains(slot));
    let mut copies = holds.map(|shard| shard.copies.clone()).unwrap_or_default();
    if let (true, Some(shard)) = (copies.is_empty(), holds) {
        return Err(PlanError::ShardUnavailable { index: index.uid.to_owned(), shard: shard.id });
    }
    copies.sort_by(|a, b| (a.slow, &a.id).cmp(&(b.slow, &b.id)));
    Ok(copies)
}

/// The text of one document as a node gives it, without the reserved member.
///
/// # Errors
/// When it is no JSON object.
pub fn without_reserved(document: &[u8]) -> Result<String, serde_json::Error> {
    let raw: &RawValue = serde_json::from_slice(document)?;
    serde_json::from_str::<Members<'_>>(raw.get())?;
    let mut out = String::with_capacity(document.len());
    write_document(raw, None, &mut out);
    Ok(out)
}
