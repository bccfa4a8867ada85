//! How the answer is shaped.

use super::*;
use crate::{
    Contained, ContainedType, Direction, Include, IncludeWay, SearchKind, Sort, SortKey, Summary,
    Total,
};

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
    assert!(plan.filters().is_empty());
    let understood: Vec<&str> = plan.understood.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(understood, ["_count", "_sort", "_total", "_summary", "_elements"]);
    for (query, count) in [("Patient?_count=0", 0), ("Patient?_count=99999999999", 1000)] {
        assert_eq!(self::plan(query).unwrap().count, Some(count));
    }
    for (value, summary) in [
        ("true", Summary::True),
        ("text", Summary::Text),
        ("data", Summary::Data),
        ("false", Summary::False),
    ] {
        assert_eq!(self::plan(&format!("Patient?_summary={value}")).unwrap().summary, summary);
    }
}

#[test]
fn contained() {
    let cases = [
        ("", Contained::No),
        ("_contained=false", Contained::No),
        ("_contained=true", Contained::Only(ContainedType::Container)),
        ("_contained=both", Contained::Both(ContainedType::Container)),
        ("_containedType=contained&_contained=true", Contained::Only(ContainedType::Contained)),
        ("_contained=both&_containedType=container", Contained::Both(ContainedType::Container)),
        ("_containedType=contained", Contained::No),
    ];
    for (query, expected) in cases {
        assert_eq!(plan(&format!("Medication?{query}")).unwrap().contained, expected, "{query}");
    }
}

#[test]
fn sorting() {
    let key = |names: &[&str], kind, direction| Sort {
        key: SortKey::Value { params: names.iter().flat_map(|name| params(name)).collect(), kind },
        direction,
    };
    let cases = [
        (
            "Patient?_sort=gender,-birthdate",
            vec![
                key(&["Patient.gender"], SearchKind::Token, Direction::Ascending),
                key(&["Patient.birthdate"], SearchKind::Date, Direction::Descending),
            ],
        ),
        (
            "Patient?_sort=family&_sort=-_id",
            vec![
                key(&["Patient.family"], SearchKind::String, Direction::Ascending),
                Sort { key: SortKey::Id, direction: Direction::Descending },
            ],
        ),
        (
            "?_type=Condition,Encounter&_sort=-patient",
            vec![key(
                &["Condition.patient", "Encounter.patient"],
                SearchKind::Reference,
                Direction::Descending,
            )],
        ),
    ];
    for (query, expected) in cases {
        assert_eq!(plan(query).unwrap().sort, expected, "{query}");
    }
}

#[test]
fn includes() {
    let include = |way, source: Option<&str>, param: Option<&str>| Include {
        way,
        iterate: false,
        source: source.map(ty),
        params: param.map(params),
        target: None,
    };
    let cases = [
        (
            "_include=MedicationRequest:medication",
            include(
                IncludeWay::Forwards,
                Some("MedicationRequest"),
                Some("MedicationRequest.medication"),
            ),
        ),
        (
            "_include:iterate=Medication:manufacturer",
            Include {
                iterate: true,
                ..include(IncludeWay::Forwards, Some("Medication"), Some("Medication.manufacturer"))
            },
        ),
        (
            "_include:recurse=Observation:subject:Patient",
            Include {
                iterate: true,
                target: Some(ty("Patient")),
                // whose rows they are
                ..include(IncludeWay::Forwards, Some("Observation"), Some("Observation.patient"))
            },
        ),
        ("_include=Observation:*", include(IncludeWay::Forwards, Some("Observation"), None)),
        (
            "_include=Observation:*:Patient",
            Include {
                target: Some(ty("Patient")),
                ..include(IncludeWay::Forwards, Some("Observation"), None)
            },
        ),
        ("_include=*", include(IncludeWay::Forwards, None, None)),
        ("_revinclude=*", include(IncludeWay::Backwards, None, None)),
        (
            "_revinclude=Provenance:target",
            include(IncludeWay::Backwards, Some("Provenance"), Some("Provenance.target")),
        ),
    ];
    for (query, expected) in cases {
        assert_eq!(plan(&format!("Patient?{query}")).unwrap().includes, [expected], "{query}");
    }
}
