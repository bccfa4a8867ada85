//! `AuditEvent/[id]/$explain-refusal`: why something was refused, as it was then. For auditors; who was refused, and
//! whose record it is, are told no more than the answer said.

use auth::{Action, Caller, Role, authorize};
use fhir_model::{IssueType, Outcome};

use super::{Output, Request};
use crate::{Answer, read::not_found};

pub(super) async fn explain(request: Request<'_>) -> Result<Answer, Outcome> {
    let key = request.call.key()?;
    let permit = authorize(request.caller, Action::Read, Some(key.resource_type))?;
    let is_auditor = match request.caller {
        Caller::Operator => true,
        Caller::Anonymous => false,
        Caller::Bearer(who) => matches!(who.role(), Role::Auditor | Role::Operator),
    };
    if !is_auditor {
        let text = "Why something was refused is for auditors to know";
        return Err(Outcome::new(IssueType::Forbidden, text));
    }
    request.fhir.vault.read(&permit, key).await?.ok_or_else(|| not_found(key))?;
    let mut output = Output::default();
    for reason in request.fhir.vault.reasons(&permit, &key.id).await? {
        output.text("reason", "string", &reason);
    }
    output.answer(request.call.operation.definition)
}
