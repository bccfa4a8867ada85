//! What comes back from an interaction, free of HTTP.

use bytes::Bytes;
use fhir_model::{Instant, Outcome};

/// An answer. Its body is always JSON; `api` may write it as XML.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// A resource.
    pub body: Option<Bytes>,
    /// The version, for `ETag`.
    pub version: Option<u64>,
    /// For `Last-Modified`.
    pub updated: Option<Instant>,
    /// The version's address, for `Location`.
    pub location: Option<String>,
    /// Where to ask how far it is, for `Content-Location`.
    pub content_location: Option<String>,
    /// How far it is, for `X-Progress`.
    pub progress: Option<String>,
    /// Logical ids of the patients whose data it shows, for the record; `None` where nobody looked.
    pub shown: Option<Vec<Box<str>>>,
}

impl Answer {
    /// 200 with a resource that has no version.
    pub fn ok(body: impl Into<Bytes>) -> Self {
        Self { status: 200, body: Some(body.into()), ..Self::default() }
    }

    /// A refusal.
    pub fn refusal(outcome: &Outcome) -> Self {
        Self { status: outcome.status(), body: Some(outcome.to_json().into()), ..Self::default() }
    }

    /// The `ETag`: <https://hl7.org/fhir/R4/http.html#concurrency>.
    pub fn entity_tag(&self) -> Option<String> {
        self.version.map(|version| format!("W/\"{version}\""))
    }
}

impl From<Result<Self, Outcome>> for Answer {
    fn from(result: Result<Self, Outcome>) -> Self {
        result.unwrap_or_else(|outcome| Self::refusal(&outcome))
    }
}
