//! What a client hears when its write is not, or may not be, taken.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::http::{StatusCode, header};
use miroir_cluster::{Command, Ledger, Outcome, ProposeError};
use miroir_model::TaskUid;
use miroir_testkit::{Around, Interpose, LocalCluster, LocalLedger, adopt, defaults};
use serde_json::json;
use tokio::time::Instant;

use crate::Peer;

/// Fails every proposal: a write's after `takes`, with an error, and every other one's as without a leader.
struct Failing {
    ledger: LocalLedger,
    takes: Duration,
    error: ProposeError,
}

#[async_trait]
impl Interpose for Failing {
    fn inner(&self) -> &dyn Ledger {
        &self.ledger
    }

    async fn propose(&self, command: Command) -> Result<Outcome, ProposeError> {
        if matches!(command, Command::Enqueue(_)) {
            tokio::time::sleep(self.takes).await;
            return Err(self.error.clone());
        }
        tokio::time::sleep(Duration::from_secs(3)).await;
        Err(ProposeError::NoQuorum)
    }
}

fn failing(takes: u64, error: ProposeError) -> Peer {
    let cluster = LocalCluster::founded(defaults(4), [adopt("node-0", "http://127.0.0.1:9")]);
    let ledger = Failing { ledger: cluster.start(1), takes: Duration::from_secs(takes), error };
    Peer::over(Arc::new(Around(ledger)), cluster)
}

#[tokio::test(start_paused = true)]
async fn an_unknown_outcome_is_said_ten_seconds_after_the_request() {
    // The leader is lost at once, late, or only silent.
    for takes in [0, 8, 60] {
        let peer = failing(takes, ProposeError::Unknown);
        let begun = Instant::now();
        let (status, headers, answer) =
            peer.call_for_all("POST", "/indexes", &json!({"uid": "movies"})).await;
        assert_eq!(answer["code"], "miroir_outcome_unknown");
        assert_eq!(status, StatusCode::GATEWAY_TIMEOUT);
        assert!(headers.contains_key(header::RETRY_AFTER));
        let took = begun.elapsed();
        assert!(
            took >= Duration::from_secs(10) && took < Duration::from_millis(10_100),
            "{took:?}, when a proposal takes {takes} s"
        );
    }
}

#[tokio::test]
async fn a_full_cluster_is_not_called_one_without_a_leader() {
    let peer = failing(0, ProposeError::Busy);
    let (status, headers, answer) = peer.call_for_all("POST", "/indexes", &json!({"uid": "movies"})).await;
    assert_eq!((status, &answer["code"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("miroir_backpressure")));
    assert!(headers.contains_key(header::RETRY_AFTER));
}

#[tokio::test]
async fn what_the_log_does_not_take_is_too_large() {
    let peer = failing(0, ProposeError::TooLarge { bytes: 9, limit: 8 });
    let (status, headers, answer) = peer.call_for_all("POST", "/indexes", &json!({"uid": "movies"})).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(
        answer,
        json!({
            "message": "The write is too large: what it says besides documents, settings or a filter say, has 9 \
                        bytes as Miroir stores it, and may have 8.",
            "code": "payload_too_large",
            "type": "invalid_request",
            "link": "https://docs.meilisearch.com/errors#payload_too_large",
        })
    );
    assert!(!headers.contains_key(header::RETRY_AFTER), "it would be no smaller then");
}

#[tokio::test]
async fn a_refusal_does_not_put_what_it_quotes_into_the_log() {
    let peer = Peer::new();
    let documents = json!([{"id": "?".repeat(1 << 20)}]);
    let (status, answer) = peer.post("/indexes/movies/documents?primaryKey=id", &documents).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
    let state = peer.cluster.state();
    let error = state.tasks.get(&TaskUid(0)).and_then(|task| task.error.as_ref()).expect("a refusal");
    assert!(error.message.starts_with("Document identifier `\"???"), "{}", &error.message[..40]);
    assert!(error.message.len() < 9 << 10, "{} bytes", error.message.len());
}
