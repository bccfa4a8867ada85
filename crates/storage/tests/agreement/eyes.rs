//! Who may see what, decided one resource at a time by reading its JSON: what the gate is compared with. It knows
//! nothing of search parameters, filters or SQL.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    BASE,
    consents::{self, Asked},
};

/// All resources that are there, by `Patient/1`.
pub(crate) type World = BTreeMap<String, Value>;

/// Who looks.
#[derive(Debug, Clone)]
pub(crate) struct Looker {
    pub(crate) role: &'static str,
    /// `Patient/1`, `Practitioner/1`, `Organization/1`
    pub(crate) who: String,
    /// `Patient/1` of a token with `patient/` scopes.
    pub(crate) patient: Option<String>,
    /// Of a relative: the patients whom they act for, and those whose guardian they are.
    pub(crate) acts_for: Vec<String>,
    pub(crate) wards: Vec<String>,
    /// Type (or `*`), and what an element must be besides.
    pub(crate) scopes: Vec<(&'static str, Option<(&'static str, &'static str)>)>,
}

/// The day on which all of them look, and a day 90 days before.
pub(crate) const TODAY: &str = "2020-02-10";
const LATELY: &str = "2019-11-12";

const COMMON: &[&str] = &[
    "Practitioner",
    "PractitionerRole",
    "Organization",
    "Location",
    "Medication",
    "Questionnaire",
    "ValueSet",
];
const CHART: &[&str] = &[
    "CareTeam",
    "Condition",
    "DiagnosticReport",
    "Encounter",
    "List",
    "MedicationRequest",
    "MolecularSequence",
    "Observation",
    "QuestionnaireResponse",
    "RiskAssessment",
    "ServiceRequest",
];

/// Elements by which a resource is about a patient.
const ABOUT: &[(&str, &[&str])] = &[
    ("CareTeam", &["subject", "participant.member"]),
    ("Condition", &["subject", "asserter"]),
    ("Claim", &["patient"]),
    ("ClaimResponse", &["patient"]),
    ("Consent", &["patient"]),
    ("Coverage", &["beneficiary", "subscriber", "payor"]),
    ("DiagnosticReport", &["subject"]),
    ("Encounter", &["subject"]),
    ("ExplanationOfBenefit", &["patient"]),
    ("List", &["subject", "source"]),
    ("MedicationRequest", &["subject"]),
    ("MolecularSequence", &["patient"]),
    ("Observation", &["subject", "performer"]),
    ("QuestionnaireResponse", &["subject", "author"]),
    ("RiskAssessment", &["subject"]),
    ("ServiceRequest", &["subject", "performer"]),
];

impl Looker {
    /// Whether scopes and role open the type at all.
    pub(crate) fn may(&self, ty: &str) -> bool {
        let by_scope = self.scopes.iter().any(|(named, _)| *named == "*" || *named == ty);
        by_scope && self.kinds().contains(&ty)
    }

    fn kinds(&self) -> Vec<&'static str> {
        let chart = || COMMON.iter().chain(CHART).copied().chain(["Patient"]);
        match self.role {
            "patient" | "proxy" => {
                chart().chain(MONEY.iter().copied()).chain(["Consent"]).collect()
            }
            "doctor" => chart().chain(["Consent", "Coverage"]).collect(),
            "intern" => chart().chain(["Coverage"]).collect(),
            "hospital" | "insurer" => chart().chain(MONEY.iter().copied()).collect(),
            "admin" => COMMON.to_vec(),
            "study" => STUDIED.to_vec(),
            _ => Vec::new(),
        }
    }

    /// Whether they may read such a type by id, and its history.
    pub(crate) fn may_read(&self, ty: &str) -> bool {
        self.role != "study" && self.may(ty)
    }

    /// Whether they may see the resource.
    pub(crate) fn sees(&self, name: &str, body: &Value, world: &World) -> bool {
        let ty = body["resourceType"].as_str().unwrap();
        if !self.may(ty) {
            return false;
        }
        let by_scope = self.scopes.iter().any(|(named, condition)| {
            (*named == "*" || *named == ty)
                && condition.is_none_or(|(element, value)| has(body, element, value))
        });
        if !by_scope {
            return false;
        }
        if COMMON.contains(&ty) {
            return true;
        }
        let about = patients(name, body);
        if self.patient.as_ref().is_some_and(|only| !about.contains(only)) {
            return false;
        }
        match self.role {
            "patient" => about.contains(&self.who),
            "doctor" | "intern" => {
                cleared(body, self.role)
                    && about.iter().any(|patient| treats(&self.who, patient, world))
                    && !about.iter().any(|patient| self.denied(patient, (name, body), world))
            }
            "proxy" => {
                let is_of = |all: &[String]| all.iter().any(|patient| about.contains(patient));
                let is_let =
                    subjects(name, body).iter().any(|one| self.permitted(one, (name, body), world));
                cleared(body, self.role)
                    && ((is_of(&self.acts_for) && is_let) || is_of(&self.wards))
                    && !about.iter().any(|patient| self.denied(patient, (name, body), world))
            }
            "hospital" => {
                let is_chart = !MONEY.contains(&ty);
                made_by(&self.who, body, world) || (is_chart && self.lets((name, body), world))
            }
            "insurer" => {
                let is_theirs = match ty {
                    "Claim" => {
                        references(body, "insurer").contains(&self.who) && self.insured(body, world)
                    }
                    "ClaimResponse" => {
                        references(body, "insurer").contains(&self.who)
                            && self.claimed(&references(body, "request"), world)
                    }
                    "ExplanationOfBenefit" => {
                        self.claimed(&references(body, "claim"), world) && self.insured(body, world)
                    }
                    "Coverage" => references(body, "payor").contains(&self.who),
                    // nobody has a Contract with them
                    _ => ty == "Patient",
                };
                is_theirs && self.lets((name, body), world)
            }
            "study" => self.lets((name, body), world),
            _ => false,
        }
    }

    /// Whether a subject's Consent permits it and no patient's denies it, and its labels are low enough.
    fn lets(&self, (name, body): (&str, &Value), world: &World) -> bool {
        cleared(body, self.role)
            && subjects(name, body).iter().any(|one| self.permitted(one, (name, body), world))
            && !patients(name, body).iter().any(|one| self.denied(one, (name, body), world))
    }

    /// Whether one of these is a Claim of theirs that they insured.
    fn claimed(&self, names: &[String], world: &World) -> bool {
        let is_theirs = |one: &Value| references(one, "insurer").contains(&self.who);
        names.iter().filter_map(|name| world.get(name)).any(|claim| {
            claim["resourceType"] == "Claim" && is_theirs(claim) && self.insured(claim, world)
        })
    }

    /// Whether the patient had a Coverage by them on the first day of what is claimed, and on the last.
    fn insured(&self, claim: &Value, world: &World) -> bool {
        let (first, last) = if claim["billablePeriod"].is_null() {
            (&claim["item"][0]["servicedDate"], &claim["item"][0]["servicedDate"])
        } else {
            (&claim["billablePeriod"]["start"], &claim["billablePeriod"]["end"])
        };
        // when it was decided is not when it was done
        let made = claim["created"].as_str().filter(|_| claim["resourceType"] == "Claim");
        let holds_on = |day: &Value| {
            let Some(day) = day.as_str().or(made) else { return false };
            let coverages = world.values().filter(|one| one["resourceType"] == "Coverage");
            coverages.into_iter().any(|one| {
                let (status, period) = (&one["status"], &one["period"]);
                let is_said =
                    status == "active" || (status == "cancelled" && period["end"].is_string());
                let patients = references(claim, "patient");
                is_said
                    && overlaps(period, day, day)
                    && references(one, "payor").contains(&self.who)
                    && references(one, "beneficiary").iter().any(|of| patients.contains(of))
            })
        };
        holds_on(first) && holds_on(last)
    }
}

/// What tells of money.
const MONEY: &[&str] = &["Claim", "ClaimResponse", "Coverage", "ExplanationOfBenefit"];

/// What a study is shown.
const STUDIED: &[&str] = &[
    "Condition",
    "DiagnosticReport",
    "Encounter",
    "MedicationRequest",
    "Observation",
    "Patient",
    "ServiceRequest",
];

impl Looker {
    /// What each of a patient's Consents that are in force does with a resource.
    fn decisions(
        &self,
        patient: &str,
        (name, body): (&str, &Value),
        world: &World,
    ) -> Vec<(bool, bool)> {
        let purpose = match self.role {
            "proxy" => "PATRQT",
            "insurer" => "HPAYMT",
            "study" => "HRESCH",
            _ => "TREAT",
        };
        let (actors, is_study) = ([self.who.clone()], self.role == "study");
        let asked = Asked { actors: &actors, purpose, name, body, world, today: TODAY, is_study };
        let consents = world.values().filter(|one| one["resourceType"] == "Consent");
        let in_force = consents.filter(|one| {
            one["status"] == "active"
                && world.contains_key(patient)
                && references(one, "patient").iter().any(|it| it == patient)
        });
        let decide = |one: &Value| {
            let (permits, denies) = consents::decide(one, &asked);
            match (one["scope"]["coding"][0]["code"].as_str().unwrap(), self.role) {
                ("research", "study") | ("patient-privacy", "insurer") => (permits, denies),
                ("patient-privacy", "study") => (false, denies),
                ("research", _) => (false, false),
                _ => (permits, denies),
            }
        };
        in_force.map(decide).collect()
    }

    fn permitted(&self, patient: &str, of: (&str, &Value), world: &World) -> bool {
        self.decisions(patient, of, world).into_iter().any(|one| one.0)
    }

    fn denied(&self, patient: &str, of: (&str, &Value), world: &World) -> bool {
        self.decisions(patient, of, world).into_iter().any(|one| one.1)
    }
}

const LADDER: [&str; 6] = ["U", "L", "M", "N", "R", "V"];

/// The rung of a resource.
fn rung(body: &Value) -> usize {
    let at = |label: &&Value| LADDER.iter().position(|one| label["code"] == *one);
    items(&body["meta"]["security"]).iter().filter_map(at).max().unwrap_or(3).max(3)
}

/// Whether a permission up to a label covers a resource.
pub(crate) fn covers(body: &Value, label: &str) -> bool {
    LADDER.iter().position(|one| *one == label).is_some_and(|at| rung(body) <= at)
}

/// Whether a denial of a label reaches a resource.
pub(crate) fn carries(body: &Value, label: &str) -> bool {
    match LADDER.iter().position(|one| *one == label) {
        Some(at) => rung(body) >= at,
        None => items(&body["meta"]["security"]).iter().any(|own| own["code"] == label),
    }
}

/// Whose record a resource belongs to.
fn subjects(name: &str, body: &Value) -> Vec<String> {
    if body["resourceType"] == "Patient" {
        return vec![name.to_owned()];
    }
    let all =
        ["subject", "patient", "beneficiary"].iter().flat_map(|element| references(body, element));
    all.filter(|one| one.starts_with("Patient/")).collect()
}

/// The patients that a resource is about.
fn patients(name: &str, body: &Value) -> Vec<String> {
    let ty = body["resourceType"].as_str().unwrap();
    if ty == "Patient" {
        return vec![name.to_owned()];
    }
    let elements = ABOUT.iter().find(|(known, _)| *known == ty).map_or(&[] as &[_], |one| one.1);
    let all = elements.iter().flat_map(|element| references(body, element));
    all.filter(|one| one.starts_with("Patient/")).collect()
}

/// Where the references of an element lead to: `Patient/1`.
pub(crate) fn references(body: &Value, path: &str) -> Vec<String> {
    let mut nodes = vec![body];
    for name in path.split('.') {
        nodes = nodes.into_iter().flat_map(|node| items(&node[name])).collect();
    }
    let texts = nodes.into_iter().filter_map(|node| node["reference"].as_str());
    texts
        .map(|text| text.strip_prefix(BASE).map_or(text, |rest| rest.trim_start_matches('/')))
        .filter(|text| !text.contains("://") && !text.starts_with('#'))
        .map(str::to_owned)
        .collect()
}

pub(crate) fn items(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(all) => all.iter().collect(),
        Value::Null => Vec::new(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => vec![value],
    }
}

/// Whether a practitioner treats a patient who is there.
fn treats(practitioner: &str, patient: &str, world: &World) -> bool {
    let is_them = |one: &String| {
        one == practitioner
            || world.get(one).is_some_and(|role| {
                role["resourceType"] == "PractitionerRole"
                    && references(role, "practitioner").contains(&practitioner.to_owned())
            })
    };
    let is_with = |body: &Value, element: &str| references(body, element).iter().any(is_them);
    world.contains_key(patient)
        && world.values().any(|body| {
            let status = body["status"].as_str().unwrap_or_default();
            let is_about = || references(body, "subject").contains(&patient.to_owned());
            match body["resourceType"].as_str().unwrap() {
                "CareTeam" => {
                    is_about()
                        && is_with(body, "participant.member")
                        && !["proposed", "suspended", "inactive", "entered-in-error"]
                            .contains(&status)
                        && (body["period"].is_null() || overlaps(&body["period"], TODAY, TODAY))
                }
                "Encounter" => {
                    is_about()
                        && is_with(body, "participant.individual")
                        && match status {
                            "arrived" | "triaged" | "in-progress" | "onleave" => true,
                            "finished" => {
                                !body["period"].is_null()
                                    && overlaps(&body["period"], LATELY, TODAY)
                            }
                            _ => false,
                        }
                }
                "ServiceRequest" => {
                    is_about()
                        && is_with(body, "performer")
                        && ["active", "on-hold"].contains(&status)
                }
                _ => false,
            }
        })
}

/// Whether a period has something in common with these days. The dates that are used are years, months, days and
/// times of which none is one of those days, so that texts compare as times do.
pub(crate) fn overlaps(period: &Value, from: &str, until: &str) -> bool {
    let begins = period["start"].as_str().is_none_or(|start| start <= until);
    let ends = period["end"].as_str().is_none_or(|end| end >= from || from.starts_with(end));
    begins && ends
}

/// Whether an organization made it.
fn made_by(organization: &str, body: &Value, world: &World) -> bool {
    let is =
        |body: &Value, element: &str| references(body, element).contains(&organization.to_owned());
    let by_encounter = || {
        references(body, "encounter").iter().any(|encounter| {
            world
                .get(encounter)
                .is_some_and(|one| one["resourceType"] == "Encounter" && is(one, "serviceProvider"))
        })
    };
    match body["resourceType"].as_str().unwrap() {
        "Patient" => is(body, "managingOrganization"),
        "Encounter" => is(body, "serviceProvider"),
        "Observation" | "DiagnosticReport" => is(body, "performer"),
        "MedicationRequest" | "ServiceRequest" => is(body, "requester") || is(body, "performer"),
        "CareTeam" => is(body, "participant.member"),
        "Condition" => by_encounter(),
        "Claim" | "ExplanationOfBenefit" => is(body, "provider"),
        "ClaimResponse" => is(body, "requestor"),
        "Coverage" => references(body, "beneficiary")
            .iter()
            .any(|patient| world.get(patient).is_some_and(|one| is(one, "managingOrganization"))),
        _ => false,
    }
}

/// Whether labels leave it open to a role.
fn cleared(body: &Value, role: &str) -> bool {
    let is_low = matches!(role, "intern" | "proxy" | "insurer" | "study");
    let rung = if is_low { "N" } else { "R" };
    let sensitive = role == "doctor";
    let ladder = ["U", "L", "M", "N", "R", "V"];
    let at = |code: &str| ladder.iter().position(|one| *one == code);
    items(&body["meta"]["security"]).iter().all(|label| {
        let code = label["code"].as_str().unwrap_or_default();
        match label["system"].as_str().unwrap_or_default() {
            "http://terminology.hl7.org/CodeSystem/v3-Confidentiality" => at(code) <= at(rung),
            "http://terminology.hl7.org/CodeSystem/v3-ActCode" => sensitive,
            _ => true,
        }
    })
}

/// Whether an element is, or has a coding with, this code.
fn has(body: &Value, element: &str, code: &str) -> bool {
    items(&body[element]).iter().any(|one| {
        one.as_str() == Some(code)
            || items(&one["coding"]).iter().any(|coding| coding["code"] == code)
    })
}
