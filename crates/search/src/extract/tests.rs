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
    let code = |param: ParamId| &*Registry::r4().by_id(param).unwrap().code;
    let token = |row: &TokenRow| {
        format!("{} {}|{}", code(row.param), row.system.as_deref().unwrap_or("-"), row.code)
    };
    let mut out: Vec<String> = rows.tokens.iter().map(token).collect();
    out.extend(rows.identifiers.iter().map(|row| format!("{}:identifier", token(row))));
    out.extend(rows.references.iter().map(|row| match &row.target {
        Target::Local { ty, id } => format!("{} {ty}/{id}", code(row.param)),
        Target::Contained { ty, id } => format!("{} {ty}#{id}", code(row.param)),
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
    out.extend(rows.typed.iter().map(|row| format!("{}:of-type", token(row))));
    out.extend(rows.texts.iter().map(|row| format!("{} '{}'", code(row.param), row.folded)));
    out.extend(
        rows.canonical
            .iter()
            .map(|row| format!("{} {} {}", code(row.param), row.value.0, row.unit)),
    );
    out.extend(rows.composites.iter().map(|row| {
        format!(
            "{} {}|{} {:?}",
            code(row.param),
            row.system.as_deref().unwrap_or("-"),
            row.code,
            row.part
        )
    }));
    out.extend(rows.positions.iter().map(|row| {
        format!("{} {:?}", code(row.param), row.place.map(|part| (part.0 * 1000.0).round()))
    }));
    out.extend(rows.uris.iter().map(|row| format!("{} {}", code(row.param), row.uri)));
    out.extend(rows.valueless.iter().map(|param| format!("{} valueless", code(*param))));
    out.retain(|line| params.iter().any(|param| line.split(' ').next() == Some(param)));
    out
}

/// A resource, the parameters that are looked at, their rows. Those of `name` and the like are only what no
/// other parameter has.
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
            "address-city koln (Köln)",
            "family muller (Müller)",
            "name dr (Dr)",
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
            "focus valueless",
        ],
    ),
    (
        r#"{"resourceType":"Observation","code":{"coding":[{"system":"s","code":"c"},{"code":"d"},{"display":"e"}],"text":"f"},"valueQuantity":{"value":1.50,"unit":"mg","system":"u","code":"mg"}}"#,
        &["code", "value-quantity"],
        &["code s|c", "code -|d", "value-quantity 1.5|u|mg|mg", "code 'e'", "code 'f'"],
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

/// The rows that came with the whole grammar.
const MORE_ROWS: &[(&str, &[&str], &[&str])] = &[
    (
        r#"{"resourceType":"Observation","code":{"coding":[{"system":"s","code":"c","display":"Sugar"}],"text":"sugar"},"valueQuantity":{"value":90,"unit":"mg/dL","system":"http://unitsofmeasure.org","code":"mg/dL"}}"#,
        &[
            "code",
            "combo-code",
            "value-quantity",
            "combo-value-quantity",
            "code-value-quantity",
            "combo-code-value-quantity",
        ],
        &[
            "code s|c",
            "value-quantity 90.0|http://unitsofmeasure.org|mg/dL|mg/dL",
            "code 'sugar'",
            "value-quantity 900 g.m-3",
            r#"code-value-quantity s|c Quantity { value: Real(90.0), system: Some("http://unitsofmeasure.org"), code: Some("mg/dL"), unit: Some("mg/dL") }"#,
            r#"code-value-quantity s|c Canonical { value: Real(900.0), unit: "g.m-3" }"#,
        ],
    ),
    (
        r#"{"resourceType":"Observation","code":{"coding":[{"code":"c"},{"code":"d"}]},"valueCodeableConcept":{"coding":[{"code":"x"}]},"component":[{"code":{"coding":[{"code":"e"}]},"valueString":"y"}]}"#,
        &["code-value-concept", "component-code-value-concept", "component-code-value-quantity"],
        &[
            r#"code-value-concept -|c Token { code: "x", system: None }"#,
            r#"code-value-concept -|d Token { code: "x", system: None }"#,
        ],
    ),
    (
        r#"{"resourceType":"ValueSet","useContext":[{"code":{"code":"age"},"valueRange":{"low":{"value":1,"system":"http://unitsofmeasure.org","code":"min"}}}]}"#,
        &["context-quantity"],
        &[
            "context-quantity 1.0|http://unitsofmeasure.org|min|-",
            "context-quantity 1.7976931348623157e308|http://unitsofmeasure.org|min|-",
            "context-quantity 60 s",
            "context-quantity MAX s",
        ],
    ),
    (
        r#"{"resourceType":"Patient","identifier":[{"type":{"coding":[{"system":"t","code":"MR"},{"display":"x"}],"text":"Number"},"system":"s","value":"7"},{"type":{"coding":[{"code":"DL"}]}}]}"#,
        &["identifier"],
        &["identifier s|7", "identifier t|MR|7:of-type", "identifier 'number'"],
    ),
    (
        r#"{"resourceType":"Location","position":{"longitude":90,"latitude":0}}"#,
        &["near"],
        &["near [0.0, 1000.0, 0.0]"],
    ),
    (
        r#"{"resourceType":"Location","position":{"longitude":190,"latitude":0}}"#,
        &["near"],
        &["near valueless"],
    ),
    (
        r##"{"resourceType":"MedicationRequest","contained":[{"resourceType":"Medication","id":"m","code":{"coding":[{"code":"c"}]}}],"medicationReference":{"reference":"#m"},"requester":{"reference":"#none"}}"##,
        &["medication", "requester"],
        &["medication Medication#m", "requester valueless"],
    ),
    (
        r#"{"resourceType":"MolecularSequence","referenceSeq":{"chromosome":{"coding":[{"code":"1"}]},"windowStart":5,"windowEnd":9},"variant":[{"start":6,"end":7},{"start":8}]}"#,
        &["chromosome-variant-coordinate", "chromosome-window-coordinate"],
        &[
            "chromosome-variant-coordinate -|1 Numbers(Real(6.0), Real(7.0))",
            "chromosome-window-coordinate -|1 Numbers(Real(5.0), Real(9.0))",
        ],
    ),
];

#[test]
fn the_whole_grammar_has_its_rows() {
    for (resource, params, expected) in MORE_ROWS {
        let lines = lines(resource, params).into_iter();
        let lines = lines.map(|line| line.replace(&f64::MAX.to_string(), "MAX"));
        assert_eq!(lines.collect::<Vec<_>>(), *expected, "{resource}");
    }
}

#[test]
fn contained_resources_have_rows_of_their_own() {
    let rows = rows(
        r##"{"resourceType":"Observation","contained":[{"resourceType":"Patient","id":"b","gender":"male",
        "managingOrganization":{"reference":"#a"}},{"resourceType":"Organization","id":"a","name":"Inner"},
        {"resourceType":"Patient","id":"a"},{"resourceType":"Patient"}],"subject":{"reference":"#b"}}"##,
    );
    let names: Vec<String> =
        rows.contained.iter().map(|one| format!("{}#{}", one.ty, one.id)).collect();
    assert_eq!(names, ["Organization#a", "Patient#b"]);
    let [organization, patient] = rows.contained.as_slice() else { panic!() };
    assert_eq!(&*organization.rows.strings[0].folded, "inner");
    assert_eq!(patient.rows.tokens.iter().filter(|row| &*row.code == "male").count(), 1);
    let target = &patient.rows.references[0].target;
    assert!(matches!(target, Target::Contained { id, .. } if **id == *"a"));
    assert!(organization.rows.words.is_empty());
    assert_eq!(rows.references.len(), 1);
    assert!(rows.words.iter().any(|row| &*row.word == "inner"));
}

#[test]
fn rows_of_composites_have_a_limit() {
    let codings: Vec<String> = (0..1000).map(|n| format!(r#"{{"code":"c{n}"}}"#)).collect();
    let codings = codings.join(",");
    let rows = rows(&format!(
        r#"{{"resourceType":"Observation","code":{{"coding":[{codings}]}},"valueCodeableConcept":{{"coding":[{codings}]}}}}"#
    ));
    assert!((9_000..=10_000).contains(&rows.composites.len()));
}

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
