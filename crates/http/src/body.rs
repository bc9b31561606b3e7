//! The body of a request, whole, and that of an answer.
//!
//! It is read within this peer's [`Limits`](crate::Limits): what is too large, too slow, or more than there is memory
//! for, is refused in Meilisearch's shape. The memory is given back when the last part of the body is dropped.

use axum::body::Body as Incoming;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body_util::BodyExt;
use miroir_api::ErrorCode;
use tokio::time::{Duration, Instant, timeout, timeout_at};

use crate::app::App;
use crate::error::ApiError;
use crate::limits::{Held, Limits};

/// The body of a request.
pub(crate) struct Body(pub(crate) Bytes);

/// The body of a request that says that it is JSON.
pub(crate) struct JsonText(pub(crate) Bytes);

/// The same, that will be parsed into a tree of values, with room for that tree.
pub(crate) struct JsonBody(pub(crate) Bytes);

/// Bytes of a request or of an answer, and what accounts for them.
struct Kept {
    bytes: Vec<u8>,
    _held: [Option<Held>; 2],
}

impl AsRef<[u8]> for Kept {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Bytes of an answer, and what accounts for them as long as they are there.
pub(crate) fn kept(bytes: Vec<u8>, held: Held) -> Bytes {
    Bytes::from_owner(Kept { bytes, _held: [Some(held), None] })
}

/// An answer as long as what was asked for makes it.
pub(crate) fn long(app: &App, text: String) -> Result<Response, ApiError> {
    Ok(match app.memory().hold_answer(text.len())? {
        Some(held) => json(kept(text.into_bytes(), held)),
        None => json(text),
    })
}

/// An answer that is JSON text.
pub(crate) fn json(text: impl Into<Incoming>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], text.into()).into_response()
}

impl FromRequest<App> for Body {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        let (bytes, held) = read(request, app, |_| Ok(())).await?;
        Ok(Self(kept(bytes, held)))
    }
}

impl FromRequest<App> for JsonText {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        let (bytes, held) = read(request, app, check_is_json).await?;
        Ok(Self(kept(bytes, held)))
    }
}

impl FromRequest<App> for JsonBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        let (bytes, held) = read(request, app, check_is_json).await?;
        let tree = tree(&bytes).map(|bytes| app.memory().hold(bytes)).transpose()?;
        Ok(Self(Bytes::from_owner(Kept { bytes, _held: [Some(held), tree] })))
    }
}

/// A body of JSON says that it is: `application/json`, or another type whose syntax that is (`text/json`,
/// `application/problem+json`), as Meilisearch has it.
fn check_is_json(headers: &HeaderMap) -> Result<(), ApiError> {
    const ACCEPTED: &str = "Accepted values for the Content-Type header are: `application/json`";
    let Some(header) = headers.get(header::CONTENT_TYPE) else {
        let text = format!("A Content-Type header is missing. {ACCEPTED}");
        return Err(ApiError::new(ErrorCode::MissingContentType, text));
    };
    let header = header.to_str().unwrap_or("unknown");
    let essence = header.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.split_once('/') {
        Some((of, syntax)) if !of.is_empty() && (syntax == "json" || syntax.ends_with("+json")) => Ok(()),
        _ => {
            let text = format!("The Content-Type `{header}` is invalid. {ACCEPTED}");
            Err(ApiError::new(ErrorCode::InvalidContentType, text))
        }
    }
}

/// What `check` does not refuse by the head already.
async fn read(
    request: Request,
    app: &App,
    check: fn(&HeaderMap) -> Result<(), ApiError>,
) -> Result<(Vec<u8>, Held), ApiError> {
    let (parts, mut body) = request.into_parts();
    let read = match check(&parts.headers) {
        Ok(()) => collect(&parts.headers, &mut body, app).await,
        Err(error) => Err(error),
    };
    match read {
        Ok(read) => Ok(read),
        Err(error) => {
            // A client that is cut off while it sends may never see why. One that waits to be asked has sent nothing.
            if !parts.headers.contains_key(header::EXPECT) && error.status() != StatusCode::REQUEST_TIMEOUT {
                tokio::spawn(timeout(LINGER, drain(body)));
            }
            Err(error)
        }
    }
}

/// How long the rest of a refused body is read, and thrown away.
const LINGER: Duration = Duration::from_secs(5);

async fn drain(mut body: Incoming) {
    while let Some(Ok(_)) = body.frame().await {}
}

async fn collect(headers: &HeaderMap, body: &mut Incoming, app: &App) -> Result<(Vec<u8>, Held), ApiError> {
    let (limits, memory) = (app.limits(), app.memory());
    // Of what is left of it: a body that is decompressed on the way has none.
    let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if length > Some(limits.body) {
        return Err(too_large(limits));
    }
    let mut held = length.map_or_else(|| memory.begin(), |length| memory.hold(length))?;
    let mut read = Vec::with_capacity(length.unwrap_or_default());
    let begun = Instant::now();
    loop {
        let steady = limits.stall.as_secs_f64() + read.len() as f64 / limits.rate.max(1) as f64;
        let end = (begun + Duration::from_secs_f64(steady)).min(Instant::now() + limits.stall);
        let Some(frame) = timeout_at(end, body.frame()).await.map_err(|_| too_slow())? else {
            return Ok((read, held));
        };
        let frame = frame.map_err(|error| ApiError::new(ErrorCode::BadRequest, cut(&error)))?;
        let Ok(data) = frame.into_data() else { continue };
        let length = read.len() + data.len();
        if length > limits.body {
            return Err(too_large(limits));
        }
        memory.grow(&mut held, length)?;
        read.extend_from_slice(&data);
    }
}

fn cut(error: &axum::Error) -> String {
    format!("The body of the request cannot be read: {error}.")
}

fn too_large(limits: &Limits) -> ApiError {
    let mebibytes = limits.body >> 20;
    ApiError::new(
        ErrorCode::PayloadTooLarge,
        format!(
            "The provided payload reached the size limit. The maximum accepted payload size is {mebibytes} MiB."
        ),
    )
}

fn too_slow() -> ApiError {
    let text =
        "The body of the request came too slowly. Nothing was changed; send it faster, or in smaller parts.";
    ApiError::new(ErrorCode::BadRequest, text).with_status(StatusCode::REQUEST_TIMEOUT)
}

/// At most this much is parsed without asking what it takes.
const SIMPLE: usize = 1 << 10;

/// What an array or an object of one member takes, in bytes: itself, room for four, and an object's table and name.
const CONTAINER: usize = 640;

/// What each further member takes, with the room that growing leaves.
const MEMBER: usize = 224;

/// About how much memory the tree of values of a JSON text takes, in bytes; `None` when it is not worth a question.
/// `[0,0,0,…` becomes a hundred times as large.
fn tree(text: &[u8]) -> Option<usize> {
    if text.len() <= SIMPLE {
        return None;
    }
    let (containers, members) = count(text);
    Some(text.len() + CONTAINER * containers + MEMBER * members)
}

/// How many members the arrays and objects of a JSON text have at most, all together.
pub(crate) fn members(text: &[u8]) -> usize {
    let (containers, members) = count(text);
    containers + members
}

/// How many arrays and objects a JSON text has, and how many commas between their members.
fn count(text: &[u8]) -> (usize, usize) {
    let (mut containers, mut commas, mut bytes) = (0, 0, text.iter());
    while let Some(byte) = bytes.next() {
        match byte {
            b'[' | b'{' => containers += 1,
            b',' => commas += 1,
            b'"' => skip_string(&mut bytes),
            _ => {}
        }
    }
    (containers, commas)
}

fn skip_string(bytes: &mut std::slice::Iter<'_, u8>) {
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => return,
            b'\\' => drop(bytes.next()),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_is_counted_by_what_it_is_made_of() {
        let text = |unit: &str| format!("[{}]", [unit].repeat(1000).join(","));
        assert_eq!(tree(b"[0,0,0]"), None);
        assert_eq!(tree(text("\"a,[{\\\",[\"").as_bytes()), Some(11_001 + CONTAINER + 999 * MEMBER));
        assert_eq!(tree(text("{}").as_bytes()), Some(3001 + 1001 * CONTAINER + 999 * MEMBER));
    }
}
