//! Numbers, values and sources of R4's own parameters.

use std::collections::BTreeSet;

use super::{path::Branch, *};

/// What a parameter's expression leads to although it is nothing that the parameter's kind compares.
const NOT_INDEXED: &[&str] = &[
    // an activity in words
    "CarePlan activity-date string",
    "Immunization date string",
    "Procedure date Age",
    "Procedure date Range",
    "Procedure date string",
    // a curve is no quantity
    "Observation combo-value-quantity SampledData",
    "Observation component-value-quantity SampledData",
    "Observation value-quantity SampledData",
    // the resource itself stands there
    "Bundle composition Resource",
    "Bundle message Resource",
    // so does the document
    "Consent source-reference Attachment",
];

#[test]
fn numbers_never_change() {
    let registry = Registry::r4();
    let cases = [
        ("Account", "_content", 1),
        ("Observation", "code", 2066),
        ("Patient", "birthdate", 2227),
        ("Patient", "identifier", 2235),
        ("VisionPrescription", "status", 3154),
    ];
    for (ty, code, number) in cases {
        let parameter = registry.parameter(ResourceType::named(ty).unwrap(), code).unwrap();
        assert_eq!(parameter.id, ParamId(number), "{ty} {code}");
        assert_eq!(registry.by_id(parameter.id).unwrap().code, code);
    }
    assert_eq!(registry.all().len(), 3154);
    assert!(registry.by_id(ParamId(0)).is_none());
    assert!(registry.parameter(ResourceType::all()[0], "nosuch").is_none());
}

#[test]
fn every_value_can_be_indexed_or_is_listed() {
    let mut found = BTreeSet::new();
    for parameter in Registry::r4().all() {
        if matches!(parameter.kind, SearchKind::Composite | SearchKind::Special) {
            continue;
        }
        for branch in path::branches(&parameter.expression) {
            let Branch::Path(steps) = path::branch(branch, parameter.ty) else { continue };
            let types = steps
                .iter()
                .fold(vec![parameter.ty.ty()], |types, step| targets::types_after(&types, step));
            assert!(!types.is_empty(), "{branch} leads nowhere");
            let strange =
                types.iter().filter(|ty| !comparable::is_comparable(parameter.kind, **ty));
            found.extend(
                strange.map(|ty| format!("{} {} {}", parameter.ty, parameter.code, ty.name())),
            );
        }
    }
    let listed: BTreeSet<String> = NOT_INDEXED.iter().map(|&row| row.to_owned()).collect();
    assert_eq!(found, listed);
}

#[test]
fn only_patient_deceased_needs_the_engine() {
    let others: Vec<(&str, &str)> = Registry::r4()
        .all()
        .iter()
        .filter(|parameter| is_indexed(parameter))
        .filter(|parameter| {
            let mut branches = path::branches(&parameter.expression).into_iter();
            branches.any(|branch| path::base(branch, parameter.ty) == Branch::Other)
        })
        .map(|parameter| (parameter.ty.name(), &*parameter.code))
        .collect();
    assert_eq!(others, [("Patient", "deceased")]);
}

#[test]
fn some_parameters_alone_are_extracted() {
    let registry = Registry::r4();
    let patient = ResourceType::named("Patient").unwrap();
    let id = |code| registry.parameter(patient, code).unwrap().id;
    let tree = fhir_model::json::parse_trusted(
        br#"{"resourceType":"Patient","gender":"male","name":[{"family":"Rao","prefix":["Dr."]}],"birthDate":"1970"}"#[..].into(),
    );
    let only = registry.only(&[id("gender"), id("name")]);
    let rows = crate::extract(&only, &tree, "");
    let suffixes: Vec<_> = rows.suffixes.iter().map(|row| (row.param, &*row.suffix)).collect();
    assert_eq!(suffixes, ["dr."].map(|suffix| (id("name"), suffix)));
    assert_eq!(rows.len(), 2 + suffixes.len());
    assert_eq!((rows.tokens[0].param, rows.strings[0].param), (id("gender"), id("name")));
    assert_eq!(only.parameter(patient, "birthdate").unwrap().id, id("birthdate"));
    let all = crate::extract(registry, &tree, "");
    assert!(all.tokens.contains(&rows.tokens[0]) && all.strings.contains(&rows.strings[0]));
}

#[test]
fn compartments_are_by_the_rows_there_are() {
    let registry = Registry::r4();
    let cases = [
        ("Patient", "Observation", "patient performer"),
        ("Patient", "Patient", "link"),
        ("Patient", "Coverage", "beneficiary payor policy-holder subscriber"),
        ("Encounter", "Observation", "encounter"),
        ("Practitioner", "Encounter", "practitioner"),
        ("RelatedPerson", "Encounter", "participant"),
        ("Device", "Observation", "device subject"),
        ("Patient", "Organization", ""),
        ("Organization", "Observation", ""),
    ];
    for (center, ty, expected) in cases {
        let [center, ty] = [center, ty].map(|name| ResourceType::named(name).unwrap());
        let params = registry.compartment(center, ty).iter();
        let codes = params.map(|id| &*registry.by_id(*id).unwrap().code);
        assert_eq!(codes.collect::<Vec<_>>().join(" "), expected, "{center} {ty}");
    }
}

#[test]
fn values_that_parameters_share_are_indexed_once() {
    let registry = Registry::r4();
    let cases = [
        ("Patient", "name", "family given name"),
        ("Patient", "phonetic", "family given name"),
        ("Patient", "family", "family"),
        ("Person", "phonetic", "name"),
        ("Organization", "name", "name phonetic"),
        (
            "Patient",
            "address",
            "address address-city address-country address-postalcode address-state",
        ),
        ("Observation", "combo-code", "code component-code"),
        ("Observation", "combo-value-quantity", "component-value-quantity value-quantity"),
        (
            "Observation",
            "combo-code-value-quantity",
            "code-value-quantity component-code-value-quantity",
        ),
        ("Observation", "subject", "patient subject"),
        ("Observation", "patient", "patient"),
        ("Appointment", "actor", "actor location patient practitioner"),
        ("Person", "link", "link patient practitioner relatedperson"),
        ("Patient", "telecom", "telecom"),
        ("Patient", "deceased", "deceased"),
        ("Patient", "_id", "_id"),
    ];
    for (ty, code, expected) in cases {
        let parameter = registry.parameter(ResourceType::named(ty).unwrap(), code).unwrap();
        let sources = parameter.sources.iter().map(|id| &*registry.by_id(*id).unwrap().code);
        assert_eq!(sources.collect::<Vec<_>>().join(" "), expected, "{ty} {code}");
    }
    assert!(registry.all().iter().all(|one| !one.sources.is_empty()));
}
