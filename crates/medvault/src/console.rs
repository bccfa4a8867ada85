//! What a command says: results on standard output, the rest on standard error.

use std::io::{self, Write as _};

/// A line of the result. A reader that has gone away is no reason to stop.
pub(crate) fn say(line: &str) {
    let mut out = io::stdout().lock();
    drop(writeln!(out, "{line}").and_then(|()| out.flush()));
}

/// A line about the work.
pub(crate) fn remark(line: &str) {
    drop(writeln!(io::stderr().lock(), "{line}"));
}
