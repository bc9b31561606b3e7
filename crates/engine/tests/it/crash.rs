//! Killed with -9 while it works, again and again: every task that was acknowledged ends, in order, and the documents are
//! those that the tasks in their order make.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::MASTER;
use crate::process::Process;

/// Ids that the writes are spread over.
const IDS: u64 = 600;

/// What the write number `n` asks for, and what it does to the documents.
enum Write {
    Replace(Vec<u64>),
    Update(Vec<u64>),
    Delete(Vec<u64>),
    Clear,
    Settings,
    DeleteIndex,
}

impl Write {
    fn new(n: u64) -> Self {
        let ids = |count: u64| (0..count).map(|k| (n * 37 + k * 11) % IDS).collect();
        match n % 30 {
            29 => Self::DeleteIndex,
            17 => Self::Clear,
            11 | 23 => Self::Settings,
            m if m % 5 == 3 => Self::Delete(ids(40)),
            m if m % 5 == 4 => Self::Update(ids(200)),
            _ => Self::Replace(ids(200)),
        }
    }

    async fn send(&self, n: u64, client: &reqwest::Client, url: &str) -> reqwest::Result<u64> {
        let documents = |ids: &[u64], member: &str| -> Value {
            let text = format!("some words of the write {n} to give the engine work");
            ids.iter().map(|id| json!({ "id": id, member: n, "text": text })).collect()
        };
        let mark = format!("?customMetadata={n}");
        let (method, path, body) = match self {
            Self::Replace(ids) => (Method::POST, format!("documents{mark}"), documents(ids, "replaced")),
            Self::Update(ids) => (Method::PUT, format!("documents{mark}"), documents(ids, "updated")),
            Self::Delete(ids) => (Method::POST, format!("documents/delete-batch{mark}"), json!(ids)),
            Self::Clear => (Method::DELETE, format!("documents{mark}"), Value::Null),
            Self::Settings => {
                (Method::PATCH, "settings".to_owned(), json!({ "filterableAttributes": [format!("f{n}")] }))
            }
            Self::DeleteIndex => (Method::DELETE, String::new(), Value::Null),
        };
        let url = format!("{url}/indexes/docs/{path}");
        let request = client.request(method, url.trim_end_matches('/')).bearer_auth(MASTER);
        let request = if body.is_null() { request } else { request.json(&body) };
        let answer = request.send().await?.error_for_status()?;
        let summary: Value = answer.json().await?;
        Ok(summary["taskUid"].as_u64().expect("a uid"))
    }

    fn apply(&self, n: u64, model: &mut BTreeMap<u64, Value>) {
        let text = format!("some words of the write {n} to give the engine work");
        match self {
            Self::Replace(ids) => {
                model.extend(ids.iter().map(|id| (*id, json!({ "id": id, "replaced": n, "text": text }))));
            }
            Self::Update(ids) => {
                for id in ids {
                    let document = model.entry(*id).or_insert_with(|| json!({ "id": id }));
                    document["updated"] = json!(n);
                    document["text"] = json!(text);
                }
            }
            Self::Delete(ids) => ids.iter().for_each(|id| {
                model.remove(id);
            }),
            Self::Clear | Self::DeleteIndex => model.clear(),
            Self::Settings => (),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_again_and_again() {
    let rounds = if std::env::var_os("MIROIR_LONG").is_some() { 100 } else { 8 };
    let dir = tempfile::tempdir().expect("a directory");
    let client = reqwest::Client::builder().tcp_nodelay(true).build().expect("a client");
    // The writes sent, in order, with the uid of each that was acknowledged.
    let mut sent: Vec<Option<u64>> = Vec::new();
    for round in 0..rounds {
        let process = Process::start(dir.path()).await;
        let url = process.url();
        let writing = async {
            loop {
                let n = sent.len() as u64;
                sent.push(None);
                match Write::new(n).send(n, &client, &url).await {
                    Ok(uid) => sent[n as usize] = Some(uid),
                    Err(_) => break,
                }
            }
        };
        let killing = async {
            tokio::time::sleep(Duration::from_millis(60 + round * 97 % 400)).await;
            tokio::task::block_in_place(|| process.kill());
        };
        tokio::join!(writing, killing);
    }
    let process = Process::start(dir.path()).await;
    let url = process.url();
    let tasks = ended_tasks(&client, &url).await;
    assert!(
        sent.iter().flatten().count() > 2 * rounds as usize,
        "too few writes to mean anything: {}",
        sent.len()
    );
    let made = which_were_made(&tasks, &sent);

    let mut model = BTreeMap::new();
    let mut exists = false;
    for (task, n) in tasks.iter().zip(&made) {
        let write = Write::new(*n);
        let creates = matches!(write, Write::Replace(_) | Write::Update(_) | Write::Settings);
        let status = if exists || creates { "succeeded" } else { "failed" };
        assert_eq!(task["status"], status, "write {n}: {task}");
        exists = creates || (exists && !matches!(write, Write::DeleteIndex));
        write.apply(*n, &mut model);
    }
    if exists {
        let page = get(&client, &format!("{url}/indexes/docs/documents?limit={}", 2 * IDS)).await;
        let documents: BTreeMap<u64, Value> = page["results"]
            .as_array()
            .expect("results")
            .iter()
            .map(|document| (document["id"].as_u64().expect("an id"), document.clone()))
            .collect();
        assert_eq!(documents, model);
    }
}

async fn get(client: &reqwest::Client, url: &str) -> Value {
    client.get(url).bearer_auth(MASTER).send().await.expect("an answer").json().await.expect("JSON")
}

/// All tasks, oldest first, once none is left to run.
async fn ended_tasks(client: &reqwest::Client, url: &str) -> Vec<Value> {
    let ended = async {
        loop {
            let page = get(client, &format!("{url}/tasks?reverse=true&limit=100000")).await;
            let tasks = page["results"].as_array().expect("results").clone();
            if tasks.iter().all(|task| task["finishedAt"].is_string()) {
                return tasks;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(120), ended).await.expect("all tasks end")
}

/// The number of the write behind each task. Those acknowledged are all there under their uid, in order, with nothing
/// missing; one that was in flight when the process died is there or is not.
fn which_were_made(tasks: &[Value], sent: &[Option<u64>]) -> Vec<u64> {
    let mut made = Vec::new();
    let mut next = 0;
    for (at, task) in tasks.iter().enumerate() {
        assert_eq!(task["uid"], json!(at), "uids are dense");
        let n = loop {
            let (n, uid) = (next, sent.get(next).copied().expect("a task that was sent"));
            next += 1;
            let marked = task["customMetadata"].as_str().and_then(|mark| mark.parse().ok());
            match uid {
                Some(uid) => {
                    assert_eq!(uid, at as u64, "write {n} keeps its uid");
                    break n;
                }
                // In flight: this is it when the mark says so, or when it has none and its kind is right.
                None if marked == Some(n) => break n,
                None if marked.is_none() && sent.get(next).copied().flatten() != Some(at as u64) => break n,
                None => (),
            }
        };
        made.push(n as u64);
    }
    assert!(sent[next..].iter().all(Option::is_none), "an acknowledged write is lost");
    made
}
