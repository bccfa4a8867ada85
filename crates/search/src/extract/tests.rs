//! Resources and their rows, written as text.

use fhir_model::json;
use proptest::prelude::*;

use super::extract;
use crate::{ParamId, Registry, Rows, Target, patient_compartment, rows::TokenRow};

const BASE: &str = "http://own.example/fhir";

fn rows(resource: &str) -> Rows {
    extract(Registry::r4(), &json::parse_trusted(resource.as_bytes().to_vec().into()), BASE)
}

/// The rows of some parameters, in the order of [`Rows`].
fn lines(resource: &str, params: &[&str]) -> Vec<String> {
    let rows = rows(resource);
    let code = |param: ParamId| Registry::r4().by_id(param).unwrap().code;
    let token = |row: &TokenRow| {
        format!("{} {}|{}", code(row.param), row.system.as_deref().unwrap_or("-"), row.code)
    };
    let mut out: Vec<String> = rows.tokens.iter().map(token).collect();
    out.extend(rows.identifiers.iter().map(|row| format!("{}:identifier", token(row))));
    out.extend(rows.references.iter().map(|row| match &row.target {
        Target::Local { ty, id } => format!("{} {ty}/{id}", code(row.param)),
        Target::Url { url, version } => format!("{} <{url}>{version:?}", code(row.param)),
    }));
    out.extend(
        rows.strings
            .iter()
            .map(|row| format!("{} {} ({})", code(row.param), row.folded, row.exact)),
    );
    out.extend(
        rows.dates
            .iter()
            .map(|row| format!("{} {}..{}", code(row.param), row.span.lo, row.span.hi)),
    );
    out.extend(rows.numbers.iter().map(|row| format!("{} {:?}", code(row.param), row.value.0)));
    out.extend(rows.quantities.iter().map(|row| {
        let part = |part: &Option<Box<str>>| part.as_deref().unwrap_or("-").to_owned();
        let (system, unit) = (part(&row.system), part(&row.unit));
        format!("{} {:?}|{system}|{}|{unit}", code(row.param), row.value.0, part(&row.code))
    }));
    out.extend(rows.uris.iter().map(|row| format!("{} {}", code(row.param), row.uri)));
    out.extend(rows.valueless.iter().map(|param| format!("{} valueless", code(*param))));
    out.retain(|line| params.iter().any(|param| line.split(' ').next() == Some(param)));
    out
}

/// A resource, the parameters that are looked at, their rows.
const ROWS: &[(&str, &[&str], &[&str])] = &[
    (
        r#"{"resourceType":"Patient","gender":"female","active":true,"identifier":[{"system":"s","value":"v"},{"value":"w"}]}"#,
        &["gender", "active", "identifier", "deceased"],
        &[
            "active -|true",
            "deceased -|false",
            "gender http://hl7.org/fhir/administrative-gender|female",
            "identifier s|v",
            "identifier -|w",
        ],
    ),
    (
        r#"{"resourceType":"Patient","telecom":[{"system":"phone","value":"1"},{"system":"email","value":"a@b"}]}"#,
        &["phone", "email", "telecom"],
        &["email email|a@b", "phone phone|1", "telecom phone|1", "telecom email|a@b"],
    ),
    (
        r#"{"resourceType":"Patient","name":[{"family":"Müller","given":["Jan"],"use":"old","prefix":["Dr"]}],"address":[{"line":["Elm 1"],"city":"Köln","use":"home"}]}"#,
        &["name", "family", "address", "address-city"],
        &[
            "address elm 1 (Elm 1)",
            "address koln (Köln)",
            "address-city koln (Köln)",
            "family muller (Müller)",
            "name dr (Dr)",
            "name jan (Jan)",
            "name muller (Müller)",
        ],
    ),
    (
        r#"{"resourceType":"Patient","birthDate":"1970-01-02","_birthDate":{"extension":[{"url":"x","valueString":"y"}]}}"#,
        &["birthdate"],
        &["birthdate 86400000000..172800000000"],
    ),
    (r#"{"resourceType":"Patient","_birthDate":{"id":"x"}}"#, &["birthdate"], &[]),
    (
        r##"{"resourceType":"Observation","subject":{"reference":"http://own.example/fhir/Patient/1"},"performer":[{"reference":"#c"},{"reference":"Practitioner/2","identifier":{"system":"s","value":"v"}}],"focus":[{"display":"x"}]}"##,
        &["subject", "patient", "performer", "focus"],
        &[
            "performer s|v:identifier",
            "patient Patient/1",
            "performer Practitioner/2",
            "subject Patient/1",
            "focus valueless",
        ],
    ),
    (
        r#"{"resourceType":"Observation","code":{"coding":[{"system":"s","code":"c"},{"code":"d"},{"display":"e"}],"text":"f"},"valueQuantity":{"value":1.50,"unit":"mg","system":"u","code":"mg"}}"#,
        &["code", "value-quantity"],
        &["code s|c", "code -|d", "value-quantity 1.5|u|mg|mg"],
    ),
    (
        r#"{"resourceType":"Encounter","period":{"start":"1970-01-02"},"length":{"value":-0}}"#,
        &["date", "length"],
        &["date 86400000000..9223372036854775807", "length 0.0|-|-|-"],
    ),
    (
        r#"{"resourceType":"QuestionnaireResponse","questionnaire":"http://q.example|1.1"}"#,
        &["questionnaire"],
        &[r#"questionnaire <http://q.example>Some("1.1")"#],
    ),
    (
        r#"{"resourceType":"RiskAssessment","prediction":[{"probabilityDecimal":0.25},{"probabilityRange":{"low":{"value":1}}},{"probabilityDecimal":1e999}]}"#,
        &["probability"],
        &["probability 0.25", "probability 1.0", "probability 1.7976931348623157e308"],
    ),
    (
        r#"{"resourceType":"Invoice","totalNet":{"value":5,"currency":"INR"}}"#,
        &["totalnet"],
        &["totalnet 5.0|urn:iso:std:iso:4217|INR|-"],
    ),
    (
        r#"{"resourceType":"MedicationAdministration","effectivePeriod":{"end":"1970"}}"#,
        &["effective-time"],
        &["effective-time -9223372036854775808..31536000000000"],
    ),
    (
        r#"{"resourceType":"CarePlan","activity":[{"detail":{"scheduledTiming":{"event":["1970-01-02","1970-01-04"],"repeat":{"boundsPeriod":{"start":"1970-01-01"}}}}}]}"#,
        &["activity-date"],
        &["activity-date 0..9223372036854775807"],
    ),
    (
        r#"{"resourceType":"ValueSet","url":"http://v.example","meta":{"profile":["http://p.example"],"tag":[{"code":"t"}]}}"#,
        &["url", "_profile", "_tag"],
        &["_tag -|t", "_profile http://p.example", "url http://v.example"],
    ),
];

#[test]
fn each_type_of_element_gives_its_rows() {
    for (resource, params, expected) in ROWS {
        assert_eq!(lines(resource, params), *expected, "{resource}");
    }
}

#[test]
fn a_patient_owns_what_refers_to_it() {
    let cases: &[(&str, &[&str])] = &[
        (r#"{"resourceType":"Patient","id":"p"}"#, &["own"]),
        (
            r#"{"resourceType":"Observation","subject":{"reference":"Patient/1"},"performer":[{"reference":"Patient/2"},{"reference":"Patient/1"}]}"#,
            &["1", "2"],
        ),
        (r#"{"resourceType":"Observation","subject":{"reference":"Group/1"}}"#, &[]),
        (
            r#"{"resourceType":"Observation","subject":{"reference":"http://else.example/Patient/1"}}"#,
            &[],
        ),
        (r#"{"resourceType":"Observation","focus":[{"reference":"Patient/1"}]}"#, &[]),
        (r#"{"resourceType":"Group","member":[{"entity":{"reference":"Patient/9"}}]}"#, &["9"]),
        (r#"{"resourceType":"Organization","name":"x"}"#, &[]),
    ];
    for (resource, expected) in cases {
        let tree = json::parse_trusted(resource.as_bytes().to_vec().into());
        let rows = extract(Registry::r4(), &tree, BASE);
        let patients =
            patient_compartment(Registry::r4(), tree.resource_type().unwrap(), "own", &rows);
        assert_eq!(patients.iter().map(|id| &**id).collect::<Vec<_>>(), *expected, "{resource}");
    }
}

#[test]
fn an_update_changes_only_what_differs() {
    let old = rows(r#"{"resourceType":"Patient","gender":"male","name":[{"family":"Rao"}]}"#);
    let new = rows(r#"{"resourceType":"Patient","gender":"female","name":[{"family":"Rao"}]}"#);
    let (removed, added) = Rows::diff(old.clone(), new);
    assert_eq!((removed.len(), added.len()), (1, 1));
    assert_eq!((&*removed.tokens[0].code, &*added.tokens[0].code), ("male", "female"));
    let (removed, added) = Rows::diff(old.clone(), old);
    assert!(removed.is_empty() && added.is_empty());
}

proptest! {
    #[test]
    fn rows_are_sorted_whatever_the_resource_holds(
        texts in prop::collection::vec(r"\PC{0,12}", 6),
        dates in prop::collection::vec(r"([0-9]{4}(-[01][0-9](-[0-3][0-9])?)?|\PC{0,8})", 2),
        number in r"-?[0-9]{1,30}(\.[0-9]{1,30})?(e[0-9]{1,3})?",
    ) {
        let quoted = |text: &String| {
            let mut out = Vec::new();
            json::write_string(&mut out, text);
            String::from_utf8(out).unwrap()
        };
        let [a, b, c, d, e, f] = [0, 1, 2, 3, 4, 5].map(|n| quoted(&texts[n]));
        let [start, end] = [0, 1].map(|n| quoted(&dates[n]));
        let resource = format!(
            r#"{{"resourceType":"Observation","code":{{"coding":[{{"system":{a},"code":{b}}},{{"system":{b},"code":{a}}}]}},
               "subject":{{"reference":{c},"identifier":{{"system":{d},"value":{a}}}}},"effectivePeriod":{{"start":{start},"end":{end}}},
               "valueQuantity":{{"value":{number},"unit":{e},"code":{f}}},"note":[{{"text":{f}}}]}}"#
        );
        let rows = rows(&resource);
        prop_assert!(rows.tokens.is_sorted_by(|a, b| a < b));
        prop_assert!(rows.quantities.is_sorted_by(|a, b| a < b));
        let (removed, added) = Rows::diff(rows.clone(), rows);
        prop_assert!(removed.is_empty() && added.is_empty());
    }
}
