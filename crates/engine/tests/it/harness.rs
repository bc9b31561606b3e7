//! An engine in this process, and a client of it.

use std::path::Path;
use std::time::Duration;

use miroir_engine::{Config, ServeError, serve};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub(crate) const MASTER: &str = "a-master-key-for-tests";

/// A running engine; its directory outlives it.
pub(crate) struct Node {
    pub(crate) url: String,
    pub(crate) key: Option<String>,
    client: reqwest::Client,
    stop: Option<oneshot::Sender<()>>,
    served: JoinHandle<Result<(), ServeError>>,
    dir: Option<TempDir>,
}

impl Node {
    pub(crate) async fn start() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let mut node = Self::start_in(dir.path()).await;
        node.dir = Some(dir);
        node
    }

    pub(crate) async fn start_in(dir: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let (stop, stopped) = oneshot::channel::<()>();
        let config = Config::new(dir, Some(MASTER.to_owned()));
        let served = tokio::spawn(serve(listener, config, async {
            let _ = stopped.await;
        }));
        let client = reqwest::Client::new();
        Self { url, key: Some(MASTER.to_owned()), client, stop: Some(stop), served, dir: None }
    }

    /// Stops cleanly; the directory can be opened again.
    pub(crate) async fn stop(mut self) -> Option<TempDir> {
        drop(self.stop.take());
        // Idle connections would hold the shutdown back.
        drop(self.client);
        self.served.await.expect("no panic").expect("a clean stop");
        self.dir
    }

    /// The same engine, seen with another key.
    pub(crate) async fn call_as(
        &self,
        key: Option<&str>,
        method: Method,
        path: &str,
        body: Body,
    ) -> (u16, Value) {
        let mut request = self.client.request(method, format!("{}{path}", self.url));
        if let Some(key) = key {
            request = request.bearer_auth(key);
        }
        request = match body {
            Body::None => request,
            Body::Json(value) => request.json(&value),
            Body::Raw(kind, text) => request.header("content-type", kind).body(text),
        };
        let answer = request.send().await.expect("an answer");
        let status = answer.status();
        let text = answer.text().await.expect("a body");
        let value = match status {
            StatusCode::NO_CONTENT => Value::Null,
            _ => serde_json::from_str(&text).expect("a body of JSON"),
        };
        (status.as_u16(), value)
    }

    pub(crate) async fn call(&self, method: Method, path: &str, body: Body) -> (u16, Value) {
        self.call_as(self.key.as_deref(), method, path, body).await
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let (status, value) = self.call(Method::GET, path, Body::None).await;
        assert_eq!(status, 200, "GET {path}: {value}");
        value
    }

    /// Sends a write and gives the uid of its task.
    pub(crate) async fn enqueue(&self, method: Method, path: &str, body: Body) -> u64 {
        let (status, value) = self.call(method, path, body).await;
        assert!(status == 202 || status == 200, "{path}: {status} {value}");
        value["taskUid"].as_u64().expect("the uid of a task")
    }

    /// The task once it has ended.
    pub(crate) async fn wait(&self, uid: u64) -> Value {
        let ended = async {
            loop {
                let task = self.get(&format!("/tasks/{uid}")).await;
                if task["status"] == "succeeded" || task["status"] == "failed" {
                    return task;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), ended).await.expect("the task ends")
    }

    /// Sends a write and waits for its end.
    pub(crate) async fn run(&self, method: Method, path: &str, body: Body) -> Value {
        let uid = self.enqueue(method, path, body).await;
        self.wait(uid).await
    }

    /// Sends a write that must succeed.
    pub(crate) async fn done(&self, method: Method, path: &str, body: Body) -> Value {
        let task = self.run(method, path, body).await;
        assert_eq!(task["status"], "succeeded", "{path}: {task}");
        task
    }

    pub(crate) async fn add(&self, index: &str, documents: Value) -> Value {
        self.done(Method::POST, &format!("/indexes/{index}/documents"), Body::Json(documents)).await
    }

    pub(crate) async fn search(&self, index: &str, query: Value) -> Value {
        let (status, value) =
            self.call(Method::POST, &format!("/indexes/{index}/search"), Body::Json(query)).await;
        assert_eq!(status, 200, "{value}");
        value
    }
}

pub(crate) enum Body {
    None,
    Json(Value),
    Raw(&'static str, String),
}

/// The values of one member of the hits.
pub(crate) fn hits(answer: &Value, member: &str) -> Vec<Value> {
    answer["hits"].as_array().expect("hits").iter().map(|hit| hit[member].clone()).collect()
}

/// A few films.
pub(crate) fn films() -> Value {
    json!([
        { "id": 1, "title": "Carol", "genres": ["Romance", "Drama"], "year": 2015, "_geo": { "lat": 40.7, "lng": -74.0 } },
        { "id": 2, "title": "Wonder Woman", "genres": ["Action", "Adventure"], "year": 2017, "_geo": { "lat": 48.85, "lng": 2.35 } },
        { "id": 3, "title": "Life of Pi", "genres": ["Adventure", "Drama"], "year": 2012, "_geo": { "lat": 11.93, "lng": 79.83 } },
        { "id": 4, "title": "Mad Max: Fury Road", "genres": ["Adventure", "Science Fiction"], "year": 2015, "_geo": { "lat": -22.6, "lng": 14.5 } },
        { "id": 5, "title": "Moana", "genres": ["Fantasy", "Action"], "year": 2016, "overview": "A wonder of the sea, and a woman who is no wonder" },
        { "id": 6, "title": "Philadelphia", "genres": ["Drama"], "year": 1993 }
    ])
}
