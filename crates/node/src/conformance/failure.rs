//! How a check fails.

use std::fmt::Debug;

use crate::NodeError;

/// Why a check did not pass.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The node broke the rule.
    #[error("{0}")]
    Broken(String),
    /// The node did not answer as it should.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// The node's answer is no JSON.
    #[error("no JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// The target does not say how to crash the node.
    #[error("not run")]
    NotRun,
}

/// Fails when the condition does not hold.
pub(super) fn ensure(what: &str, holds: bool) -> Result<(), Failure> {
    if holds { Ok(()) } else { Err(Failure::Broken(format!("it does not hold that {what}"))) }
}

/// Fails when the two are not equal.
pub(super) fn same<A: PartialEq<B> + Debug, B: Debug>(
    what: &str,
    got: A,
    expected: B,
) -> Result<(), Failure> {
    if got == expected {
        return Ok(());
    }
    Err(Failure::Broken(format!("{what}: {got:?}, should be {expected:?}")))
}

/// Fails when the request was not refused with this status and code.
pub(super) fn refused<T: Debug>(
    what: &str,
    answer: Result<T, NodeError>,
    status: u16,
    code: &str,
) -> Result<(), Failure> {
    match answer {
        Err(NodeError::Rejected { status: got, code: given, .. }) if got == status && given == code => Ok(()),
        other => Err(Failure::Broken(format!("{what}: {other:?}, should be {status} {code}"))),
    }
}
