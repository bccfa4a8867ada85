//! What apps keep here for themselves: Basic resources by which the app remembers its settings or keys, and which nobody
//! else reads. <https://hl7.org/fhir/smart-app-launch/STU2.2/app-state.html>
//!
//! Whatever a bounded caller writes as a Basic is app state and gets its profile; by that it is known later. Who may do
//! what with whose state stands in `fhir-profiles/vault/policy.tsv`, and in `auth::rows::app_state` for the codes.

use std::borrow::Cow;

use auth::{APP_STATE, Action, Permit};
use fhir_model::{
    IssueType, NodeRef, Outcome, ResourceType, Valid,
    json::{self, Value},
};
use storage::{Head, Key};

use super::Write;
use crate::{Conditions, Fhir};

/// Bytes of app state, as it is sent.
const BYTES_MAX: usize = 256 << 10;

/// What app state can be about.
const SUBJECTS: &[&str] =
    &["Patient", "Practitioner", "PractitionerRole", "RelatedPerson", "Person"];

/// Checks what a bounded caller writes, before anything is looked up, and marks it.
///
/// # Errors
/// `invalid` without `If-Match` where something is changed; what is wrong with the state.
pub(super) fn prepare(fhir: &Fhir, permit: &Permit, write: &mut Write) -> Result<(), Outcome> {
    let (_, ty) = write.action();
    if !is_basic(ty) || permit.principal().is_none() {
        return Ok(());
    }
    let resource = match write {
        Write::Create { resource, .. } => resource,
        Write::Update { resource, conditions, .. } => {
            is_versioned(conditions)?;
            resource
        }
        Write::Patch { conditions, .. } | Write::Delete { conditions, .. } => {
            return is_versioned(conditions);
        }
    };
    check(resource, [fhir.base(), &fhir.vault.index_base()])?;
    if !is_marked(resource.tree().root()) {
        *resource = marked(fhir, resource)?;
    }
    Ok(())
}

/// Holds a new version of app state against the one that it replaces.
///
/// # Errors
/// `invalid` without `If-Match`; `conflict` (412) when subject or code are others; what is wrong with the state.
pub(super) fn follows(
    head: Option<&Head>,
    (conditions, resource): (&Conditions, Option<&Valid>),
    bases: [&str; 2],
) -> Result<(), Outcome> {
    let Some(body) = head.and_then(|head| head.body.clone()) else { return Ok(()) };
    let before = json::parse_trusted(body);
    if !before.resource_type().is_some_and(is_basic) || !is_marked(before.root()) {
        return Ok(());
    }
    is_versioned(conditions)?;
    let Some(resource) = resource else { return Ok(()) };
    let (before, after) = (before.root(), resource.tree().root());
    for name in ["code", "subject"] {
        if said(before, name) != said(after, name) {
            let text = format!("The {name} of app state cannot change; create another one");
            return Err(Outcome::new(IssueType::VersionConflict, text).at(format!("Basic.{name}")));
        }
    }
    check(resource, bases)
}

/// What is not there, what was deleted, and what may not be seen: none has the version that the app names.
pub(super) fn refusal(
    (key, head): (&Key, Option<&Head>),
    permit: &Permit,
    refusal: Outcome,
) -> Outcome {
    let is_gone = refusal.status() == 404 || head.is_some_and(|head| head.body.is_none());
    if !is_gone || !is_basic(key.resource_type) || permit.principal().is_none() {
        return refusal;
    }
    let text = format!("Basic/{} does not have this version, or no version any more", key.id);
    Outcome::new(IssueType::VersionConflict, text)
}

/// System and code of the code, or the reference of the subject.
fn said<'t>(root: NodeRef<'t>, name: &str) -> [Option<Cow<'t, str>>; 2] {
    let node = root.child(name);
    let coding = node.and_then(|code| code.child("coding"));
    match (name, coding) {
        ("code", Some(coding)) => [coding.child_text("system"), coding.child_text("code")],
        _ => [node.and_then(|subject| subject.child_text("reference")), None],
    }
}

/// Whether there has to be a version already for who is bounded.
pub(super) fn needs_version(ty: ResourceType, action: Action) -> bool {
    is_basic(ty) && action == Action::Update
}

fn is_basic(ty: ResourceType) -> bool {
    ty.name() == "Basic"
}

fn is_versioned(conditions: &Conditions) -> Result<(), Outcome> {
    if conditions.if_match.is_some() {
        return Ok(());
    }
    let text =
        "App state is changed and deleted with If-Match: the ETag of the version that was read";
    Err(Outcome::new(IssueType::Invalid, text))
}

fn is_marked(root: NodeRef<'_>) -> bool {
    let profiles = root.child("meta").map(|meta| meta.named("profile").collect::<Vec<_>>());
    profiles.into_iter().flatten().any(|one| one.text().is_some_and(|text| text == APP_STATE))
}

/// With the profile of app state among its profiles.
fn marked(fhir: &Fhir, resource: &Valid) -> Result<Valid, Outcome> {
    let mut body = Value::parse(resource.tree().root().raw(), &fhir.limits)?;
    let profile = Value::String(APP_STATE.to_owned());
    if body.get("meta").is_none()
        && let Value::Object(members) = &mut body
    {
        members.push(("meta".to_owned(), Value::Object(Vec::new())));
    }
    match body.get_mut("meta") {
        Some(meta) if meta.get("profile").is_some() => {
            if let Some(Value::Array(profiles)) = meta.get_mut("profile") {
                profiles.push(profile);
            }
        }
        Some(Value::Object(meta)) => meta.push(("profile".to_owned(), Value::Array(vec![profile]))),
        Some(_) | None => {}
    }
    json::parse(body.to_vec().into(), &fhir.limits)
}

/// What app state may be.
fn check(resource: &Valid, bases: [&str; 2]) -> Result<(), Outcome> {
    let root = resource.tree().root();
    if root.raw().len() > BYTES_MAX {
        return Err(Outcome::new(IssueType::TooLong, "App state has 256 KiB at most"));
    }
    let refuse = |text: &str, place: &str| {
        Err(Outcome::new(IssueType::BusinessRule, format!("App state {text}")).at(place))
    };
    let codings: Vec<NodeRef<'_>> =
        root.child("code").map_or_else(Vec::new, |code| code.named("coding").collect());
    let is_whole = |coding: &NodeRef<'_>| {
        ["system", "code"].iter().all(|name| coding.child_text(name).is_some())
    };
    if codings.len() != 1 || !codings.iter().all(is_whole) {
        return refuse("has exactly one coding, with system and code", "Basic.code.coding");
    }
    let is_text = |extension: NodeRef<'_>| {
        let value = extension.child("value");
        value.is_some_and(|value| value.ty() == fhir_model::TypeId::STRING)
            && extension.child("extension").is_none()
    };
    if !root.named("extension").all(is_text) {
        return refuse("is kept in extensions with valueString only", "Basic.extension");
    }
    let Some(subject) = root.child("subject") else { return Ok(()) };
    let reference = subject.child_text("reference").unwrap_or(Cow::Borrowed(""));
    let local = bases.iter().find_map(|base| reference.strip_prefix(*base)?.strip_prefix('/'));
    let is_id = |id: &str| {
        !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.'))
    };
    let is_one = local.and_then(|local| local.split_once('/'));
    if !is_one.is_some_and(|(ty, id)| SUBJECTS.contains(&ty) && is_id(id)) {
        return refuse(
            "is about a Patient, Practitioner, PractitionerRole, RelatedPerson or Person of this server, by its absolute URL",
            "Basic.subject.reference",
        );
    }
    Ok(())
}
