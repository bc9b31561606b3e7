//! Vectors that an embedder makes: a service of this test, which remembers what it was sent.
//!
//! Official nodes call no address of their own network, so these run with embedded nodes only.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post as on_post;
use axum::{Json, Router};
use miroir_testkit::processes::{Dev, ended, get, post};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::stage::create;

/// The service.
#[derive(Clone, Default)]
struct Embedder {
    texts: Arc<Mutex<Vec<String>>>,
    broken: Arc<Mutex<bool>>,
}

impl Embedder {
    /// Starts it; its address.
    async fn start(&self) -> String {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let url = format!("http://{}/embed", listener.local_addr().expect("an address"));
        let app = Router::new().route("/embed", on_post(embed)).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        url
    }

    /// What it was sent since it was asked last.
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.texts.lock().expect("no panic"))
    }
}

async fn embed(State(embedder): State<Embedder>, Json(body): Json<Value>) -> Result<Json<Value>, StatusCode> {
    let text = body["input"].as_str().unwrap_or_default().to_owned();
    let vector = vector_of(&text);
    embedder.texts.lock().expect("no panic").push(text);
    if *embedder.broken.lock().expect("no panic") {
        return Err(StatusCode::BAD_REQUEST);
    }
    Ok(Json(json!({ "vector": vector })))
}

/// How often some letters are in a text.
fn vector_of(text: &str) -> [f32; 3] {
    ['a', 'e', 'o'].map(|letter| 1.0 + text.matches(letter).count() as f32)
}

/// As Meilisearch has it: 1 for the same direction, 0 for the opposite one.
fn similarity(a: [f32; 3], b: [f32; 3]) -> f32 {
    let dot = |a: [f32; 3], b: [f32; 3]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    (1.0 + dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()) / 2.0
}

const TITLES: [&str; 9] = [
    "banana salad",
    "green tea",
    "good food room",
    "alpaca",
    "the electric eel",
    "polo oolong",
    "area",
    "eerie evenings free",
    "mixed bag of roses",
];

/// Of each shard.
const COPIES: usize = 2;

/// The text that Meilisearch's own template makes of a document.
fn text_of(id: usize) -> String {
    format!("id: {id}\ntitle: {}\n", TITLES[id])
}

async fn search(peer: &str, body: Value) -> (u16, Value) {
    post(&format!("{peer}/indexes/m/search"), &body).await
}

fn ids(answer: &Value) -> Vec<usize> {
    let hits = answer["hits"].as_array().cloned().unwrap_or_default();
    hits.iter().filter_map(|hit| hit["id"].as_u64()).map(|id| id as usize).collect()
}

/// The documents, nearest to a vector first, without one of them.
fn nearest(vector: [f32; 3], without: Option<usize>) -> Vec<usize> {
    let mut all: Vec<usize> = (0..TITLES.len()).filter(|id| Some(*id) != without).collect();
    let similar = |id: usize| similarity(vector, vector_of(&text_of(id)));
    all.sort_by(|a, b| similar(*b).total_cmp(&similar(*a)));
    all
}

/// Lets the service make the index's vectors.
async fn embed_by(peer: &str, url: &str) {
    let rest = json!({ "source": "rest", "url": url, "dimensions": 3, "request": { "input": "{{text}}" },
                       "response": { "vector": "{{embedding}}" } });
    let settings = json!({ "embedders": { "letters": rest } });
    let patched = reqwest::Client::new().patch(format!("{peer}/indexes/m/settings")).json(&settings);
    let task: Value = patched.send().await.expect("an answer").json().await.expect("JSON");
    assert_eq!(ended(peer, &task).await["status"], "succeeded");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_embedder_is_sent_what_users_know_and_a_query_once() {
    if std::env::var_os("MIROIR_MEILISEARCH").is_some() {
        return;
    }
    let embedder = Embedder::default();
    let url = embedder.start().await;
    let dev = Dev::start(&["--shards", "6", "--factor", "2"]).await;
    let peers = [1, 2, 3].map(|peer| dev.peer(peer));
    create(&peers[0], "m", "").await;
    embed_by(&peers[0], &url).await;
    embedder.take();
    let documents: Value =
        TITLES.iter().enumerate().map(|(id, title)| json!({ "id": id, "title": title })).collect();
    let (_, task) = post(&format!("{}/indexes/m/documents", peers[1]), &documents).await;
    let task = ended(&peers[1], &task).await;
    assert_eq!(task["status"], "succeeded", "{task}");
    let mut texts = embedder.take();
    texts.sort();
    assert_eq!(texts.len(), TITLES.len() * COPIES, "each copy has it made");
    texts.dedup();
    assert_eq!(texts, (0..TITLES.len()).map(text_of).collect::<Vec<_>>());

    // Each document counts once.
    let stats = get(&format!("{}/indexes/m/stats", peers[2])).await.expect("stats");
    for vectors in ["numberOfEmbeddings", "numberOfEmbeddedDocuments"] {
        assert_eq!(stats[vectors], TITLES.len(), "{vectors}");
    }

    // Settings show the template that users know.
    let shown = get(&format!("{}/indexes/m/settings/embedders", peers[2])).await.expect("settings");
    assert!(!shown.to_string().contains("_miroir"), "{shown}");

    // By vectors alone.
    let hybrid = |ratio: f32| json!({ "embedder": "letters", "semanticRatio": ratio });
    let body = json!({ "q": "zebra zoo", "hybrid": hybrid(1.0), "retrieveVectors": true });
    let (status, found) = search(&peers[0], body).await;
    assert_eq!(status, 200, "{found}");
    let vector = vector_of("zebra zoo");
    assert_eq!(ids(&found), nearest(vector, None));
    assert_eq!((&found["queryVector"], &found["semanticHitCount"]), (&json!(vector), &json!(TITLES.len())));
    let own = &found["hits"][0]["_vectors"]["letters"]["embeddings"][0];
    assert_eq!(own, &json!(vector_of(&text_of(ids(&found)[0]))));
    assert_eq!(embedder.take(), ["zebra zoo"], "the nodes get one vector");

    // By words and vectors: the words are marked in what vectors found too.
    let body = json!({ "q": "roses", "hybrid": hybrid(0.9), "limit": 5, "attributesToHighlight": ["title"] });
    let (_, found) = search(&peers[1], body).await;
    assert_eq!(embedder.take(), ["roses"]);
    assert_eq!(found["semanticHitCount"], 5, "{found}");
    let roses = TITLES.len() - 1;
    let marked = found["hits"].as_array().expect("hits").iter().find(|hit| hit["id"] == roses);
    let formatted = marked.map(|hit| hit["_formatted"]["title"].clone());
    assert_eq!(formatted, Some(json!("mixed bag of <em>roses</em>")), "{found}");

    // Words that are enough need no vector, and no vector is no reason to fail.
    let (_, found) = search(&peers[2], json!({ "q": "alpaca", "hybrid": hybrid(0.1), "limit": 1 })).await;
    assert_eq!((ids(&found), &found["semanticHitCount"]), (vec![3], &json!(0)));
    assert_eq!(embedder.take(), [""; 0]);
    *embedder.broken.lock().expect("no panic") = true;
    let (status, found) = search(&peers[2], json!({ "q": "eel", "hybrid": hybrid(0.9) })).await;
    assert_eq!((status, ids(&found), &found["semanticHitCount"]), (200, vec![4], &json!(0)), "{found}");
    let (status, error) = search(&peers[2], json!({ "q": "eel", "hybrid": hybrid(1.0) })).await;
    assert_eq!((status, &error["code"]), (400, &json!("vector_embedding_error")), "{error}");

    // Documents like one.
    let body = json!({ "id": 5, "embedder": "letters", "limit": 4, "offset": 1 });
    let (status, found) = post(&format!("{}/indexes/m/similar", peers[0]), &body).await;
    assert_eq!(status, 200, "{found}");
    assert_eq!(ids(&found), nearest(vector_of(&text_of(5)), Some(5))[1..5]);
    assert_eq!((&found["id"], &found["estimatedTotalHits"]), (&json!("5"), &json!(8)));
    dev.verify();
}
