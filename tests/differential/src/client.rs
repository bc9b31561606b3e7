//! How a server of the Meilisearch API is spoken to, be it a node or a cluster.

use std::time::Duration;

use reqwest::Method;
use serde_json::Value;

use crate::generate::{Documents, Request};

/// What a server said.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

#[derive(Debug, Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    pub(crate) url: String,
    key: Option<String>,
}

/// A body and its content type.
type Body = Option<(&'static str, String)>;

const JSON: &str = "application/json";

impl Client {
    pub(crate) fn new(url: &str, key: Option<&str>) -> Self {
        let http = reqwest::Client::builder().no_proxy().tcp_nodelay(true).build().unwrap();
        Self { http, url: url.to_owned(), key: key.map(str::to_owned) }
    }

    async fn call(&self, method: Method, path: &str, body: Body) -> Answer {
        self.call_for_mark(method, path, body).await.0
    }

    /// The answer, and whether it is marked as one given while settings were being changed.
    async fn call_for_mark(&self, method: Method, path: &str, body: Body) -> (Answer, bool) {
        let mut request = self.http.request(method.clone(), format!("{}{path}", self.url));
        if let Some(key) = &self.key {
            request = request.bearer_auth(key);
        }
        if let Some((kind, text)) = body {
            request = request.header("content-type", kind).body(text);
        }
        let answer = request.send().await.unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        let status = answer.status().as_u16();
        let marked = answer.headers().get("miroir-settings-in-flight").is_some_and(|mark| mark == "true");
        let text = answer.text().await.unwrap();
        let body =
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{method} {path}: {error}: {text}"));
        (Answer { status, body }, marked)
    }

    /// Searches; with whether the answer is marked as one given while settings were being changed.
    pub(crate) async fn search_for_mark(&self, index: &str, body: &Value) -> (Answer, bool) {
        self.call_for_mark(Method::POST, &format!("/indexes/{index}/search"), Some((JSON, body.to_string())))
            .await
    }

    pub(crate) async fn search(&self, index: &str, request: &Request) -> Answer {
        match request.query() {
            Some(query) => self.call(Method::GET, &format!("/indexes/{index}/search?{query}"), None).await,
            None => self.ask(index, "search", &request.body()).await,
        }
    }

    /// Asks for documents.
    pub(crate) async fn list(&self, list: &Documents) -> Answer {
        let index = list.profile.uid;
        let one = list.one.as_ref().map(|id| format!("/{id}")).unwrap_or_default();
        match list.query() {
            Some(query) => {
                self.call(Method::GET, &format!("/indexes/{index}/documents{one}?{query}"), None).await
            }
            None => self.ask(index, "documents/fetch", &list.body.clone().into()).await,
        }
    }

    /// Asks something of an index: `search`, `facet-search`.
    pub(crate) async fn ask(&self, index: &str, what: &str, body: &Value) -> Answer {
        self.post(&format!("/indexes/{index}/{what}"), body).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.call(Method::POST, path, Some((JSON, body.to_string()))).await
    }

    /// Sends a write; the uid of its task.
    async fn enqueue(&self, method: Method, path: &str, body: Body) -> u64 {
        let answer = self.call(method, path, body).await;
        let task = answer.body["taskUid"].as_u64().filter(|_| answer.status == 202);
        task.unwrap_or_else(|| panic!("{path}: {} {}", answer.status, answer.body))
    }

    pub(crate) async fn write(&self, method: Method, path: &str, body: &Value) -> u64 {
        self.enqueue(method, path, Some((JSON, body.to_string()))).await
    }

    pub(crate) async fn load(&self, index: &str, lines: String) -> u64 {
        let body = Some(("application/x-ndjson", lines));
        self.enqueue(Method::POST, &format!("/indexes/{index}/documents"), body).await
    }

    /// Switches edits by function on.
    pub(crate) async fn enable_edits(&self) {
        let body = r#"{"editDocumentsByFunction": true}"#.to_owned();
        let answer = self.call(Method::PATCH, "/experimental-features", Some((JSON, body))).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }

    /// The details of a task that is done; it must not fail.
    pub(crate) async fn is_done(&self, task: u64) -> Option<Value> {
        let mut answer = self.call(Method::GET, &format!("/tasks/{task}"), None).await;
        match answer.body["status"].as_str() {
            Some("enqueued" | "processing") => None,
            Some("succeeded") => Some(answer.body["details"].take()),
            _ => panic!("task {task} of {}: {}", self.url, answer.body),
        }
    }

    /// Waits until a task is done, and gives its details; it must succeed.
    pub(crate) async fn done(&self, task: u64) -> Value {
        let ended = async {
            loop {
                match self.is_done(task).await {
                    Some(details) => return details,
                    None => tokio::time::sleep(Duration::from_millis(20)).await,
                }
            }
        };
        let ended = tokio::time::timeout(Duration::from_secs(600), ended).await;
        ended.unwrap_or_else(|_| panic!("task {task} of {} does not end", self.url))
    }
}
