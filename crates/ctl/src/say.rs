//! Words on standard output.

use std::fmt::Display;
use std::io::{self, Write};

/// As a shell reports a program that SIGPIPE has ended.
const NOBODY_READS: i32 = 128 + 13;

/// Prints a line. Where nobody reads any more (`| head`), the tool ends.
pub(crate) fn line(text: impl Display) {
    let written = writeln!(io::stdout(), "{text}");
    if written.is_err_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
        std::process::exit(NOBODY_READS);
    }
}
