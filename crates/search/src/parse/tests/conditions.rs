//! Conditions that are more than values: ids, presence, chains, `_has`, words, places.

use super::*;
use crate::{Circle, Comparison, DateTest, SearchKind, StringTest, WordScope};

#[test]
fn filters_that_are_no_values() {
    let updated = DateTest { comparison: Comparison::Greater, span: day("2020") };
    let present = |param: &str, kind| Filter::Present { params: params(param), kind };
    let ids = |ids: &[&str]| Filter::Id(ids.iter().map(|&id| id.into()).collect());
    let words = |scope, any: &[&[&str]]| Filter::Words {
        scope,
        any: any.iter().map(|all| all.iter().map(|&word| word.into()).collect()).collect(),
    };
    let cases = [
        ("Patient?_id=a,b", ids(&["a", "b"])),
        ("Patient?_id=no/id", ids(&[])),
        ("Patient?_id:not=a", not(ids(&["a"]))),
        ("Patient?_id:missing=true", ids(&[])),
        ("Patient?_lastUpdated=gt2020", Filter::Updated(vec![updated])),
        ("Patient?gender:missing=true", not(present("Patient.gender", SearchKind::Token))),
        ("Patient?gender:missing=false", present("Patient.gender", SearchKind::Token)),
        ("Location?near:missing=false", present("Location.near", SearchKind::Special)),
        ("Patient?_text=Bone,Liver cyst", {
            words(WordScope::Narrative, &[&["bone"], &["liver", "cyst"]])
        }),
        ("Patient?_content=Élan", words(WordScope::Content, &[&["elan"]])),
        // what is too short to be kept is left out
        ("Patient?_content=pain in chest", words(WordScope::Content, &[&["pain", "chest"]])),
        ("Patient?_text=bone and liver", words(WordScope::Narrative, &[&["bone", "liver"]])),
        ("Patient?_text=bone or liver of me", {
            words(WordScope::Narrative, &[&["bone"], &["liver"]])
        }),
        (
            "Patient?_text=(bone OR liver) and metastases",
            Filter::All(vec![
                words(WordScope::Narrative, &[&["metastases"]]),
                words(WordScope::Narrative, &[&["bone"], &["liver"]]),
            ]),
        ),
        (
            "Patient?_content=pain NOT (chest OR back),fever",
            Filter::Any(vec![
                words(WordScope::Content, &[&["fever"]]),
                Filter::All(vec![
                    words(WordScope::Content, &[&["pain"]]),
                    not(words(WordScope::Content, &[&["chest"], &["back"]])),
                ]),
            ]),
        ),
        // a word of many phrases
        ("Patient?_content=do not resuscitate", {
            words(WordScope::Content, &[&["not", "resuscitate"]])
        }),
        (
            "Patient?_list=a,List/b",
            Filter::Has {
                params: params("List.item"),
                source: Box::new(on("List", ids(&["a", "b"]))),
            },
        ),
    ];
    for (query, expected) in cases {
        assert_eq!(filter(query), expected, "{query}");
    }
    assert!(plan("Patient?_id:missing=false").unwrap().filters().is_empty());
}

fn chain(param: &str, targets: Vec<TypePlan>) -> Filter {
    Filter::Chain { params: params(param), targets }
}

fn has(param: &str, source: TypePlan) -> Filter {
    Filter::Has { params: params(param), source: Box::new(source) }
}

fn starts(param: &str, text: &str) -> Filter {
    value(param, vec![Test::String(StringTest::StartsWith(text.into()))])
}

#[test]
fn chains() {
    let family = || on("Patient", starts("Patient.family", "rao"));
    let name = |of: &str| on(of, starts(&format!("{of}.name"), "x"));
    let cases = [
        ("Encounter?patient.family=rao", chain("Encounter.patient", vec![family()])),
        // the rows of patient are those that refer to patients
        ("Observation?subject:Patient.family=rao", chain("Observation.patient", vec![family()])),
        // only Patient of four types has it
        ("Observation?subject.family=rao", chain("Observation.patient", vec![family()])),
        (
            "Observation?subject.name=x",
            chain("Observation.subject", vec![name("Location"), name("Patient")]),
        ),
        (
            "Encounter?patient.organization.partof.name=x",
            chain(
                "Encounter.patient",
                vec![on(
                    "Patient",
                    chain(
                        "Patient.organization",
                        vec![on(
                            "Organization",
                            chain("Organization.partof", vec![name("Organization")]),
                        )],
                    ),
                )],
            ),
        ),
        (
            "Encounter?patient.gender:not=male",
            chain(
                "Encounter.patient",
                vec![on("Patient", not(value("Patient.gender", vec![code("male")])))],
            ),
        ),
        (
            "Encounter?patient._id=a",
            chain("Encounter.patient", vec![on("Patient", Filter::Id(vec!["a".into()]))]),
        ),
        (
            "Encounter?patient._has:Group:member:_id=a",
            chain(
                "Encounter.patient",
                vec![on("Patient", has("Group.member", on("Group", Filter::Id(vec!["a".into()]))))],
            ),
        ),
    ];
    for (query, expected) in cases {
        assert_eq!(filter(query), expected, "{query}");
    }
    let Filter::Chain { targets, .. } = filter("Provenance?target._id=a") else { panic!() };
    assert_eq!(targets.len(), ResourceType::all().len(), "any type");
}

#[test]
fn what_references_a_resource() {
    let status =
        on("Encounter", value("Encounter.status", vec![code("planned"), code("finished")]));
    // it reads references to patients elsewhere
    let target = Registry::r4().parameter(ty("Provenance"), "target").unwrap();
    let cases = [
        (
            "Patient?_has:Encounter:patient:status=planned,finished",
            has("Encounter.patient", status),
        ),
        (
            "Patient?_has:Encounter:patient:location.name=x",
            has(
                "Encounter.patient",
                on(
                    "Encounter",
                    chain("Encounter.location", vec![on("Location", starts("Location.name", "x"))]),
                ),
            ),
        ),
        (
            "Patient?_has:Observation:patient:_has:Provenance:target:_id=a",
            has(
                "Observation.patient",
                on(
                    "Observation",
                    Filter::Has {
                        params: vec![target.id],
                        source: Box::new(on("Provenance", Filter::Id(vec!["a".into()]))),
                    },
                ),
            ),
        ),
    ];
    for (query, expected) in cases {
        assert_eq!(filter(query), expected, "{query}");
    }
}

#[test]
fn near() {
    let circles = |query: &str| -> Vec<Circle> {
        let Filter::Near { any, .. } = filter(query) else { panic!("{query}") };
        any
    };
    let metres = [
        ("Location?near=0|90|1|km", 1000.0),
        ("Location?near=0|90|1", 1000.0),
        ("Location?near=0|90|1000|m", 1000.0),
        ("Location?near=0|90|1|mi", 1609.344),
        ("Location?near=0|90|1|[mi_i]", 1609.344),
        ("Location?near=0|90", 50_000.0),
    ];
    for (query, metres) in metres {
        let [Circle { middle, chord }] = circles(query)[..] else { panic!("{query}") };
        assert!((chord * 6_371_008.8 - metres).abs() < 1.0, "{query}: {chord}");
        assert!((middle[1] - 1.0).abs() < 1e-12, "{query}");
    }
    assert_eq!(circles("Location?near=0|0|1,1|1|1").len(), 2);
}

#[test]
fn several_types() {
    let types = |query: &str| -> Vec<&str> {
        let plan = plan(query).unwrap_or_else(|outcome| panic!("{query}: {outcome}"));
        plan.types.iter().map(|one| one.ty.name()).collect()
    };
    assert_eq!(types("?_id=a").len(), ResourceType::all().len());
    assert_eq!(types("?_type=Practitioner,Patient&_id=a"), ["Patient", "Practitioner"]);
    assert_eq!(types("?_type=Practitioner,Patient&_type=Patient"), ["Patient"]);
    // what nothing references this way is left out
    let query = "?_type=Patient,Observation&_has:DiagnosticReport:result:status=final";
    assert_eq!(types(query), ["Observation"]);
    let plan = plan("?_type=Condition,Encounter&patient=b").unwrap();
    for one in &plan.types {
        let [Filter::Value { params: found, .. }] = one.filters.as_slice() else { panic!() };
        assert_eq!(*found, params(&format!("{}.patient", one.ty)));
    }
}

#[test]
fn compartments() {
    use super::super::{compartment_types, within_compartment};
    use crate::ReferenceTest;

    let within = |query: &str, center: &str| {
        let mut plan = plan(query).unwrap();
        within_compartment(Registry::r4(), &mut plan, (ty(center), "x"));
        plan.filters().last().unwrap().clone()
    };
    let local = |center: &str| {
        vec![Test::Reference(ReferenceTest::Local { ty: ty(center), id: "x".into() })]
    };
    let mut both = params("Coverage.policy-holder");
    both.extend(
        ["subscriber", "beneficiary", "payor"].map(|code| params(&format!("Coverage.{code}"))[0]),
    );
    both.sort_unstable();
    let itself = || Filter::Id(vec!["x".into()]);
    let cases = [
        ("Condition?", "Encounter", value("Condition.encounter", local("Encounter"))),
        ("Coverage?", "Patient", Filter::Value { params: both, any: local("Patient") }),
        ("Encounter?", "Encounter", itself()),
        (
            "Patient?",
            "Patient",
            Filter::Any(vec![itself(), value("Patient.link", local("Patient"))]),
        ),
        ("ValueSet?", "Patient", Filter::Id(Vec::new())),
    ];
    for (query, center, expected) in cases {
        assert_eq!(within(query, center), expected, "{query} {center}");
    }
    let types = compartment_types(ty("Patient"));
    assert_eq!(types[0], ty("Patient"));
    assert!(types.contains(&ty("Observation")) && !types.contains(&ty("ValueSet")));
    assert!(compartment_types(ty("ValueSet")).is_empty());
}

#[test]
fn every_parameter_of_a_compartment_is_a_reference() {
    for compartment in fhir_model::definitions::r4().compartments() {
        for (member, codes) in &compartment.members {
            for code in codes {
                let parameter = Registry::r4().parameter(*member, code);
                let kind = parameter.map(|parameter| parameter.kind);
                assert_eq!(kind, Some(SearchKind::Reference), "{member} {code}");
            }
        }
    }
}
