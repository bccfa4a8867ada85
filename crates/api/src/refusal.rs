//! Refusals: an `OperationOutcome` each, and what HTTP says beside it.

use actix_web::{HttpRequest, HttpResponse, web};
use fhir_model::{IssueType, Outcome};

use crate::{endpoint, server::Door};

/// A request that is sent away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) outcome: Outcome,
    /// What becomes of the connection.
    pub(crate) connection: Connection,
    /// After how many seconds to try again, where that is known.
    pub(crate) retry_after: Option<u32>,
}

/// What becomes of a connection after an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Connection {
    /// The next request may come.
    #[default]
    Stays,
    /// Where the next request begins is not certain.
    Closes,
}

impl Refusal {
    pub(crate) fn new(code: IssueType, text: impl Into<std::borrow::Cow<'static, str>>) -> Self {
        Self::from(Outcome::new(code, text))
    }

    /// With a status that FHIR's issue types do not have.
    pub(crate) fn with_status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// Says after how many seconds to try again.
    pub(crate) fn retry_after(self, seconds: u32) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }

    /// Ends the connection.
    pub(crate) fn closing(self) -> Self {
        Self { connection: Connection::Closes, ..self }
    }
}

impl From<Outcome> for Refusal {
    fn from(outcome: Outcome) -> Self {
        Self { status: outcome.status(), outcome, connection: Connection::Stays, retry_after: None }
    }
}

/// Answers addresses that nothing is at.
pub(crate) async fn no_such_address(door: web::Data<Door>, request: HttpRequest) -> HttpResponse {
    let text = format!("There is nothing at this address; the FHIR base is {}", door.fhir.base());
    endpoint::refuse(&door, &request, (Refusal::new(IssueType::NotFound, text), ""))
}

/// Answers other methods than GET and HEAD on pages.
pub(crate) async fn only_get(door: web::Data<Door>, request: HttpRequest) -> HttpResponse {
    let refusal =
        Refusal::new(IssueType::MethodNotAllowed, "This page can only be read, with GET or HEAD");
    endpoint::refuse(&door, &request, (refusal, "GET, HEAD"))
}
