//! Looks at tasks through one peer, all the time.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::chaos::http;
use crate::chaos::op::Uid;
use crate::chaos::stage::Stage;

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(80);
/// How many tasks are looked at by their uids.
const SOME: usize = 60;

pub(super) async fn watch(stage: Arc<Stage>, peer: usize) {
    let client = http::client(Duration::from_secs(6));
    let mut turn = 0;
    while !stage.is_over() {
        let asked: Vec<Uid> = stage.notes().record.open().iter().copied().take(SOME).collect();
        let named = (turn % 2 == 1 && !asked.is_empty()).then_some(asked);
        match named {
            Some(asked) => by_uid(&stage, &client, peer, &asked).await,
            None => newest(&stage, &client, peer).await,
        }
        turn += 1;
        tokio::time::sleep(PAUSE).await;
    }
}

async fn newest(stage: &Stage, client: &reqwest::Client, peer: usize) {
    let begun = stage.now();
    let page = http::get(client, &stage.url(peer, "/tasks?limit=50")).await;
    let looks: Vec<_> = tasks(page).into_iter().map(|(uid, task)| (uid, Some(task))).collect();
    stage.looked(peer, (begun, stage.now()), &looks);
}

/// All of these were acknowledged before.
async fn by_uid(stage: &Stage, client: &reqwest::Client, peer: usize, asked: &[Uid]) {
    let uids = asked.iter().map(Uid::to_string).collect::<Vec<_>>().join(",");
    let begun = stage.now();
    let page = http::get(client, &stage.url(peer, &format!("/tasks?limit=100&uids={uids}"))).await;
    if page.is_none() {
        return;
    }
    let found = tasks(page);
    let task = |uid: &Uid| found.iter().find(|(found, _)| found == uid).map(|(_, task)| task.clone());
    let looks: Vec<_> = asked.iter().map(|uid| (*uid, task(uid))).collect();
    stage.looked(peer, (begun, stage.now()), &looks);
}

fn tasks(page: Option<Value>) -> Vec<(Uid, Value)> {
    let mut page = page.unwrap_or_default();
    let Value::Array(tasks) = page["results"].take() else { return Vec::new() };
    tasks.into_iter().filter_map(|task| Some((task["uid"].as_u64()?, task))).collect()
}
