//! `miroir-ctl status`.

use std::collections::BTreeSet;
use std::process::ExitCode;

use comfy_table::Table;
use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use serde_json::Value;

use crate::client::Client;
use crate::exit::Exit;
use crate::say;

pub(crate) async fn run(mut client: Client, as_json: bool) -> Result<ExitCode, Exit> {
    let text = client.topology().await?;
    let topology: Value = serde_json::from_str(&text)
        .map_err(|error| Exit::Failed(format!("the peer's answer is not JSON: {error}")))?;
    if as_json {
        say::line(text);
    } else {
        print(&topology);
    }
    let troubles = troubles(&topology);
    if !as_json {
        troubles.iter().for_each(|trouble| say::line(format!("! {trouble}")));
    }
    if topology["leader"].is_null() {
        return Ok(ExitCode::from(3));
    }
    Ok(if troubles.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(4) })
}

fn items<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    value[name].as_array().into_iter().flatten()
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "-".to_owned(),
        other => other.to_string(),
    }
}

fn table<const N: usize>(header: [&str; N], rows: impl Iterator<Item = [String; N]>) {
    let mut table = Table::new();
    table.load_style(UTF8_HORIZONTAL_ONLY).set_header(header);
    rows.for_each(|row| {
        table.add_row(row);
    });
    say::line(format!("{table}\n"));
}

fn print(topology: &Value) {
    say::line(format!(
        "cluster {}  term {}  commit {}\n",
        text(&topology["cluster"]),
        topology["term"],
        topology["commit"]
    ));
    let leader = &topology["leader"];
    let peers = items(topology, "peers").map(|peer| {
        let role = if peer["id"] == *leader { "leader".to_owned() } else { text(&peer["role"]) };
        // Only a leader knows, and what the last one said is old.
        let alive = match peer["alive"] == true {
            _ if leader.is_null() => "?",
            true => "up",
            false => "DOWN",
        };
        [text(&peer["name"]), text(&peer["http"]), role, alive.to_owned(), text(&peer["applied"])]
    });
    table(["peer", "address", "role", "", "applied"], peers);
    let nodes = items(topology, "nodes").map(|node| {
        let lane = &node["lane"];
        let lag = format!("{} tasks, {} s", lane["lag_tasks"], lane["lag_seconds"]);
        let by =
            items(topology, "peers").find(|peer| !lane["owner"].is_null() && peer["id"] == lane["owner"]);
        let owner = by.map_or_else(|| text(&lane["owner"]), |peer| text(&peer["name"]));
        let documents = text(&node["documents"]);
        [
            text(&node["id"]),
            text(&node["url"]),
            text(&node["group"]),
            text(&node["state"]),
            owner,
            lag,
            documents,
        ]
    });
    table(["node", "address", "group", "", "delivered by", "behind", "documents"], nodes);
    let indexes = items(topology, "indexes").map(|index| {
        let copies = items(index, "shards").map(|shard| items(shard, "copies").count()).sum::<usize>();
        let documents: u64 = items(index, "shards")
            .map(|shard| {
                items(shard, "copies").filter_map(|copy| copy["documents"].as_u64()).max().unwrap_or(0)
            })
            .sum();
        let shards = items(index, "shards").count();
        [text(&index["uid"]), shards.to_string(), copies.to_string(), documents.to_string()]
    });
    table(["index", "shards", "copies", "documents"], indexes);
    let tasks = &topology["tasks"];
    say::line(format!(
        "last task {}, {} undelivered ({} bytes)",
        text(&tasks["last"]),
        text(&tasks["undelivered"]),
        text(&tasks["undelivered_bytes"])
    ));
}

/// What an operator should look at.
fn troubles(topology: &Value) -> Vec<String> {
    let mut troubles = Vec::new();
    if topology["cluster"].is_null() {
        let text = "there is no cluster yet: it is founded when all `initial_peers` are up and the nodes that they name, \
                    or enough of them, have joined; the logs of the peers say what is missing";
        troubles.push(text.to_owned());
    }
    if topology["leader"].is_null() {
        if items(topology, "peers").count() > 0 {
            let text =
                "there is no leader: most peers must be up, and reach each other; what is shown was so last";
            troubles.push(text.to_owned());
        }
        return troubles;
    }
    for peer in items(topology, "peers").filter(|peer| peer["alive"] != true) {
        troubles.push(format!("peer {} is down", text(&peer["name"])));
    }
    for node in items(topology, "nodes").filter(|node| node["state"] != "up") {
        troubles.push(format!("node {} is {}", text(&node["id"]), text(&node["state"])));
    }
    let up: Vec<&Value> =
        items(topology, "nodes").filter(|node| node["state"] == "up").map(|node| &node["id"]).collect();
    for index in items(topology, "indexes") {
        troubles.extend(of_shards(index, &up));
        troubles.extend(of_copies(index));
    }
    troubles
}

/// Shards that nobody can search, and those that one more loss would end.
fn of_shards(index: &Value, up: &[&Value]) -> Vec<String> {
    let (mut none, mut alone) = (Vec::new(), Vec::new());
    for shard in items(index, "shards") {
        let copies = items(shard, "copies").count();
        let answers = |copy: &&Value| copy["searchable"] == true && up.contains(&&copy["node"]);
        match items(shard, "copies").filter(answers).count() {
            0 => none.push(shard["id"].to_string()),
            1 if copies > 1 => alone.push(shard["id"].to_string()),
            _ => {}
        }
    }
    let uid = text(&index["uid"]);
    let say = |shards: Vec<String>, what: &str| {
        (!shards.is_empty()).then(|| format!("index {uid}: shards {} {what}", shards.join(", ")))
    };
    [say(none, "have no copy that can be searched"), say(alone, "rest on one copy")]
        .into_iter()
        .flatten()
        .collect()
}

/// Copies that are stopped or lost, each node once.
fn of_copies(index: &Value) -> BTreeSet<String> {
    let mut troubles = BTreeSet::new();
    for copy in items(index, "shards").flat_map(|shard| items(shard, "copies")) {
        let place = format!("index {} on {}", text(&index["uid"]), text(&copy["node"]));
        if let Some(fault) = copy["fault"].as_str() {
            troubles.insert(format!("{place} is stopped and tries again: {fault}"));
        }
        if let Some(lost) = copy["lost"].as_str() {
            troubles.insert(format!("{place} is lost and must be rebuilt: {lost}"));
        }
    }
    troubles
}
