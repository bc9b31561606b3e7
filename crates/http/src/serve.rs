//! Connections: HTTP/1.1, within this peer's limits.
//!
//! hyper refuses by itself what is no HTTP: 400 and 431, without a body, as any server does before it knows what is
//! asked. Everything else is answered by the router.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower::ServiceExt;

use crate::Limits;
use crate::patient::Patient;
use crate::slashes;

/// The longest head of a request, in bytes. It holds the filters of searches by `GET`.
const HEAD_BYTES: usize = 256 << 10;

/// Serves a router's answers until `stopped`, then ends when every answer that was begun is sent.
pub async fn serve(listener: TcpListener, router: Router, limits: Limits, stopped: impl Future<Output = ()>) {
    let places = Arc::new(Semaphore::new(limits.connections.min(Semaphore::MAX_PERMITS)));
    let connections = GracefulShutdown::new();
    let mut stopped = pin!(stopped);
    loop {
        let (stream, place) = tokio::select! {
            accepted = accept(&listener, &places) => accepted,
            () = &mut stopped => break,
        };
        let connection = connections.watch(connection(stream, router.clone(), limits));
        tokio::spawn(async move {
            // It ends as its client, or a limit, ends it: of no concern to anybody.
            let _ = connection.await;
            drop(place);
        });
    }
    drop(listener);
    connections.shutdown().await;
}

/// The next connection, once there is a place for it.
async fn accept(listener: &TcpListener, places: &Arc<Semaphore>) -> (TcpStream, OwnedSemaphorePermit) {
    let place = Arc::clone(places).acquire_owned().await.expect("nobody closes it");
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return (stream, place),
            Err(error) if is_of_the_connection(&error) => {}
            // No descriptor is left, for one: others must end first.
            Err(error) => {
                tracing::warn!(%error, "no connection can be accepted");
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
    }
}

fn is_of_the_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

type Connection<S> = http1::Connection<TokioIo<Patient<TcpStream>>, S>;

fn connection(
    stream: TcpStream,
    router: Router,
    limits: Limits,
) -> Connection<
    impl hyper::service::HttpService<Incoming, ResBody = Body, Error = Infallible, Future: Send> + Send,
> {
    // Answers are small: waiting to fill a packet would cost 40 ms each.
    let _ = stream.set_nodelay(true);
    let stream = Patient::new(stream, limits);
    let turns = stream.turns();
    let answer = service_fn(move |request: hyper::Request<Incoming>| {
        let (turn, router) = (turns.begin(), router.clone());
        async move {
            let mut request = request.map(Body::new);
            if let Some(uri) = slashes::without_idle(request.uri()) {
                *request.uri_mut() = uri;
            }
            let answer = router.oneshot(request).await;
            drop(turn);
            answer
        }
    });
    // Time is kept below, where an idle connection is told from a head that does not come.
    http1::Builder::new()
        .header_read_timeout(None)
        .max_header_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), answer)
}
