//! A server that says what a test tells it to, byte by byte.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use miroir_node::{ApiKey, Connections, HttpNode, Timeouts};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// What the server does with a connection once it has read a request.
#[derive(Clone)]
pub(crate) enum Reply {
    /// Close it, keeping it open for this many answers before, each an empty object with status 200.
    CloseAfter(usize),
    /// Send these bytes and close it.
    Bytes(String),
    /// Say nothing and keep it open.
    Silence,
}

/// A server on a free port of this machine. It ends with the test's runtime.
pub(crate) struct Server {
    pub(crate) url: String,
    /// Every request that it has read whole.
    pub(crate) requests: mpsc::UnboundedReceiver<String>,
    /// How many connections it has accepted.
    pub(crate) connections: Arc<AtomicUsize>,
}

impl Server {
    pub(crate) async fn start(reply: Reply) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (sender, requests) = mpsc::unbounded_channel();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(stream, reply.clone(), sender.clone()));
            }
        });
        Self { url, requests, connections }
    }

    /// The one request that came; fails when there was none or another.
    pub(crate) fn only_request(&mut self) -> String {
        let request = self.requests.try_recv().expect("a request");
        assert!(self.requests.try_recv().is_err(), "sent more than once");
        request
    }
}

async fn serve(mut stream: TcpStream, reply: Reply, seen: mpsc::UnboundedSender<String>) {
    let mut answered = 0;
    while let Some(request) = read_request(&mut stream).await {
        let _ = seen.send(request);
        match &reply {
            Reply::CloseAfter(answers) if answered == *answers => return,
            Reply::CloseAfter(_) => {
                answered += 1;
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await.unwrap();
            }
            Reply::Bytes(bytes) => {
                stream.write_all(bytes.as_bytes()).await.unwrap();
                return;
            }
            Reply::Silence => std::future::pending().await,
        }
    }
}

/// A request with its body; `None` at the end of the connection.
pub(crate) async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut read = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&read).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                return Some(text);
            }
        }
        if stream.read_buf(&mut read).await.ok()? == 0 {
            return None;
        }
    }
}

/// A client with short time-outs, so that tests of them end soon. The one for connecting is far below the others: a
/// slow resolver must end there.
pub(crate) fn node(url: &str) -> HttpNode {
    let whole = Duration::from_secs(2);
    let timeouts = Timeouts { connect: whole / 4, read: whole, search: whole, write: whole };
    let connections = Connections::new(timeouts).unwrap();
    HttpNode::new(&connections, url, ApiKey::new("the-key")).unwrap()
}
