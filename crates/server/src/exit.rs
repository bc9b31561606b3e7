//! How a program ends.

use std::process::ExitCode;

/// Why a program ended otherwise than cleanly. The numbers are an interface: scripts and supervisors read them.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Exit {
    /// 2: the configuration is wrong; starting again will not help.
    #[error("{0}")]
    Configuration(String),
    /// 3: the data directory is in use, or belongs to another.
    #[error("{0}")]
    Directory(String),
    /// 4: the disk failed, or what is on it is damaged.
    #[error("{0}")]
    Disk(String),
    /// 1: anything else.
    #[error("{0}")]
    Failed(String),
}

impl Exit {
    /// With the number that another crate gives for it.
    pub(crate) fn with_code(code: u8, text: String) -> Self {
        match code {
            2 => Self::Configuration(text),
            3 => Self::Directory(text),
            4 => Self::Disk(text),
            _ => Self::Failed(text),
        }
    }

    /// The number.
    pub(crate) fn code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Failed(_) => 1,
            Self::Configuration(_) => 2,
            Self::Directory(_) => 3,
            Self::Disk(_) => 4,
        })
    }

    pub(crate) fn configuration(error: impl ToString) -> Self {
        Self::Configuration(error.to_string())
    }
}
