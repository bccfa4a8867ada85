//! One new version, on its way into the database.

use std::sync::Arc;

use fhir_model::{Instant, Stamped};
use search::Rows;

use crate::{Head, Key};

/// How a version came to be: <https://hl7.org/fhir/R4/bundle-definitions.html#Bundle.entry.request.method>.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Created under an id of the server's.
    Post,
    /// Created or updated under an id of the client's.
    Put,
    /// Deleted.
    Delete,
    /// Patched.
    Patch,
}

impl Method {
    /// The number in the column `method`.
    pub(crate) const fn number(self) -> i16 {
        match self {
            Self::Post => 1,
            Self::Put => 2,
            Self::Delete => 3,
            Self::Patch => 4,
        }
    }

    /// Reads the column `method`.
    pub(crate) const fn from_number(number: i64) -> Self {
        match number {
            1 => Self::Post,
            3 => Self::Delete,
            4 => Self::Patch,
            _ => Self::Put,
        }
    }

    /// As HTTP writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
            Self::Patch => "PATCH",
        }
    }
}

/// A version to be written. What it replaces was read in the same transaction.
#[derive(Debug)]
pub struct Change {
    /// Which resource.
    pub key: Key,
    /// How.
    pub method: Method,
    /// The version that this one replaces; `None` for the first.
    pub replaces: Option<Head>,
    /// The new body but for its version and time; `None` for a deletion.
    pub body: Option<Arc<Stamped>>,
    /// What the new body is found by; empty for a deletion.
    pub rows: Arc<Rows>,
    /// What they were extracted by: see [`crate::Vault::indexed_by`]. When that has changed since, they are
    /// extracted again.
    pub epoch: u64,
}

impl Change {
    /// The number of the new version.
    pub fn version(&self) -> u64 {
        self.replaces.as_ref().map_or(1, |head| head.version + 1)
    }

    /// The time of the new version: never before the version it replaces.
    pub(crate) fn updated(&self, now: Instant) -> Instant {
        self.replaces.as_ref().map_or(now, |head| head.updated.max(now))
    }
}
