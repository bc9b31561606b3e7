//! How the tool ends when it cannot do what it was asked.

use std::error::Error;
use std::process::ExitCode;

/// Why.
#[derive(Debug)]
pub(crate) enum Exit {
    /// 1: the peer refused, or it failed.
    Failed(String),
    /// 2: what was typed makes no sense.
    Usage(String),
    /// 3: no peer, or no leader, could be reached.
    Unreachable(String),
}

impl Exit {
    pub(crate) fn code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Failed(_) => 1,
            Self::Usage(_) => 2,
            Self::Unreachable(_) => 3,
        })
    }
}

impl std::fmt::Display for Exit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (Self::Failed(text) | Self::Usage(text) | Self::Unreachable(text)) = self;
        f.write_str(text)
    }
}

impl From<tonic::Status> for Exit {
    fn from(status: tonic::Status) -> Self {
        let text = status.message().to_owned();
        let cause = status.source();
        if cause.is_some_and(|cause| cause.is::<tonic::transport::Error>()) {
            // The last one says what happened: that nothing is heard any more, or that what was heard is not gRPC.
            let mut why = cause;
            while let Some(deeper) = why.and_then(Error::source) {
                why = Some(deeper);
            }
            let why = why.map_or(text, ToString::to_string);
            return Self::Unreachable(format!(
                "the connection broke ({why}): is the peer well, and is this its gRPC address, not that of its HTTP API?"
            ));
        }
        match status.code() {
            tonic::Code::Unavailable | tonic::Code::DeadlineExceeded => Self::Unreachable(text),
            _ => Self::Failed(text),
        }
    }
}
