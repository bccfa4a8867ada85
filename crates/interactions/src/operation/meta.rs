//! `$meta`, `$meta-add`, `$meta-delete`: the profiles, tags and security labels of a resource,
//! <https://hl7.org/fhir/R4/resource-operation-meta.html>. To change them makes a new version, since no version is ever
//! changed here: that is less than HL7's definitions say, so these two are defined by the vault itself.

use auth::{Action, authorize};
use fhir_model::{
    IssueType, Outcome,
    json::{Limits, Value},
};

use super::{Output, Request};
use crate::{
    Answer, Conditions,
    patch::{MetaPatch, Patch},
    read::{deleted, not_found},
    write::{
        Target, Write,
        commit::{Commit, Entry},
    },
};

/// The Meta of a resource.
pub(super) async fn read(request: Request<'_>) -> Result<Answer, Outcome> {
    let key = request.call.key()?;
    let permit = authorize(request.caller, Action::Read, Some(key.resource_type))?;
    let version = request.fhir.vault.read(&permit, key).await?.ok_or_else(|| not_found(key))?;
    answer(&request, version.body.as_deref().ok_or_else(|| deleted(key))?)
}

/// Adds what is not there yet.
pub(super) async fn add(request: Request<'_>) -> Result<Answer, Outcome> {
    let patch = MetaPatch::add(given(&request));
    change(request, patch).await
}

/// Takes out what is there.
pub(super) async fn delete(request: Request<'_>) -> Result<Answer, Outcome> {
    let patch = MetaPatch::delete(given(&request));
    change(request, patch).await
}

fn given(request: &Request<'_>) -> Value {
    request.call.input.value("meta").cloned().unwrap_or(Value::Null)
}

/// Changes what stands there when its turn comes, so that nobody who names no version is ever too late.
async fn change(request: Request<'_>, patch: MetaPatch) -> Result<Answer, Outcome> {
    let (fhir, key) = (request.fhir, request.call.key()?);
    let conditions =
        Conditions { if_match: request.call.conditions.if_match, ..Conditions::default() };
    let target = Target::Key(key.clone());
    let mut write = Write::Patch { target, patch: Patch::Meta(patch), conditions };
    let permit = write.allowed(request.caller)?;
    write.settle(fhir, &permit).await?;
    let commit = Commit::new(fhir, vec![Entry::alone(write)]);
    let written = fhir.vault.commit(permit, commit).await?.into_iter().next();
    let missing = || Outcome::new(IssueType::Exception, "The write gave no answer");
    let body = written.and_then(|written| written.body).ok_or_else(missing)?;
    answer(&request, &body)
}

/// The Meta of what stands there.
fn answer(request: &Request<'_>, body: &[u8]) -> Result<Answer, Outcome> {
    let stored = Value::parse(body, &Limits::default())?;
    let meta = stored.get("meta").map_or_else(|| b"{}".to_vec(), Value::to_vec);
    let mut output = Output::default();
    output.value("return", "Meta", String::from_utf8(meta).unwrap_or_default());
    output.answer(request.call.operation.definition)
}
