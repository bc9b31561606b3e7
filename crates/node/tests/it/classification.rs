//! Which error says what: `Unreachable` and `Rejected` only for what surely did not happen.

use std::sync::atomic::Ordering;

use miroir_node::{HttpNode, Node, NodeError, Origin, Write};
use tokio::net::TcpListener;

use crate::server::{Reply, Server, node};

async fn write(node: &HttpNode) -> NodeError {
    node.enqueue("i1-0", &Write::DeleteAll, Origin::default()).await.unwrap_err()
}

/// The answer to a write when the server answers with these bytes.
async fn write_answered(bytes: impl Into<String>) -> NodeError {
    let mut server = Server::start(Reply::Bytes(bytes.into())).await;
    let error = write(&node(&server.url)).await;
    server.only_request();
    error
}

/// A whole answer.
fn whole(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

fn unknown(error: NodeError) {
    assert!(matches!(error, NodeError::Unknown(_)), "{error:?}");
    assert!(!error.did_not_happen());
}

fn incompatible(error: NodeError) {
    assert!(matches!(error, NodeError::Incompatible(_)), "{error:?}");
    assert!(!error.did_not_happen());
}

fn unreachable(error: NodeError) {
    assert!(matches!(error, NodeError::Unreachable(_)), "{error:?}");
    assert!(error.did_not_happen());
}

#[tokio::test]
async fn a_refused_connection_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    unreachable(write(&node(&url)).await);
}

#[tokio::test]
async fn a_name_without_address_is_unreachable() {
    unreachable(write(&node("http://no-such-host.invalid:7700")).await);
}

#[tokio::test]
async fn a_request_that_cannot_be_written_down_never_left() {
    let server = Server::start(Reply::Silence).await;
    let origin = Origin { mark: None, request_id: Some("two\nlines") };
    unreachable(node(&server.url).enqueue("i1-0", &Write::DeleteAll, origin).await.unwrap_err());
    assert_eq!(server.connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_close_before_the_answer_is_unknown_and_nothing_is_sent_again() {
    let mut server = Server::start(Reply::CloseAfter(0)).await;
    unknown(write(&node(&server.url)).await);
    server.only_request();
    assert_eq!(server.connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_close_on_a_kept_connection_is_unknown_and_nothing_is_sent_again() {
    let mut server = Server::start(Reply::CloseAfter(1)).await;
    let node = node(&server.url);
    node.health().await.unwrap();
    server.only_request();
    unknown(write(&node).await);
    server.only_request();
    assert_eq!(server.connections.load(Ordering::SeqCst), 1, "the connection was kept and used again");
}

#[tokio::test]
async fn an_answer_that_is_cut_is_unknown() {
    unknown(write_answered("HTTP/1.1 20").await);
    unknown(write_answered("HTTP/1.1 202 Accepted\r\ncontent-length: 100\r\n\r\n{\"taskUid\":").await);
    let refused = "HTTP/1.1 400 Bad Request\r\ncontent-length: 100\r\n\r\n{\"message\":";
    unknown(write_answered(refused).await);
}

#[tokio::test]
async fn a_node_that_says_nothing_in_time_is_unknown() {
    let mut server = Server::start(Reply::Silence).await;
    unknown(write(&node(&server.url)).await);
    server.only_request();
}

#[tokio::test]
async fn a_fault_of_the_node_is_unknown_whatever_it_says() {
    unknown(write_answered(whole("500 Internal Server Error", "")).await);
    let internal = r#"{"message":"m","code":"internal","type":"internal","link":"here"}"#;
    unknown(write_answered(whole("500 Internal Server Error", internal)).await);
}

#[tokio::test]
async fn a_refusal_in_meilisearchs_form_did_not_happen() {
    let body = r#"{"message":"m","code":"invalid_api_key","type":"auth","link":"here"}"#;
    let error = write_answered(whole("403 Forbidden", body)).await;
    let (code, kind, message) = ("invalid_api_key".to_owned(), "auth".to_owned(), "m".to_owned());
    assert_eq!(error, NodeError::Rejected { status: 403, code, kind, message });
    assert!(error.did_not_happen());
    assert_eq!(error.code(), Some("invalid_api_key"));
}

#[tokio::test]
async fn other_answers_are_not_those_of_a_node() {
    incompatible(write_answered(whole("404 Not Found", "not found")).await);
    incompatible(
        write_answered("HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n").await,
    );
    incompatible(write_answered(whole("200 OK", "{}")).await);
    incompatible(write_answered(whole("200 OK", "hello")).await);
}
