//! What queries mean and why they are refused, as tables.

use fhir_model::{Instant, IssueType, Outcome, ResourceType};
use proptest::prelude::*;

use super::{Handling, Reading, parse};
use crate::{
    Comparison, DateTest, Direction, Filter, NumberTest, Plan, ReferenceTest, Registry, SearchKind,
    Sort, SortKey, StringTest, Summary, System, Test, Timespan, TokenTest, Total, UnitTest,
};

const STRICT: Reading<'_> = Reading {
    handling: Handling::Strict,
    base: "http://own.example/fhir",
    now: Instant::from_millis(1_795_305_600_000),
};

fn pairs(query: &str) -> Vec<(String, String)> {
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (name.to_owned(), value.to_owned())
    };
    query.split('&').map(pair).collect()
}

fn plan(query: &str) -> Result<Plan, Outcome> {
    let (ty, query) = query.split_once('?').unwrap();
    let ty = ResourceType::named(ty).unwrap();
    parse(Registry::r4(), ty, &pairs(query), &STRICT).map(|(plan, _)| plan)
}

/// The tests of the one filter that a query has.
fn tests(query: &str) -> Vec<Test> {
    match plan(query).unwrap().filters.as_slice() {
        [Filter::Value { any, .. }] => any.clone(),
        filters => panic!("{query}: {filters:?}"),
    }
}

fn day(text: &str) -> Timespan {
    Timespan::parse(text).unwrap()
}

#[test]
fn tokens() {
    let token = |system: System, code: Option<&str>| {
        Test::Token(TokenTest { system, code: code.map(Into::into) })
    };
    let cases = [
        ("Patient?gender=male", vec![token(System::Any, Some("male"))]),
        ("Patient?identifier=s|c", vec![token(System::Is("s".into()), Some("c"))]),
        ("Patient?identifier=|c", vec![token(System::None, Some("c"))]),
        ("Patient?identifier=s|", vec![token(System::Is("s".into()), None)]),
        (
            r"Patient?identifier=a\|b\,c,d",
            vec![token(System::Any, Some("a|b,c")), token(System::Any, Some("d"))],
        ),
        (r"Patient?identifier=s|a\$c\\d", vec![token(System::Is("s".into()), Some(r"a$c\d"))]),
    ];
    for (query, expected) in cases {
        assert_eq!(tests(query), expected, "{query}");
    }
    let not = plan("Patient?gender:not=male").unwrap();
    assert!(matches!(not.filters.as_slice(), [Filter::Value { negated: true, .. }]));
}

#[test]
fn references() {
    let patient = ResourceType::named("Patient").unwrap();
    let local = || Test::Reference(ReferenceTest::Local { ty: patient, id: "1".into() });
    let url = |url: &str, version: Option<&str>| {
        Test::Reference(ReferenceTest::Url { url: url.into(), version: version.map(Into::into) })
    };
    let cases = [
        ("Observation?subject=Patient/1", vec![local()]),
        ("Observation?subject=Patient/1/_history/2", vec![local()]),
        ("Observation?subject:Patient=1", vec![local()]),
        ("Observation?subject:Patient=Patient/1", vec![local()]),
        (
            "Observation?subject=http://x.example/Patient/1",
            vec![url("http://x.example/Patient/1", None)],
        ),
        (
            "Encounter?patient=1",
            vec![Test::Reference(ReferenceTest::Id { types: vec![patient], id: "1".into() })],
        ),
        (
            "Observation?subject=http://own.example/fhir/Patient/1",
            vec![local(), url("http://own.example/fhir/Patient/1", None)],
        ),
        (
            "QuestionnaireResponse?questionnaire=http://q.example|2",
            vec![url("http://q.example", Some("2"))],
        ),
        (
            "Observation?subject:identifier=s|v",
            vec![Test::Identifier(TokenTest {
                system: System::Is("s".into()),
                code: Some("v".into()),
            })],
        ),
    ];
    for (query, expected) in cases {
        assert_eq!(tests(query), expected, "{query}");
    }
}

#[test]
fn strings_dates_numbers_quantities_uris() {
    let date = |comparison, text| Test::Date(DateTest { comparison, span: day(text) });
    let cases = [
        ("Patient?family=MÜLLER", Test::String(StringTest::StartsWith("muller".into()))),
        ("Patient?family:exact=Müller", Test::String(StringTest::Exact("Müller".into()))),
        ("Patient?family:contains=ÜLL", Test::String(StringTest::Contains("ull".into()))),
        ("Patient?birthdate=2020", date(Comparison::Equal, "2020")),
        ("Patient?birthdate=eq2020-01", date(Comparison::Equal, "2020-01")),
        ("Patient?birthdate=ne2020-01-02", date(Comparison::NotEqual, "2020-01-02")),
        ("Patient?birthdate=gt2020", date(Comparison::Greater, "2020")),
        ("Patient?birthdate=lt2020", date(Comparison::Less, "2020")),
        ("Patient?birthdate=ge2020", date(Comparison::GreaterOrEqual, "2020")),
        ("Patient?birthdate=le2020", date(Comparison::LessOrEqual, "2020")),
        ("Patient?birthdate=sa2020", date(Comparison::StartsAfter, "2020")),
        ("Patient?birthdate=eb2020", date(Comparison::EndsBefore, "2020")),
        ("Patient?birthdate=ap2026-11-22", date(Comparison::Approximate, "2026-11-22")),
        (
            "Observation?date=2013-03-14T12:00:00 02:00",
            date(Comparison::Equal, "2013-03-14T10:00:00Z"),
        ),
        ("RiskAssessment?probability=gt0.8", Test::Number(NumberTest::Greater(0.8))),
        ("Observation?value-quantity=lt5", Test::Quantity(NumberTest::Less(5.0), UnitTest::Any)),
        (
            "Observation?value-quantity=5.4||mg",
            Test::Quantity(NumberTest::Within(5.35, 5.45), UnitTest::Named("mg".into())),
        ),
        (
            "Observation?value-quantity=ge5|http://u.example|mg",
            Test::Quantity(
                NumberTest::GreaterOrEqual(5.0),
                UnitTest::Coded { system: "http://u.example".into(), code: "mg".into() },
            ),
        ),
        ("ValueSet?url=http://x.example/vs", Test::Uri("http://x.example/vs".into())),
    ];
    for (query, expected) in cases {
        assert_eq!(tests(query), [expected], "{query}");
    }
}

#[test]
fn filters_that_are_no_values() {
    let gender = Registry::r4().parameter(ResourceType::named("Patient").unwrap(), "gender");
    let param = gender.unwrap().id;
    let updated = DateTest { comparison: Comparison::Greater, span: day("2020") };
    let missing = |missing| Filter::Missing { param, kind: SearchKind::Token, missing };
    let ids = |negated, ids: &[&str]| Filter::Id {
        negated,
        any: ids.iter().map(|&id| id.into()).collect(),
    };
    let cases = [
        ("Patient?_id=a,b", ids(false, &["a", "b"])),
        ("Patient?_id=no/id", ids(false, &[])),
        ("Patient?_id:not=a", ids(true, &["a"])),
        ("Patient?_lastUpdated=gt2020", Filter::Updated { any: vec![updated] }),
        ("Patient?gender:missing=true", missing(true)),
        ("Patient?gender:missing=false", missing(false)),
    ];
    for (query, expected) in cases {
        assert_eq!(plan(query).unwrap().filters, [expected], "{query}");
    }
}

#[test]
fn the_answer_is_shaped() {
    let query = "Patient?_count=5&_sort=-_lastUpdated,_id&_total=accurate&_summary=count\
                 &_elements=name,birthDate,deceased&_format=json&_pretty=true&family=";
    let plan = plan(query).unwrap();
    assert_eq!(
        (plan.count, plan.total, plan.summary),
        (Some(5), Some(Total::Accurate), Summary::Count)
    );
    let by_time = Sort { key: SortKey::Updated, direction: Direction::Descending };
    assert_eq!(plan.sort, [by_time, Sort { key: SortKey::Id, direction: Direction::Ascending }]);
    assert_eq!(plan.elements, ["name".into(), "birthDate".into(), "deceased".into()]);
    assert!(plan.filters.is_empty());
    let understood: Vec<&str> = plan.understood.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(understood, ["_count", "_sort", "_total", "_summary", "_elements"]);
    for (query, count) in [("Patient?_count=0", 0), ("Patient?_count=99999999999", 1000)] {
        assert_eq!(self::plan(query).unwrap().count, Some(count));
    }
}

#[test]
fn what_is_wrong_is_said() {
    let cases = [
        ("Patient?foo=bar", IssueType::NotSupported, "'foo' does not exist for Patient"),
        ("Patient?birthDate=2020", IssueType::NotSupported, "did you mean 'birthdate'?"),
        (
            "Patient?family:bogus=x",
            IssueType::NotSupported,
            "no modifier ':bogus'; there is :exact, :contains, :missing",
        ),
        (
            "Patient?birthdate:exact=2020",
            IssueType::NotSupported,
            "no modifier ':exact'; there is :missing",
        ),
        ("Patient?gender:in=http://x", IssueType::NotSupported, "':in' yet"),
        ("Patient?gender:missing=perhaps", IssueType::Value, "takes true or false"),
        ("Patient?birthdate=notadate", IssueType::Value, "takes dates such as"),
        ("Patient?birthdate=2013-13-45", IssueType::Value, "takes dates such as"),
        ("Patient?birthdate=xx2010", IssueType::Value, "takes dates such as"),
        ("Patient?identifier=a|b|c", IssueType::Value, "more than one '|'"),
        ("Patient?identifier=|", IssueType::Value, "neither system nor code"),
        ("Patient?gender=,", IssueType::Value, "commas but no value"),
        ("Patient?name:contains=ab", IssueType::TooCostly, "3 characters or more"),
        ("RiskAssessment?probability=high", IssueType::Value, "takes numbers such as"),
        ("Observation?value-quantity=5|s|", IssueType::Value, "[number]|[system]|[code]"),
        ("Observation?value-quantity=5|mg", IssueType::Value, "[number]|[system]|[code]"),
        ("Encounter?subject:Nonsense=x", IssueType::NotSupported, "no resource type"),
        ("Encounter?subject:Patient=Group/1", IssueType::Value, "takes the id of a Patient"),
        ("Encounter?subject=#x", IssueType::Value, "takes [id], [type]/[id] or a URL"),
        ("Encounter?patient.family=rao", IssueType::NotSupported, "is a chain"),
        ("Encounter?subject:Patient.family=rao", IssueType::NotSupported, "is a chain"),
        (
            "Patient?_has:Observation:patient:code=x",
            IssueType::NotSupported,
            "'_has:Observation:patient:code' is not supported yet",
        ),
        (
            "Patient?_include=Patient:link",
            IssueType::NotSupported,
            "'_include' is not supported yet",
        ),
        ("Observation?code-value-quantity=a$5", IssueType::NotSupported, "is a composite"),
        ("Location?near=1|2", IssueType::NotSupported, "'near' is not supported yet"),
        ("Patient?_count=many", IssueType::Value, "is a number from 0"),
        ("Patient?_total=maybe", IssueType::Value, "none, estimate, accurate"),
        ("Patient?_summary=most", IssueType::Value, "true, text, data, count, false"),
        ("Patient?_sort=nosuch", IssueType::Value, "sorts by search parameters of Patient"),
        ("Patient?_sort=family", IssueType::NotSupported, "cannot sort by 'family'"),
        ("Patient?_elements=birthdate", IssueType::Value, "did you mean 'birthDate'?"),
    ];
    for (query, code, text) in cases {
        let outcome = plan(query).unwrap_err();
        let issue = &outcome.issues()[0];
        assert_eq!(issue.code, code, "{query}: {}", issue.diagnostics);
        assert!(issue.diagnostics.contains(text), "{query}: {}", issue.diagnostics);
    }
}

#[test]
fn a_query_may_not_ask_for_too_much() {
    let cases = [
        (format!("Patient?{}", ["gender=male"; 33].join("&")), 422),
        (format!("Patient?{}", ["gender=male"; 32].join("&")), 200),
        (format!("Patient?gender={}", ["male"; 101].join(",")), 422),
        (format!("Patient?gender={}", ["male"; 100].join(",")), 200),
        (format!("Patient?_sort={}", ["_id"; 101].join(",")), 422),
    ];
    for (query, status) in cases {
        assert_eq!(plan(&query).map_or_else(|outcome| outcome.status(), |_| 200), status);
    }
}

#[test]
fn lenient_handling_leaves_out_what_is_unknown_alone() {
    let lenient = Reading { handling: Handling::Lenient, ..STRICT };
    let patient = ResourceType::named("Patient").unwrap();
    let parse = |query| parse(Registry::r4(), patient, &pairs(query), &lenient);
    let (plan, ignored) = parse("foo=bar&family=rao&_include=x").unwrap();
    assert_eq!((plan.filters.len(), plan.understood.len(), ignored.len()), (1, 1, 2));
    for query in ["family:bogus=x", "birthdate=notadate", "gender:in=x"] {
        assert_eq!(parse(query).unwrap_err().status(), 400, "{query}");
    }
}

#[test]
fn several_faults_are_reported_together_and_values_are_not_repeated() {
    let outcome = plan("Patient?birthdate=secret&foo=secret&gender:x=secret").unwrap_err();
    assert_eq!(outcome.issues().len(), 3);
    assert!(!outcome.to_string().contains("secret"));
}

proptest! {
    #[test]
    fn no_query_panics(
        name in r"(code|subject|date|_id|value-quantity|url|_sort|_elements|_count|\PC{0,12})(:(not|exact|missing|Patient|identifier|\PC{0,6}))?",
        value in r"(eq|gt|ap|sa)?(\PC{0,20}|[0-9.eE|,\\$/:TZ+-]{0,40})",
    ) {
        for ty in ["Patient", "Observation", "ValueSet"] {
            let ty = ResourceType::named(ty).unwrap();
            let pairs = [(name.clone(), value.clone())];
            if let Err(outcome) = parse(Registry::r4(), ty, &pairs, &STRICT) {
                prop_assert!(matches!(outcome.status(), 400 | 422));
            }
        }
    }
}
