//! Whom a person may choose: what the gate shows them, and nothing else.

use actix_web::HttpResponse;
use auth::{
    Grant, User,
    oauth::authorize::{Request, Session},
};
use fhir_model::{Instant, Outcome};
use interactions::{Body, Conditions, Prefer, Query, Request as Asked, Verb};
use maud::html;
use serde_json::Value;

use super::{
    cookie::Browser,
    pages::{self, Page},
};
use crate::server::Door;

/// Entries of a page.
const ENTRIES: &str = "20";

/// Something that can be chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) id: String,
    pub(super) words: String,
}

/// Which page is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Patient,
    Encounter,
}

/// What the hidden fields of a form hold.
#[derive(Debug, Clone, Copy)]
pub(super) struct Carried<'c> {
    /// The app's own request, as a query.
    pub(super) request: &'c str,
    /// The patient who was chosen.
    pub(super) patient: &'c str,
    /// The encounter that was chosen.
    pub(super) encounter: &'c str,
    /// What a person typed to find somebody.
    pub(super) name: &'c str,
}

/// Shows what there is to choose from.
///
/// # Errors
/// What the search refuses.
pub(super) async fn page(
    door: &Door,
    browser: &Browser,
    kind: Kind,
    (request, session): (&Request, &Session),
    carried: Carried<'_>,
) -> Result<HttpResponse, Outcome> {
    let (title, name, choices) = match kind {
        Kind::Patient => {
            ("Choose a patient", "patient", patients(door, &session.user, carried.name).await?)
        }
        Kind::Encounter => {
            let found = encounters(door, &session.user, carried.patient).await?;
            ("Choose a visit", "encounter", found)
        }
    };
    let body = html! {
        p { "The app asks whose record it is about." }
        @if kind == Kind::Patient {
            form method="post" action="/auth/decide" {
                (hidden(door, browser, carried))
                label class="field" for="name" { "Part of the name" }
                input id="name" type="search" name="name" value=(carried.name);
                button type="submit" class="plain" { "Search" }
            }
        }
        form method="post" action="/auth/decide" {
            (hidden(door, browser, carried))
            @for choice in &choices {
                button type="submit" class="choice" name=(name) value=(choice.id) { (choice.words) }
            }
            @if choices.is_empty() { p role="status" { "Nobody was found whose record you may see." } }
            button type="submit" class="plain" name="answer" value="deny" { "Cancel" }
        }
    };
    let leads_to = Some(request.redirect_uri.as_str());
    Ok(pages::show(door, browser, 200, &Page { title, body, leads_to }))
}

/// The fields that every form of this conversation brings along.
pub(super) fn hidden(door: &Door, browser: &Browser, carried: Carried<'_>) -> maud::Markup {
    html! {
        input type="hidden" name="request" value=(carried.request);
        input type="hidden" name="seal" value=(browser.seal(door, carried.request));
        @if !carried.patient.is_empty() { input type="hidden" name="patient" value=(carried.patient); }
        @if !carried.encounter.is_empty() {
            input type="hidden" name="encounter" value=(carried.encounter);
        }
    }
}

/// Whether a person may see a patient, or an encounter of one.
pub(super) async fn may_see(door: &Door, user: &User, ty: &str, id: &str) -> bool {
    look(door, user, vec![ty.to_owned(), id.to_owned()], "").await.is_ok()
}

/// Whether an encounter is one of that patient's.
pub(super) async fn is_of(door: &Door, user: &User, encounter: &str, patient: &str) -> bool {
    let path = vec!["Encounter".to_owned(), encounter.to_owned()];
    let found = look(door, user, path, "").await.unwrap_or_default();
    let subject = found.pointer("/subject/reference").and_then(Value::as_str).unwrap_or_default();
    subject.rsplit_once("Patient/").is_some_and(|(_, id)| id == patient)
}

async fn patients(door: &Door, user: &User, name: &str) -> Result<Vec<Choice>, Outcome> {
    let name = if name.is_empty() {
        String::new()
    } else {
        format!("&name:contains={}", super::arriving::escape(name))
    };
    let query = format!("_count={ENTRIES}&_sort=family{name}");
    let bundle = look(door, user, vec!["Patient".to_owned()], &query).await?;
    Ok(choices(&bundle, |patient| {
        let text = |path: &str| patient.pointer(path).and_then(Value::as_str).unwrap_or_default();
        let given = text("/name/0/given/0");
        let family = text("/name/0/family");
        format!("{given} {family}, born {}", text("/birthDate"))
    }))
}

async fn encounters(door: &Door, user: &User, patient: &str) -> Result<Vec<Choice>, Outcome> {
    let patient = super::arriving::escape(patient);
    let query = format!("_count={ENTRIES}&_sort=-date&patient={patient}");
    let bundle = look(door, user, vec!["Encounter".to_owned()], &query).await?;
    Ok(choices(&bundle, |encounter| {
        let text = |path: &str| encounter.pointer(path).and_then(Value::as_str).unwrap_or_default();
        let start = text("/period/start").get(..10).unwrap_or("no date");
        let what = [text("/type/0/text"), text("/type/0/coding/0/display"), text("/class/display")];
        let what = what.into_iter().find(|it| !it.is_empty()).unwrap_or("visit");
        format!("{start}: {what} ({})", text("/status"))
    }))
}

fn choices(bundle: &Value, words: impl Fn(&Value) -> String) -> Vec<Choice> {
    let entries = bundle.get("entry").and_then(Value::as_array);
    let resources = entries.into_iter().flatten().filter_map(|entry| entry.get("resource"));
    let choice = |resource: &Value| {
        let id = resource.get("id")?.as_str()?.to_owned();
        Some(Choice { id, words: words(resource) })
    };
    resources.filter_map(choice).collect()
}

/// Asks the vault as that person would: the gate decides what they see.
async fn look(door: &Door, user: &User, path: Vec<String>, query: &str) -> Result<Value, Outcome> {
    let now = door.accounts().now();
    let grant = Grant {
        token_id: "login".to_owned(),
        client: None,
        client_organization: None,
        origins: Vec::new(),
        user: Some(user.clone()),
        patient: None,
        encounter: None,
        scopes: "user/Patient.rs user/Encounter.rs".to_owned(),
        expires: Instant::from_millis(now.millis() + 60_000),
    };
    let caller = door.fhir.bearer(grant).await?;
    let asked = Asked {
        verb: Verb::Get,
        path,
        query: Query::parse(query)?,
        conditions: Conditions::default(),
        prefer: Prefer::default(),
        body: Body::None,
        id: String::new(),
    };
    let answer = Box::pin(door.fhir.answer(&caller, asked)).await?;
    Ok(serde_json::from_slice(answer.body.as_deref().unwrap_or_default()).unwrap_or_default())
}
