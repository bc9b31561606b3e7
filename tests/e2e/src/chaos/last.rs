//! The end of a run: what each node holds, what each peer lists, and the product's own opinion.

use std::collections::BTreeMap;
use std::time::Duration;

use miroir_testkit::processes::verified;
use reqwest::Client;
use serde_json::{Value, json};

use super::checker::Violation;
use super::checker::copies::{self, Expected, Held, Shard};
use super::checker::tasks::nameless;
use super::document::{self, Id, Stored};
use super::http::{self, Answered, Reply};
use super::model::Model;
use super::quiet::Auditor;
use super::stage::Stage;

/// Documents read at once.
const PAGE: usize = 1000;

/// Everything that can be said only at the end. Nothing is under way.
pub(crate) async fn check(stage: &Stage, auditor: &Auditor<'_>) {
    let found = auditor.log.complete(&stage.notes().record);
    stage.report(found);
    stage.report(lists(stage, auditor).await);
    let found = match (shards(stage).await, nodes(stage, &auditor.log.model).await) {
        (Some(shards), Ok(nodes)) => {
            let expected: BTreeMap<String, Expected> = (auditor.log.model.names())
                .map(|(name, history)| (name.to_owned(), (history.documents().clone(), history.mark())))
                .collect();
            copies::check(&expected, &shards, &nodes)
        }
        (_, Err(text)) => vec![Violation::new("every copy holds what the log says", text)],
        (None, _) => vec![Violation::new("what is healed recovers", "no topology at the end")],
    };
    stage.report(found);
    if let Err(said) = verified(|| stage.mesh.ctl(0, &["verify", "--json"])) {
        stage.report([Violation::new("`verify` finds nothing", said)]);
    }
}

/// Every peer lists the same tasks, under the names that their indexes have now.
async fn lists(stage: &Stage, auditor: &Auditor<'_>) -> Option<Violation> {
    let client = http::client(Duration::from_secs(20));
    let mut tasks = auditor.tasks.clone();
    for task in &mut tasks {
        let name = auditor.log.shown(task["uid"].as_u64()?, &stage.notes().record).map(str::to_owned);
        task["indexUid"] = name.into();
    }
    for peer in 0..stage.peers {
        for chunk in tasks.chunks(500) {
            let from = chunk.last()?["uid"].as_u64()?;
            let path = format!("/tasks?limit={}&from={from}", chunk.len());
            let page = match http::send(client.get(stage.url(peer, &path))).await {
                Reply::Answered(Answered { status: 200, body, .. }) => body,
                other => {
                    let text = format!("peer {peer} does not list its tasks: {other:?}");
                    return Some(Violation::new("what is healed answers", text));
                }
            };
            if let Some(text) = other(chunk, page["results"].as_array().map_or(&[], Vec::as_slice)) {
                let text = format!("peer {peer} lists other tasks than peer 0, up to task {from}: {text}");
                return Some(Violation::new("every peer has the same history", text));
            }
        }
    }
    None
}

/// The first task that is another on this peer; `found` has the newest first.
fn other(expected: &[Value], found: &[Value]) -> Option<String> {
    let mut found = found.iter().rev();
    for task in expected {
        match found.next() {
            Some(there) if there == task => {}
            // What index a canceled task was for may depend on an exchange of names that was canceled too.
            Some(there) if task["status"] == "canceled" && nameless(there) == nameless(task) => {}
            there => return Some(format!("{task} here, {} there", there.unwrap_or(&Value::Null))),
        }
    }
    found.next().map(|more| format!("{more} is one too many"))
}

/// Where everything should be, as the cluster says.
async fn shards(stage: &Stage) -> Option<Vec<Shard>> {
    let client = http::client(Duration::from_secs(20));
    let topology = http::get(&client, &stage.url(0, "/_miroir/topology")).await?;
    let mut shards = Vec::new();
    for index in topology["indexes"].as_array()? {
        for shard in index["shards"].as_array()? {
            let slot = |at: usize| u16::try_from(shard["slots"][at].as_u64()?).ok();
            let node = |copy: &Value| copy["node"].as_str()?.strip_prefix("node-")?.parse().ok();
            let nodes = shard["copies"].as_array()?.iter().filter_map(node).collect();
            shards.push(Shard {
                index: index["uid"].as_str()?.to_owned(),
                slots: (slot(0)?, slot(1)?),
                nodes,
            });
        }
    }
    Some(shards)
}

/// All documents of all nodes, asked of the nodes themselves.
async fn nodes(stage: &Stage, model: &Model) -> Result<Vec<Vec<Held>>, String> {
    let client = http::client(Duration::from_secs(20));
    let mut nodes = Vec::new();
    for node in 0..stage.nodes {
        nodes.push(held((stage, &client), node, model).await?);
    }
    Ok(nodes)
}

async fn held((stage, client): (&Stage, &Client), node: usize, model: &Model) -> Result<Vec<Held>, String> {
    let indexes = node_get(stage, client, (node, "/indexes?limit=1000".to_owned())).await?;
    let mut all = Vec::new();
    for index in indexes["results"].as_array().into_iter().flatten() {
        let uid = index["uid"].as_str().unwrap_or_default();
        let settings = node_get(stage, client, (node, format!("/indexes/{uid}/settings"))).await?;
        let mark = document::mark(&settings);
        let mut offset = 0;
        loop {
            let path = format!("/indexes/{uid}/documents?limit={PAGE}&offset={offset}");
            let page = node_get(stage, client, (node, path)).await?;
            let documents = page["results"].as_array().cloned().unwrap_or_default();
            let read = documents.len();
            for document in documents {
                let (id, stored) = own(document).map_err(|text| format!("node {node}, {uid}: {text}"))?;
                let name = stored.u.or(stored.v).and_then(|number| model.name_of(number));
                let index = name.unwrap_or("an index that is gone").to_owned();
                all.push(Held { index, id, stored, mark });
            }
            offset += read;
            if read < PAGE {
                break;
            }
        }
    }
    Ok(all)
}

/// A document as its user wrote it.
fn own(mut document: Value) -> Result<(Id, Stored), String> {
    if let Value::Object(members) = &mut document {
        members.remove("_miroir");
    }
    document::read(&document)
}

async fn node_get(stage: &Stage, client: &Client, (node, path): (usize, String)) -> Result<Value, String> {
    let url = format!("{}{path}", stage.mesh.node_url(node));
    match http::send(client.get(url).bearer_auth(stage.mesh.node_key(node))).await {
        Reply::Answered(Answered { status: 200, body, .. }) => Ok(body),
        other => Err(format!("node {node}, {path}: {other:?} {}", json!(null))),
    }
}
