//! Reads: <https://hl7.org/fhir/R4/http.html#read>, <https://hl7.org/fhir/R4/http.html#vread>.

use auth::{Action, Caller, authorize};
use bytes::Bytes;
use fhir_model::{Instant, IssueType, Outcome};
use storage::{Key, Version};

use crate::{Answer, Fhir, audit, elements::Elements, interaction::Read, operation};

/// The current version, or 304 when the client has it.
///
/// # Errors
/// `not-found`, `deleted`.
pub(crate) async fn read(fhir: &Fhir, caller: &Caller, read: &Read) -> Result<Answer, Outcome> {
    let elements = Elements::of_query(read.key.resource_type, &read.query)?;
    let permit = match authorize(caller, Action::Read, Some(read.key.resource_type)) {
        Ok(permit) => permit,
        Err(refusal) => return stated(&read.key, elements.as_ref()).ok_or(refusal),
    };
    let found = fhir.vault.read(&permit, &read.key).await?;
    let Some(version) = found else {
        return stated(&read.key, elements.as_ref()).ok_or_else(|| not_found(&read.key));
    };
    let shown = shown(fhir, &version);
    if version.body.is_some() && is_known(read, &version) {
        return Ok(Answer {
            shown,
            status: 304,
            version: Some(version.version),
            updated: Some(version.updated),
            ..Answer::default()
        });
    }
    let answer = part(whole(&read.key, &version)?, elements.as_ref());
    Ok(Answer { shown, ..answer })
}

/// The definition of an operation of this server's own, as `/metadata` names it: open to everybody, and behind what is
/// stored under the same id.
fn stated(key: &Key, elements: Option<&Elements>) -> Option<Answer> {
    if key.resource_type.name() != "OperationDefinition" {
        return None;
    }
    let text = operation::definition_of(&key.id)?;
    Some(part(Answer::ok(Bytes::from_static(text.as_bytes())), elements))
}

/// The patients whom a version is about, where that is recorded.
fn shown(fhir: &Fhir, version: &Version) -> Option<Vec<Box<str>>> {
    fhir.audit.as_ref().map(|_| audit::of_version(&fhir.vault, version))
}

/// One version.
///
/// # Errors
/// `not-found`; `deleted` when the version is a deletion.
pub(crate) async fn vread(
    fhir: &Fhir,
    caller: &Caller,
    read: &Read,
    version: u64,
) -> Result<Answer, Outcome> {
    let key = &read.key;
    let elements = Elements::of_query(key.resource_type, &read.query)?;
    let permit = authorize(caller, Action::Read, Some(key.resource_type))?;
    let found = fhir.vault.vread(&permit, key, version).await?;
    let missing = || {
        let text = format!("{}/{} has no version {version}", key.resource_type, key.id);
        Outcome::new(IssueType::NotFound, text)
    };
    let found = found.ok_or_else(missing)?;
    let answer = part(whole(key, &found)?, elements.as_ref());
    Ok(Answer { shown: shown(fhir, &found), ..answer })
}

/// The answer with the part of the resource that is wanted.
fn part(mut answer: Answer, elements: Option<&Elements>) -> Answer {
    if let Some(elements) = elements {
        answer.body = answer.body.map(|body| elements.of(&body));
    }
    answer
}

fn whole(key: &Key, version: &Version) -> Result<Answer, Outcome> {
    let body = version.body.clone().ok_or_else(|| deleted(key))?;
    Ok(Answer {
        status: 200,
        body: Some(body),
        version: Some(version.version),
        updated: Some(version.updated),
        ..Answer::default()
    })
}

/// An entity tag decides where there is one: it is exact, a date is not.
fn is_known(read: &Read, version: &Version) -> bool {
    let conditions = &read.conditions;
    if conditions.if_absent || !conditions.if_none_match.is_empty() {
        return conditions.if_absent || conditions.if_none_match.contains(&version.version);
    }
    // HTTP dates have no fractions of a second
    let second = Instant::from_millis(version.updated.millis().div_euclid(1000) * 1000);
    conditions.if_modified_since.is_some_and(|since| second <= since)
}

/// 404, also for what this caller may not know of.
pub(crate) fn not_found(key: &Key) -> Outcome {
    Outcome::new(IssueType::NotFound, format!("{}/{} is not here", key.resource_type, key.id))
}

/// 410
pub(crate) fn deleted(key: &Key) -> Outcome {
    Outcome::new(
        IssueType::Deleted,
        format!(
            "{}/{} was deleted; its history still shows what it was",
            key.resource_type, key.id
        ),
    )
}
