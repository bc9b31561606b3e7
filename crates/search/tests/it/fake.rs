//! A node on loopback that answers what a test says, and remembers what it was asked.

use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::sync::watch;

/// What a node is asked: the path, and the body (`null` for none).
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) body: Value,
}

impl Asked {
    /// The index that it is about.
    pub(crate) fn index(&self) -> &str {
        self.path.split('/').nth(2).expect("`/indexes/{index}/…`")
    }

    /// What is asked of the index: `search`, `documents/fetch`.
    pub(crate) fn what(&self) -> &str {
        self.path.splitn(4, '/').nth(3).expect("`/indexes/{index}/…`")
    }
}

/// A status and a body.
pub(crate) type Answer = (u16, Value);

/// A node.
pub(crate) struct FakeNode {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl FakeNode {
    pub(crate) async fn start(answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Self {
        let (_, free) = watch::channel(false);
        Self::held(free, answer).await
    }

    /// One that makes its answers at once, and gives them when nothing holds it.
    pub(crate) async fn held(
        held: watch::Receiver<bool>,
        answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (log, answer) = (Arc::clone(&asked), Arc::new(answer));
        let serve = move |uri: Uri, body: Bytes| {
            let body = serde_json::from_slice(&body).unwrap_or_default();
            let asked = Asked { path: uri.path().to_owned(), body };
            let (status, body) = answer(&asked);
            log.lock().expect("no test failed here").push(asked);
            let mut held = held.clone();
            async move {
                // Nobody is left to hold it: it is free.
                let _ = held.wait_for(|held| !held).await;
                respond(status, body)
            }
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(serve)).await });
        Self { url, asked }
    }

    /// What it was asked so far, in order.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("no test failed here").clone()
    }
}

fn respond(status: u16, body: Value) -> Response {
    (StatusCode::from_u16(status).expect("a status"), Json(body)).into_response()
}

/// The answer of a node that has no index of this name.
pub(crate) fn index_not_found(asked: &Asked) -> Answer {
    let text = format!("Index `{}` not found.", asked.index());
    (404, json!({"message": text, "code": "index_not_found", "type": "invalid_request", "link": ""}))
}

/// The answer of a node that has trouble of its own.
pub(crate) fn trouble() -> Answer {
    (500, json!({"message": "disk", "code": "internal", "type": "internal", "link": ""}))
}

/// The answer to a search with these hits.
pub(crate) fn hits(hits: &[Value]) -> Answer {
    (
        200,
        json!({"hits": hits, "query": "", "processingTimeMs": 0, "limit": 20, "offset": 0,
                 "estimatedTotalHits": hits.len()}),
    )
}

/// The answer to a list of these documents.
pub(crate) fn documents(documents: &[Value], total: usize) -> Answer {
    (200, json!({"results": documents, "offset": 0, "limit": 20, "total": total}))
}
