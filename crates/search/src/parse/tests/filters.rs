//! What a `_filter` means.

use super::*;
use crate::{
    Comparison, Concepts, DateTest, NumberTest, ReferenceTest, SearchKind, StringTest, UriTest,
    WordScope,
};

fn text(test: fn(Box<str>) -> StringTest, text: &str) -> Filter {
    value("Patient.family", vec![Test::String(test(text.into()))])
}

fn present(param: &str, kind: SearchKind) -> Filter {
    Filter::Present { params: params(param), kind }
}

#[test]
fn operators() {
    let born = |comparison, text| {
        value("Patient.birthdate", vec![Test::Date(DateTest { comparison, span: day(text) })])
    };
    let cases = [
        (r#"Patient?_filter=family eq "Le Clerc""#, text(StringTest::Is, "le clerc")),
        ("Patient?_filter=family co ÜLL", text(StringTest::Contains, "ull")),
        ("Patient?_filter=family sw a", text(StringTest::StartsWith, "a")),
        ("Patient?_filter=family ew ers", text(StringTest::EndsWith, "ers")),
        (
            "Patient?_filter=family ne rao",
            Filter::All(vec![
                present("Patient.family", SearchKind::String),
                not(text(StringTest::Is, "rao")),
            ]),
        ),
        ("Patient?_filter=family pr true", present("Patient.family", SearchKind::String)),
        ("Patient?_filter=family pr false", not(present("Patient.family", SearchKind::String))),
        ("Patient?_filter=birthdate ge 1980-01-01", born(Comparison::GreaterOrEqual, "1980-01-01")),
        ("Patient?_filter=birthdate ne 1980", born(Comparison::NotEqual, "1980")),
        ("Patient?_filter=birthdate po 1980", born(Comparison::Approximate, "1980")),
        (
            "RiskAssessment?_filter=probability gt 0.5",
            value("RiskAssessment.probability", vec![Test::Number(NumberTest::Greater(0.5))]),
        ),
        (
            "Observation?_filter=value-quantity le 1|http://unitsofmeasure.org|kg",
            value(
                "Observation.value-quantity",
                vec![Test::Canonical(NumberTest::LessOrEqual(1000.0), "g".into())],
            ),
        ),
    ];
    for (query, expected) in cases {
        assert_eq!(filter(query), expected, "{query}");
    }
}

#[test]
fn operators_on_codes_and_references() {
    let coded = |concepts| value("Condition.code", vec![Test::Concepts(concepts)]);
    let in_set = || coded(Concepts::ValueSet("http://x/vs".into()));
    let organization = value(
        "Patient.organization",
        vec![Test::Reference(ReferenceTest::Local { ty: ty("Organization"), id: "1".into() })],
    );
    let cases = [
        ("Patient?_filter=gender eq male", value("Patient.gender", vec![code("male")])),
        (
            "Condition?_filter=code co flu",
            value("Condition.code", vec![Test::Text(StringTest::Contains("flu".into()))]),
        ),
        ("Condition?_filter=code in http://x/vs", in_set()),
        ("Condition?_filter=code ni http://x/vs", not(in_set())),
        ("Condition?_filter=code ss s|c", coded(Concepts::Below(token("s|c")))),
        ("Condition?_filter=code sb s|c", coded(Concepts::Above(token("s|c")))),
        ("Patient?_filter=organization re Organization/1", organization.clone()),
        ("Patient?_filter=organization eq Organization/1", organization),
        (
            "ValueSet?_filter=url ss http://x/",
            value("ValueSet.url", vec![Test::Uri(UriTest::Below("http://x".into()))]),
        ),
        ("Patient?_filter=_id eq a", Filter::Id(vec!["a".into()])),
        (
            "Patient?_filter=_lastUpdated gt 2020",
            Filter::Updated(vec![DateTest { comparison: Comparison::Greater, span: day("2020") }]),
        ),
        (
            "Patient?_filter=_text co bone",
            Filter::Words { scope: WordScope::Narrative, any: vec![vec!["bone".into()]] },
        ),
        (
            "Observation?_filter=code-value-concept eq a$b",
            value(
                "Observation.code-value-concept",
                vec![Test::Composite { key: token("a"), part: Box::new(code("b")) }],
            ),
        ),
    ];
    for (query, expected) in cases {
        assert_eq!(filter(query), expected, "{query}");
    }
}

#[test]
fn paths() {
    let male = || value("Patient.gender", vec![code("male")]);
    let chain = |filters| Filter::Chain {
        params: params("Encounter.patient"),
        targets: vec![TypePlan { ty: ty("Patient"), filters }],
    };
    let cases = [
        ("Encounter?_filter=patient.gender eq male", chain(vec![male()])),
        ("Encounter?_filter=patient:Patient.gender eq male", chain(vec![male()])),
        (
            "Encounter?_filter=patient[family eq rao].gender eq male",
            chain(vec![text(StringTest::Is, "rao"), male()]),
        ),
        (
            "Encounter?_filter=not (patient.gender eq male or patient[gender eq male].family pr true)",
            not(Filter::Any(vec![
                chain(vec![male()]),
                chain(vec![male(), present("Patient.family", SearchKind::String)]),
            ])),
        ),
        (
            "Patient?_filter=_has:Encounter:patient:status eq planned and gender eq male",
            Filter::All(vec![
                Filter::Has {
                    params: params("Encounter.patient"),
                    source: Box::new(on(
                        "Encounter",
                        value("Encounter.status", vec![code("planned")]),
                    )),
                },
                male(),
            ]),
        ),
        ("Encounter?patient._filter=gender eq male", chain(vec![male()])),
    ];
    for (query, expected) in cases {
        assert_eq!(filter(query), expected, "{query}");
    }
}

#[test]
fn faults_say_where_and_repeat_nothing() {
    let cases = [
        ("Patient?_filter=gender eq", "'_filter' at character 10 lacks a value"),
        ("Patient?_filter=nosuch eq secret", "at character 1 names no search parameter of Patient"),
        (
            "Patient?_filter=gender eq m or birthDate eq 1",
            "character 16 names no search parameter of Patient; did you mean 'birthdate'?",
        ),
        ("Patient?_filter=birthdate eq secret", "at character 1 takes dates such as"),
        (
            "Patient?_filter=birthdate co 19",
            "at character 1 compares 'birthdate' by an operator that is not for a date",
        ),
        ("Patient?_filter=gender pr secret", "takes true or false after 'pr'"),
        ("Patient?_filter=family co a", "3 characters or more"),
        (
            "Patient?_filter=gender.family eq secret",
            "follows 'gender', which is a token and no reference",
        ),
        (
            "Encounter?_filter=patient[secret eq x].gender eq y",
            "at character 9 names no search parameter of Patient",
        ),
        ("Patient?_filter=_query eq secret", "compares '_query'"),
        ("Patient?_filter:not=gender eq x", "has no modifiers"),
    ];
    for (query, expected) in cases {
        let outcome = plan(query).unwrap_err().to_string();
        assert!(outcome.contains(expected), "{query}: {outcome}");
        assert!(!outcome.contains("secret"), "{query}: {outcome}");
    }
    // part of a filter cannot be left out
    let lenient = Reading { handling: Handling::Lenient, ..STRICT };
    let pairs = pairs("_filter=nosuch eq x");
    assert_eq!(parse(Registry::r4(), ty("Patient"), &pairs, &lenient).unwrap_err().status(), 400);
}
