//! What an intern wrote waits for the supervisor: a Task in the same transaction, one a resource, which is done when the
//! resource is signed and cancelled when there is nothing to sign any more: <https://hl7.org/fhir/R4/task.html>.

use std::sync::Arc;

use auth::{Principal, Role};
use bytes::Bytes;
use fhir_model::{
    NodeRef, Outcome, ResourceType,
    json::{self, Limits, Value},
};
use storage::{Change, Head, Key, Method, Tx, Vault};

use super::commit::Context;

/// The code of such a Task.
pub(crate) const CODE: &str = "cosign";

/// What waits to be signed, and the words of its state.
const SIGNED: &[(&str, &str)] = &[
    ("Composition", "preliminary"),
    ("Condition", "provisional"),
    ("DiagnosticReport", "preliminary"),
    ("Observation", "preliminary"),
];

/// What a Task is while it waits: <https://hl7.org/fhir/R4/valueset-task-status.html>.
const OPEN: &[&str] =
    &["requested", "received", "accepted", "ready", "in-progress", "on-hold", "draft"];

/// Whether a Task waits for a signature; of another Task `None`.
pub(crate) fn is_open(task: &Value) -> Option<bool> {
    let Some(Value::Array(codings)) = task.get("code")?.get("coding") else { return None };
    let is_ours = |coding: &Value| coding.get("code").and_then(Value::as_str) == Some(CODE);
    let status = task.get("status").and_then(Value::as_str).unwrap_or_default();
    codings.iter().any(is_ours).then(|| OPEN.contains(&status))
}

/// Who wrote a version.
pub(crate) struct Writer {
    /// `Practitioner/1`
    pub(crate) itself: String,
    /// The account's name.
    pub(crate) login: String,
}

/// Who wrote the version for whose signature a Task waits, as the vault kept it there when that was written; `None` of
/// another version.
pub(crate) fn writer(task: &Value, version: &str) -> Option<Writer> {
    let said = |of: &str, name: &str| task.get(of)?.get(name)?.as_str().map(str::to_owned);
    if is_open(task) != Some(true) || said("focus", "reference")? != version {
        return None;
    }
    Some(Writer { itself: said("requester", "reference")?, login: said("requester", "display")? })
}

/// Under which a Task waits for the signature under a resource: nobody else can tell it beforehand.
pub(crate) fn task_id(vault: &Vault, of: &Key) -> String {
    let of = format!("{}/{}", of.resource_type, of.id);
    vault.accounts().keyed("cosign", &of).chars().take(32).collect()
}

/// What changes of resources do to the Tasks of supervisors. Looks into the vault only where an intern wrote, or where
/// something preliminary is changed.
///
/// # Errors
/// The database's own trouble.
pub(super) async fn follow(
    context: &Context,
    (changes, signs): (&[Change], bool),
    tx: &mut Tx<'_>,
) -> Result<Vec<Change>, Outcome> {
    let intern = tx.permit().principal().filter(|who| who.role() == Role::Intern).cloned();
    let concerns = |change: &&Change| match &intern {
        Some(_) if change.body.is_some() => word(change.key.resource_type).is_some(),
        _ => was_preliminary(change),
    };
    let of: Vec<&Change> = changes.iter().filter(concerns).collect();
    let Some(task) = ResourceType::named("Task").filter(|_| !of.is_empty()) else {
        return Ok(Vec::new());
    };
    let keys: Vec<Key> =
        of.iter().map(|change| Key::new(task, context.task_id(&change.key))).collect();
    let heads = tx.load(&keys).await?;
    let now = tx.now().to_string();
    let status = if signs { "completed" } else { "cancelled" };
    let mut tasks = Vec::new();
    for ((change, key), head) in of.into_iter().zip(keys).zip(heads) {
        // who changes the Task in the same transaction has said what becomes of it
        if changes.iter().any(|other| other.key == key) {
            continue;
        }
        // who labels what somebody else wrote does not write it
        let labels = !signs && changes_meta(change);
        let writer = intern.as_deref().filter(|_| !labels);
        let body = match writer.and_then(|who| requested(context, change, (who, &now))) {
            Some(body) => Some(body),
            None => head.as_ref().and_then(|head| {
                if labels { moved(head, change, &now) } else { ended(head, status, &now) }
            }),
        };
        if let Some(body) = body {
            tasks.push(written(context, (key, head), body)?);
        }
    }
    Ok(tasks)
}

/// The word that stands for being preliminary in resources of a type that are signed.
fn word(ty: ResourceType) -> Option<&'static str> {
    SIGNED.iter().find(|(name, _)| *name == ty.name()).map(|(_, word)| *word)
}

/// Whether the version that ends may have been preliminary.
fn was_preliminary(change: &Change) -> bool {
    let Some(word) = word(change.key.resource_type) else { return false };
    let body = change.replaces.as_ref().and_then(|head| head.body.as_ref());
    body.is_some_and(|body| body.windows(word.len()).any(|piece| piece == word.as_bytes()))
}

/// The Task for the supervisor of who wrote; `None` where nobody supervises, or it is not preliminary.
fn requested(context: &Context, change: &Change, (who, now): (&Principal, &str)) -> Option<Bytes> {
    let (ty, id) = (change.key.resource_type, &change.key.id);
    let stamped = change.body.as_ref()?;
    let tree = json::parse_trusted(stamped.bytes(1, fhir_model::Instant::from_millis(0)));
    if !is_preliminary(tree.root()) {
        return None;
    }
    let supervisor = format!("Practitioner/{}", who.supervisor()?);
    let (of, by) = who.itself()?;
    let patients = search::patient_compartment(&context.registry, ty, id, &change.rows);
    let patient = patients.first().map(|patient| format!("Patient/{patient}"));
    let text = |text: String| Value::String(text);
    let reference = |to: String| Value::Object(vec![("reference".to_owned(), text(to))]);
    let login = who.grant().user.as_ref().map(|user| text(user.login.clone()));
    let mut writer = vec![("reference".to_owned(), text(format!("{of}/{by}")))];
    writer.extend(login.map(|login| ("display".to_owned(), login)));
    let coding = Value::Object(vec![("code".to_owned(), text(CODE.to_owned()))]);
    let code = Value::Object(vec![("coding".to_owned(), Value::Array(vec![coding]))]);
    let members = [
        ("resourceType", Some(text("Task".to_owned()))),
        ("status", Some(text("requested".to_owned()))),
        ("intent", Some(text("order".to_owned()))),
        ("code", Some(code)),
        ("description", Some(text(format!("Co-sign what an intern wrote: {ty}")))),
        ("focus", Some(reference(format!("{ty}/{id}/_history/{}", change.version())))),
        ("for", patient.map(reference)),
        ("authoredOn", Some(text(now.to_owned()))),
        ("requester", Some(Value::Object(writer))),
        ("owner", Some(reference(supervisor))),
    ];
    let members = members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Some(Value::Object(members.collect()).to_vec().into())
}

/// The Task as it is when nothing waits any more; `None` when it did not wait.
fn ended(head: &Head, status: &str, now: &str) -> Option<Bytes> {
    let text = |text: &str| Value::String(text.to_owned());
    let task = open_task(head)?;
    Some(with(task, [("status", text(status)), ("lastModified", text(now))])?.to_vec().into())
}

/// The Task of a version that others labelled and whose content is the same: it waits on, about the new version.
fn moved(head: &Head, change: &Change, now: &str) -> Option<Bytes> {
    let task = open_task(head)?;
    let of = format!("{}/{}/_history/", change.key.resource_type, change.key.id);
    let version = change.version().checked_sub(1)?;
    let focus = task.get("focus")?.get("reference")?.as_str()?;
    if focus != format!("{of}{version}") {
        return None;
    }
    let to = Value::String(format!("{of}{}", change.version()));
    let focus = Value::Object(vec![("reference".to_owned(), to)]);
    let changed = [("focus", focus), ("lastModified", Value::String(now.to_owned()))];
    Some(with(task, changed)?.to_vec().into())
}

/// A Task that waits.
fn open_task(head: &Head) -> Option<Value> {
    let task = Value::parse(head.body.as_ref()?, &Limits::default()).ok()?;
    (is_open(&task) == Some(true)).then_some(task)
}

fn with<const N: usize>(mut task: Value, changed: [(&str, Value); N]) -> Option<Value> {
    let Value::Object(members) = &mut task else { return None };
    for (name, value) in changed {
        match members.iter_mut().find(|(member, _)| member == name) {
            Some((_, old)) => *old = value,
            None => members.push((name.to_owned(), value)),
        }
    }
    Some(task)
}

/// Whether a change leaves everything as it was but what is said of the version, such as tags.
fn changes_meta(change: &Change) -> bool {
    let before = change.replaces.as_ref().and_then(|head| head.body.as_ref());
    let after = change.body.as_ref().map(|it| it.bytes(1, fhir_model::Instant::from_millis(0)));
    before.zip(after).is_some_and(|(before, after)| say_the_same(before, &after))
}

/// Whether two versions differ in `meta` alone.
pub(crate) fn say_the_same(one: &[u8], other: &[u8]) -> bool {
    let content = |body: &[u8]| match Value::parse(body, &Limits::default()) {
        Ok(Value::Object(mut members)) => {
            members.retain(|(name, _)| name != "meta");
            Some(members)
        }
        Ok(_) | Err(_) => None,
    };
    content(one).is_some_and(|it| content(other).as_ref() == Some(&it))
}

/// Whether a version is preliminary: of a concept in every coding.
pub(crate) fn is_preliminary(root: NodeRef<'_>) -> bool {
    let Some(concept) = root.child("verificationStatus") else {
        return root.child_text("status").is_some_and(|status| status == "preliminary");
    };
    let mut codings = concept.named("coding").peekable();
    codings.peek().is_some()
        && codings.all(|coding| coding.child_text("code").is_some_and(|code| code == "provisional"))
}

fn written(
    context: &Context,
    (key, head): (Key, Option<Head>),
    body: Bytes,
) -> Result<Change, Outcome> {
    let resource = json::parse(body, &context.limits)?;
    let stamped = resource.stamp(&key.id, &[]);
    let rows = search::extract(&context.registry, resource.tree(), &context.index_base);
    let is_new = head.as_ref().is_none_or(|head| head.version == 0);
    Ok(Change {
        key,
        method: if is_new { Method::Post } else { Method::Put },
        replaces: head,
        body: Some(Arc::new(stamped)),
        rows: Arc::new(rows),
        epoch: context.epoch,
    })
}
