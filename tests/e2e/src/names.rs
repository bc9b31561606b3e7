//! "Load, then swap" without waiting, as on one Meilisearch, through whichever peer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use miroir_testkit::processes::{Dev, ended, get, post};
use serde_json::{Value, json};

const OLD: u64 = 40;
const BATCHES: u64 = 12;
const NEW: u64 = BATCHES * 50;

/// Documents of this kind, under ids of their own.
fn documents(kind: &str, ids: std::ops::Range<u64>) -> Value {
    ids.map(|n| json!({"id": n, "kind": kind})).collect()
}

/// How many documents an index has, as a search says.
async fn found(peer: &str, index: &str) -> (u16, u64) {
    let (status, found) =
        post(&format!("{peer}/indexes/{index}/search"), &json!({"q": "", "limit": 1})).await;
    (status, found["estimatedTotalHits"].as_u64().unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_swap_behind_a_load_shows_nothing_half_loaded() {
    let dev = Arc::new(Dev::start(&["--shards", "4"]).await);
    let (_, task) = post(&format!("{}/indexes/a/documents", dev.peer(1)), &documents("old", 0..OLD)).await;
    assert_eq!(ended(&dev.peer(1), &task).await["status"], "succeeded");
    assert_eq!(found(&dev.peer(2), "a").await, (200, OLD), "done through one peer, seen through another");

    let over = Arc::new(AtomicBool::new(false));
    let watch = |peer: usize| {
        let (dev, over) = (Arc::clone(&dev), Arc::clone(&over));
        tokio::spawn(async move {
            let mut totals = Vec::new();
            while !over.load(Ordering::Relaxed) {
                totals.push(found(&dev.peer(peer), "a").await);
            }
            totals
        })
    };
    let watchers = [1, 2, 3].map(watch);
    let loading = dev.peer(1);
    for batch in 0..BATCHES {
        let documents = documents("new", batch * 50..(batch + 1) * 50);
        let (status, answer) =
            post(&format!("{loading}/indexes/b/documents?primaryKey=id"), &documents).await;
        assert_eq!(status, 202, "{answer}");
    }
    let (status, swap) =
        post(&format!("{}/swap-indexes", dev.peer(2)), &json!([{"indexes": ["a", "b"]}])).await;
    assert_eq!(status, 202, "{swap}");
    // The next write is for what the name will stand for.
    let (_, more) =
        post(&format!("{}/indexes/a/documents", dev.peer(3)), &documents("new", NEW..NEW + 1)).await;
    assert_eq!(ended(&dev.peer(3), &swap).await["status"], "succeeded");
    for peer in 1..=3 {
        let (status, total) = found(&dev.peer(peer), "a").await;
        assert!(status == 200 && total >= NEW, "peer {peer} finds {total} after the swap");
        assert_eq!(found(&dev.peer(peer), "b").await, (200, OLD));
    }
    assert_eq!(ended(&dev.peer(1), &more).await["status"], "succeeded");
    over.store(true, Ordering::Relaxed);
    for watcher in watchers {
        let totals = watcher.await.expect("it watches");
        let whole = |(status, total): &(u16, u64)| *status == 200 && (*total == OLD || *total >= NEW);
        assert!(totals.iter().all(whole), "{totals:?}");
        let is_new = |(_, total): &(u16, u64)| *total >= NEW;
        assert!(totals.is_sorted_by_key(is_new), "back to the old one: {totals:?}");
    }
    // History goes with the index.
    let first = get(&format!("{}/tasks/0", dev.peer(2))).await.unwrap_or_default();
    assert_eq!(first["indexUid"], "b");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_gets_another_name() {
    let dev = Dev::start(&["--nodes", "2", "--shards", "2"]).await;
    let (_, task) = post(&format!("{}/indexes/a/documents", dev.peer(1)), &documents("x", 0..9)).await;
    ended(&dev.peer(1), &task).await;
    let rename =
        reqwest::Client::new().patch(format!("{}/indexes/a", dev.peer(2))).json(&json!({"uid": "b"}));
    let task: Value = rename.send().await.expect("an answer").json().await.expect("JSON");
    let task = ended(&dev.peer(3), &task).await;
    assert_eq!(task["details"], json!({"primaryKey": null, "oldIndexUid": "a", "newIndexUid": "b"}));
    for peer in 1..=3 {
        assert_eq!(found(&dev.peer(peer), "b").await, (200, 9));
        assert_eq!(found(&dev.peer(peer), "a").await.0, 404);
    }
}
