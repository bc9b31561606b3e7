//! Where the requests of a connection begin and end: the pure part, for any way in which the bytes are cut up.

use bytes::{Bytes, BytesMut};

/// A head that is longer than this, in bytes, is none that a peer sends.
const LONGEST_HEAD: usize = 64 * 1024;
/// More header fields than this no peer sends.
const MOST_FIELDS: usize = 64;

/// What is known of a request when its head has been read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The method, as written.
    pub method: String,
    /// The path and the query, as written.
    pub target: String,
}

impl Head {
    /// The path, without the query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// Whether it has this method and a path that begins so.
    pub fn is(&self, method: &str, path_prefix: &str) -> bool {
        self.method == method && self.path().starts_with(path_prefix)
    }
}

/// A piece of the stream. Put together, the bytes of all parts are the stream.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// A whole head, with the empty line.
    Head(Head, Bytes),
    /// Some of the body of the request before it, never empty.
    Body(Bytes),
    /// The request before it is complete.
    End,
    /// Not HTTP/1, or a body without a `content-length`: from here on requests cannot be told apart.
    Opaque(Bytes),
}

/// Cuts the bytes that a client sends on one connection into requests.
///
/// A body is what its `content-length` says, and empty without one. A request with a `transfer-encoding` ends the
/// reading: its head is opaque already. So is HTTP/2, whose preface is no head of HTTP/1.
#[derive(Debug, Default)]
pub(super) struct Framing {
    unread: BytesMut,
    state: State,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Head,
    Body(u64),
    Opaque,
}

impl Framing {
    /// Takes the next bytes and returns what is complete. The bytes of an unfinished head are kept back.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Vec<Part> {
        self.unread.extend_from_slice(bytes);
        let mut parts = Vec::new();
        while !self.unread.is_empty() {
            match self.state {
                State::Opaque => parts.push(Part::Opaque(self.unread.split().freeze())),
                State::Body(left) => self.body(left, &mut parts),
                State::Head => match parse(&self.unread) {
                    Parsed::Partial => break,
                    Parsed::Opaque => self.state = State::Opaque,
                    Parsed::Head { head, bytes, body } => {
                        parts.push(Part::Head(head, self.unread.split_to(bytes).freeze()));
                        self.body_follows(body, &mut parts);
                    }
                },
            }
        }
        parts
    }

    /// The stream has ended: what was kept back.
    pub(super) fn rest(&mut self) -> Bytes {
        self.unread.split().freeze()
    }

    fn body(&mut self, left: u64, parts: &mut Vec<Part>) {
        let here = usize::try_from(left).unwrap_or(usize::MAX).min(self.unread.len());
        parts.push(Part::Body(self.unread.split_to(here).freeze()));
        self.body_follows(left - here as u64, parts);
    }

    fn body_follows(&mut self, left: u64, parts: &mut Vec<Part>) {
        self.state = if left == 0 { State::Head } else { State::Body(left) };
        if left == 0 {
            parts.push(Part::End);
        }
    }
}

enum Parsed {
    Partial,
    Opaque,
    Head { head: Head, bytes: usize, body: u64 },
}

fn parse(unread: &[u8]) -> Parsed {
    let mut fields = [httparse::EMPTY_HEADER; MOST_FIELDS];
    let mut request = httparse::Request::new(&mut fields);
    let bytes = match request.parse(unread) {
        Ok(httparse::Status::Complete(bytes)) => bytes,
        Ok(httparse::Status::Partial) if unread.len() < LONGEST_HEAD => return Parsed::Partial,
        Ok(httparse::Status::Partial) | Err(_) => return Parsed::Opaque,
    };
    let (Some(method), Some(target)) = (request.method, request.path) else { return Parsed::Opaque };
    match body_length(request.headers) {
        Some(body) => {
            let head = Head { method: method.to_owned(), target: target.to_owned() };
            Parsed::Head { head, bytes, body }
        }
        None => Parsed::Opaque,
    }
}

/// The length of the body in bytes, or nothing when the fields do not plainly say it.
fn body_length(fields: &[httparse::Header<'_>]) -> Option<u64> {
    let values = |name: &'static str| {
        fields.iter().filter(move |field| field.name.eq_ignore_ascii_case(name)).map(|field| field.value)
    };
    if values("transfer-encoding").next().is_some() {
        return None;
    }
    let mut lengths = values("content-length");
    match (lengths.next(), lengths.next()) {
        (None, _) => Some(0),
        (Some(one), None) if one.iter().all(u8::is_ascii_digit) => {
            std::str::from_utf8(one).ok()?.parse().ok()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
