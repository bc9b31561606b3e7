//! When all is up: every peer says so, and every node is adopted and delivered to.

use std::time::Duration;

use reqwest::Client;
use serde_json::Value;

use super::children::{Children, log_file};
use super::shape::{Kind, Member};
use crate::exit::Exit;

/// How long a start may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until all is up, or a child has ended.
pub(super) async fn wait(members: &[Member], key: Option<&str>, children: &mut Children) -> Result<(), Exit> {
    let client = Client::builder().timeout(Duration::from_secs(2)).no_proxy().build();
    let client = client.map_err(|error| Exit::Failed(error.to_string()))?;
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        if let Some((member, status)) = children.ended(members) {
            return Err(Exit::Failed(format!(
                "{} ended ({status}); its log is {}",
                member.id,
                log_file(member).display()
            )));
        }
        let missing = match missing(members, key, &client).await {
            None => return Ok(()),
            Some(missing) => missing,
        };
        if tokio::time::Instant::now() > deadline {
            return Err(Exit::Failed(format!("not ready after {} s: {missing}", PATIENCE.as_secs())));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// What is still waited for.
async fn missing(members: &[Member], key: Option<&str>, client: &Client) -> Option<String> {
    let peers: Vec<_> = members.iter().filter(|member| matches!(member.kind, Kind::Peer { .. })).collect();
    for peer in &peers {
        let url = format!("http://{}/_miroir/ready", peer.http);
        match client.get(url).send().await {
            Ok(answer) if answer.status().is_success() => {}
            _ => return Some(format!("{} is not ready", peer.id)),
        }
    }
    let url = format!("http://{}/_miroir/topology", peers.first()?.http);
    let request = client.get(url);
    let request = if let Some(key) = key { request.bearer_auth(key) } else { request };
    let topology: Value = match request.send().await {
        Ok(answer) => answer.json().await.unwrap_or_default(),
        Err(_) => Value::Null,
    };
    let wanted = members.iter().filter(|member| matches!(member.kind, Kind::Node { .. }));
    for node in wanted {
        let known =
            topology["nodes"].as_array().into_iter().flatten().find(|known| known["id"] == node.id.as_str());
        if !known.is_some_and(|known| known["state"] == "up" && !known["lane"]["owner"].is_null()) {
            return Some(format!("{} is not adopted", node.id));
        }
    }
    None
}
