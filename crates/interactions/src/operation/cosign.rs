//! `[type]/[id]/$cosign`: a supervisor makes final what their intern wrote as preliminary; of a Task what it is about. Who wrote it stands in
//! the Task, or in what was recorded of the write, not in what the resource says of itself; who supervises whom in the record, up to whoever
//! stands above. A Provenance with author and verifier is written with it: <https://hl7.org/fhir/R4/provenance.html>.

use auth::{Action, Caller, Permit, Role, authorize};
use fhir_model::{
    IssueType, Outcome, ResourceType,
    json::{self, Value},
};
use search::{Handling, Reading};
use storage::{Key, Turn, Version};

use super::{Request, output::quoted};
use crate::{
    Answer, Conditions, Fhir, audit,
    read::{deleted, not_found},
    standing,
    write::{
        Target, Write,
        commit::{Commit, Entry},
        cosigning::{self, Writer},
    },
};

/// Writes of one resource that are looked through for the last.
const EVENTS_MAX: u32 = 100;

/// What is preliminary, and what becomes of it.
const STEPS: &[(&str, Step)] = &[
    ("Composition", Step::Status),
    ("Condition", Step::Verification),
    ("DiagnosticReport", Step::Status),
    ("Observation", Step::Status),
];

#[derive(Debug, Clone, Copy)]
enum Step {
    /// `status`: `preliminary` becomes `final`.
    Status,
    /// `verificationStatus`: `provisional` becomes `confirmed`.
    Verification,
}

pub(super) async fn cosign(request: Request<'_>) -> Result<Answer, Outcome> {
    let fhir = request.fhir;
    let (key, version) = &what(&request).await?;
    let permit = authorize(request.caller, Action::Update, Some(key.resource_type))?;
    authorize(request.caller, Action::Create, ResourceType::named("Provenance")).map(drop)?;
    let own = match request.caller {
        Caller::Bearer(who) if who.role() == Role::Doctor => who.itself(),
        Caller::Operator | Caller::Anonymous | Caller::Bearer(_) => None,
    };
    let (_, own) = own.filter(|(ty, _)| *ty == "Practitioner").ok_or_else(|| {
        Outcome::new(IssueType::Forbidden, "Only an intern's supervisor co-signs what they wrote")
    })?;
    let found = fhir.vault.read(&permit, key).await?.ok_or_else(|| not_found(key))?;
    let body = found.body.as_ref().ok_or_else(|| deleted(key))?;
    if let Some(version) = version.filter(|version| *version != found.version) {
        return Err(newer(key, (version, found.version)));
    }
    let body = signed(key, &Value::parse(body, &fhir.limits)?)?;
    let writer = match asked_by(fhir, key, found.version).await? {
        Some(writer) => Some(writer),
        None => recorded(fhir, key, &found).await?,
    };
    let writer = writer.ok_or_else(|| not_by_an_intern(key))?;
    let account = fhir.vault.accounts().user(&writer.login).await?;
    let named = account.and_then(|account| account.supervisor);
    if !standing::is_above(fhir, own, (&writer.itself, named.as_deref())).await? {
        let text =
            format!("Who co-signs this {} is the supervisor of who wrote it", key.resource_type);
        return Err(Outcome::new(IssueType::Forbidden, text));
    }
    write((&request, key), permit, (&found, &body), (&writer.itself, own)).await
}

/// What is to be signed: what the call names, or what the Task is about that it names, in the version that it names.
async fn what(request: &Request<'_>) -> Result<(Key, Option<u64>), Outcome> {
    let (fhir, named) = (request.fhir, request.call.key()?);
    if named.resource_type.name() != "Task" {
        return Ok((named.clone(), None));
    }
    let permit = authorize(request.caller, Action::Read, Some(named.resource_type))?;
    let found = fhir.vault.read(&permit, named).await?.ok_or_else(|| not_found(named))?;
    let task = Value::parse(found.body.as_ref().ok_or_else(|| deleted(named))?, &fhir.limits)?;
    let conflict = |text: &'static str| Outcome::new(IssueType::Conflict, text);
    match cosigning::is_open(&task) {
        Some(true) => {}
        Some(false) => return Err(conflict("This Task does not wait for a signature any more")),
        None => return Err(conflict("This Task is not about a signature")),
    }
    let focus = task.get("focus").and_then(|focus| focus.get("reference")?.as_str());
    let about =
        focus.and_then(|focus| focus.split_once("/_history/")).and_then(|(whole, version)| {
            let (ty, id) = whole.split_once('/')?;
            STEPS.iter().find(|(name, _)| *name == ty)?;
            Some((Key::new(ResourceType::named(ty)?, id), Some(version.parse().ok()?)))
        });
    // only the Task that the vault made for it
    let about = about.filter(|(key, _)| cosigning::task_id(&fhir.vault, key) == *named.id);
    about.ok_or_else(|| conflict("This Task is about nothing that is signed"))
}

/// The resource as it is when it is signed.
fn signed(key: &Key, body: &Value) -> Result<Value, Outcome> {
    let mut body = body.clone();
    let step = STEPS.iter().find(|(name, _)| *name == key.resource_type.name());
    let (before, after) = match step.map(|(_, step)| step) {
        Some(Step::Verification) => ("provisional", "confirmed"),
        Some(Step::Status) | None => ("preliminary", "final"),
    };
    let places: Option<Vec<&mut Value>> = match step.map(|(_, step)| step) {
        Some(Step::Status) => body.get_mut("status").map(|status| vec![status]),
        Some(Step::Verification) => {
            match body.get_mut("verificationStatus").and_then(|it| it.get_mut("coding")) {
                Some(Value::Array(codings)) => {
                    codings.iter_mut().map(|coding| coding.get_mut("code")).collect()
                }
                _ => None,
            }
        }
        None => None,
    };
    let mut places = places.unwrap_or_default();
    if places.is_empty() || places.iter().any(|place| place.as_str() != Some(before)) {
        let text =
            format!("This {} is not preliminary; there is nothing to co-sign", key.resource_type);
        return Err(Outcome::new(IssueType::Conflict, text));
    }
    for place in &mut places {
        **place = Value::String(after.to_owned());
    }
    Ok(body)
}

/// Who wrote what stands there now, if it was an intern, by the Task that waits for the signature.
async fn asked_by(fhir: &Fhir, key: &Key, version: u64) -> Result<Option<Writer>, Outcome> {
    let Some(task) = ResourceType::named("Task") else { return Ok(None) };
    let task = Key::new(task, cosigning::task_id(&fhir.vault, key));
    let permit = authorize(&Caller::Operator, Action::Read, None)?;
    let found = fhir.vault.read(&permit, &task).await?;
    let Some(body) = found.as_ref().and_then(|it| it.body.as_ref()) else { return Ok(None) };
    let written = format!("{}/{}/_history/{version}", key.resource_type, key.id);
    Ok(cosigning::writer(&Value::parse(body, &fhir.limits)?, &written))
}

/// The same by what was recorded. Who only labels it, such as with a tag, does not write it.
async fn recorded(fhir: &Fhir, key: &Key, version: &Version) -> Result<Option<Writer>, Outcome> {
    if let Some(patient) = audit::of_version(&fhir.vault, version).first() {
        audit::settle_patient(fhir, patient).await?;
    }
    let Some(event) = ResourceType::named("AuditEvent") else { return Ok(None) };
    let pair = |name: &str, value: String| (name.to_owned(), value);
    let pairs = [
        pair("entity", format!("{}/{}", key.resource_type, key.id)),
        pair("action", "C,U".to_owned()),
        pair("outcome", "0".to_owned()),
        pair("_sort", "-date".to_owned()),
    ];
    let now = fhir.vault.clock().now();
    let reading = Reading { handling: Handling::Strict, base: &fhir.base, now };
    let (plan, _) = search::parse(&fhir.vault.registry(), event, &pairs, &reading)?;
    let permit = authorize(&Caller::Operator, Action::Search, None)?;
    let page = fhir.vault.search(&permit, &plan, &Turn::First, EVENTS_MAX).await?;
    let (mut at, mut body) = (version.version, version.body.clone());
    for _ in 0..EVENTS_MAX {
        let before = match at.checked_sub(1).filter(|before| *before > 0) {
            Some(before) => fhir.vault.vread(&permit, key, before).await?,
            None => None,
        };
        let before = before.and_then(|it| it.body);
        let is_same = body.as_ref().zip(before.as_ref());
        if !is_same.is_some_and(|(now, before)| cosigning::say_the_same(now, before)) {
            let written = format!("{}/{}/_history/{at}", key.resource_type, key.id);
            return Ok(page.versions.iter().find_map(|event| intern(event, &written)));
        }
        (at, body) = (at - 1, before);
    }
    Ok(None)
}

/// The intern whom an event names as the writer of this version.
fn intern(event: &Version, written: &str) -> Option<Writer> {
    let tree = json::parse_trusted(event.body.clone()?);
    let root = tree.root();
    let is_about = root.named("entity").any(|entity| {
        let what = entity.child("what").and_then(|what| what.child_text("reference"));
        what.as_deref() == Some(written)
    });
    let mut agents = root.named("agent").filter(|agent| {
        let role = agent.child("role").and_then(|role| role.child_text("text"));
        role.as_deref() == Some(Role::Intern.name())
    });
    let who = agents.next().filter(|_| is_about)?.child("who")?;
    Some(Writer {
        itself: who.child_text("reference")?.into_owned(),
        login: who.child_text("display")?.into_owned(),
    })
}

/// Writes what is signed, and who wrote and who signed it, in one transaction.
async fn write(
    (request, key): (&Request<'_>, &Key),
    permit: Permit,
    (found, body): (&Version, &Value),
    (author, verifier): (&str, &str),
) -> Result<Answer, Outcome> {
    let fhir = request.fhir;
    let conditions = Conditions {
        if_match: Some(request.call.conditions.if_match.unwrap_or(found.version)),
        ..Conditions::default()
    };
    let resource = json::parse(body.to_vec().into(), &fhir.limits)?;
    let patients = audit::of_version(&fhir.vault, found);
    let provenance = provenance(
        &format!("{}/{}/_history/{}", key.resource_type, key.id, found.version + 1),
        &patients,
        (author, verifier),
        &fhir.vault.clock().now().to_string(),
    );
    let provenance = json::parse(provenance.into_bytes().into(), &fhir.limits)?;
    let entries = vec![
        Entry::alone(Write::Update { target: Target::Key(key.clone()), resource, conditions }),
        Entry::alone(Write::Create { resource: provenance, if_none_exist: None }),
    ];
    let commit = Commit::new(fhir, entries).recorded(fhir, request.caller).signing();
    let written = fhir.vault.commit(permit, commit).await?.into_iter().next();
    let written = written.ok_or_else(|| not_found(key))?;
    Ok(Answer {
        version: Some(written.version),
        updated: Some(written.updated),
        shown: Some(patients),
        ..Answer::ok(written.body.unwrap_or_default())
    })
}

fn provenance(
    signed: &str,
    patients: &[Box<str>],
    (author, verifier): (&str, &str),
    now: &str,
) -> String {
    let reference = |to: &str| format!(r#"{{"reference":{}}}"#, quoted(to));
    let mut targets = vec![reference(signed)];
    targets.extend(patients.iter().map(|patient| reference(&format!("Patient/{patient}"))));
    let agent = |code: &str, who: &str| {
        format!(
            r#"{{"type":{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/provenance-participant-type","code":"{code}"}}]}},"who":{}}}"#,
            reference(who)
        )
    };
    format!(
        r#"{{"resourceType":"Provenance","target":[{}],"recorded":"{now}","activity":{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/v3-DocumentCompletion","code":"LA"}}]}},"agent":[{},{}]}}"#,
        targets.join(","),
        agent("author", author),
        agent("verifier", &format!("Practitioner/{verifier}")),
    )
}

fn newer(key: &Key, (named, current): (u64, u64)) -> Outcome {
    let text = format!(
        "The Task is about version {named} of this {}, the current version is {current}; read it again",
        key.resource_type
    );
    Outcome::new(IssueType::VersionConflict, text)
}

fn not_by_an_intern(key: &Key) -> Outcome {
    let text = format!(
        "The last version of this {} was not written by an intern; there is nothing to co-sign",
        key.resource_type
    );
    Outcome::new(IssueType::Conflict, text)
}
