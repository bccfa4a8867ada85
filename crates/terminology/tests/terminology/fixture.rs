//! The `ValueSet`s of the search fixture beside the repository (`../shared/conformance/search`); without it
//! the test says so.

use std::{fs, path::Path};

use fhir_model::{NodeRef, json};
use terminology::{Limits, above, below};

use crate::world::{World, shown, tree};

#[test]
fn the_value_sets_of_the_fixture_select_what_its_cases_expect() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/conformance/search/fixture.json");
    let Ok(bytes) = fs::read(&file) else {
        println!("left out: there is no {}", file.display());
        return;
    };
    let bundle = json::parse_trusted(bytes.into());
    let mut world = World::default();
    let resources: Vec<NodeRef<'_>> =
        bundle.root().named("entry").filter_map(|entry| entry.child("resource")).collect();
    let mut disease = None;
    for resource in
        resources.iter().filter(|it| matches!(it.ty().name(), "ValueSet" | "CodeSystem"))
    {
        let stored = tree(std::str::from_utf8(resource.raw()).unwrap());
        if resource.child_text("id").as_deref() == Some("disease") {
            disease = Some(stored.clone());
        }
        world.store(stored);
    }
    let base = "http://medvault.example";
    for (name, expected) in [
        ("respiratory", "disease: covid influenza tb"),
        ("infections", "disease: bacterial covid infection influenza tb viral"),
        ("not-viral", "disease: bacterial infection tb"),
        ("organs", "organ: heart lung skin"),
    ] {
        let answer = world.expand(&format!("{base}/vs/{name}"));
        assert_eq!(shown(&answer), format!("{base}/cs/{expected}"), "{name}");
    }
    let disease = disease.unwrap();
    let codes = |codes: std::collections::BTreeSet<String>| codes.into_iter().collect::<Vec<_>>();
    assert_eq!(
        codes(below(&disease, "infection", &Limits::default()).unwrap()),
        ["bacterial", "covid", "infection", "influenza", "tb", "viral"]
    );
    assert_eq!(
        codes(above(&disease, "influenza", &Limits::default()).unwrap()),
        ["disorder", "infection", "influenza", "viral"]
    );
}
