//! What is read from files: records with their places, in pieces that make one transaction.

use std::{fmt, sync::Arc};

use bytes::Bytes;

/// Where a record stands, as an editor or a terminal makes a link of it: `patients.ndjson:17`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    file: Arc<str>,
    line: u64,
}

/// A resource or a Bundle, as bytes that nobody has looked into yet.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    /// Where it begins.
    pub(crate) place: Place,
    /// The JSON.
    pub(crate) bytes: Bytes,
}

/// A record that was not stored, or a place where nothing could be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rejection {
    /// Where.
    pub(crate) place: Place,
    /// Why.
    pub(crate) why: String,
}

/// Records to be stored together.
#[derive(Debug)]
pub(crate) enum Piece {
    /// A file of its own, or neighbouring lines of one.
    Records(Vec<Record>),
    /// Something that was no record.
    Unreadable(Rejection),
}

impl Place {
    /// A line of a file; the first is 1.
    pub(crate) fn new(file: &Arc<str>, line: u64) -> Self {
        Self { file: Arc::clone(file), line }
    }

    /// A place further down, by the text in between.
    pub(super) fn after(&self, text: &[u8]) -> Self {
        let lines = text.split(|byte| *byte == b'\n').count() - 1;
        Self { line: self.line + u64::try_from(lines).unwrap_or(0), file: Arc::clone(&self.file) }
    }

    /// Says why what stands here was not stored.
    pub(super) fn reject(&self, why: impl fmt::Display) -> Rejection {
        Rejection { place: self.clone(), why: why.to_string() }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// One line, whatever the reason holds.
impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.place)?;
        for (n, word) in self.why.split_whitespace().enumerate() {
            write!(f, "{}{word}", if n == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}
