//! `miroir dev` itself.

use std::process::Command;

use miroir_testkit::processes::{Dev, ended, get, post, program};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn it_goes_on_with_everything_there() {
    let mut dev = Dev::start(&["--shards", "4"]).await;
    let documents: Vec<_> = (0..100).map(|n| json!({"id": n})).collect();
    let (_, task) = post(&format!("{}/indexes/kept/documents", dev.peer(1)), &json!(documents)).await;
    ended(&dev.peer(1), &task).await;
    let before = dev.verify();
    dev.stop();
    assert!(!dev.dir.join("dev.json").exists(), "a clean stop removes dev.json");
    dev.start_again().await;
    assert_eq!(dev.verify()["shards"], before["shards"]);
    let task = get(&format!("{}/tasks/{}", dev.peer(2), task["taskUid"])).await.expect("the task is there");
    assert_eq!(task["status"], "succeeded");
    assert_eq!(task["details"]["indexedDocuments"], 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_one_and_another_shape_are_refused() {
    let mut dev = Dev::start(&["--nodes", "1", "--peers", "1"]).await;
    let again = |flags: &[&str]| {
        let mut command = Command::new(program("miroir"));
        command.arg("dev").args(flags).arg("--data-dir").arg(&dev.dir).output().expect("it runs")
    };
    let second = again(&[]);
    assert_eq!(second.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&second.stderr).contains("in use"), "{second:?}");
    dev.stop();
    let again = |flags: &[&str]| {
        let mut command = Command::new(program("miroir"));
        command.arg("dev").args(flags).arg("--data-dir").arg(&dev.dir).output().expect("it runs")
    };
    let other = again(&["--nodes", "2"]);
    assert_eq!(other.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&other.stderr).contains("--nodes 1"), "{other:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_master_key_guards_everything_but_health() {
    let dev = Dev::start(&["--nodes", "1", "--peers", "1", "--master-key", "a-master-key-of-20b"]).await;
    let peer = dev.peer(1);
    assert_eq!(get(&format!("{peer}/health")).await, Some(json!({"status": "available"})));
    assert_eq!(get(&format!("{peer}/indexes")).await.expect("JSON")["code"], "missing_authorization_header");
    let ask = async |key: &str| {
        let request = reqwest::Client::new().get(format!("{peer}/indexes")).bearer_auth(key);
        request.send().await.expect("an answer").status().as_u16()
    };
    assert_eq!(ask("wrong").await, 403);
    assert_eq!(ask("a-master-key-of-20b").await, 200);
    let refused = dev.ctl(&["status"]);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    let allowed = dev.ctl(&["--key", "a-master-key-of-20b", "status"]);
    assert!(allowed.status.success(), "{allowed:?}");
    let key = "a-master-key-of-20b";
    for member in dev.manifest["peers"].as_array().into_iter().flatten() {
        assert!(!member["argv"].to_string().contains(key), "a secret is in an argument");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_says_so() {
    let dev = Dev::start(&["--nodes", "1", "--peers", "1"]).await;
    for route in ["dumps", "keys", "indexes/x/compact"] {
        let (status, answer) = post(&format!("{}/{route}", dev.peer(1)), &json!({})).await;
        assert_eq!((status, answer["code"].as_str()), (501, Some("miroir_not_implemented")), "{route}");
    }
    let (status, _) = post(&format!("{}/no-such-route", dev.peer(1)), &json!({})).await;
    assert_eq!(status, 404);
    assert_eq!(dev.ctl(&["status"]).status.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_demo_can_be_searched_when_it_is_ready() {
    let mut dev = Dev::start(&["--nodes", "2", "--peers", "1", "--demo"]).await;
    let film = json!({"q": "godfather", "filter": "year < 1980", "sort": ["year:asc"]});
    let (_, found) = post(&format!("{}/indexes/movies/search", dev.peer(1)), &film).await;
    assert_eq!(found["hits"][0]["title"], "The Godfather", "{found}");
    let (_, task) =
        post(&format!("{}/indexes/movies/documents", dev.peer(1)), &json!([{"id": 99_999}])).await;
    ended(&dev.peer(1), &task).await;
    dev.stop();
    dev.start_again().await;
    let stats = get(&format!("{}/indexes/movies/stats", dev.peer(1))).await.expect("stats");
    assert_eq!(stats["numberOfDocuments"], 401, "an index that is there is left alone");
}
