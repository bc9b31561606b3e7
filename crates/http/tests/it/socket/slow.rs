//! Clients that send or take too slowly.

use std::time::Instant;

use axum::Router;
use axum::routing::get;
use miroir_http::Limits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{sleep, timeout};

use super::{DOCUMENTS, MS, PATIENCE, Server, documents, limits, post};

#[tokio::test]
async fn a_head_that_does_not_come_ends_the_connection_and_a_pause_does_not() {
    let (server, _peer) = Server::start(limits()).await;
    let mut idle = server.connect().await;
    let mut used = server.connect().await;
    used.send("GET /health HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert_eq!(used.answer().await.expect("an answer").status, 200);
    let mut slow = server.connect().await;
    slow.send("GET /health HTTP/1.1\r\nho").await;
    let begun = Instant::now();
    let dripping = async {
        let mut slow = server.connect().await;
        slow.send("GET /health HTTP/1.1\r\n").await;
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE && slow.stream.write_all(b"a: b\r\n").await.is_ok() {
            sleep(50 * MS).await;
        }
        begun.elapsed()
    };
    let (whole, dripping) = tokio::join!(slow.closed(), dripping);
    assert!(whole >= 200 * MS && dripping >= 200 * MS && begun.elapsed() < 10 * limits().head);
    for waiting in [&mut idle, &mut used] {
        waiting.send("GET /health HTTP/1.1\r\nhost: x\r\n\r\n").await;
        assert_eq!(waiting.answer().await.expect("an answer").status, 200);
    }
    used.send("GET /hea").await;
    used.closed().await;
    let (server, _peer) = Server::start(Limits { idle: 300 * MS, ..limits() }).await;
    assert!(server.connect().await.closed().await >= 200 * MS);
}

#[tokio::test]
async fn a_body_that_does_not_come_is_refused() {
    let (server, peer) = Server::start(limits()).await;
    let before = peer.cluster.state();
    let stops = async {
        let mut client = server.connect().await;
        client.send(post(DOCUMENTS, "content-length: 100000\r\n") + "[{\"id\":1}").await;
        client.answer().await.expect("an answer")
    };
    let drips = async {
        let mut client = server.connect().await;
        client.send(post(DOCUMENTS, "transfer-encoding: chunked\r\n")).await;
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE && client.read.is_empty() {
            client.send("1\r\n[\r\n").await;
            let _ = timeout(50 * MS, client.stream.read_buf(&mut client.read)).await;
        }
        client.answer().await.expect("an answer")
    };
    let (stops, drips) = tokio::join!(stops, drips);
    for answer in [stops, drips] {
        assert_eq!((answer.status, answer.code().as_str()), (408, "bad_request"));
        assert!(answer.head.contains("connection: close"), "{}", answer.head);
    }
    assert_eq!(*before, *peer.cluster.state());
}

#[tokio::test]
async fn a_steady_body_may_take_longer_than_any_pause() {
    let (server, _peer) = Server::start(Limits { rate: 1000, ..limits() }).await;
    let body = documents(64 << 10);
    let mut client = server.connect().await;
    client.send(post(DOCUMENTS, &format!("content-length: {}\r\n", body.len()))).await;
    for part in body.as_bytes().chunks(6 << 10) {
        sleep(100 * MS).await;
        client.send(part).await;
    }
    assert_eq!(client.answer().await.expect("an answer").status, 202);
}

#[tokio::test]
async fn an_answer_that_nobody_takes_is_not_kept_for_ever() {
    let answer = || async { vec![0_u8; 64 << 20] };
    let server = Server::of(Router::new().route("/large", get(answer)), limits()).await;
    let mut client = server.connect().await;
    client.send("GET /large HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let mut all = 0;
    sleep(6 * limits().stall).await;
    let mut part = vec![0; 1 << 20];
    while let Ok(read @ 1..) = client.stream.read(&mut part).await {
        all += read;
    }
    assert!(all < 64 << 20, "{all} bytes came, after all");
    let mut steady = server.connect().await;
    steady.send("GET /large HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert_eq!(steady.answer().await.expect("an answer").body.len(), 64 << 20);
}
