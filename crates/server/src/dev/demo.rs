//! `--demo`: a few hundred films to play with, loaded as any client would.

use std::time::Duration;

use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

use super::show;
use crate::exit::Exit;

/// Where they go.
const INDEX: &str = "movies";

const FILMS: &str = include_str!("../../demo/movies.ndjson");

/// How long it may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// Loads the films through a peer, and returns when they can be searched. An index that is there is left alone.
pub(super) async fn load(url: &str, key: Option<&str>) -> Result<(), Exit> {
    let failed = |error: String| Exit::Failed(format!("the demo could not be loaded: {error}"));
    let client = Client::builder().timeout(Duration::from_secs(30)).no_proxy().build();
    let peer = Peer { client: client.map_err(|error| failed(error.to_string()))?, url, key };
    let loaded = tokio::time::timeout(PATIENCE, films(&peer)).await;
    let loaded = loaded.unwrap_or_else(|_| Err(format!("not done after {} s", PATIENCE.as_secs())));
    println!("{}\n", loaded.map_err(failed)?);
    Ok(())
}

/// What was done, in words.
async fn films(peer: &Peer<'_>) -> Result<String, String> {
    let (status, _) = peer.call(Method::GET, &format!("/indexes/{INDEX}"), None).await?;
    if status != StatusCode::NOT_FOUND {
        return Ok(format!("\nThe index `{INDEX}` is there already: no demo was loaded."));
    }
    let settings = json!({
        "searchableAttributes": ["title", "director", "genre", "distributor", "source"],
        "filterableAttributes": ["genre", "year", "rating", "director", "imdb_rating"],
        "sortableAttributes": ["year", "imdb_rating", "worldwide_gross"],
    });
    let body = ("application/json", settings.to_string());
    peer.write(Method::PATCH, &format!("/indexes/{INDEX}/settings"), body).await?;
    let body = ("application/x-ndjson", FILMS.to_owned());
    // In the order of an index's tasks, so the settings are done too when this is.
    let task = peer.write(Method::POST, &format!("/indexes/{INDEX}/documents?primaryKey=id"), body).await?;
    loop {
        let (_, now) = peer.call(Method::GET, &format!("/tasks/{task}"), None).await?;
        match now["status"].as_str() {
            Some("succeeded") => break,
            Some("enqueued" | "processing") => tokio::time::sleep(Duration::from_millis(50)).await,
            _ => return Err(now.to_string()),
        }
    }
    let search = show::search(peer.url, peer.key, "angry men");
    Ok(format!("\n{} films are in the index `{INDEX}`:\n{search}", FILMS.lines().count()))
}

struct Peer<'a> {
    client: Client,
    url: &'a str,
    key: Option<&'a str>,
}

impl Peer<'_> {
    async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<(&'static str, String)>,
    ) -> Result<(StatusCode, Value), String> {
        let mut request = self.client.request(method, format!("{}{path}", self.url));
        if let Some(key) = self.key {
            request = request.bearer_auth(key);
        }
        if let Some((kind, text)) = body {
            request = request.header("content-type", kind).body(text);
        }
        let answer = request.send().await.map_err(|error| error.to_string())?;
        let status = answer.status();
        Ok((status, answer.json().await.map_err(|error| error.to_string())?))
    }

    /// The uid of the task.
    async fn write(&self, method: Method, path: &str, body: (&'static str, String)) -> Result<u64, String> {
        let (_, answer) = self.call(method, path, Some(body)).await?;
        answer["taskUid"].as_u64().ok_or_else(|| answer.to_string())
    }
}
