//! What must be true, as pure functions of what was noted.

use std::fmt;

pub(crate) mod copies;
pub(crate) mod excuses;
pub(crate) mod log;
pub(crate) mod reads;
pub(crate) mod refusals;
pub(crate) mod tasks;

/// Something that must never be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Violation {
    /// Which rule.
    pub(crate) rule: &'static str,
    /// What, where, when.
    pub(crate) text: String,
}

impl Violation {
    pub(crate) fn new(rule: &'static str, text: impl Into<String>) -> Self {
        Self { rule, text: text.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.rule, self.text)
    }
}
