//! Places where a test makes a program die, or its disk fail: between two durable writes, or in the middle of one.
//!
//! A place is a call with a name, in the code that is tested. In release builds the calls are empty. In builds with
//! debug assertions the environment of the process says what happens there:
//!
//! - `MIROIR_FAULTS`: rules, separated by `;`;
//! - `MIROIR_FAULTS_FILE`: a file of rules, read again at each place, so that a test can change them while the program
//!   runs. A file that is not there has no rules.
//!
//! A rule is `place=what@n`: at the n-th time that the program comes to the place; `@n+` means from then on, and a rule
//! without `@` always. The first rule for a place that holds counts.
//!
//! | what | happens |
//! |---|---|
//! | `kill` | the process dies as by `kill -9`; of a [`write`], before it |
//! | `torn` | half of a [`write`] is done, then the same |
//! | `enospc`, `eio` | the error; of a [`write`], after half of it |
//! | a number | is taken for what was [`measured`] |
//!
//! Rules that cannot be read end the process: a test must not pass because of a misspelt word.

#[cfg(debug_assertions)]
mod rules;

use std::io;

/// A place between two steps.
///
/// # Errors
/// The error that a rule asks for.
#[inline]
pub fn point(place: &'static str) -> io::Result<()> {
    on::point(place)
}

/// A place where bytes are written: `put` is called with all of them, or with as many as a rule leaves.
///
/// # Errors
/// Of `put`, or the error that a rule asks for.
#[inline]
pub fn write(place: &'static str, bytes: &[u8], put: impl FnOnce(&[u8]) -> io::Result<()>) -> io::Result<()> {
    on::write(place, bytes, put)
}

/// A place where something is measured: what is `real`, or what a rule says.
#[inline]
pub fn measured(place: &'static str, real: u64) -> u64 {
    on::measured(place, real)
}

#[cfg(debug_assertions)]
mod on {
    use std::io;

    use crate::rules::{self, Action};

    pub(crate) fn point(place: &'static str) -> io::Result<()> {
        match rules::at(place) {
            None => Ok(()),
            Some(Action::Kill | Action::Torn) => rules::kill(),
            Some(Action::Fail(errno)) => Err(io::Error::from_raw_os_error(errno)),
            Some(Action::Measure(_)) => rules::refuse(place, "nothing is measured here"),
        }
    }

    pub(crate) fn write(
        place: &'static str,
        bytes: &[u8],
        put: impl FnOnce(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        let half = &bytes[..bytes.len() / 2];
        match rules::at(place) {
            None => put(bytes),
            Some(Action::Kill) => rules::kill(),
            Some(Action::Torn) => put(half).and_then(|()| rules::kill()),
            Some(Action::Fail(errno)) => put(half).and_then(|()| Err(io::Error::from_raw_os_error(errno))),
            Some(Action::Measure(_)) => rules::refuse(place, "nothing is measured here"),
        }
    }

    pub(crate) fn measured(place: &'static str, real: u64) -> u64 {
        match rules::at(place) {
            None => real,
            Some(Action::Measure(value)) => value,
            Some(_) => rules::refuse(place, "it is only measured here"),
        }
    }
}

#[cfg(not(debug_assertions))]
mod on {
    use std::io;

    #[inline(always)]
    pub(crate) fn point(_place: &'static str) -> io::Result<()> {
        Ok(())
    }

    #[inline(always)]
    pub(crate) fn write(
        _place: &'static str,
        bytes: &[u8],
        put: impl FnOnce(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        put(bytes)
    }

    #[inline(always)]
    pub(crate) fn measured(_place: &'static str, real: u64) -> u64 {
        real
    }
}
