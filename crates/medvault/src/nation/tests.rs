//! The nation is valid R4, complete in itself and always the same.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use fhir_model::{Valid, json};

use super::*;

fn resources() -> Vec<Valid> {
    let mut found = Vec::new();
    for bundle in bundles().chain([seal()]) {
        let bundle = match json::parse(Bytes::from(bundle), &json::Limits::default()) {
            Ok(bundle) => bundle,
            Err(outcome) => panic!("{outcome}"),
        };
        for entry in bundle.tree().root().named("entry") {
            found.push(Valid::from_node(entry.child("resource").unwrap()).unwrap());
        }
    }
    found
}

fn address(resource: &Valid) -> String {
    let id = resource.tree().root().child_text("id").unwrap();
    format!("{}/{id}", resource.resource_type())
}

#[test]
fn every_type_that_a_tour_needs_is_there_and_all_of_it_is_valid() {
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    for resource in resources() {
        *counts.entry(resource.resource_type().to_string()).or_default() += 1;
    }
    let total: u32 = counts.values().sum();
    assert!((4_000..=7_000).contains(&total), "{total}: {counts:?}");
    assert_eq!(counts.get("Patient"), Some(&PATIENTS));
    for (ty, at_least) in [
        ("AllergyIntolerance", 10),
        ("Claim", 200),
        ("Condition", 200),
        ("Coverage", 100),
        ("DiagnosticReport", 100),
        ("Encounter", 200),
        ("Immunization", 100),
        ("Location", 90),
        ("MedicationRequest", 200),
        ("Observation", 1500),
        ("Organization", 10),
        ("Practitioner", 20),
        ("PractitionerRole", 20),
    ] {
        assert!(counts.get(ty).is_some_and(|count| *count >= at_least), "{ty}: {counts:?}");
    }
}

#[test]
fn every_reference_leads_to_something_and_no_address_is_used_twice() {
    let resources = resources();
    let addresses: BTreeSet<String> = resources.iter().map(address).collect();
    assert_eq!(addresses.len(), resources.len());
    for resource in &resources {
        for node in resource.references() {
            let text = node.text().unwrap().into_owned();
            let is_reference = node.element().is_some_and(|element| element.name == "reference");
            assert!(!is_reference || addresses.contains(&text), "{}: {text}", address(resource));
        }
    }
    assert!(addresses.contains(&format!("{}/{}", SEAL.0, SEAL.1)));
}

#[test]
fn the_same_nation_comes_again() {
    assert!(bundles().eq(bundles()));
}
