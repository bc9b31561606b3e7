//! Requests that mean no good: whatever comes, the answer has Meilisearch's shape, nothing panics, and what is refused
//! has no effect.
//!
//! `tests/corpus` keeps requests that are tried first: one at least of each kind, from which others are made, and those
//! that have broken something. `MIROIR_SEED` makes other ones, and `MIROIR_LONG` more.

mod bodies;
mod generate;
mod judge;
mod request;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, Once};

use axum::http::StatusCode;
use miroir_http::{Limits, Options};
use miroir_testkit::{LocalCluster, adopt, defaults};
use serde_json::json;

use crate::{Peer, options};
use generate::{Generator, METHODS};
use judge::judge;
use request::Sent;

/// How often a peer is replaced by a new one: the fewer tasks it has, the faster it answers.
const FRESH: usize = 500;

/// Where panics were, in tasks of their own too.
static PANICS: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn watch_for_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            // Of a test that fails, the test's own panic is none of ours.
            if !panic.location().is_some_and(|place| place.file().contains("tests/it")) {
                PANICS.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(panic.to_string());
            }
            usual(panic);
        }));
    });
}

/// A peer with an index that is served, `movies`, and one that is only ordered, `books`.
async fn peer() -> Peer {
    watch_for_panics();
    let first = Peer::new();
    for (method, path, body) in [
        ("POST", "/indexes", json!({"uid": "movies", "primaryKey": "id"})),
        ("PATCH", "/indexes/movies/settings", json!({"filterableAttributes": ["price", "genre", "_geo"]})),
        ("PUT", "/indexes/movies/settings/sortable-attributes", json!(["price", "_geo"])),
    ] {
        let (status, answer) = first.call(method, path, &body).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
    }
    let mut state = (*first.cluster.state()).clone();
    state.names.served = state.names.ordered.clone();
    let peer = Peer::with_state(state);
    let (status, _) = peer.post("/indexes", &json!({"uid": "books"})).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    peer
}

/// Puts a request to a peer and fails with the request's text.
async fn hold(peer: &Peer, sent: &Sent, repeat: &str) -> StatusCode {
    let judged = judge(peer, sent).await;
    let panics = std::mem::take(&mut *PANICS.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    match judged {
        Ok(status) if panics.is_empty() => status,
        Ok(status) => panic!("{status}, but panics: {panics:#?}\n{repeat}\n\n{sent}"),
        Err(wrong) => panic!("{wrong}\n{panics:#?}\n{repeat}\n\n{sent}"),
    }
}

#[tokio::test]
async fn what_was_kept_is_answered() {
    for (name, sent) in Sent::corpus() {
        hold(&peer().await, &sent, &format!("tests/corpus/{name}")).await;
    }
}

#[tokio::test]
async fn every_route_answers_every_method_and_every_hostile_body() {
    let mut generator = Generator::new(1);
    let (values, broken) = (bodies::values(), bodies::broken());
    let bodies: Vec<Vec<u8>> = values.into_iter().map(String::into_bytes).chain(broken).collect();
    let mut peers = peer().await;
    let mut turn = 0;
    for path in miroir_http::paths() {
        for method in METHODS {
            // Every body once over all routes, and all of them where documents, filters or settings are read.
            let read_all = method != "GET"
                && ["documents", "fetch", "delete", "delete-batch", "search", "settings", "synonyms"]
                    .iter()
                    .any(|end| path.ends_with(end));
            for _ in 0..if read_all { bodies.len() } else { 3 } {
                turn += 1;
                let target = path.replace("{uid}", "movies");
                let target = generator.filled(&target);
                let headers = vec![("content-type".to_owned(), b"application/json".to_vec())];
                let body = bodies[turn % bodies.len()].clone();
                let sent = Sent { method: method.to_owned(), target, headers, body };
                hold(&peers, &sent, "of every route").await;
                if turn % FRESH == 0 {
                    peers = peer().await;
                }
            }
        }
    }
}

#[tokio::test]
async fn whatever_is_sent_is_answered() {
    let seed = miroir_testkit::seed().unwrap_or(1);
    let cases = if miroir_testkit::long() { 500_000 } else { 8_000 };
    let mut generator = Generator::new(seed);
    let (mut statuses, mut peers) = (BTreeMap::<u16, usize>::new(), peer().await);
    for case in 0..cases {
        let sent = generator.request();
        let repeat = format!("case {case} of MIROIR_SEED={seed} cargo test -p miroir-http whatever_is_sent");
        let status = hold(&peers, &sent, &repeat).await;
        *statuses.entry(status.as_u16()).or_default() += 1;
        if case % FRESH == FRESH - 1 {
            peers = peer().await;
        }
    }
    println!("{statuses:?}");
    for status in [200, 202, 400, 404, 405, 415, 501, 503] {
        assert!(statuses.contains_key(&status), "nothing was answered with {status}: {statuses:?}");
    }
}

#[tokio::test]
async fn without_the_key_only_what_is_open_is_answered() {
    let options = Options { master_key: Some("the master key".to_owned()), ..options() };
    let cluster = LocalCluster::founded(defaults(4), [adopt("node-0", "http://127.0.0.1:9")]);
    let peer = Peer::with((Arc::new(cluster.start(1)), cluster), options, Limits::default());
    let mut generator = Generator::new(1);
    for path in miroir_http::paths() {
        for method in METHODS {
            for key in
                [None, Some("Bearer another"), Some("Bearer "), Some("the master key"), Some("Basic x")]
            {
                let headers = key.map(|key| ("authorization".to_owned(), key.as_bytes().to_vec()));
                let (method, target) = (method.to_owned(), generator.filled(&path));
                let sent =
                    Sent { method, target, headers: headers.into_iter().collect(), body: b"{}".to_vec() };
                let status = hold(&peer, &sent, "without the key").await;
                let open = ["/", "/health", "/_miroir/ready"].contains(&&*path) || sent.method == "OPTIONS";
                // What is not there is not told of anybody's data either.
                let refused = [401, 403, 405, 501].contains(&status.as_u16()) || sent.request().is_none();
                assert!(open || refused, "{status}: {sent}");
            }
        }
    }
}
