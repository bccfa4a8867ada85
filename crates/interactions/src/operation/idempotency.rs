//! `Idempotency-Key`: a call that is repeated under the same key gets the answer that was given, and does nothing
//! a second time: <https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/>.

use bytes::Bytes;
use fhir_model::{IssueType, Outcome};
use ring::digest::{SHA256, digest};
use storage::{KeptAnswer, Tx};

use super::{Call, Request};
use crate::Answer;

/// The name under which an answer is kept, and what was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Repeatable {
    name: String,
    request: String,
}

impl Repeatable {
    /// Of a call with a key.
    pub(crate) fn of(request: &Request<'_>) -> Option<Self> {
        let Call { input, conditions, .. } = &request.call;
        let key = conditions.idempotency_key.as_deref()?;
        // a key is its caller's own
        let name = hex(format!("{:?}\n{key}", request.caller).as_bytes());
        let asked = [request.call.path().into_bytes(), input.digest_text()].join(&b'\n');
        Some(Self { name, request: hex(&asked) })
    }

    /// The answer that was given under this key.
    ///
    /// # Errors
    /// `business-rule` when something else was asked under it.
    pub(crate) async fn given(&self, tx: &mut Tx<'_>) -> Result<Option<Answer>, Outcome> {
        let Some(kept) = tx.kept_answer(&self.name).await? else { return Ok(None) };
        if kept.request != self.request {
            let text = "Something else was asked under this Idempotency-Key; use a fresh one";
            return Err(Outcome::new(IssueType::BusinessRule, text));
        }
        Ok(Some(Answer {
            status: kept.status,
            body: Some(Bytes::from(kept.body)),
            location: (!kept.location.is_empty()).then_some(kept.location),
            ..Answer::default()
        }))
    }

    /// Keeps an answer.
    ///
    /// # Errors
    /// The database's own trouble.
    pub(crate) async fn keep(&self, tx: &mut Tx<'_>, answer: &Answer) -> Result<(), Outcome> {
        let body = answer.body.as_deref().unwrap_or_default();
        let kept = KeptAnswer {
            request: self.request.clone(),
            status: answer.status,
            body: String::from_utf8_lossy(body).into_owned(),
            location: answer.location.clone().unwrap_or_default(),
        };
        tx.keep_answer(&self.name, &kept).await
    }
}

/// A SHA-256 as text.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let digest = digest(&SHA256, bytes);
    digest.as_ref().iter().fold(String::new(), |mut text, byte| {
        // writing to a String cannot fail
        let _written = write!(text, "{byte:02x}");
        text
    })
}
