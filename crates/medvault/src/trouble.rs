//! Why a command could not do its work, for the person who typed it.

use std::{fmt, io};

use fhir_model::Outcome;

use crate::config::Faults;

/// A command that failed.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The configuration is wrong.
    Configuration(Faults),
    /// The vault refused.
    Vault(Outcome),
    /// A file, a directory or an address.
    System {
        /// What was being done: `listen on 127.0.0.1:8080`.
        doing: String,
        /// What the system said.
        error: io::Error,
    },
}

impl Trouble {
    /// Says what was being done when the system refused.
    pub(crate) fn when(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let doing = doing.into();
        move |error| Self::System { doing, error }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Configuration(faults) => write!(f, "{faults}"),
            Self::Vault(outcome) => write!(f, "{outcome}"),
            Self::System { doing, error } => write!(f, "Cannot {doing}: {error}"),
        }
    }
}

impl std::error::Error for Trouble {}

impl From<Faults> for Trouble {
    fn from(faults: Faults) -> Self {
        Self::Configuration(faults)
    }
}

impl From<Outcome> for Trouble {
    fn from(outcome: Outcome) -> Self {
        Self::Vault(outcome)
    }
}
