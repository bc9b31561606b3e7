//! The contract.

use async_trait::async_trait;
use bytes::Bytes;
use miroir_node::{
    ById, Enqueued, IndexInfo, IndexPage, IndexStats, KeyInfo, NewKey, Node, NodeError, NodeTask, Origin,
    TaskPage, TaskQuery, Version, Write,
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::filter::matches;
use super::{Handle, Inner, Request};

fn rejected(status: u16, code: &str) -> NodeError {
    let (code, kind) = (code.to_owned(), "invalid_request".to_owned());
    NodeError::Rejected { status, code, kind, message: "fake".to_owned() }
}

fn unknown() -> NodeError {
    NodeError::Unknown("planned".to_owned())
}

impl Handle {
    fn ask<T>(&self, answer: impl FnOnce(&mut Inner) -> Result<T, NodeError>) -> Result<T, NodeError> {
        let mut node = self.node.lock();
        node.tick()?;
        answer(&mut node)
    }
}

#[async_trait]
impl Node for Handle {
    async fn health(&self) -> Result<(), NodeError> {
        if self.node.lock().reachable { Ok(()) } else { Err(NodeError::Unreachable("planned".to_owned())) }
    }

    async fn version(&self) -> Result<Version, NodeError> {
        self.ask(|_| Ok(Version { pkg_version: "1.50.0".to_owned() }))
    }

    async fn task(&self, uid: u32) -> Result<NodeTask, NodeError> {
        self.ask(|node| match node.tasks.get(uid as usize).filter(|_| !node.forgotten.contains(&uid)) {
            Some((task, _)) => Ok(task.clone()),
            None => Err(rejected(404, "task_not_found")),
        })
    }

    async fn tasks(&self, query: &TaskQuery) -> Result<TaskPage, NodeError> {
        self.ask(|node| {
            let asked = |task: &&NodeTask| query.index.is_none() || task.index_uid == query.index;
            let known = node.tasks.iter().rev().map(|(task, _)| task).filter(asked);
            let mut all: Vec<_> = known.filter(|task| !node.forgotten.contains(&task.uid)).cloned().collect();
            if query.oldest_first {
                all.reverse();
            }
            let total = all.len() as u64;
            let begins = |uid: u32, from: u32| if query.oldest_first { uid >= from } else { uid <= from };
            let page = all.into_iter().filter(|task| query.from.is_none_or(|from| begins(task.uid, from)));
            let mut page: Vec<_> = page.take(query.limit as usize + 1).collect();
            let next = page.get(query.limit as usize).map(|task| task.uid);
            page.truncate(query.limit as usize);
            Ok(TaskPage { results: page, next, total })
        })
    }

    async fn forget_tasks(&self, uids: &[u32]) -> Result<Enqueued, NodeError> {
        self.ask(|node| {
            node.forgotten.extend(uids);
            let uid = node.tasks.len() as u32;
            let task = NodeTask {
                uid,
                index_uid: None,
                status: miroir_node::NodeTaskStatus::Succeeded,
                kind: "taskDeletion".to_owned(),
                mark: None,
                details: None,
                error: None,
                batch_uid: None,
            };
            // What it would do is done.
            node.tasks.push((task, Write::DeleteIndex));
            Ok(Enqueued { task_uid: uid })
        })
    }

    async fn create_key(&self, _: &NewKey) -> Result<KeyInfo, NodeError> {
        Err(rejected(400, "not_in_this_fake"))
    }

    async fn key(&self, _: Uuid) -> Result<KeyInfo, NodeError> {
        Err(rejected(400, "not_in_this_fake"))
    }

    async fn delete_key(&self, _: Uuid) -> Result<(), NodeError> {
        Err(rejected(400, "not_in_this_fake"))
    }

    async fn enable_edits(&self) -> Result<(), NodeError> {
        Err(rejected(400, "not_in_this_fake"))
    }

    async fn enqueue(&self, index: &str, write: &Write, origin: Origin<'_>) -> Result<Enqueued, NodeError> {
        let request = Request {
            index: index.to_owned(),
            write: write.clone(),
            mark: origin.mark.map(str::to_owned),
            master: self.master,
        };
        self.ask(|node| {
            let plan = node.plan;
            if node.dice.chance(plan.vanished) {
                return Err(unknown());
            }
            if node.dice.chance(plan.late) {
                let calls = if node.held { u32::MAX } else { node.dice.below(80) as u32 };
                node.late.push((calls, request));
                return Err(unknown());
            }
            let again = node.dice.chance(plan.twice).then(|| request.clone());
            let task_uid = node.accept(request).ok_or_else(|| rejected(403, "invalid_api_key"))?;
            again.map(|again| node.accept(again));
            if node.dice.chance(plan.lost_answer) { Err(unknown()) } else { Ok(Enqueued { task_uid }) }
        })
    }

    async fn index(&self, index: &str) -> Result<IndexInfo, NodeError> {
        self.ask(|node| match node.indexes.get(index) {
            Some(known) => Ok(IndexInfo { uid: index.to_owned(), primary_key: known.primary_key.clone() }),
            None => Err(rejected(404, "index_not_found")),
        })
    }

    async fn indexes(&self, _: u64, _: u64) -> Result<IndexPage, NodeError> {
        Err(rejected(400, "not_in_this_fake"))
    }

    async fn settings(&self, index: &str) -> Result<Bytes, NodeError> {
        self.ask(|node| match node.indexes.get(index) {
            Some(known) => Ok(known.settings.clone().unwrap_or_else(|| "{}".to_owned()).into()),
            None => Err(rejected(404, "index_not_found")),
        })
    }

    async fn used_bytes(&self) -> Result<u64, NodeError> {
        self.ask(|node| {
            let documents: usize = node.indexes.values().map(|index| index.documents.len()).sum();
            Ok(documents as u64 * node.weight)
        })
    }

    async fn stats(&self, _: &str) -> Result<IndexStats, NodeError> {
        Err(rejected(400, "not_in_this_fake"))
    }

    async fn search(&self, _: &str, _: Bytes, _: Option<&str>) -> Result<Bytes, NodeError> {
        Err(rejected(400, "not_in_this_fake"))
    }

    async fn facet_search(&self, _: &str, _: Bytes, _: Option<&str>) -> Result<Bytes, NodeError> {
        Err(rejected(400, "not_in_this_fake"))
    }

    async fn similar(&self, _: &str, _: Bytes, _: Option<&str>) -> Result<Bytes, NodeError> {
        Err(rejected(400, "not_in_this_fake"))
    }

    async fn multi_search(&self, _: Bytes, _: Option<&str>) -> Result<Bytes, NodeError> {
        Err(rejected(400, "not_in_this_fake"))
    }

    async fn fetch(&self, index: &str, body: Bytes, _: Option<&str>) -> Result<Bytes, NodeError> {
        self.ask(|node| {
            let known = node.indexes.get(index).ok_or_else(|| rejected(404, "index_not_found"))?;
            let body: Value = serde_json::from_slice(&body).expect("JSON");
            let filter = body.get("filter").map(Value::to_string);
            let asked = |document: &&Value| filter.as_ref().is_none_or(|filter| matches(document, filter));
            let total = known.documents.values().filter(asked).count();
            Ok(json!({ "results": [], "offset": 0, "limit": 0, "total": total }).to_string().into())
        })
    }

    async fn document(&self, _: &str, _: ById<'_>, _: Option<&str>) -> Result<Bytes, NodeError> {
        Err(rejected(400, "not_in_this_fake"))
    }
}
