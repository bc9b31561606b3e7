//! A call, byte by byte, and what is said to it.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2::{self, SendRequest};
use hyper::{HeaderMap, Request};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tonic::{Code, Status};

/// Longer than any answer takes that waits for no other peer.
const PATIENCE: Duration = Duration::from_secs(20);

/// What is sent.
#[derive(Clone)]
pub(crate) struct Call {
    pub(crate) path: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Bytes,
}

impl Call {
    /// A call as gRPC has it.
    pub(crate) fn new(path: &str, body: Bytes) -> Self {
        let headers = [("content-type", "application/grpc"), ("te", "trailers")];
        let headers = headers.map(|(name, value)| (name, value.to_owned())).into();
        Self { path: path.to_owned(), headers, body }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self.headers.push((name, value.into()));
        self
    }
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) http: u16,
    /// gRPC's own status, from the head or the trailers.
    pub(crate) status: Option<Status>,
}

impl Answer {
    pub(crate) fn code(&self) -> Option<Code> {
        self.status.as_ref().map(Status::code)
    }
}

/// One connection.
pub(crate) struct Client(SendRequest<Full<Bytes>>);

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("connects");
        let (sender, connection) =
            http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.expect("speaks HTTP/2");
        tokio::spawn(connection);
        Self(sender)
    }

    /// Sends a call; the error says how the connection or the stream ended instead of an answer.
    pub(crate) async fn send(&mut self, address: SocketAddr, call: &Call) -> Result<Answer, hyper::Error> {
        let mut request = Request::builder().method("POST").uri(format!("http://{address}{}", call.path));
        for (name, value) in &call.headers {
            request = request.header(*name, value);
        }
        let request = request.body(Full::new(call.body.clone())).expect("a request");
        timeout(PATIENCE, async {
            self.0.ready().await?;
            let answer = self.0.send_request(request).await?;
            let (head, body) = answer.into_parts();
            let body = body.collect().await?;
            let none = HeaderMap::new();
            let trailers = body.trailers().unwrap_or(&none);
            let status = Status::from_header_map(&head.headers).or_else(|| Status::from_header_map(trailers));
            Ok(Answer { http: head.status.as_u16(), status })
        })
        .await
        .expect("an answer in time")
    }
}
