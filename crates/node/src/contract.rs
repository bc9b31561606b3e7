//! What Miroir asks of a node.

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use uuid::Uuid;

use crate::{
    Enqueued, IndexInfo, IndexPage, IndexStats, KeyInfo, NewKey, NodeError, NodeTask, TaskPage, TaskQuery,
    Version, Write,
};

/// Where a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Origin<'a> {
    /// A text by which the sender knows the task again ([`Write::is_marked`] says which tasks keep it).
    pub mark: Option<&'a str>,
    /// The id of the user's request, passed on as `X-Request-Id`: visible ASCII.
    pub request_id: Option<&'a str>,
}

/// One node, with the rights of one key: delivery, searches, adoption and `verify` call this and nothing else.
///
/// A future that is dropped before its end leaves the outcome unknown, as [`NodeError::Unknown`] does. No method sends
/// its request more than once. Bodies of searches and fetches and their answers are JSON text, not values: most of an
/// answer is passed on as it is.
#[async_trait]
pub trait Node: fmt::Debug + Send + Sync {
    /// Whether the node's process answers. It needs no key and proves nothing about the node's disk.
    async fn health(&self) -> Result<(), NodeError>;

    /// The node's version.
    async fn version(&self) -> Result<Version, NodeError>;

    /// One task; `task_not_found` when there is none.
    async fn task(&self, uid: u32) -> Result<NodeTask, NodeError>;

    /// Tasks by a query.
    async fn tasks(&self, query: &TaskQuery) -> Result<TaskPage, NodeError>;

    /// The task with the largest uid; `None` on a node that has none. Tasks in progress count.
    async fn newest_task(&self) -> Result<Option<NodeTask>, NodeError> {
        let page = self.tasks(&TaskQuery { limit: 1, ..TaskQuery::default() }).await?;
        Ok(page.results.into_iter().next())
    }

    /// Forget finished tasks; those that are not finished stay. It is a task itself.
    async fn forget_tasks(&self, uids: &[u32]) -> Result<Enqueued, NodeError>;

    /// Make an API key. Needs the master key. `api_key_already_exists` when there is one with this uid.
    async fn create_key(&self, key: &NewKey) -> Result<KeyInfo, NodeError>;

    /// Describe an API key. Needs the master key. `api_key_not_found` when there is none.
    async fn key(&self, uid: Uuid) -> Result<KeyInfo, NodeError>;

    /// Delete an API key. Needs the master key. Requests that the node is reading are still served.
    async fn delete_key(&self, uid: Uuid) -> Result<(), NodeError>;

    /// Switch on what [`Write::Edit`] needs. Needs the master key.
    async fn enable_edits(&self) -> Result<(), NodeError>;

    /// Ask for a change. The answer comes when the node has it on disk, before it is done.
    async fn enqueue(&self, index: &str, write: &Write, origin: Origin<'_>) -> Result<Enqueued, NodeError>;

    /// Describe an index; `index_not_found` when there is none.
    async fn index(&self, index: &str) -> Result<IndexInfo, NodeError>;

    /// The indexes of the node, by name, from `offset` on, at most `limit`.
    async fn indexes(&self, offset: u64, limit: u64) -> Result<IndexPage, NodeError>;

    /// The settings of an index: the JSON text of an object.
    async fn settings(&self, index: &str) -> Result<Bytes, NodeError>;

    /// How many bytes on its disk the node uses for what it holds, without those that are free for reuse. It has the
    /// node look at each of its indexes.
    async fn used_bytes(&self) -> Result<u64, NodeError>;

    /// The size of an index.
    async fn stats(&self, index: &str) -> Result<IndexStats, NodeError>;

    /// Search an index: JSON text in (`POST …/search`), JSON text out.
    async fn search(&self, index: &str, body: Bytes, request_id: Option<&str>) -> Result<Bytes, NodeError>;

    /// Search among the values of a facet: JSON text in (`POST …/facet-search`), JSON text out.
    async fn facet_search(
        &self,
        index: &str,
        body: Bytes,
        request_id: Option<&str>,
    ) -> Result<Bytes, NodeError>;

    /// Find documents like one of an index: JSON text in (`POST …/similar`), JSON text out. `not_found_similar_id` when
    /// that one is not there.
    async fn similar(&self, index: &str, body: Bytes, request_id: Option<&str>) -> Result<Bytes, NodeError>;

    /// Search indexes for one list of hits: JSON text in (`POST /multi-search` with `federation`), JSON text out.
    async fn multi_search(&self, body: Bytes, request_id: Option<&str>) -> Result<Bytes, NodeError>;

    /// Read documents of an index: JSON text in (`POST …/documents/fetch`), JSON text out.
    async fn fetch(&self, index: &str, body: Bytes, request_id: Option<&str>) -> Result<Bytes, NodeError>;

    /// Read one document: JSON text; `document_not_found` when there is none.
    async fn document(
        &self,
        index: &str,
        document: ById<'_>,
        request_id: Option<&str>,
    ) -> Result<Bytes, NodeError>;
}

/// A document that is read by its id.
#[derive(Debug, Clone, Copy)]
pub struct ById<'a> {
    /// The id.
    pub id: &'a str,
    /// What it shows, as the parameter of this name says; all where there is none.
    pub fields: Option<&'a str>,
    /// Whether it shows its vectors.
    pub vectors: bool,
}

impl<'a> From<&'a str> for ById<'a> {
    /// All of it without vectors.
    fn from(id: &'a str) -> Self {
        Self { id, fields: None, vectors: false }
    }
}
