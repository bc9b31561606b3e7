//! A request as text: what the corpus keeps, and what a failure prints.

use std::fmt;

use axum::body::Body;
use axum::http::Request;

/// A request that may be anything.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
}

impl Sent {
    /// Reads what [`Display`](fmt::Display) writes. Lines that begin with `#` come first and say why it is kept.
    pub(crate) fn parse(text: &[u8]) -> Self {
        let mut rest = text;
        let mut line = || {
            let end = rest.iter().position(|byte| *byte == b'\n').expect("a line");
            let (line, after) = rest.split_at(end);
            rest = &after[1..];
            line.to_vec()
        };
        let mut first = line();
        while first.starts_with(b"#") {
            first = line();
        }
        let first = String::from_utf8(first).expect("method and target");
        let (method, target) = first.split_once(' ').expect("method and target");
        let mut headers = Vec::new();
        loop {
            let header = line();
            if header.is_empty() {
                break;
            }
            let colon = header.iter().position(|byte| *byte == b':').expect("a header");
            let name = String::from_utf8(header[..colon].to_vec()).expect("a name");
            headers.push((name, header[colon + 1..].trim_ascii().to_vec()));
        }
        Self { method: method.to_owned(), target: target.to_owned(), headers, body: rest.to_vec() }
    }

    /// Every request that is kept, by the name of its file.
    pub(crate) fn corpus() -> Vec<(String, Self)> {
        let files =
            std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus")).expect("the corpus");
        let read = |file: std::io::Result<std::fs::DirEntry>| {
            let path = file.expect("a file").path();
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            (name, Self::parse(&std::fs::read(path).expect("a text")))
        };
        let mut corpus: Vec<_> = files.map(read).collect();
        corpus.sort_by(|(a, _), (b, _)| a.cmp(b));
        corpus
    }

    /// As the router gets it; `None` when it is no request that HTTP can carry.
    pub(crate) fn request(&self) -> Option<Request<Body>> {
        let mut request = Request::builder().method(self.method.as_str()).uri(self.target.as_str());
        for (name, value) in &self.headers {
            request = request.header(name, value.as_slice());
        }
        request.body(Body::from(self.body.clone())).ok()
    }
}

impl fmt::Display for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |bytes: &[u8]| -> String {
            let shown: String =
                bytes.iter().take(2000).map(|byte| std::ascii::escape_default(*byte).to_string()).collect();
            if bytes.len() > 2000 { format!("{shown}… ({} bytes)", bytes.len()) } else { shown }
        };
        writeln!(f, "{} {}", self.method, self.target)?;
        for (name, value) in &self.headers {
            writeln!(f, "{name}: {}", text(value))?;
        }
        write!(f, "\n{}", text(&self.body))
    }
}
