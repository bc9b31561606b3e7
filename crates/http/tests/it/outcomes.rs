//! What a client hears when its write is not, or may not be, taken.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use axum::http::{StatusCode, header};
use miroir_cluster::{Command, Ledger, Outcome, ProposeError};
use miroir_model::TaskUid;
use miroir_testkit::{Around, Interpose, LocalCluster, LocalLedger, Lost, adopt, defaults};
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

/// Before each of so many writes is taken, someone else changes the settings of its index.
struct Overtaken {
    ledger: LocalLedger,
    left: AtomicUsize,
}

#[async_trait]
impl Interpose for Overtaken {
    fn inner(&self) -> &dyn Ledger {
        &self.ledger
    }

    async fn propose(&self, command: Command) -> Result<Outcome, ProposeError> {
        let is_addition = matches!(&command, Command::Enqueue(enqueue) if enqueue.work.payload().is_some());
        let left = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        if is_addition && left.is_ok() {
            let other = Peer::of(self.ledger.cluster().start(2));
            let (status, _) =
                other.call("PATCH", "/indexes/movies/settings", &json!({"stopWords": ["a"]})).await;
            assert_eq!(status, StatusCode::ACCEPTED);
        }
        self.ledger.propose(command).await
    }
}

/// What the log refuses since it was validated against something older is validated against what is there now, some
/// times; then the client hears that nothing was accepted, and nothing was.
#[tokio::test]
async fn a_write_that_others_overtake_is_validated_again() {
    for (times, wanted) in
        [(1, StatusCode::ACCEPTED), (2, StatusCode::ACCEPTED), (3, StatusCode::SERVICE_UNAVAILABLE)]
    {
        let cluster = LocalCluster::founded(defaults(4), [adopt("node-0", "http://127.0.0.1:9")]);
        let ledger = Overtaken { ledger: cluster.start(1), left: AtomicUsize::new(0) };
        let ledger = Arc::new(Around(ledger));
        let peer = Peer::over(ledger.clone(), cluster);
        peer.post("/indexes", &json!({"uid": "movies", "primaryKey": "id"})).await;
        ledger.0.left.store(times, Ordering::Relaxed);
        let before = peer.cluster.state().next_task;
        let (status, headers, answer) =
            peer.call_for_all("POST", "/indexes/movies/documents", &json!([{"id": 1}])).await;
        assert_eq!(status, wanted, "{answer}");
        let refused = status == StatusCode::SERVICE_UNAVAILABLE;
        assert_eq!(headers.contains_key(header::RETRY_AFTER), refused);
        assert_eq!(answer["code"] == "miroir_backpressure", refused);
        let accepted = times as u64 + u64::from(!refused);
        assert_eq!(
            peer.cluster.state().next_task.0 - before.0,
            accepted,
            "each change, and the write if it was"
        );
    }
}

/// The answer of the log is lost: whether the write is in it, the log is asked.
#[tokio::test]
async fn a_write_whose_outcome_was_lost_is_settled() {
    for (lost, wanted) in
        [(Lost::AfterApply, StatusCode::ACCEPTED), (Lost::BeforeApply, StatusCode::SERVICE_UNAVAILABLE)]
    {
        let cluster = LocalCluster::founded(defaults(4), [adopt("node-0", "http://127.0.0.1:9")]);
        let ledger = cluster.start(1);
        let peer = Peer::of(ledger.clone());
        peer.post("/indexes", &json!({"uid": "movies", "primaryKey": "id"})).await;
        let next = cluster.state().next_task;
        ledger.lose([lost]);
        let (status, answer) = peer.post("/indexes/movies/documents", &json!([{"id": 1}])).await;
        assert_eq!(status, wanted, "{answer}");
        let accepted = status == StatusCode::ACCEPTED;
        assert_eq!(cluster.state().tasks.contains_key(&next), accepted, "as the client was told");
        assert!(!accepted || answer["taskUid"] == next.0, "{answer}");
        assert!(accepted || answer["code"] == "miroir_no_quorum", "{answer}");
    }
}

/// A peer that knows no leader says so for what needs the others, and answers what cannot change any more.
#[tokio::test]
async fn without_a_leader_only_what_is_over_is_told() {
    let peer = Peer::new();
    peer.post("/indexes", &json!({"uid": "movies"})).await;
    let (_, refused) = peer.call("DELETE", "/indexes/none", &json!(null)).await;
    let over = format!("/tasks/{}", refused["taskUid"]);
    peer.cluster.elect(None);
    let needs_others = [
        ("POST", "/indexes/movies/documents?primaryKey=id", json!([{"id": 1}])),
        ("PATCH", "/indexes/movies/settings", json!({"stopWords": ["a"]})),
        ("GET", "/indexes/movies/settings", json!(null)),
        ("GET", "/indexes", json!(null)),
        ("GET", "/tasks", json!(null)),
        ("GET", "/tasks/0", json!(null)),
    ];
    for (method, path, body) in needs_others {
        let (status, headers, answer) = peer.call_for_all(method, path, &body).await;
        assert_eq!(
            (status, &answer["code"]),
            (StatusCode::SERVICE_UNAVAILABLE, &json!("miroir_no_quorum")),
            "{path}"
        );
        assert!(headers.contains_key(header::RETRY_AFTER), "{path}");
    }
    let (status, answer) = peer.call("GET", &over, &json!(null)).await;
    assert_eq!((status, &answer["status"]), (StatusCode::OK, &json!("failed")), "{answer}");
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
            "message": "The write is too large: without its documents (with its settings or its filter, for example) it \
                        takes 9 bytes as Miroir stores it, and 8 are the most.",
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
