//! From documents through one peer to searches through the others.

use std::path::{Path, PathBuf};
use std::time::Instant;

use meilisearch_sdk::client::Client;
use meilisearch_sdk::settings::Settings;
use miroir_testkit::processes::{Dev, PATIENCE, ended, get, post};
use serde_json::{Value, json};

/// With the official Rust client, as any application would. `MIROIR_DATA` names a folder with more of the same data.
#[tokio::test(flavor = "multi_thread")]
async fn the_official_client_loads_and_searches() {
    let dev = Dev::start(&["--shards", "6"]).await;
    let movies = Settings::new().with_filterable_attributes(["genre"]).with_sortable_attributes(["year"]);
    let movies = load(&dev, "movies", &movies).await;
    let cities = Settings::new().with_filterable_attributes(["_geo"]).with_sortable_attributes(["_geo"]);
    let cities = load(&dev, "cities", &cities).await;

    for peer in [2, 3] {
        let reader = Client::new(dev.peer(peer), None::<String>).expect("a client");
        let (movies_at, cities_at) = (reader.index("movies"), reader.index("cities"));
        let found = movies_at.search().with_query("love").execute::<Value>().await.expect("hits");
        assert!(!found.hits.is_empty(), "peer {peer} finds nothing");
        let near = ["_geoPoint(48.85, 2.35):asc"];
        let near = cities_at.search().with_filter("_geoRadius(48.85, 2.35, 300000)").with_sort(&near).build();
        let near = near.execute::<Value>().await.expect("hits");
        let (mut both, love) = (reader.multi_search(), movies_at.search().with_query("love").build());
        let both = both.with_search_query(love).execute::<Value>().await.expect("results");
        assert_eq!(both.results.len(), 1);
        assert_eq!(both.results[0].hits.len(), found.hits.len());
        assert!(!near.hits.is_empty(), "peer {peer} finds nothing near Paris");
        assert!(
            found.hits.iter().chain(&near.hits).all(|hit| hit.result.get("_miroir").is_none()),
            "the reserved member shows"
        );
        for (index, expected) in [(movies_at, movies), (cities_at, cities)] {
            assert_eq!(index.get_stats().await.expect("stats").number_of_documents, expected);
        }
    }

    let explain = format!("{}/_miroir/indexes/movies/explain?execute=true", dev.peer(2));
    let (_, explained) = post(&explain, &json!({"q": "love"})).await;
    assert_eq!(explained["shards"].as_array().map(Vec::len), Some(6), "{explained}");
    assert!(explained["answer"]["hits"].as_array().is_some_and(|hits| !hits.is_empty()), "{explained}");

    let report = dev.verify();
    let copies = report["shards"].as_array().into_iter().flatten().flat_map(|s| s["copies"].as_array());
    let held: u64 = copies.flatten().filter_map(|copy| copy["documents"].as_u64()).sum();
    assert_eq!(held, 2 * (movies + cities) as u64, "two copies of each document");
    let topology = dev.topology(1).await;
    for node in topology["nodes"].as_array().expect("nodes") {
        let documents = node["documents"].as_u64().expect("a number");
        assert!(documents < (movies + cities) as u64, "{} holds everything", node["id"]);
    }
}

/// Loads a file through peer 1 and waits until all is done; how many documents it has.
async fn load(dev: &Dev, name: &str, settings: &Settings) -> usize {
    let started = Instant::now();
    let documents = documents(name);
    let client = Client::new(dev.peer(1), None::<String>).expect("a client");
    let index = client.index(name);
    index.set_settings(settings).await.expect("accepted");
    let mut last = None;
    for batch in documents.chunks((documents.len() / 10).max(1)) {
        last = Some(index.add_documents(batch, Some("id")).await.expect("accepted"));
    }
    let task = last.expect("a batch").wait_for_completion(&client, None, Some(PATIENCE)).await;
    assert!(task.expect("a task").is_success());
    eprintln!("{} {name} in {:?}", documents.len(), started.elapsed());
    documents.len()
}

/// Each kind of write, told by its task and seen through another peer.
#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_write() {
    let dev = Dev::start(&["--shards", "4", "--factor", "1"]).await;
    let (here, there) = (dev.peer(1), dev.peer(3));
    let index = format!("{here}/indexes/things");
    let things: Vec<Value> =
        (0..50).map(|n| json!({"id": n, "n": n, "kind": n % 3, "word": "thing"})).collect();
    let (status, task) = post(&format!("{index}/documents"), &json!(things)).await;
    assert_eq!(status, 202);
    let task = ended(&there, &task).await;
    assert_eq!(task["details"], json!({"receivedDocuments": 50, "indexedDocuments": 50}), "{task}");

    let (_, task) = post(&format!("{index}/documents/delete-batch"), &json!([1, "2", 777])).await;
    assert_eq!(ended(&there, &task).await["details"]["deletedDocuments"], 2);

    let (_, task) = post(&format!("{index}/documents/delete"), &json!({"filter": "kind = 0"})).await;
    let failed = ended(&there, &task).await;
    assert_eq!(failed["error"]["code"], "invalid_document_filter", "{failed}");
    assert!(!failed.to_string().contains("_miroir"), "{failed}");

    let patch = json!({"filterableAttributes": ["kind"], "sortableAttributes": ["n"]});
    let client = reqwest::Client::new();
    let answer = client.patch(format!("{index}/settings")).json(&patch).send().await.expect("an answer");
    let task = ended(&there, &answer.json().await.expect("JSON")).await;
    assert_eq!(task["status"], "succeeded", "{task}");
    let (_, task) = post(&format!("{index}/documents/delete"), &json!({"filter": "kind = 0"})).await;
    assert_eq!(ended(&there, &task).await["details"]["deletedDocuments"], 17);

    let update =
        client.put(format!("{index}/documents")).json(&json!([{"id": 4, "more": true}])).send().await;
    ended(&there, &update.expect("an answer").json().await.expect("JSON")).await;
    let four = get(&format!("{there}/indexes/things/documents/4")).await.expect("a document");
    assert_eq!(four, json!({"id": 4, "n": 4, "kind": 1, "word": "thing", "more": true}));

    let search = json!({"q": "thing", "sort": ["n:desc"], "limit": 3, "facets": ["kind"]});
    let (_, found) = post(&format!("{there}/indexes/things/search"), &search).await;
    let ids: Vec<_> = found["hits"].as_array().expect("hits").iter().map(|hit| hit["id"].clone()).collect();
    assert_eq!(ids, [49, 47, 46]);
    assert_eq!(found["facetDistribution"]["kind"], json!({"1": 16, "2": 15}), "{found}");

    let answer = client.delete(format!("{index}/documents")).send().await.expect("an answer");
    let cleared = ended(&there, &answer.json().await.expect("JSON")).await;
    assert_eq!(cleared["details"], json!({"deletedDocuments": 31}));
    let answer = client.delete(&index).send().await.expect("an answer");
    assert_eq!(ended(&there, &answer.json().await.expect("JSON")).await["status"], "succeeded");
    let gone = get(&format!("{there}/indexes/things")).await.expect("an answer");
    assert_eq!(gone["code"], "index_not_found");
}

/// What nodes keep of a value comes back as it was sent: large integers, the order of members, texts. (A node does not
/// keep how a fraction was written: `0.10` comes back as `0.1`, as from one Meilisearch.)
#[tokio::test(flavor = "multi_thread")]
async fn values_come_back() {
    let dev = Dev::start(&["--peers", "1", "--nodes", "2"]).await;
    let text = r#"{"id":"a","big":9007199254740993,"nested":{"z":1,"a":[1,2]},"text":"\u0001é/⊀"}"#;
    let answer = reqwest::Client::new()
        .post(format!("{}/indexes/raw/documents", dev.peer(1)))
        .header("content-type", "application/x-ndjson")
        .body(text)
        .send()
        .await
        .expect("an answer");
    let task = ended(&dev.peer(1), &answer.json().await.expect("JSON")).await;
    assert_eq!(task["status"], "succeeded", "{task}");
    let url = format!("{}/indexes/raw/documents/a", dev.peer(1));
    let back = reqwest::get(url).await.expect("an answer").text().await.expect("text");
    assert_eq!(back, text);
}

/// What clients count clicks by: of one shard, whose answer is a node's text, of several, and of one list of both.
#[tokio::test(flavor = "multi_thread")]
async fn answers_tell_what_was_searched() {
    let dev = Dev::start(&["--peers", "1", "--nodes", "2"]).await;
    let peer = dev.peer(1);
    for (index, shards) in [("one", 1), ("many", 4)] {
        let (_, task) =
            post(&format!("{peer}/indexes?shards={shards}"), &json!({"uid": index, "primaryKey": "id"}))
                .await;
        assert_eq!(ended(&peer, &task).await["status"], "succeeded");
    }
    let ask = async |path: &str, header: &str, body: Value| {
        let request = reqwest::Client::new().post(format!("{peer}{path}")).json(&body);
        let answer = request.header("Meili-Include-Metadata", header).send().await.expect("an answer");
        answer.json::<Value>().await.expect("JSON")
    };
    let told = |index: &str, metadata: &Value| {
        let uid = metadata["queryUid"].as_str().expect("a uid").to_owned();
        let expected = json!({"query": "a", "queryUid": uid, "indexUid": index, "primaryKey": "id"});
        assert_eq!(metadata, &expected);
        uid
    };
    let mut uids = std::collections::BTreeSet::new();
    for index in ["one", "many"] {
        let path = format!("/indexes/{index}/search");
        uids.insert(told(index, &ask(&path, "True", json!({"q": "a"})).await["metadata"]));
        let placeholder = ask(&path, "1", json!({})).await;
        assert!(placeholder["metadata"].get("query").is_none(), "{placeholder}");
        assert!(ask(&path, "yes", json!({"q": "a"})).await.get("metadata").is_none());
    }
    let queries = json!([{"indexUid": "one", "q": "a"}, {"indexUid": "many", "q": "a"}]);
    let each = ask("/multi-search", "true", json!({ "queries": queries })).await;
    let list = ask("/multi-search", "true", json!({ "queries": queries, "federation": {} })).await;
    for (place, index) in ["one", "many"].iter().enumerate() {
        uids.insert(told(index, &each["results"][place]["metadata"]));
        uids.insert(told(index, &list["metadata"][place]));
    }
    assert_eq!(uids.len(), 6, "each search has a uid of its own: {uids:?}");
}

/// A retried write is one write.
#[tokio::test(flavor = "multi_thread")]
async fn idempotency() {
    let dev = Dev::start(&["--nodes", "1"]).await;
    let send = async |peer: usize, body: Value| {
        let url = format!("{}/indexes/once/documents", dev.peer(peer));
        let request = reqwest::Client::new().post(url).header("idempotency-key", "k-1").json(&body);
        let answer = request.send().await.expect("an answer");
        let replay = answer.headers().get("idempotent-replay").is_some();
        (answer.status().as_u16(), replay, answer.json::<Value>().await.expect("JSON"))
    };
    let (status, replay, first) = send(1, json!([{"id": 1}])).await;
    assert_eq!((status, replay), (202, false));
    let (status, replay, again) = send(2, json!([{"id": 1}])).await;
    assert_eq!((status, replay, &again["taskUid"]), (202, true, &first["taskUid"]));
    let (status, _, error) = send(3, json!([{"id": 2}])).await;
    assert_eq!((status, error["code"].as_str()), (422, Some("miroir_idempotency_conflict")));
}

/// Documents that are part of the repository, or more of them.
fn documents(name: &str) -> Vec<Value> {
    let excerpt = Path::new(env!("CARGO_MANIFEST_DIR")).join("../differential/data");
    let folder = std::env::var_os("MIROIR_DATA").map_or(excerpt, PathBuf::from);
    let text = std::fs::read_to_string(folder.join(format!("{name}.ndjson"))).expect("the data is there");
    text.lines().map(|line| serde_json::from_str(line).expect("a document")).collect()
}
