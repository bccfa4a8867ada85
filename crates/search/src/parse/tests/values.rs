//! What values mean.

use super::*;
use crate::{
    Comparison, Concepts, DateTest, NumberTest, ReferenceTest, StringTest, UnitTest, UriTest,
    Version, Way,
};

#[test]
fn tokens() {
    let of = |system: System, code: Option<&str>| {
        Test::Token(TokenTest { system, code: code.map(Into::into) })
    };
    let cases = [
        ("Patient?gender=male", vec![code("male")]),
        ("Patient?identifier=s|c", vec![code("s|c")]),
        ("Patient?identifier=|c", vec![of(System::None, Some("c"))]),
        ("Patient?identifier=s|", vec![of(System::Is("s".into()), None)]),
        (r"Patient?identifier=a\|b\,c,d", vec![of(System::Any, Some("a|b,c")), code("d")]),
        (r"Patient?identifier=s|a\$c\\d", vec![code(r"s|a$c\d")]),
        ("Patient?gender:text=MÄle", vec![Test::Text(StringTest::StartsWith("male".into()))]),
        ("Condition?code:below=s|c", vec![Test::Concepts(Concepts::Below(token("s|c")))]),
        ("Condition?code:above=c", vec![Test::Concepts(Concepts::Above(token("c")))]),
        (
            "Condition?code:in=http://x.example/vs,ValueSet/y",
            vec![
                Test::Concepts(Concepts::ValueSet("http://x.example/vs".into())),
                Test::Concepts(Concepts::ValueSet("ValueSet/y".into())),
            ],
        ),
        ("Patient?identifier:of-type=s|MR|1", vec![Test::Typed(token("s|MR|1"))]),
        ("DocumentReference?contenttype:below=text/xml", vec![Test::Mime("text/xml".into())]),
        ("Library?content-type:below=text", vec![Test::Mime("text".into())]),
    ];
    for (query, expected) in cases {
        assert_eq!(tests(query), expected, "{query}");
    }
    let negated = [
        ("Patient?gender:not=male,female", "Patient.gender", vec![code("male"), code("female")]),
        (
            "Condition?code:not-in=ValueSet/y",
            "Condition.code",
            vec![Test::Concepts(Concepts::ValueSet("ValueSet/y".into()))],
        ),
    ];
    for (query, param, any) in negated {
        assert_eq!(filter(query), not(value(param, any)), "{query}");
    }
}

#[test]
fn references() {
    let local = || ReferenceTest::Local { ty: ty("Patient"), id: "1".into() };
    let url = |url: &str, version: Version| ReferenceTest::Url { url: url.into(), version };
    let part = |name: &str, param: &str, way| ReferenceTest::Hierarchy {
        ty: ty(name),
        id: "x".into(),
        part_of: params(param)[0],
        way,
    };
    let cases = [
        ("Observation?subject=Patient/1", vec![local()]),
        ("Observation?subject=Patient/1/_history/2", vec![local()]),
        ("Observation?subject:Patient=1", vec![local()]),
        ("Observation?subject:Patient=Patient/1", vec![local()]),
        (
            "Observation?subject=http://x.example/Patient/1",
            vec![url("http://x.example/Patient/1", Version::Any)],
        ),
        (
            "Encounter?patient=1",
            vec![ReferenceTest::Id { types: vec![ty("Patient")], id: "1".into() }],
        ),
        (
            "Observation?subject=http://own.example/fhir/Patient/1",
            vec![local(), url("http://own.example/fhir/Patient/1", Version::Any)],
        ),
        (
            r"QuestionnaireResponse?questionnaire=http://q.example|2",
            vec![url("http://q.example", Version::Is("2".into()))],
        ),
        (
            "QuestionnaireResponse?questionnaire:below=http://q.example|2",
            vec![url("http://q.example", Version::Below("2".into()))],
        ),
        (
            "QuestionnaireResponse?questionnaire:below=http://q.example",
            vec![url("http://q.example", Version::Any)],
        ),
        (
            "Encounter?location:below=Location/x",
            vec![part("Location", "Location.partof", Way::Below)],
        ),
        ("Encounter?location:above=x", vec![part("Location", "Location.partof", Way::Above)]),
        (
            "Observation?encounter:below=http://own.example/fhir/Encounter/x",
            vec![part("Encounter", "Encounter.part-of", Way::Below)],
        ),
    ];
    for (query, expected) in cases {
        let expected: Vec<Test> = expected.into_iter().map(Test::Reference).collect();
        assert_eq!(tests(query), expected, "{query}");
    }
    assert_eq!(tests("Observation?subject:identifier=s|v"), [Test::Identifier(token("s|v"))]);
}

#[test]
fn strings_dates_numbers() {
    let date = |comparison, text| Test::Date(DateTest { comparison, span: day(text) });
    let cases = [
        ("Patient?family=MÜLLER", Test::String(StringTest::StartsWith("muller".into()))),
        ("Patient?family:exact=Müller", Test::String(StringTest::Exact("Müller".into()))),
        ("Patient?family:contains=ÜLL", Test::String(StringTest::Contains("ull".into()))),
        ("Patient?family:text=ÜLL", Test::String(StringTest::Contains("ull".into()))),
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
    ];
    for (query, expected) in cases {
        assert_eq!(tests(query), [expected], "{query}");
    }
}

#[test]
fn quantities_with_ucum_units_are_compared_in_base_units() {
    let ucum = "http://unitsofmeasure.org";
    let coded =
        |system: &str, code: &str| UnitTest::Coded { system: system.into(), code: code.into() };
    let cases = [
        ("lt5".to_owned(), Test::Quantity(NumberTest::Less(5.0), UnitTest::Any)),
        (
            "5.4||mg".to_owned(),
            Test::Quantity(NumberTest::Within(5.35, 5.45), UnitTest::Named("mg".into())),
        ),
        (
            "ge5|http://u.example|mg".to_owned(),
            Test::Quantity(NumberTest::GreaterOrEqual(5.0), coded("http://u.example", "mg")),
        ),
        (
            format!("5.4|{ucum}|mg"),
            Test::Canonical(NumberTest::Within(0.00535, 0.00545), "g".into()),
        ),
        (
            format!("5.4e-3|{ucum}|g"),
            Test::Canonical(NumberTest::Within(0.00535, 0.00545), "g".into()),
        ),
        (format!("ne70|{ucum}|kg"), {
            Test::Canonical(NumberTest::Outside(69_500.0, 70_500.0), "g".into())
        }),
        (format!("sa1|{ucum}|h"), Test::Canonical(NumberTest::Greater(3600.0), "s".into())),
        (format!("37|{ucum}|Cel"), Test::Canonical(NumberTest::Within(309.65, 310.65), "K".into())),
        (format!("le98.6|{ucum}|[degF]"), {
            Test::Canonical(NumberTest::LessOrEqual(310.15), "K".into())
        }),
        (
            format!("lt5|{ucum}|nosuch"),
            Test::Quantity(NumberTest::Less(5.0), coded(ucum, "nosuch")),
        ),
    ];
    for (text, expected) in cases {
        let query = format!("Observation?value-quantity={text}");
        assert_eq!(tests(&query), [expected], "{query}");
    }
    // tests of two sorts are two filters
    let mixed = filter(&format!("Observation?value-quantity=lt1,lt1|{ucum}|g,gt9"));
    let [less, greater] = [NumberTest::Less(1.0), NumberTest::Greater(9.0)];
    assert_eq!(
        mixed,
        Filter::Any(vec![
            value(
                "Observation.value-quantity",
                vec![Test::Quantity(less, UnitTest::Any), Test::Quantity(greater, UnitTest::Any)]
            ),
            value("Observation.value-quantity", vec![Test::Canonical(less, "g".into())]),
        ])
    );
}

#[test]
fn uris() {
    let is = |uri: &str| Test::Uri(UriTest::Is(uri.into()));
    let cases = [
        ("ValueSet?url=http://x.example/vs", vec![is("http://x.example/vs")]),
        ("ValueSet?url=urn:oid:1.2,b", vec![is("urn:oid:1.2"), is("b")]),
        ("Patient?_profile=http://x.example|1", vec![is("http://x.example|1")]),
        (
            "ValueSet?url:below=http://x.example/vs/",
            vec![Test::Uri(UriTest::Below("http://x.example/vs".into()))],
        ),
        (
            "ValueSet?url:above=http://x.example/vs/1",
            vec![
                is("http://x.example"),
                is("http://x.example/"),
                is("http://x.example/vs"),
                is("http://x.example/vs/"),
                is("http://x.example/vs/1"),
            ],
        ),
        (
            "ValueSet?url:above=http://x.example/",
            vec![is("http://x.example"), is("http://x.example/")],
        ),
    ];
    for (query, expected) in cases {
        assert_eq!(tests(query), expected, "{query}");
    }
    let versioned = Filter::All(vec![
        value("ValueSet.url", vec![is("http://x")]),
        value("ValueSet.version", vec![code("1.0")]),
    ]);
    assert_eq!(filter("ValueSet?url=http://x|1.0"), versioned);
    assert_eq!(
        filter("ValueSet?url=http://x|1.0,http://y"),
        Filter::Any(vec![versioned, value("ValueSet.url", vec![is("http://y")])])
    );
}

#[test]
fn composites() {
    let composite =
        |key: &str, part: Test| Test::Composite { key: token(key), part: Box::new(part) };
    let quantity = Test::Quantity(NumberTest::Greater(100.0), UnitTest::Any);
    let text = Test::String(StringTest::StartsWith("a$b".into()));
    let reference =
        Test::Reference(ReferenceTest::Local { ty: ty("DocumentReference"), id: "1".into() });
    let numbers = Test::Numbers(NumberTest::Within(109.5, 110.5), NumberTest::LessOrEqual(111.0));
    let cases = [
        ("Observation?code-value-quantity=s|c$gt100", composite("s|c", quantity)),
        (
            "Observation?code-value-quantity=c$ge1|http://unitsofmeasure.org|g",
            composite("c", Test::Canonical(NumberTest::GreaterOrEqual(1.0), "g".into())),
        ),
        ("Observation?code-value-concept=a$s|b", composite("a", code("s|b"))),
        (r"Observation?code-value-string=a$A\$b", composite("a", text)),
        (
            "Observation?code-value-date=a$2014-05",
            composite(
                "a",
                Test::Date(DateTest { comparison: Comparison::Equal, span: day("2014-05") }),
            ),
        ),
        (
            "DocumentReference?relationship=DocumentReference/1$appends",
            composite("appends", reference.clone()),
        ),
        (
            "DocumentReference?relationship=appends$DocumentReference/1",
            composite("appends", reference),
        ),
        (
            "MolecularSequence?chromosome-variant-coordinate=chr9$110$le111",
            composite("chr9", numbers),
        ),
    ];
    for (query, expected) in cases {
        assert_eq!(tests(query), [expected], "{query}");
    }
}

#[test]
fn every_composite_is_known() {
    for parameter in Registry::r4().all().iter().filter(|one| !one.components.is_empty()) {
        let part = |url: &str| {
            let of_type = Registry::r4().of(parameter.ty);
            of_type.iter().find(|one| one.url == url).unwrap().kind
        };
        let values = parameter
            .components
            .iter()
            .map(|(url, _)| if part(url) == crate::SearchKind::Date { "2000" } else { "1" });
        let values: Vec<&str> = values.collect();
        let query = format!("{}?{}={}", parameter.ty, parameter.code, values.join("$"));
        assert!(matches!(tests(&query).as_slice(), [Test::Composite { .. }]), "{query}");
    }
}
