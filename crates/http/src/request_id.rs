//! Request ids: `X-Request-Id` as the client sent it, or a new one; echoed, sent to nodes, in every log line.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument;
use uuid::Uuid;

const NAME: HeaderName = HeaderName::from_static("x-request-id");
/// The longest id that is taken over.
const LONGEST: usize = 128;

/// Gives each request an id.
pub(crate) async fn assign(mut request: Request, next: Next) -> Response {
    let sent = request.headers().get(&NAME).filter(|value| {
        value.len() <= LONGEST && !value.is_empty() && value.as_bytes().iter().all(u8::is_ascii_graphic)
    });
    let id = match sent {
        Some(id) => id.clone(),
        None => HeaderValue::try_from(Uuid::now_v7().to_string()).expect("a uuid is a header value"),
    };
    request.headers_mut().insert(NAME, id.clone());
    let span = tracing::info_span!("request", id = id.to_str().unwrap_or_default());
    let mut response = next.run(request).instrument(span).await;
    response.headers_mut().insert(NAME, id);
    response
}

/// The id of a request.
pub(crate) fn of(headers: &HeaderMap) -> Option<&str> {
    headers.get(&NAME).and_then(|value| value.to_str().ok())
}
