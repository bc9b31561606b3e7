//! What is at both ends of the proxy.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use miroir_testkit::proxy::Proxy;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::within;

type Log = watch::Sender<Vec<String>>;

/// An HTTP server that answers with the body it got, and writes down what it sees: `begun` when it has a head, then
/// `done` with the body or `broken`.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    log: Arc<Log>,
}

impl Server {
    pub(super) async fn start() -> Self {
        let log = Arc::new(Log::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let router = Router::new().fallback(echo).with_state(Arc::clone(&log));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, log }
    }

    pub(super) fn log(&self) -> Vec<String> {
        self.log.borrow().clone()
    }

    /// Waits until the log is this.
    pub(super) async fn saw(&self, lines: &[&str]) {
        let mut log = self.log.subscribe();
        let seen = tokio::time::timeout(std::time::Duration::from_secs(20), log.wait_for(|log| log == lines));
        assert!(seen.await.is_ok(), "{:?} is not {lines:?}", self.log());
    }
}

async fn echo(State(log): State<Arc<Log>>, request: Request<Body>) -> String {
    let path = request.uri().path().to_owned();
    log.send_modify(|log| log.push(format!("begun {path}")));
    // Read in a task of its own: hyper drops a handler whose connection breaks.
    let read = tokio::spawn(async move {
        let read = to_bytes(request.into_body(), usize::MAX).await;
        let body = read.as_ref().map(|body| String::from_utf8_lossy(body).into_owned());
        log.send_modify(|log| {
            log.push(body.as_ref().map_or(format!("broken {path}"), |body| format!("done {path} {body}")));
        });
        body.unwrap_or_default()
    });
    read.await.expect("the task ends")
}

/// A client whose every byte the test decides.
pub(super) struct Client(pub(super) TcpStream);

impl Client {
    pub(super) async fn connect(proxy: &Proxy) -> Self {
        Self(TcpStream::connect(proxy.address()).await.expect("the proxy listens"))
    }

    pub(super) async fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.expect("the proxy reads");
    }

    /// The body of the next answer, which must be 200.
    pub(super) async fn answer(&mut self) -> io::Result<String> {
        within(async {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(self.0.read_u8().await?);
            }
            let head = String::from_utf8_lossy(&head).into_owned();
            assert!(head.starts_with("HTTP/1.1 200"), "{head}");
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length = length.and_then(|length| length.parse().ok()).expect("axum writes a length");
            let mut body = vec![0; length];
            self.0.read_exact(&mut body).await?;
            Ok(String::from_utf8_lossy(&body).into_owned())
        })
        .await
    }

    /// Waits until the connection is reset: an end without RST does not count.
    pub(super) async fn is_reset(&mut self) {
        let end = within(self.0.read(&mut [0; 1])).await;
        assert_eq!(end.expect_err("not a byte, not a FIN").kind(), io::ErrorKind::ConnectionReset);
    }
}
