//! `SearchParameter` resources, understood and refused.

use fhir_model::json;

use super::*;
use crate::{Rows, extract};

fn tree(resource: &str) -> Tree {
    json::parse_trusted(resource.as_bytes().to_vec().into())
}

/// A `SearchParameter` with these members besides a URL.
fn parameter(members: &str) -> Tree {
    tree(&format!(
        r#"{{"resourceType":"SearchParameter","url":"http://x.example/sp","status":"active",{members}}}"#
    ))
}

fn understood(members: &str) -> Vec<Definition> {
    Custom::validate(&parameter(members), Registry::r4())
        .unwrap_or_else(|outcome| panic!("{members}: {outcome}"))
}

fn with(members: &[&str], state: State) -> Registry {
    let definitions = members.iter().flat_map(|members| understood(members));
    let customs = (1_000_001..).map(ParamId).zip(definitions);
    let customs = customs.map(|(id, definition)| Custom { id, state, definition });
    Registry::r4().with(customs.collect())
}

const EYES: &str = r#""code":"eye-colour","base":["Patient"],"type":"token",
    "expression":"Patient.extension.where(url='http://x.example/eyes').value"#;

const ADULT: &str = r#""code":"adult","base":["Patient"],"type":"token",
    "expression":"Patient.birthDate.exists() and Patient.birthDate <= @2008-01-01""#;

/// What is looked at.
type Line = fn(&Rows) -> String;

#[test]
fn each_kind_is_extracted() {
    let patient = r#"{"resourceType":"Patient","birthDate":"1970-01-02","multipleBirthInteger":2,"extension":[
        {"url":"http://x.example/eyes","valueCoding":{"system":"s","code":"green"}},
        {"url":"http://x.example/site","valueUri":"http://site.example"},
        {"url":"http://x.example/dose","valueQuantity":{"value":2,"system":"http://unitsofmeasure.org","code":"g"}}],
        "contact":[{"relationship":[{"coding":[{"code":"N"}]}],"name":{"family":"Rao"},"gender":"female",
        "organization":{"reference":"Organization/o"},"period":{"start":"2020"}}]}"#;
    let path = |code: &str, kind: &str, expression: &str| {
        format!(r#""code":"{code}","base":["Patient"],"type":"{kind}","expression":"{expression}""#)
    };
    let extension = |name: &str| format!("Patient.extension('http://x.example/{name}').value");
    let cases: &[(String, Line)] = &[
        (format!(r#"{EYES}""#), |rows| rows.tokens[0].code.to_string()),
        (ADULT.to_owned(), |rows| rows.tokens[0].code.to_string()),
        (path("site", "uri", &extension("site")), |rows| rows.uris[0].uri.to_string()),
        (path("dose", "quantity", &extension("dose")), |rows| rows.canonical[0].unit.to_string()),
        (path("order", "number", "Patient.multipleBirth as integer"), |rows| {
            rows.numbers[0].value.0.to_string()
        }),
        (path("twice", "number", "(Patient.multipleBirth as integer) * 2"), |rows| {
            rows.numbers[0].value.0.to_string()
        }),
        (path("kin", "string", "Patient.contact.name"), |rows| rows.strings[0].folded.to_string()),
        (path("loud", "string", "Patient.contact.name.family.upper()"), |rows| {
            rows.strings[0].exact.to_string()
        }),
        (path("kin-since", "date", "Patient.contact.period"), |rows| {
            (rows.dates[0].span.hi == i64::MAX).to_string()
        }),
        (path("kin-at", "reference", "Patient.contact.organization"), |rows| {
            format!("{:?}", rows.references[0].target)
        }),
    ];
    let expected = [
        "green",
        "true",
        "http://site.example",
        "g",
        "2",
        "4",
        "rao",
        "RAO",
        "true",
        r#"Local { ty: Organization, id: "o" }"#,
    ];
    for ((members, line), expected) in cases.iter().zip(expected) {
        let registry = with(&[members], State::Ready).only(&[ParamId(1_000_001)]);
        let rows = extract(&registry, &tree(patient), "");
        assert_eq!(rows.valueless, [], "{members}");
        assert_eq!(line(&rows), expected, "{members}");
    }
}

#[test]
fn a_composite_of_known_parameters_is_extracted() {
    let members = r#""code":"contact-gender","base":["Patient"],"type":"composite",
        "expression":"Patient.contact","component":[
        {"definition":"http://hl7.org/fhir/SearchParameter/individual-gender","expression":"gender"},
        {"definition":"http://hl7.org/fhir/SearchParameter/Patient-name","expression":"name"}]"#;
    let registry = with(&[members], State::Ready);
    let patient = r#"{"resourceType":"Patient","contact":[{"gender":"male","name":{"family":"A"}},
        {"gender":"female","name":{"family":"B"}}]}"#;
    let rows = extract(&registry, &tree(patient), "");
    let pairs: Vec<String> =
        rows.composites.iter().map(|row| format!("{} {:?}", row.code, row.part)).collect();
    assert_eq!(
        pairs,
        [
            r#"female String { folded: "b", exact: "B" }"#,
            r#"male String { folded: "a", exact: "A" }"#
        ]
    );
}

#[test]
fn a_parameter_is_asked_for_when_it_is_ready() {
    let patient = ResourceType::named("Patient").unwrap();
    let eyes = format!(r#"{EYES}""#);
    for (state, is_ready) in [(State::Ready, true), (State::Building, false)] {
        let registry = with(&[&eyes], state);
        assert_eq!(registry.parameter(patient, "eye-colour").is_some(), is_ready);
        assert_eq!(registry.of(patient).iter().any(|one| one.code == "eye-colour"), is_ready);
        assert_eq!(registry.by_id(ParamId(1_000_001)).unwrap().code, "eye-colour");
        let rows = extract(
            &registry,
            &tree(
                r#"{"resourceType":"Patient","gender":"male","extension":[{"url":"http://x.example/eyes","valueCode":"green"}]}"#,
            ),
            "",
        );
        let custom = rows.tokens.iter().filter(|row| row.param == ParamId(1_000_001));
        assert_eq!(custom.count(), 1);
        // R4's own stay as they are
        assert_eq!(registry.parameter(patient, "birthdate").unwrap().id, ParamId(2227));
        assert_eq!(registry.parameter(patient, "name").unwrap().sources.len(), 3);
        assert!(rows.tokens.len() > 2);
    }
    // and go with those that were added
    let registry = with(&[&eyes], State::Ready).with(Vec::new());
    assert!(registry.parameter(patient, "eye-colour").is_none());
    assert!(registry.by_id(ParamId(1_000_001)).is_none());
}

#[test]
fn one_resource_may_be_about_many_types() {
    let definitions = understood(
        r#""code":"kept-by","base":["Resource"],"type":"token","expression":"Resource.meta.tag""#,
    );
    assert_eq!(definitions.len(), ResourceType::all().len());
    let definitions = understood(
        r#""code":"own","base":["Patient","Person"],"type":"date","expression":"Patient.birthDate | Person.birthDate""#,
    );
    let types: Vec<&str> = definitions.iter().map(|one| one.ty.name()).collect();
    assert_eq!(types, ["Patient", "Person"]);
}

/// Members, the element that is refused, what is said.
const REFUSED: &[(&str, &str, &str)] = &[
    (r#""type":"token","base":["Patient"],"expression":"Patient.active""#, "code", "needs a code"),
    (
        r#""code":"a:b","type":"token","base":["Patient"],"expression":"Patient.active""#,
        "code",
        "begins with a letter",
    ),
    (
        r#""code":"_x","type":"token","base":["Patient"],"expression":"Patient.active""#,
        "code",
        "begins with a letter",
    ),
    (
        r#""code":"gender","type":"token","base":["Practitioner","Patient"],"expression":"Patient.gender | Practitioner.gender""#,
        "code",
        "has a search parameter 'gender' of R4 already",
    ),
    (
        r#""code":"x","type":"tokens","base":["Patient"],"expression":"Patient.active""#,
        "type",
        "'tokens' is no type",
    ),
    (
        r#""code":"x","type":"special","base":["Patient"],"expression":"Patient.active""#,
        "type",
        "that the server has to know",
    ),
    (r#""code":"x","type":"token","expression":"Patient.active""#, "base", "needs the types"),
    (
        r#""code":"x","type":"token","base":["Patient","Patent"],"expression":"Patient.active""#,
        "base[1]",
        "'Patent' is no resource type",
    ),
    (
        r#""code":"x","type":"token","base":["HumanName"],"expression":"HumanName.family""#,
        "base[0]",
        "'HumanName' is no resource type",
    ),
    (r#""code":"x","type":"token","base":["Patient"]"#, "expression", "needs an expression"),
    (
        r#""code":"x","type":"token","base":["Patient"],"expression":"Patient.active.""#,
        "expression",
        "no FHIRPath expression",
    ),
    (
        r#""code":"x","type":"token","base":["Patient"],"expression":"Patient.actve""#,
        "expression",
        "finds nothing",
    ),
    (
        r#""code":"x","type":"token","base":["Patient"],"expression":"Patient.active | Patient.actve""#,
        "expression",
        "finds nothing",
    ),
    (
        r#""code":"x","type":"date","base":["Patient","Person"],"expression":"Patient.birthDate""#,
        "expression",
        "says nothing of Person",
    ),
    (
        r#""code":"x","type":"date","base":["Patient"],"expression":"Patient.name""#,
        "expression",
        "elements of type HumanName, which a parameter of type 'date' cannot compare",
    ),
    (
        r#""code":"x","type":"reference","base":["Patient"],"expression":"Patient.link.other","target":["Patent"]"#,
        "target[0]",
        "'Patent' is no resource type",
    ),
    (
        r#""code":"x","type":"token","base":["Patient"],"expression":"Patient.active","target":["Patient"]"#,
        "target",
        "Only a reference",
    ),
    (
        r#""code":"x","type":"token","base":["Patient"],"expression":"Patient.active","component":[{"definition":"http://x","expression":"x"}]"#,
        "component",
        "Only a composite",
    ),
    (
        r#""code":"x","type":"composite","base":["Patient"],"expression":"Patient.contact""#,
        "component",
        "made of a token and",
    ),
    (
        r#""code":"x","type":"composite","base":["Patient"],"expression":"Patient.contact","component":[
        {"definition":"http://x.example/none","expression":"gender"},
        {"definition":"http://hl7.org/fhir/SearchParameter/Patient-name","expression":"name"}]"#,
        "component[0].definition",
        "no known search parameter",
    ),
    (
        r#""code":"x","type":"composite","base":["Patient"],"expression":"Patient.contact","component":[
        {"definition":"http://hl7.org/fhir/SearchParameter/individual-gender","expression":"gender"},
        {"definition":"http://hl7.org/fhir/SearchParameter/Patient-name","expression":"nme"}]"#,
        "component[1].expression",
        "finds nothing",
    ),
    (
        r#""code":"x","type":"composite","base":["Patient"],"expression":"Patient.contact","component":[
        {"definition":"http://hl7.org/fhir/SearchParameter/Patient-name","expression":"name"},
        {"definition":"http://hl7.org/fhir/SearchParameter/Patient-name","expression":"name"}]"#,
        "component",
        "made of a token and",
    ),
];

#[test]
fn what_is_wrong_is_said_with_its_element() {
    for (members, element, text) in REFUSED {
        let outcome = Custom::validate(&parameter(members), Registry::r4()).unwrap_err();
        let place = format!("SearchParameter.{element}");
        let is_said = outcome.issues().iter().any(|issue| {
            issue.expression.as_deref() == Some(&place) && issue.diagnostics.contains(text)
        });
        assert!(is_said, "{members}: {outcome}");
    }
    assert!(Custom::validate(&tree(r#"{"resourceType":"Patient"}"#), Registry::r4()).is_err());
}

#[test]
fn a_name_is_taken_once() {
    let eyes = format!(r#"{EYES}""#);
    let registry = with(&[&eyes], State::Building);
    // its own resource may say it anew
    assert!(Custom::validate(&parameter(&eyes), &registry).is_ok());
    let other = parameter(&eyes).bytes().to_vec();
    let other = String::from_utf8(other).unwrap().replace("x.example/sp", "x.example/other");
    let outcome = Custom::validate(&tree(&other), &registry).unwrap_err();
    assert!(outcome.to_string().contains("already: http://x.example/sp"), "{outcome}");
}
