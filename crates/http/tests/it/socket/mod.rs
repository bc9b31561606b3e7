//! Clients that are slow, huge or no clients at all, over real sockets.

mod connections;
mod forms;
mod large;
mod slow;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::Router;
use miroir_http::{Limits, serve};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::Peer;

const MS: Duration = Duration::from_millis(1);

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// Short waits, so that tests of them end soon, and little memory.
fn limits() -> Limits {
    Limits {
        body: 4 << 20,
        bodies: 8 << 20,
        head: 300 * MS,
        idle: PATIENCE,
        stall: 500 * MS,
        rate: 64 << 10,
        connections: 100,
    }
}

/// A server, until it is dropped.
struct Server {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    ended: JoinHandle<()>,
}

impl Server {
    async fn of(router: Router, limits: Limits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let stopped = async { drop(stopped.await) };
        let ended = tokio::spawn(serve(listener, router, limits, stopped));
        Self { address, stop: Some(stop), ended }
    }

    async fn start(limits: Limits) -> (Self, Peer) {
        let peer = Peer::sparing(limits);
        (Self::of(peer.router.clone(), limits).await, peer)
    }

    async fn connect(&self) -> Client {
        Client { stream: TcpStream::connect(self.address).await.unwrap(), read: Vec::new() }
    }

    /// The answer to a whole request on a connection of its own.
    async fn ask(&self, text: impl AsRef<[u8]>) -> Answer {
        let mut client = self.connect().await;
        client.send(text).await;
        client.answer().await.expect("an answer")
    }

    async fn healthy(&self) {
        assert_eq!(self.ask("GET /health HTTP/1.1\r\nhost: x\r\n\r\n").await.status, 200);
    }
}

struct Client {
    stream: TcpStream,
    read: Vec<u8>,
}

#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn code(&self) -> String {
        let body: Value = serde_json::from_slice(&self.body).expect("JSON");
        body["code"].as_str().expect("a code").to_owned()
    }
}

impl Client {
    async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        // The server may have gone: then the answer says so, or there is none.
        let _ = self.stream.write_all(bytes.as_ref()).await;
    }

    /// The next answer; `None` at the end of the connection.
    async fn answer(&mut self) -> Option<Answer> {
        loop {
            if let Some(answer) = self.whole_answer() {
                return Some(answer);
            }
            if !self.more().await {
                return None;
            }
        }
    }

    fn whole_answer(&mut self) -> Option<Answer> {
        let end = self.read.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
        let head = String::from_utf8(self.read[..end].to_vec()).expect("a head").to_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length = length.map_or(0, |length| length.parse().expect("a length"));
        if self.read.len() < end + length {
            return None;
        }
        let mut body: Vec<_> = self.read.drain(..end + length).collect();
        let status = head.split(' ').nth(1).expect("a status").parse().expect("a number");
        Some(Answer { status, head, body: body.split_off(end) })
    }

    async fn more(&mut self) -> bool {
        let read = timeout(PATIENCE, self.stream.read_buf(&mut self.read)).await.expect("something in time");
        read.is_ok_and(|read| read > 0)
    }

    /// Waits for the end of the connection and says how long it took.
    async fn closed(&mut self) -> Duration {
        let begun = Instant::now();
        while self.more().await {}
        begun.elapsed()
    }
}

fn post(path: &str, headers: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n{headers}\r\n")
}

const DOCUMENTS: &str = "/indexes/movies/documents?primaryKey=id";

/// A body of documents of about so many bytes.
fn documents(bytes: usize) -> String {
    let one = format!("{{\"id\":1,\"text\":\"{}\"}}", "x".repeat(1000));
    format!("[{}]", vec![one; bytes / 1024].join(","))
}

/// The whole request.
fn write(body: &str) -> String {
    post(DOCUMENTS, &format!("content-length: {}\r\n", body.len())) + body
}
