//! Scopes as a person reads them on the page that asks for consent.

use crate::{Action, ScopeSet, scope::Context};

/// What the boxes on the page stand under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// Who you are, and for how long.
    About,
    /// Records of one person.
    Patient,
    /// Everything that the user may see.
    User,
}

/// What scopes that are not for resources mean.
const WORDS: &[(&str, &str)] = &[
    ("openid", "Know that it is you"),
    ("fhirUser", "Know who you are in the records"),
    ("profile", "Know your name"),
    ("launch", "Know whose record is open"),
    ("launch/patient", "Know which patient you choose"),
    ("launch/encounter", "Know which visit you choose"),
    (
        "offline_access",
        "Keep this access while you are away, until you take it back. Without this it ends when its token ends",
    ),
    ("online_access", "Keep this access as long as you stay logged in"),
];

/// Types with a name that is no plain English.
const TYPES: &[(&str, &str)] = &[
    ("AllergyIntolerance", "allergies"),
    ("Condition", "health problems and diagnoses"),
    ("Observation", "measurements, laboratory results and vital signs"),
    ("MedicationRequest", "prescriptions"),
    ("DiagnosticReport", "reports"),
    ("DocumentReference", "documents"),
    ("Encounter", "visits and hospital stays"),
    ("Immunization", "vaccinations"),
    ("Procedure", "operations and procedures"),
    ("Patient", "name, birth date and contact details"),
    ("CarePlan", "care plans"),
    ("CareTeam", "who takes care"),
    ("Coverage", "insurance"),
    ("ExplanationOfBenefit", "bills and what was paid"),
];

/// Finer scopes that US Core asks for: <https://hl7.org/fhir/us/core/STU7/scopes.html>. Type, category, in words.
const SUB_SCOPES: &[(&str, &str, &str)] = &[
    (
        "Condition",
        "http://terminology.hl7.org/CodeSystem/condition-category|encounter-diagnosis",
        "diagnoses of visits",
    ),
    (
        "Condition",
        "http://terminology.hl7.org/CodeSystem/condition-category|problem-list-item",
        "the list of problems",
    ),
    (
        "Condition",
        "http://hl7.org/fhir/us/core/CodeSystem/condition-category|health-concern",
        "health concerns",
    ),
    (
        "Observation",
        "http://terminology.hl7.org/CodeSystem/observation-category|laboratory",
        "laboratory results",
    ),
    (
        "Observation",
        "http://terminology.hl7.org/CodeSystem/observation-category|vital-signs",
        "vital signs",
    ),
    (
        "Observation",
        "http://terminology.hl7.org/CodeSystem/observation-category|social-history",
        "social history",
    ),
    (
        "Observation",
        "http://terminology.hl7.org/CodeSystem/observation-category|survey",
        "answers to questionnaires",
    ),
    (
        "Observation",
        "http://hl7.org/fhir/us/core/CodeSystem/us-core-category|sdoh",
        "living conditions",
    ),
];

/// A scope in words, and where it stands.
pub fn in_words(scope: &str) -> (Group, String) {
    let plain = scope.split_once('?').map_or(scope, |(head, _)| head);
    if let Some((_, words)) = WORDS.iter().find(|(known, _)| *known == plain) {
        return (Group::About, (*words).to_owned());
    }
    let set = ScopeSet::parse(scope).unwrap_or_default();
    let Some(one) = set.scopes().first() else { return (Group::About, scope.to_owned()) };
    let what = sub_scope(scope).map_or_else(
        || match one.ty() {
            None => "everything in the record".to_owned(),
            Some(ty) => TYPES
                .iter()
                .find(|(name, _)| *name == ty.name())
                .map_or_else(|| spaced(ty.name()), |(_, words)| (*words).to_owned()),
        },
        |(.., words)| (*words).to_owned(),
    );
    let verbs: Vec<&str> = [
        (Action::Read, "read"),
        (Action::Search, "search"),
        (Action::Create, "add"),
        (Action::Update, "change"),
        (Action::Delete, "delete"),
    ]
    .iter()
    .filter(|(action, _)| one.actions().contains(*action))
    .map(|(_, verb)| *verb)
    .collect();
    let group = if one.context() == Context::Patient { Group::Patient } else { Group::User };
    let condition = match scope.split_once('?') {
        Some((_, condition)) if sub_scope(scope).is_none() => format!(" (only where {condition})"),
        _ => String::new(),
    };
    (group, format!("{}: {what}{condition}", capitalised(&verbs.join(", "))))
}

/// The finer scopes that may be chosen instead of this one.
pub fn sub_scopes(scope: &str) -> Vec<String> {
    let set = ScopeSet::parse(scope).unwrap_or_default();
    let ty = set.scopes().first().and_then(crate::scope::Scope::ty);
    let Some(ty) = ty.filter(|_| !scope.contains('?')) else { return Vec::new() };
    let finer = SUB_SCOPES.iter().filter(|(name, ..)| *name == ty.name());
    finer.map(|(_, category, _)| format!("{scope}?category={category}")).collect()
}

fn sub_scope(scope: &str) -> Option<&'static (&'static str, &'static str, &'static str)> {
    let (_, condition) = scope.split_once('?')?;
    let category = condition.strip_prefix("category=")?.replace("%7C", "|");
    SUB_SCOPES.iter().find(|(_, known, _)| *known == category)
}

/// `MedicationDispense` as `medication dispense`.
fn spaced(name: &str) -> String {
    let mut text = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !text.is_empty() {
            text.push(' ');
        }
        text.push(letter.to_ascii_lowercase());
    }
    text
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + letters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_read_as_sentences() {
        let laboratory = "patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory";
        let cases = [
            (
                "patient/Patient.rs",
                Group::Patient,
                "Read, search: name, birth date and contact details",
            ),
            ("user/MedicationDispense.c", Group::User, "Add: medication dispense"),
            ("patient/*.read", Group::Patient, "Read, search: everything in the record"),
            (laboratory, Group::Patient, "Read, search: laboratory results"),
            ("launch/patient?role=x", Group::About, "Know which patient you choose"),
        ];
        for (scope, group, words) in cases {
            assert_eq!(in_words(scope), (group, words.to_owned()), "{scope}");
        }
        assert!(in_words("offline_access").1.contains("away"));
        assert_eq!(sub_scopes("patient/Condition.rs").len(), 3);
        assert!(sub_scopes("patient/Observation.rs").contains(&laboratory.to_owned()));
        assert!(sub_scopes(laboratory).is_empty() && sub_scopes("openid").is_empty());
    }

    #[test]
    fn every_finer_scope_is_one_that_the_gate_understands() {
        for (ty, ..) in SUB_SCOPES {
            for scope in sub_scopes(&format!("patient/{ty}.rs")) {
                assert_eq!(ScopeSet::parse(&scope).unwrap().scopes()[0].filters().len(), 1);
            }
        }
    }
}
