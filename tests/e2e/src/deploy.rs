//! A cluster from the very files of `deploy/`.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use miroir_testkit::processes::{PATIENCE, ended, get, post, program};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

struct Processes(Vec<Child>);

impl Drop for Processes {
    fn drop(&mut self) {
        for child in &self.0 {
            if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
                let _ = kill_process(pid, Signal::TERM);
            }
        }
        self.0.iter_mut().for_each(|child| drop(child.wait()));
    }
}

fn start(dir: &Path, arguments: &[&str]) -> Child {
    let log = fs::File::create(dir.join(format!("{}.log", arguments.join("-").replace('/', "_"))));
    Command::new(program("miroir"))
        .args(arguments)
        .current_dir(dir)
        .stdout(Stdio::null())
        .stderr(log.expect("a log"))
        .spawn()
        .expect("it starts")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_files_of_deploy_make_a_cluster() {
    let keep = tempfile::tempdir().expect("a directory");
    let dir = keep.path();
    for folder in ["secrets", "data"] {
        fs::create_dir(dir.join(folder)).expect("a folder");
    }
    fs::write(dir.join("secrets/cluster"), "a-secret-of-the-cluster\n").expect("written");
    let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy");
    let mut processes = Processes(Vec::new());
    for number in 0..3 {
        let key = format!("the master key of node {number}");
        fs::write(dir.join(format!("secrets/node-{number}")), &key).expect("written");
        let (address, data) = (format!("127.0.0.1:772{number}"), format!("data/node-{number}"));
        let flags = ["node", "--http-addr", &address, "--db-path", &data, "--master-key", &key];
        processes.0.push(start(dir, &flags));
    }
    for number in 1..=3 {
        let file = format!("peer-{number}.toml");
        fs::copy(deploy.join(&file), dir.join(&file)).expect("copied");
        processes.0.push(start(dir, &["peer", "--config", &file]));
    }
    let started = Instant::now();
    let peer = |number: usize| format!("http://127.0.0.1:770{}", number - 1);
    loop {
        let topology = get(&format!("{}/_miroir/topology", peer(3))).await.unwrap_or_default();
        if topology["nodes"].as_array().is_some_and(|nodes| nodes.len() == 3) {
            break;
        }
        assert!(started.elapsed() < PATIENCE, "the cluster is not up: {topology}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let (status, task) =
        post(&format!("{}/indexes/a/documents", peer(1)), &json!([{"id": 1, "t": "hello"}])).await;
    assert_eq!(status, 202, "{task}");
    assert_eq!(ended(&peer(2), &task).await["status"], "succeeded");
    let (_, found) = post(&format!("{}/indexes/a/search", peer(3)), &json!({"q": "hello"})).await;
    assert_eq!(found["hits"][0]["id"], 1, "{found}");
}
