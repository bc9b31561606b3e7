//! Servers of the Meilisearch API: a node alone, or a cluster.

use std::time::{Duration, Instant};

use miroir_testkit::processes::{self, MASTER_KEY, PATIENCE};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;

/// An address and what it wants to see.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    client: Client,
    url: String,
    key: Option<String>,
}

impl Server {
    pub(crate) fn new(url: String, key: Option<String>) -> Self {
        let client = Client::builder().no_proxy().tcp_nodelay(true).build().expect("a client");
        Self { client, url, key }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.url));
        match &self.key {
            Some(key) => request.bearer_auth(key),
            None => request,
        }
    }

    /// What a `GET` answers, as text.
    pub(crate) async fn text(&self, path: &str) -> Option<String> {
        self.request(Method::GET, path).send().await.ok()?.error_for_status().ok()?.text().await.ok()
    }

    /// The sum of a metric over its labels.
    pub(crate) async fn sum(&self, metric: &str) -> f64 {
        let metrics = self.text("/_miroir/metrics").await.expect("metrics");
        let of = |line: &str| line.strip_prefix(metric)?.rsplit_once(' ')?.1.parse::<f64>().ok();
        metrics.lines().filter_map(of).sum()
    }

    /// What a `GET` answers.
    pub(crate) async fn get(&self, path: &str) -> Value {
        let text = self.text(path).await;
        text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
    }

    /// Sends a write and gives its task.
    pub(crate) async fn write(&self, method: Method, path: &str, kind: &str, body: String) -> u64 {
        let sent = self.request(method, path).header("content-type", kind).body(body).send().await;
        let answer: Value = sent.expect("an answer").json().await.expect("JSON");
        answer["taskUid"].as_u64().unwrap_or_else(|| unreachable!("{path} of {}: {answer}", self.url))
    }

    /// Sends documents, one JSON object a line, and gives the task.
    pub(crate) async fn load(&self, index: &str, lines: String) -> u64 {
        let path = format!("/indexes/{index}/documents");
        self.write(Method::POST, &path, "application/x-ndjson", lines).await
    }

    /// Waits until a task has succeeded.
    pub(crate) async fn done(&self, task: u64) {
        let mut task_now = Value::Null;
        let started = Instant::now();
        while task_now["status"] != "succeeded" {
            assert!(task_now["status"] != "failed" && started.elapsed() < 4 * PATIENCE, "{task_now}");
            tokio::time::sleep(Duration::from_millis(10)).await;
            task_now = self.get(&format!("/tasks/{task}")).await;
        }
    }

    /// Searches, and gives the seconds that it took.
    pub(crate) async fn search(&self, index: &str, body: &Value) -> f64 {
        let started = Instant::now();
        let sent = self.request(Method::POST, &format!("/indexes/{index}/search")).json(body).send().await;
        let answer = sent.expect("an answer");
        assert!(answer.status().is_success(), "{}", answer.status());
        answer.bytes().await.expect("the whole answer");
        started.elapsed().as_secs_f64()
    }
}

/// Waits until all of them are ready.
pub(crate) async fn ready(peers: &[Server]) {
    let started = Instant::now();
    for peer in peers {
        while peer.get("/_miroir/ready").await["ready"] != true {
            assert!(started.elapsed() < PATIENCE, "the cluster does not start");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// A node with the machine to itself: the embedded one, or the official server that `MIROIR_MEILISEARCH` names.
#[derive(Debug)]
pub(crate) struct Alone {
    pub(crate) server: Server,
    _process: processes::Alone,
}

impl Alone {
    pub(crate) async fn start() -> Self {
        let process = processes::Alone::start().await;
        Self { server: Server::new(process.url.clone(), Some(MASTER_KEY.to_owned())), _process: process }
    }
}
