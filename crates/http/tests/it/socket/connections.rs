//! Connections: how many, what is no HTTP, and how they end.

use axum::Router;
use axum::routing::get;
use miroir_http::Limits;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::{DOCUMENTS, MS, PATIENCE, Server, limits, post, write};

#[tokio::test]
async fn requests_in_one_piece_are_answered_in_their_order() {
    let (server, _peer) = Server::start(limits()).await;
    let mut client = server.connect().await;
    let one = "GET /health HTTP/1.1\r\nhost: x\r\n\r\nGET /tasks/x HTTP/1.1\r\nhost: x\r\n\r\n";
    client.send(one.repeat(50) + &*write("[{\"id\":1}]") + "GET /nowhere HTTP/1.1\r\nhost: x\r\n\r\n").await;
    for _ in 0..50 {
        assert_eq!(client.answer().await.expect("an answer").status, 200);
        assert_eq!(client.answer().await.expect("an answer").code(), "invalid_task_uids");
    }
    assert_eq!(client.answer().await.expect("an answer").status, 202);
    assert_eq!(client.answer().await.expect("an answer").status, 404);
}

#[tokio::test]
async fn what_is_no_http_is_refused_and_does_no_harm() {
    let (server, peer) = Server::start(limits()).await;
    let before = peer.cluster.state();
    let long = |bytes| "x".repeat(bytes);
    let refused = [
        (431, format!("GET /health HTTP/1.1\r\nhost: x\r\na: {}\r\n\r\n", long(300 << 10))),
        (431, format!("GET /health HTTP/1.1\r\nhost: x\r\n{}\r\n", "a: b\r\n".repeat(200))),
        (414, format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", long(70 << 10))),
        (400, "GET /health\r\n\r\n".to_owned()),
        (400, "\0\u{1}\u{2}\u{3}\r\n\r\n".to_owned()),
        (400, "GET /health HTTP/9.9\r\n\r\n".to_owned()),
        (400, "GET /he alth HTTP/1.1\r\nhost: x\r\n\r\n".to_owned()),
        (400, "GET /health HTTP/1.1\r\nhost x\r\n\r\n".to_owned()),
        (400, "GET /health HTTP/1.1\r\nho\0st: x\r\n\r\n".to_owned()),
        (400, post(DOCUMENTS, "content-length: -1\r\n")),
        (400, post(DOCUMENTS, "content-length: 1\r\ncontent-length: 2\r\n") + "[]"),
        (400, post(DOCUMENTS, "content-length: 99999999999999999999999\r\n")),
        (400, post(DOCUMENTS, "transfer-encoding: gzip\r\n")),
        (400, post(DOCUMENTS, "transfer-encoding: chunked\r\n") + "zz\r\n[]\r\n0\r\n\r\n"),
        (400, post(DOCUMENTS, "transfer-encoding: chunked\r\n") + "ffffffffffffffffff\r\n[]"),
        (400, post(DOCUMENTS, "transfer-encoding: chunked\r\n") + "2\r\n[]"),
        (400, post(DOCUMENTS, "content-length: 10\r\n") + "[]"),
        (400, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned()),
        (400, format!("\x16\x03\x01{}\r\n\r\n", long(100))),
    ];
    for (status, text) in refused {
        let mut client = server.connect().await;
        client.send(&text).await;
        // What is cut short, is.
        let _ = client.stream.shutdown().await;
        let answer = client.answer().await;
        let shown: String = text.chars().take(80).collect();
        if let Some(answer) = answer {
            assert_eq!(answer.status, status, "{shown:?}");
            client.closed().await;
        }
    }
    assert_eq!(*before, *peer.cluster.state());
    server.healthy().await;
}

#[tokio::test]
async fn only_so_many_connections_are_there_at_once() {
    let (server, _peer) = Server::start(Limits { connections: 3, ..limits() }).await;
    let mut there = Vec::new();
    for _ in 0..3 {
        let mut client = server.connect().await;
        client.send("GET /health HTTP/1.1\r\nhost: x\r\n\r\n").await;
        assert_eq!(client.answer().await.expect("an answer").status, 200);
        there.push(client);
    }
    let mut next = server.connect().await;
    next.send("GET /health HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(timeout(200 * MS, next.answer()).await.is_err(), "it waits");
    drop(there.pop());
    assert_eq!(next.answer().await.expect("an answer").status, 200);
}

#[tokio::test]
async fn what_was_begun_ends_before_the_server_does() {
    let answer = || async {
        sleep(300 * MS).await;
        "done"
    };
    let mut server = Server::of(Router::new().route("/slow", get(answer)), limits()).await;
    let mut idle = server.connect().await;
    idle.send("GET /slow HTTP/1.1\r\nhost: x\r\n\r\n").await;
    idle.answer().await.expect("an answer");
    let mut busy = server.connect().await;
    busy.send("GET /slow HTTP/1.1\r\nhost: x\r\n\r\n").await;
    sleep(100 * MS).await;
    drop(server.stop.take());
    assert_eq!(busy.answer().await.expect("an answer").body, b"done");
    timeout(PATIENCE, &mut server.ended).await.expect("in time").expect("no panic");
    assert!(idle.closed().await < PATIENCE);
    assert!(TcpStream::connect(server.address).await.is_err());
}
