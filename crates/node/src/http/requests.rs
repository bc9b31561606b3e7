//! Each request of the contract, in Meilisearch's routes.

use async_trait::async_trait;
use bytes::Bytes;
use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

use super::HttpNode;
use super::call::Call;
use crate::shapes::Sizes;
use crate::{
    Add, AddMode, ById, Enqueued, Format, IndexInfo, IndexPage, IndexStats, KeyInfo, NewKey, Node, NodeError,
    NodeTask, Origin, TaskPage, TaskQuery, Version, Write,
};

impl HttpNode {
    fn get(&self, path: &[&str]) -> Call {
        self.call(Method::GET, path, self.connections.timeouts.read)
    }

    fn write(&self, method: Method, path: &[&str], query: &[(&str, &str)]) -> Call {
        self.call_with(method, path, query, self.connections.timeouts.write)
    }

    fn add<'a>(&self, index: &str, add: &'a Add, mut query: Vec<(&'static str, &'a str)>) -> Call {
        if let Some(key) = &add.primary_key {
            query.push(("primaryKey", key));
        }
        if add.skip_creation {
            query.push(("skipCreation", "true"));
        }
        let method = match add.mode {
            AddMode::Replace => Method::POST,
            AddMode::Update => Method::PUT,
        };
        let content_type = match add.format {
            Format::Json => "application/json",
            Format::Ndjson => "application/x-ndjson",
        };
        self.write(method, &["indexes", index, "documents"], &query).body(content_type, add.payload.clone())
    }

    fn change(&self, index: &str, write: &Write, mark: Option<&str>) -> Call {
        let mark: Vec<_> =
            mark.filter(|_| write.is_marked()).map(|mark| ("customMetadata", mark)).into_iter().collect();
        let documents = ["indexes", index, "documents"];
        match write {
            Write::Add(add) => self.add(index, add, mark),
            Write::DeleteIds(ids) => {
                let path = ["indexes", index, "documents", "delete-batch"];
                self.write(Method::POST, &path, &mark).json(json!(ids).to_string())
            }
            Write::DeleteMatching(filter) => {
                let path = ["indexes", index, "documents", "delete"];
                self.write(Method::POST, &path, &mark).json(format!(r#"{{"filter":{filter}}}"#))
            }
            Write::DeleteAll => self.write(Method::DELETE, &documents, &mark),
            Write::Edit { function, context, filter } => {
                let text = |text: &Option<String>| text.as_deref().unwrap_or("null").to_owned();
                let (function, context, filter) = (json!(function), text(context), text(filter));
                let body = format!(r#"{{"function":{function},"context":{context},"filter":{filter}}}"#);
                self.write(Method::POST, &["indexes", index, "documents", "edit"], &mark).json(body)
            }
            Write::Settings(patch) => {
                self.write(Method::PATCH, &["indexes", index, "settings"], &[]).json(patch.clone())
            }
            Write::CreateIndex { primary_key } => {
                let body = json!({"uid": index, "primaryKey": primary_key});
                self.write(Method::POST, &["indexes"], &[]).json(body.to_string())
            }
            Write::RenameIndex { to } => {
                self.write(Method::PATCH, &["indexes", index], &[]).json(json!({"uid": to}).to_string())
            }
            Write::SetPrimaryKey(key) => {
                let body = json!({"primaryKey": key}).to_string();
                self.write(Method::PATCH, &["indexes", index], &[]).json(body)
            }
            Write::DeleteIndex => self.write(Method::DELETE, &["indexes", index], &[]),
        }
    }

    fn question(&self, path: &[&str], body: Bytes, request_id: Option<&str>) -> Call {
        self.call(Method::POST, path, self.connections.timeouts.search).json(body).request_id(request_id)
    }
}

#[async_trait]
impl Node for HttpNode {
    async fn health(&self) -> Result<(), NodeError> {
        self.get(&["health"]).send().await.map(drop)
    }

    async fn version(&self) -> Result<Version, NodeError> {
        self.get(&["version"]).answer().await
    }

    async fn task(&self, uid: u32) -> Result<NodeTask, NodeError> {
        self.get(&["tasks", &uid.to_string()]).answer().await
    }

    async fn tasks(&self, query: &TaskQuery) -> Result<TaskPage, NodeError> {
        let mut pairs = vec![("limit", query.limit.to_string())];
        if !query.uids.is_empty() {
            pairs.push(("uids", comma_list(&query.uids)));
        }
        if let Some(index) = &query.index {
            pairs.push(("indexUids", index.clone()));
        }
        if let Some(from) = query.from {
            pairs.push(("from", from.to_string()));
        }
        if query.oldest_first {
            pairs.push(("reverse", "true".to_owned()));
        }
        let pairs: Vec<_> = pairs.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.call_with(Method::GET, &["tasks"], &pairs, self.connections.timeouts.read).answer().await
    }

    async fn forget_tasks(&self, uids: &[u32]) -> Result<Enqueued, NodeError> {
        self.write(Method::DELETE, &["tasks"], &[("uids", &comma_list(uids))]).answer().await
    }

    async fn create_key(&self, key: &NewKey) -> Result<KeyInfo, NodeError> {
        let body = json!({
            "uid": key.uid, "name": key.name, "actions": key.actions, "indexes": ["*"], "expiresAt": null,
        });
        self.write(Method::POST, &["keys"], &[]).json(body.to_string()).answer().await
    }

    async fn key(&self, uid: Uuid) -> Result<KeyInfo, NodeError> {
        self.get(&["keys", &uid.to_string()]).answer().await
    }

    async fn delete_key(&self, uid: Uuid) -> Result<(), NodeError> {
        self.write(Method::DELETE, &["keys", &uid.to_string()], &[]).send().await.map(drop)
    }

    async fn enqueue(&self, index: &str, write: &Write, origin: Origin<'_>) -> Result<Enqueued, NodeError> {
        self.change(index, write, origin.mark).request_id(origin.request_id).answer().await
    }

    async fn enable_edits(&self) -> Result<(), NodeError> {
        let body = json!({"editDocumentsByFunction": true}).to_string();
        self.write(Method::PATCH, &["experimental-features"], &[]).json(body).send().await.map(drop)
    }

    async fn index(&self, index: &str) -> Result<IndexInfo, NodeError> {
        self.get(&["indexes", index]).answer().await
    }

    async fn indexes(&self, offset: u64, limit: u64) -> Result<IndexPage, NodeError> {
        let query = [("offset", &*offset.to_string()), ("limit", &*limit.to_string())];
        self.call_with(Method::GET, &["indexes"], &query, self.connections.timeouts.read).answer().await
    }

    async fn settings(&self, index: &str) -> Result<Bytes, NodeError> {
        self.get(&["indexes", index, "settings"]).send().await
    }

    async fn used_bytes(&self) -> Result<u64, NodeError> {
        let sizes: Sizes = self.get(&["stats"]).answer().await?;
        Ok(sizes.used_database_size)
    }

    async fn stats(&self, index: &str) -> Result<IndexStats, NodeError> {
        self.get(&["indexes", index, "stats"]).answer().await
    }

    async fn search(&self, index: &str, body: Bytes, request_id: Option<&str>) -> Result<Bytes, NodeError> {
        self.question(&["indexes", index, "search"], body, request_id).send().await
    }

    async fn facet_search(
        &self,
        index: &str,
        body: Bytes,
        request_id: Option<&str>,
    ) -> Result<Bytes, NodeError> {
        self.question(&["indexes", index, "facet-search"], body, request_id).send().await
    }

    async fn similar(&self, index: &str, body: Bytes, request_id: Option<&str>) -> Result<Bytes, NodeError> {
        self.question(&["indexes", index, "similar"], body, request_id).send().await
    }

    async fn multi_search(&self, body: Bytes, request_id: Option<&str>) -> Result<Bytes, NodeError> {
        self.question(&["multi-search"], body, request_id).send().await
    }

    async fn fetch(&self, index: &str, body: Bytes, request_id: Option<&str>) -> Result<Bytes, NodeError> {
        self.question(&["indexes", index, "documents", "fetch"], body, request_id).send().await
    }

    async fn document(
        &self,
        index: &str,
        ById { id, fields, vectors }: ById<'_>,
        request_id: Option<&str>,
    ) -> Result<Bytes, NodeError> {
        let path = ["indexes", index, "documents", id];
        let vectors = vectors.then_some(("retrieveVectors", "true"));
        let query: Vec<(&str, &str)> =
            fields.map(|names| ("fields", names)).into_iter().chain(vectors).collect();
        let call = self.call_with(Method::GET, &path, &query, self.connections.timeouts.search);
        call.request_id(request_id).send().await
    }
}

fn comma_list(uids: &[u32]) -> String {
    uids.iter().map(u32::to_string).collect::<Vec<_>>().join(",")
}
