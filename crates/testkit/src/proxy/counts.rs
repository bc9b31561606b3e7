//! What has passed.

use std::collections::BTreeMap;

use tokio::sync::watch;

use super::framing::Head;

/// What has passed a proxy since it started. Requests are those of HTTP/1.1; where a connection cannot be read as that
/// (HTTP/2), there are none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connections accepted, those reset at the door included.
    pub accepted: u64,
    /// Connections that exist now.
    pub open: u64,
    /// Bytes that vanished, in both directions: proof that a loss was one.
    pub lost: u64,
    requests: BTreeMap<(String, String), u64>,
}

impl Counts {
    /// How many requests of a method, whose path begins so, were handed to the target whole. A request delivered once
    /// more counts once more.
    pub fn requests(&self, method: &str, path_prefix: &str) -> u64 {
        self.requests_where(|of, path| of == method && path.starts_with(path_prefix))
    }

    /// The same, of those that are wanted by their method and path.
    pub fn requests_where(&self, wanted: impl Fn(&str, &str) -> bool) -> u64 {
        let here = |(key, count): (&(String, String), &u64)| wanted(&key.0, &key.1).then_some(*count);
        self.requests.iter().filter_map(here).sum()
    }
}

/// A request was handed to the target.
pub(super) fn request_passed(counts: &watch::Sender<Counts>, head: &Head) {
    let key = (head.method.clone(), head.path().to_owned());
    counts.send_modify(|counts| *counts.requests.entry(key).or_default() += 1);
}

/// Counts a connection as accepted, and as open for as long as this is kept.
pub(super) struct Open(watch::Sender<Counts>);

impl Open {
    pub(super) fn new(counts: &watch::Sender<Counts>) -> Self {
        counts.send_modify(|counts| {
            counts.accepted += 1;
            counts.open += 1;
        });
        Self(counts.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.send_modify(|counts| counts.open -= 1);
    }
}
