//! What can go wrong while measuring; a wrong answer of the server is counted, not raised.

use std::fmt;

/// A reason to stop a workload (or, for [`Fault::Transport`], to reconnect).
#[derive(Debug)]
pub(crate) enum Fault {
    /// The command line or the surroundings do not fit; the sentence says what to change.
    Usage(String),
    /// The server answered something the workload cannot go on with.
    Answer(String),
    /// The connection broke or could not be opened.
    Transport(String),
    Io(std::io::Error),
    Sqlite(rusqlite::Error),
    Json(serde_json::Error),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(text) | Self::Answer(text) => f.write_str(text),
            Self::Transport(text) => write!(f, "connection: {text}"),
            Self::Io(error) => write!(f, "input or output: {error}"),
            Self::Sqlite(error) => write!(f, "SQLite: {error}"),
            Self::Json(error) => write!(f, "JSON: {error}"),
        }
    }
}

impl std::error::Error for Fault {}

impl From<std::io::Error> for Fault {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<serde_json::Error> for Fault {
    fn from(error: serde_json::Error) -> Self {
        Self::Json(error)
    }
}

impl From<hyper::Error> for Fault {
    fn from(error: hyper::Error) -> Self {
        Self::Transport(error.to_string())
    }
}

impl From<hyper::http::Error> for Fault {
    fn from(error: hyper::http::Error) -> Self {
        Self::Usage(format!("not a request that HTTP can carry: {error}"))
    }
}
