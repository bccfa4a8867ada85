//! `$meta`, `$meta-add`, `$meta-delete`: the profiles, tags and security labels of a resource,
//! <https://hl7.org/fhir/R4/resource-operation-meta.html>. To change them makes a new version.

use auth::{Action, authorize};
use fhir_model::{
    IssueType, Outcome,
    json::{self, Limits, Value},
};
use storage::Version;

use super::{Output, Request};
use crate::{
    Answer, Conditions,
    read::{deleted, not_found},
    write::{
        Target, Write,
        commit::{Commit, Entry},
    },
};

/// What a Meta lists.
const LISTS: [&str; 3] = ["profile", "security", "tag"];

/// How often a change starts again when somebody else was quicker.
const TRIES_MAX: u32 = 8;

/// The Meta of a resource.
pub(super) async fn read(request: Request<'_>) -> Result<Answer, Outcome> {
    let key = request.call.key()?;
    let permit = authorize(request.caller, Action::Read, Some(key.resource_type))?;
    let version = request.fhir.vault.read(&permit, key).await?.ok_or_else(|| not_found(key))?;
    let (_, meta) = body_and_meta(&version).ok_or_else(|| deleted(key))??;
    answer(&request, &meta)
}

/// Adds what is not there yet.
pub(super) async fn add(request: Request<'_>) -> Result<Answer, Outcome> {
    change(request, |there, given| {
        for item in given {
            if !there.iter().any(|it| is_same(it, item)) {
                there.push(item.clone());
            }
        }
    })
    .await
}

/// Takes out what is there.
pub(super) async fn delete(request: Request<'_>) -> Result<Answer, Outcome> {
    change(request, |there, given| {
        there.retain(|it| !given.iter().any(|item| is_same(it, item)));
    })
    .await
}

/// Codings are the same by system and code: <https://hl7.org/fhir/R4/resource-operation-meta-delete.html>.
fn is_same(a: &Value, b: &Value) -> bool {
    let are_codings = matches!((a, b), (Value::Object(_), Value::Object(_)));
    if are_codings {
        return a.get("system") == b.get("system") && a.get("code") == b.get("code");
    }
    a == b
}

async fn change(
    request: Request<'_>,
    edit: impl Fn(&mut Vec<Value>, &[Value]),
) -> Result<Answer, Outcome> {
    let key = request.call.key()?.clone();
    let ty = key.resource_type;
    let given = request.call.input.value("meta").cloned().unwrap_or(Value::Null);
    let mut tries = 0;
    loop {
        tries += 1;
        let permit = authorize(request.caller, Action::Update, Some(ty))?;
        let version =
            request.fhir.vault.read(&permit, &key).await?.ok_or_else(|| not_found(&key))?;
        let (mut body, mut meta) = body_and_meta(&version).ok_or_else(|| deleted(&key))??;
        let wanted = request.call.conditions.if_match.unwrap_or(version.version);
        for name in LISTS {
            if let Some(Value::Array(given)) = given.get(name) {
                let mut there = Vec::new();
                if let Some(Value::Array(items)) = meta.get(name) {
                    there.clone_from(items);
                }
                edit(&mut there, given);
                set(&mut meta, name, there);
            }
        }
        if let Some(place) = body.get_mut("meta") {
            *place = meta.clone();
        }
        let resource = json::parse(body.to_vec().into(), &request.fhir.limits)?;
        let conditions = Conditions { if_match: Some(wanted), ..Conditions::default() };
        let write = Write::Update { target: Target::Key(key.clone()), resource, conditions };
        let commit = Commit::new(request.fhir, vec![Entry::alone(write)]);
        match request.fhir.vault.commit(permit, commit).await {
            Ok(written) => {
                let body = written.into_iter().next().and_then(|written| written.body);
                let body = body.ok_or_else(|| not_found(&key))?;
                let stored = Value::parse(&body, &Limits::default())?;
                return answer(&request, stored.get("meta").unwrap_or(&Value::Null));
            }
            Err(outcome) if is_late(&outcome, &request, tries) => {}
            Err(outcome) => return Err(outcome),
        }
    }
}

/// Whether somebody else changed the resource in between, which the client did not ask to be told.
fn is_late(outcome: &Outcome, request: &Request<'_>, tries: u32) -> bool {
    let is_conflict =
        outcome.issues().first().is_some_and(|issue| issue.code == IssueType::VersionConflict);
    is_conflict && request.call.conditions.if_match.is_none() && tries < TRIES_MAX
}

type Read = Result<(Value, Value), Outcome>;

/// The body and its Meta; `None` of what was deleted.
fn body_and_meta(version: &Version) -> Option<Read> {
    let body = version.body.as_ref()?;
    Some(Value::parse(body, &Limits::default()).map(|body| {
        let meta = body.get("meta").cloned().unwrap_or(Value::Object(Vec::new()));
        (body, meta)
    }))
}

fn set(meta: &mut Value, name: &str, items: Vec<Value>) {
    if let Value::Object(members) = meta {
        members.retain(|(member, _)| member != name);
        if !items.is_empty() {
            members.push((name.to_owned(), Value::Array(items)));
        }
    }
}

fn answer(request: &Request<'_>, meta: &Value) -> Result<Answer, Outcome> {
    let mut output = Output::default();
    output.value("return", "Meta", String::from_utf8(meta.to_vec()).unwrap_or_default());
    output.answer(request.call.operation.definition)
}
