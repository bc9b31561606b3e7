//! What every answer must be, whatever was asked.

use std::str::FromStr;
use std::time::Duration;

use axum::body::to_bytes;
use axum::http::StatusCode;
use miroir_api::{ErrorCode, ResponseError};
use miroir_cluster::State;
use serde_json::Value;
use tower::ServiceExt;

use super::request::Sent;
use crate::Peer;

/// What a peer says when something is missing that is not the client's: a leader, a node, room, a feature.
const OURS: [StatusCode; 3] =
    [StatusCode::NOT_IMPLEMENTED, StatusCode::SERVICE_UNAVAILABLE, StatusCode::GATEWAY_TIMEOUT];

/// Longer than any answer takes that does not wait for another peer, on a machine that does other things too.
const PATIENCE: Duration = Duration::from_secs(20);

/// Asks the peer, and says what is wrong with the answer.
pub(crate) async fn judge(peer: &Peer, sent: &Sent) -> Result<StatusCode, String> {
    let Some(request) = sent.request() else { return Ok(StatusCode::OK) };
    let before = peer.cluster.state();
    let answered = tokio::time::timeout(PATIENCE, peer.router.clone().oneshot(request)).await;
    let answer = answered.map_err(|_| "no answer in time".to_owned())?.expect("a router does not fail");
    let status = answer.status();
    let json = answer.headers().get("content-type").is_some_and(|kind| kind == "application/json");
    let body = to_bytes(answer.into_body(), usize::MAX).await.map_err(|error| error.to_string())?;
    if status.is_server_error() && !OURS.contains(&status) && !as_meilisearch(&body) {
        return Err(format!("a fault of the program: {status}: {}", String::from_utf8_lossy(&body)));
    }
    if status.is_client_error() || status.is_server_error() {
        if sent.method != "HEAD" && !sent.target.starts_with("/_miroir/ready") {
            shape(status, &body)?;
        }
        let after = peer.cluster.state();
        if effects(&before) != effects(&after) {
            return Err(format!("refused with {status}, yet the state has changed"));
        }
    } else if json
        && !body.is_empty()
        && serde_json::from_slice::<&serde_json::value::RawValue>(&body).is_err()
    {
        return Err(format!("no JSON: {}", String::from_utf8_lossy(&body)));
    }
    Ok(status)
}

/// What users could notice. A refused command counts as one all the same, so the version may differ.
fn effects(state: &State) -> impl PartialEq {
    let State { tasks, indexes, names, next_task, uploads, .. } = state;
    (tasks.clone(), indexes.clone(), names.clone(), *next_task, uploads.clone())
}

/// Meilisearch calls it a fault of its own when a document is no object, and so does Miroir.
fn as_meilisearch(body: &[u8]) -> bool {
    let error = serde_json::from_slice::<ResponseError>(body);
    error.is_ok_and(|error| {
        error.message.starts_with("invalid type: ") && error.message.contains(", expected a map at ")
    })
}

/// Meilisearch's shape: four members, a known code, and what follows from it.
fn shape(status: StatusCode, body: &[u8]) -> Result<(), String> {
    let wrong = |what: &str| Err(format!("{what}: {status}: {}", String::from_utf8_lossy(body)));
    let Ok(error) = serde_json::from_slice::<ResponseError>(body) else {
        return wrong("no error of our shape");
    };
    let members = serde_json::from_slice::<Value>(body).ok().and_then(|value| Some(value.as_object()?.len()));
    if members != Some(4) {
        return wrong("too many members");
    }
    let own = ResponseError { message: error.message.clone(), ..ResponseError::new(error.code, "") };
    if error != own {
        return wrong("what follows from the code does not");
    }
    let by_status = [StatusCode::NOT_FOUND, StatusCode::METHOD_NOT_ALLOWED, StatusCode::REQUEST_TIMEOUT]
        .contains(&status);
    // The index of a multi-search is not what the path names.
    let inside = status == StatusCode::BAD_REQUEST && error.message.starts_with("Inside `.");
    let of_status = match error.code {
        ErrorCode::BadRequest => by_status,
        ErrorCode::IndexNotFound => inside,
        _ => false,
    };
    if error.http_status() != status.as_u16() && !of_status {
        return wrong("another status than that of the code");
    }
    if ErrorCode::from_str(error.code.as_str()) != Ok(error.code) || error.message.is_empty() {
        return wrong("no message");
    }
    Ok(())
}
