//! `ValueSet`s that nobody needs to store: those that R4's own elements require, and those that are
//! defined as all of a code system: <https://hl7.org/fhir/R4/valueset.html#implicit>.

use std::collections::BTreeSet;

use fhir_model::definitions::r4;

use crate::{Canonical, Codes, Concepts};

/// `ValueSet`, the system whose every code is in it.
const WHOLE: &[(&str, &str)] = &[
    ("http://hl7.org/fhir/ValueSet/all-languages", "urn:ietf:bcp:47"),
    ("http://hl7.org/fhir/ValueSet/currencies", "urn:iso:std:iso:4217"),
    ("http://hl7.org/fhir/ValueSet/mimetypes", "urn:ietf:bcp:13"),
    ("http://hl7.org/fhir/ValueSet/ucum-units", "http://unitsofmeasure.org"),
    ("http://loinc.org/vs", "http://loinc.org"),
    ("http://snomed.info/sct?fhir_vs", "http://snomed.info/sct"),
    ("http://unitsofmeasure.org/vs", "http://unitsofmeasure.org"),
];

/// What the `ValueSet` selects, if it is one of these. Of R4's own there is the version 4.0.1.
pub(crate) fn concepts(canonical: &Canonical) -> Option<Concepts> {
    let Canonical { url, version } = canonical;
    if version.as_deref().is_some_and(|version| version != r4().package().version) {
        return None;
    }
    if let Some((_, system)) = WHOLE.iter().find(|(value_set, _)| value_set == url) {
        return Some(Concepts::of(system, Codes::AllBut(BTreeSet::new())));
    }
    let lists = r4().code_lists();
    let at = lists.binary_search_by(|list| list.url.cmp(url)).ok()?;
    let mut concepts = Concepts::default();
    for (system, code) in &lists.get(at)?.codes {
        concepts.insert(system, (*code).to_owned());
    }
    Some(concepts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_sets_of_r4_are_known() {
        let gender = "http://hl7.org/fhir/administrative-gender";
        for (canonical, system, code, expected) in [
            ("http://hl7.org/fhir/ValueSet/administrative-gender", gender, "female", Some(true)),
            ("http://hl7.org/fhir/ValueSet/administrative-gender", gender, "F", Some(false)),
            (
                "http://hl7.org/fhir/ValueSet/administrative-gender|4.0.1",
                gender,
                "male",
                Some(true),
            ),
            ("http://hl7.org/fhir/ValueSet/administrative-gender|5.0.0", gender, "male", None),
            ("http://hl7.org/fhir/ValueSet/mimetypes", "urn:ietf:bcp:13", "text/xml", Some(true)),
            ("http://snomed.info/sct?fhir_vs", "http://snomed.info/sct", "73211009", Some(true)),
            ("http://snomed.info/sct?fhir_vs", "http://loinc.org", "8867-4", Some(false)),
            ("http://a.example/vs", gender, "male", None),
        ] {
            let found = concepts(&Canonical::parse(canonical));
            let found = found.map(|concepts| concepts.contains(Some(system), code));
            assert_eq!(found, expected, "{canonical} {code}");
        }
    }

    #[test]
    fn every_list_of_the_definitions_is_found_by_its_url() {
        for list in r4().code_lists() {
            let found = concepts(&Canonical::new(list.url, None)).unwrap();
            assert!(list.codes.iter().all(|(system, code)| found.contains(Some(system), code)));
        }
    }
}
