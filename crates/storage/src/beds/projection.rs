//! How resources show a claim: the table of states, written into Location, Encounter and Task.

use fhir_model::{Instant, json::Value};

use super::{
    claim::{Claim, ClaimState, Stage},
    ledger::End,
    reading::{CANONICAL, Told},
};

/// What a bed's Location shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Face {
    /// `operationalStatus`, <http://terminology.hl7.org/CodeSystem/v2-0116>.
    pub(super) operational: &'static str,
    display: &'static str,
    /// `{c}/bed-state`
    pub(super) state: &'static str,
    /// `status`
    pub(super) status: &'static str,
}

const fn face(
    operational: &'static str,
    display: &'static str,
    state: &'static str,
    status: &'static str,
) -> Face {
    Face { operational, display, state, status }
}

/// The face of a bed with this claim.
pub(super) fn face_of(claim: Option<&Claim>) -> Face {
    let Some(claim) = claim else { return face("U", "Unoccupied", "ready", "active") };
    match (claim.state, claim.stage) {
        (ClaimState::Held, _) => face("U", "Unoccupied", "held", "active"),
        (ClaimState::Planned, _) => face("U", "Unoccupied", "planned", "active"),
        (ClaimState::Occupied, _) => face("O", "Occupied", "occupied", "active"),
        (ClaimState::Turnover, Some(Stage::Cleaning)) => {
            face("H", "Housekeeping", "cleaning", "active")
        }
        (ClaimState::Turnover, Some(Stage::Infectious)) => face("I", "Isolated", "dirty", "active"),
        (ClaimState::Turnover, _) => face("K", "Contaminated", "dirty", "active"),
        (ClaimState::Blocked, _) => face("C", "Closed", "blocked", "suspended"),
    }
}

impl Face {
    /// Whether a Location that says this shows this face. What it leaves out is taken as that of a bed that is
    /// ready; a bed without claim may be inactive.
    pub(super) fn agrees_with(&self, told: &Told) -> bool {
        let operational = told.operational.as_deref().unwrap_or("U");
        let status = told.status.as_deref().unwrap_or("active");
        let is_idle = self.state == "ready" && status == "inactive";
        let hides_a_claim = told.state.is_none() && ["held", "planned"].contains(&self.state);
        operational == self.operational
            && (status == self.status || is_idle)
            && told.state.as_deref().is_none_or(|state| state == self.state)
            && !hides_a_claim
    }
}

/// The claim that a new bed comes with, from what its Location says; `None` when it is ready.
pub(super) fn first_claim(bed: &str, told: &Told, now: Instant) -> Option<Claim> {
    let of = |state, stage| Some(Claim { stage, ..Claim::new(bed, state, now) });
    match (told.operational.as_deref(), told.status.as_deref()) {
        (Some("C"), _) | (_, Some("suspended")) => of(ClaimState::Blocked, None),
        (Some("H"), _) => of(ClaimState::Turnover, Some(Stage::Cleaning)),
        (Some("K"), _) => of(ClaimState::Turnover, Some(Stage::Dirty)),
        (Some("I"), _) => of(ClaimState::Turnover, Some(Stage::Infectious)),
        (Some("O"), _) => of(ClaimState::Occupied, None),
        _ => None,
    }
}

/// Shows a claim on a bed's Location.
pub(super) fn show_on_location(body: &mut Value, claim: Option<&Claim>) {
    let face = face_of(claim);
    let is_idle = claim.is_none() && text(body, "status") == Some("inactive");
    if !is_idle {
        set(body, "status", string(face.status));
    }
    let coding = object([
        ("system", string("http://terminology.hl7.org/CodeSystem/v2-0116")),
        ("code", string(face.operational)),
        ("display", string(face.display)),
    ]);
    set(body, "operationalStatus", coding);
    let url = format!("{CANONICAL}/bed-state");
    let state = object([("url", string(&url)), ("valueCode", string(face.state))]);
    match list_mut(body, "extension") {
        Some(extensions) => {
            extensions.retain(|it| text(it, "url") != Some(url.as_str()));
            extensions.push(state);
        }
        None => set(body, "extension", Value::Array(vec![state])),
    }
}

/// Shows on a stay what became of its claim on a bed.
pub(super) fn show_on_encounter(body: &mut Value, claim: &Claim, end: Option<End>, now: Instant) {
    let (place, stay) = match (claim.state, end) {
        (ClaimState::Occupied, None) => ("active", Some("in-progress")),
        (ClaimState::Occupied, Some(_)) => ("completed", None),
        (ClaimState::Planned, None) => ("planned", None),
        (ClaimState::Held, None) => ("reserved", None),
        (_, Some(_)) => ("", None),
        (ClaimState::Turnover | ClaimState::Blocked, None) => return,
    };
    let reference = format!("Location/{}", claim.bed);
    if let Some(places) = list_mut(body, "location") {
        let is_it = |it: &Value| {
            let found = it.get("location").and_then(|it| text(it, "reference"));
            found.is_some_and(|found| {
                found == reference || found.ends_with(&format!("/{reference}"))
            })
        };
        if place.is_empty() {
            places.retain(|it| !is_it(it));
        }
        let open =
            places.iter_mut().filter(|it| is_it(it) && text(it, "status") != Some("completed"));
        for it in open {
            set(it, "status", string(place));
            period(it, place, now);
        }
        if places.is_empty() {
            remove(body, "location");
            let is_emergency = body.get("class").and_then(|it| text(it, "code")) == Some("EMER");
            // an emergency is a stay with a bed or without
            if text(body, "status") == Some("planned") && !is_emergency {
                set(body, "status", string("cancelled"));
            }
        }
    }
    if let Some(stay) = stay
        && text(body, "status")
            .is_some_and(|status| ["planned", "arrived", "triaged"].contains(&status))
    {
        set(body, "status", string(stay));
        period(body, "active", now);
    }
}

/// When it became active begins the period, when it was completed ends it.
fn period(of: &mut Value, status: &str, now: Instant) {
    let now = string(&now.to_string());
    match status {
        "active" => set(of, "period", object([("start", now)])),
        "completed" => match of.get_mut("period") {
            Some(period) => set(period, "end", now),
            None => set(of, "period", object([("end", now)])),
        },
        _ => {}
    }
}

/// `Task.status` and `businessStatus` of a request whose claim is in this state, or ended like that.
pub(super) fn task_status(
    state: ClaimState,
    end: Option<End>,
) -> Option<(&'static str, &'static str)> {
    match (state, end) {
        (ClaimState::Held, None) => Some(("accepted", "held")),
        (ClaimState::Planned, None) => Some(("accepted", "confirmed")),
        (ClaimState::Occupied, None) => Some(("in-progress", "arrived")),
        (ClaimState::Occupied, Some(_)) => Some(("completed", "occupied")),
        (_, Some(End::Revoked)) => Some(("failed", "approval-expired")),
        (_, Some(End::Cancelled)) | (ClaimState::Turnover | ClaimState::Blocked, None) => None,
        (_, Some(_)) => Some(("requested", "queued")),
    }
}

/// Shows on a request what became of its claim.
pub(super) fn show_on_task(
    body: &mut Value,
    (status, business): (&str, &str),
    until: Option<Instant>,
    now: Instant,
) {
    set(body, "status", string(status));
    let coding = object([
        ("system", string(&format!("{CANONICAL}/CodeSystem/bed-request-status"))),
        ("code", string(business)),
    ]);
    set(body, "businessStatus", object([("coding", Value::Array(vec![coding]))]));
    set(body, "lastModified", string(&now.to_string()));
    match until {
        Some(until) => {
            let period = object([("end", string(&until.to_string()))]);
            set(body, "restriction", object([("period", period)]));
        }
        None => remove(body, "restriction"),
    }
}

pub(super) fn string(text: &str) -> Value {
    Value::String(text.to_owned())
}

pub(super) fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    Value::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

pub(super) fn text<'v>(of: &'v Value, name: &str) -> Option<&'v str> {
    of.get(name).and_then(Value::as_str)
}

pub(super) fn set(of: &mut Value, name: &str, value: Value) {
    match of.get_mut(name) {
        Some(there) => *there = value,
        None => {
            if let Value::Object(members) = of {
                members.push((name.to_owned(), value));
            }
        }
    }
}

fn remove(of: &mut Value, name: &str) {
    if let Value::Object(members) = of {
        members.retain(|(member, _)| member != name);
    }
}

fn list_mut<'v>(of: &'v mut Value, name: &str) -> Option<&'v mut Vec<Value>> {
    match of.get_mut(name) {
        Some(Value::Array(items)) => Some(items),
        _ => None,
    }
}
