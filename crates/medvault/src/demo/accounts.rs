//! Demo accounts: one of every role, tied to people of the demo nation.

use std::{fs::OpenOptions, io::Write as _, os::unix::fs::OpenOptionsExt as _, path::Path};

use auth::{Caller, User};
use fhir_model::{Instant, IssueType, Outcome, json};
use interactions::{Body, Conditions, Fhir, Prefer, Query, Request, Verb};
use serde_json::{Value, json};
use storage::accounts::{NewAccount, fresh};

use crate::{access, console, trouble::Trouble};

/// For how long an intern works.
const INTERN_MS: i64 = 90 * 86_400_000;

/// Whom the accounts belong to.
struct Cast {
    patient: String,
    doctor: String,
    hospital: String,
    insurer: String,
}

/// Role, who they are in the record, whether they belong to the hospital or the insurer.
type Part = (&'static str, Option<String>, Option<String>);

/// Makes the accounts, says so, and writes them to a file when one is named. All have the same password, a new one with
/// each start.
pub(super) async fn make(fhir: &Fhir, file: Option<&Path>) -> Result<(), Trouble> {
    let cast = cast(fhir).await?;
    store(fhir, &cast).await?;
    let accounts = fhir.vault().accounts();
    let password = fresh("demo-")?.chars().take(20).collect::<String>();
    let now = accounts.now();
    let mut written = Vec::new();
    for (role, fhir_user, organization) in parts(&cast) {
        let login = format!("demo-{role}");
        let is_intern = role == "intern";
        let user = User {
            login: login.clone(),
            role: role.to_owned(),
            fhir_user: fhir_user.clone(),
            organization,
            supervisor: is_intern.then(|| cast.doctor.clone()),
            until: is_intern.then(|| Instant::from_millis(now.millis() + INTERN_MS)),
        };
        accounts.add_user(NewAccount { user, password: Some(password.clone()) }).await?;
        let patient = (role == "patient").then(|| cast.patient.clone());
        let scope = if patient.is_some() { "patient/*.cruds" } else { "user/*.cruds" };
        let wish = access::TokenWish::of(&login, scope, patient.clone());
        let token = access::mint(accounts, wish).await?;
        written.push(json!({
            "role": role, "login": login, "password": password, "fhirUser": fhir_user,
            "patient": patient, "token": token,
        }));
    }
    let logins: Vec<&str> =
        written.iter().filter_map(|it| it.get("login").and_then(Value::as_str)).collect();
    console::say(&format!("accounts {}, password {password}", logins.join(", ")));
    match file {
        Some(file) => write(file, &Value::Array(written)),
        None => Ok(()),
    }
}

fn parts(cast: &Cast) -> Vec<Part> {
    let hospital = || Some(format!("Organization/{}", cast.hospital));
    let insurer = || Some(format!("Organization/{}", cast.insurer));
    vec![
        ("patient", Some(format!("Patient/{}", cast.patient)), None),
        ("proxy", Some("RelatedPerson/demo-relative".to_owned()), None),
        ("doctor", Some(cast.doctor.clone()), hospital()),
        ("intern", Some("Practitioner/demo-intern".to_owned()), hospital()),
        ("hospital", None, hospital()),
        ("bed-manager", None, hospital()),
        ("insurer", None, insurer()),
        ("researcher", None, None),
        ("admin", None, None),
        ("auditor", None, None),
        ("device", Some("Device/demo-monitor".to_owned()), hospital()),
    ]
}

/// The first patient, with whoever takes care of them, and the first insurer.
async fn cast(fhir: &Fhir) -> Result<Cast, Outcome> {
    let patient = first(fhir, "Patient", "_sort=_id").await?;
    let insurer = first(fhir, "Organization", "type=ins&_sort=_id").await?;
    let text = |resource: &Value, at: &str| {
        resource.pointer(at).and_then(Value::as_str).map(str::to_owned).ok_or_else(missing)
    };
    let hospital = text(&patient, "/managingOrganization/reference")?;
    Ok(Cast {
        patient: text(&patient, "/id")?,
        doctor: text(&patient, "/generalPractitioner/0/reference")?,
        hospital: hospital.rsplit('/').next().unwrap_or_default().to_owned(),
        insurer: text(&insurer, "/id")?,
    })
}

fn missing() -> Outcome {
    Outcome::new(IssueType::NotFound, "The demo nation lacks a patient, a doctor or an insurer")
}

async fn first(fhir: &Fhir, ty: &str, query: &str) -> Result<Value, Outcome> {
    let found = ask(fhir, (Verb::Get, vec![ty.to_owned()]), query, Body::None).await?;
    found.pointer("/entry/0/resource").cloned().ok_or_else(missing)
}

/// Those who are no part of the nation: a relative, an intern, a device, and the team around the patient.
async fn store(fhir: &Fhir, cast: &Cast) -> Result<(), Outcome> {
    let patient = json!({"reference": format!("Patient/{}", cast.patient)});
    let member = |reference: &str| json!({"member": {"reference": reference}});
    let resources = [
        json!({"resourceType": "RelatedPerson", "id": "demo-relative", "active": true, "patient": patient,
            "relationship": [{"text": "Daughter"}], "name": [{"text": "A relative (demo)"}]}),
        json!({"resourceType": "Practitioner", "id": "demo-intern", "active": true,
            "name": [{"text": "An intern (demo)", "family": "Intern"}]}),
        json!({"resourceType": "Device", "id": "demo-monitor", "status": "active", "patient": patient,
            "type": {"text": "Bedside monitor (demo)"}}),
        json!({"resourceType": "CareTeam", "id": "demo-team", "status": "active", "subject": patient,
            "participant": [member(&cast.doctor), member("Practitioner/demo-intern")]}),
    ];
    let entries: Vec<Value> = resources
        .into_iter()
        .map(|resource| {
            let text = |name: &str| resource.get(name).and_then(Value::as_str).unwrap_or_default();
            let url = format!("{}/{}", text("resourceType"), text("id"));
            json!({"request": {"method": "PUT", "url": url}, "resource": resource})
        })
        .collect();
    let bundle = json!({"resourceType": "Bundle", "type": "transaction", "entry": entries});
    let bundle = json::parse(bundle.to_string().into_bytes().into(), fhir.limits())?;
    let body = Body::Resource(Box::new(bundle));
    ask(fhir, (Verb::Post, Vec::new()), "", body).await.map(drop)
}

async fn ask(
    fhir: &Fhir,
    (verb, path): (Verb, Vec<String>),
    query: &str,
    body: Body,
) -> Result<Value, Outcome> {
    let request = Request {
        verb,
        path,
        query: Query::parse(query)?,
        conditions: Conditions::default(),
        prefer: Prefer::default(),
        body,
        id: String::new(),
    };
    let answer = Box::pin(fhir.answer(&Caller::Operator, request)).await?;
    Ok(serde_json::from_slice(answer.body.as_deref().unwrap_or_default()).unwrap_or_default())
}

/// Only its owner may read it: there are tokens in it.
fn write(file: &Path, accounts: &Value) -> Result<(), Trouble> {
    let mut options = OpenOptions::new();
    let opened = options.write(true).create(true).truncate(true).mode(0o600).open(file);
    let text = format!("{accounts:#}\n");
    let written = opened.and_then(|mut opened| opened.write_all(text.as_bytes()));
    written.map_err(Trouble::when(format!("write {}", file.display())))
}
