//! What the checks work with.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Crash, Dialect, Failure, Target};
use crate::{
    Add, AddMode, ApiKey, Connections, Format, HttpNode, NewKey, Node, NodeTask, NodeTaskStatus, Origin,
    Pace, Timeouts, Write, wait_for_task,
};

/// How long a task of the suite may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// An adopted node, with what the checks do over and over.
pub struct Bench<'a> {
    /// The node with the rights of its master key.
    pub(super) master: HttpNode,
    /// With those of a lane.
    pub(super) lane: HttpNode,
    /// With those of searches.
    pub(super) search: HttpNode,
    /// The uids of the two keys.
    pub(super) keys: [Uuid; 2],
    /// The node's master key.
    pub(super) master_key: String,
    /// The node's version.
    pub(super) dialect: Dialect,
    crash: Option<&'a dyn Crash>,
    first_name: u64,
    names: AtomicU32,
}

impl<'a> Bench<'a> {
    /// Make the keys of an adoption on the node.
    ///
    /// # Errors
    /// When it refuses, or is of an unknown version.
    pub async fn adopt(target: &Target<'a>) -> Result<Self, Failure> {
        let broken = |text: String| Failure::Broken(text);
        let connections = Connections::new(Timeouts::default()).map_err(|error| broken(error.to_string()))?;
        let master = HttpNode::new(&connections, &target.url, ApiKey::new(&*target.master_key))
            .map_err(|error| broken(error.to_string()))?;
        let dialect = Dialect::of(&master.version().await?)?;
        let [lane, search] = [Uuid::new_v4(), Uuid::new_v4()];
        master.create_key(&NewKey::lane(lane)).await?;
        master.create_key(&NewKey::search(search)).await?;
        let with_key = |uid| master.with_key(ApiKey::derive(&target.master_key, uid));
        Ok(Self {
            lane: with_key(lane),
            search: with_key(search),
            master,
            keys: [lane, search],
            master_key: target.master_key.clone(),
            dialect,
            crash: target.crash,
            first_name: u64::from(Uuid::new_v4().as_fields().0),
            names: AtomicU32::default(),
        })
    }

    /// The name of an index that does not exist.
    pub(super) fn name(&self) -> String {
        let number = self.first_name + u64::from(self.names.fetch_add(1, Ordering::Relaxed));
        format!("i{number}-0")
    }

    /// A new index with the primary key `id`.
    pub(super) async fn index(&self) -> Result<String, Failure> {
        let name = self.name();
        let create = Write::CreateIndex { primary_key: Some("id".to_owned()) };
        let task = self.master.enqueue(&name, &create, Origin::default()).await?;
        self.succeeded(task.task_uid).await?;
        Ok(name)
    }

    /// A new index with these settings and these documents.
    pub(crate) async fn index_of(&self, settings: Value, documents: Value) -> Result<String, Failure> {
        let name = self.index().await?;
        self.done(&name, Write::Settings(settings.to_string())).await?;
        self.done(&name, add(&documents)).await?;
        Ok(name)
    }

    /// Ask for a change as a lane does, and don't wait for it.
    pub(super) async fn enqueue(&self, index: &str, write: Write) -> Result<u32, Failure> {
        Ok(self.lane.enqueue(index, &write, Origin::default()).await?.task_uid)
    }

    /// The task once it has ended.
    pub(super) async fn ended(&self, uid: u32) -> Result<NodeTask, Failure> {
        match tokio::time::timeout(PATIENCE, wait_for_task(&self.lane, uid, Pace::default())).await {
            Ok(task) => Ok(task?),
            Err(_) => Err(Failure::Broken(format!("task {uid} has not ended after {PATIENCE:?}"))),
        }
    }

    /// The task once it has succeeded.
    pub(super) async fn succeeded(&self, uid: u32) -> Result<NodeTask, Failure> {
        let task = self.ended(uid).await?;
        if task.status == NodeTaskStatus::Succeeded {
            return Ok(task);
        }
        Err(Failure::Broken(format!("a task that should succeed did not: {task:?}")))
    }

    /// The task once it has failed with this code.
    pub(super) async fn failed(&self, uid: u32, code: &str) -> Result<NodeTask, Failure> {
        let task = self.ended(uid).await?;
        if task.error.as_ref().is_some_and(|error| error.code == code) {
            return Ok(task);
        }
        Err(Failure::Broken(format!("a task that should fail with {code} did not: {task:?}")))
    }

    /// Ask for a change as a lane does, and wait until it is done.
    pub(super) async fn done(&self, index: &str, write: Write) -> Result<NodeTask, Failure> {
        self.succeeded(self.enqueue(index, write).await?).await
    }

    /// Ask for a change as a lane does that must fail with this code.
    pub(super) async fn fails(&self, index: &str, write: Write, code: &str) -> Result<NodeTask, Failure> {
        self.failed(self.enqueue(index, write).await?, code).await
    }

    /// The answer to a search.
    pub(crate) async fn search(&self, index: &str, body: Value) -> Result<Value, Failure> {
        Ok(serde_json::from_slice(&self.search.search(index, body.to_string().into(), None).await?)?)
    }

    /// What a multi-search answers.
    pub(super) async fn multi_search(&self, body: Value) -> Result<Value, Failure> {
        Ok(serde_json::from_slice(&self.search.multi_search(body.to_string().into(), None).await?)?)
    }

    /// The values that a search among them finds, each with its count.
    pub(super) async fn values(&self, index: &str, body: Value) -> Result<Vec<(String, u64)>, Failure> {
        let body = body.to_string().into();
        let answer: Value = serde_json::from_slice(&self.search.facet_search(index, body, None).await?)?;
        let hits = answer["facetHits"].as_array().cloned().unwrap_or_default();
        let pair = |hit: &Value| Some((hit["value"].as_str()?.to_owned(), hit["count"].as_u64()?));
        Ok(hits.iter().filter_map(pair).collect())
    }

    /// The ids of a search's hits.
    pub(super) async fn found(&self, index: &str, body: Value) -> Result<Vec<i64>, Failure> {
        Ok(ids(&self.search(index, body).await?["hits"]))
    }

    /// The answer to a fetch.
    pub(crate) async fn fetch(&self, index: &str, body: Value) -> Result<Value, Failure> {
        Ok(serde_json::from_slice(&self.search.fetch(index, body.to_string().into(), None).await?)?)
    }

    /// All documents of a small index, in the node's order.
    pub(super) async fn all(&self, index: &str) -> Result<Value, Failure> {
        Ok(self.fetch(index, json!({"limit": 1000})).await?["results"].take())
    }

    /// The ids of all documents of a small index, in order.
    pub(super) async fn held(&self, index: &str) -> Result<Vec<i64>, Failure> {
        let mut held = ids(&self.all(index).await?);
        held.sort_unstable();
        Ok(held)
    }

    /// Crash the node and start it again.
    pub(super) async fn crash(&self) -> Result<(), Failure> {
        let crash = self.crash.ok_or(Failure::NotRun)?;
        crash.crash_and_restart().await.map_err(Failure::Broken)
    }

    /// Whether there is a way to crash the node.
    pub(super) fn can_crash(&self) -> bool {
        self.crash.is_some()
    }
}

/// The numbers under `id` of these documents; -1 where there is none.
pub(super) fn ids(documents: &Value) -> Vec<i64> {
    let documents = documents.as_array().map(Vec::as_slice).unwrap_or_default();
    documents.iter().map(|document| document["id"].as_i64().unwrap_or(-1)).collect()
}

/// Documents as lanes send them: NDJSON, each in the place of the one that was there.
pub(super) fn add(documents: &Value) -> Write {
    Write::Add(addition(AddMode::Replace, documents))
}

/// The same over those that were there.
pub(super) fn update(documents: &Value) -> Write {
    Write::Add(addition(AddMode::Update, documents))
}

/// Such an addition, to be changed.
pub(super) fn addition(mode: AddMode, documents: &Value) -> Add {
    let documents = documents.as_array().map(Vec::as_slice).unwrap_or_default();
    let payload: String = documents.iter().map(|document| format!("{document}\n")).collect();
    Add {
        mode,
        format: Format::Ndjson,
        payload: Bytes::from(payload),
        primary_key: None,
        skip_creation: false,
    }
}

/// A deletion by ids.
pub(super) fn delete(ids: &[&str]) -> Write {
    Write::DeleteIds(ids.iter().map(|id| (*id).to_owned()).collect())
}

/// A deletion by filter.
pub(super) fn delete_matching(filter: &Value) -> Write {
    Write::DeleteMatching(filter.to_string())
}
