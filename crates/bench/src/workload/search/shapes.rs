//! The shapes of queries, as data. A slot in braces takes a sampled value; one that ends in `?` takes, one
//! time in ten, a value that nothing matches.

use serde::Serialize;

/// A query with slots, and what it has to reach.
#[derive(Debug)]
pub(crate) struct Shape {
    pub(crate) set: Set,
    pub(crate) template: &'static str,
    pub(crate) goals: &'static [Goal],
}

/// Where a shape comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Set {
    /// The 30 shapes of the independent comparison over growing populations (mock.health).
    Ladder,
    /// The searches of the public comparison that runs on k6 (Health Samurai), `_count=20`.
    K6,
    /// What was measured at the nearest peers on a machine like this.
    Peer,
    /// Counting all that match.
    Count,
}

/// What a shape has to reach.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Goal {
    /// p50 at the last step is at most [`RATIO_MAX`] times that at the first.
    Flat,
    /// p50 at the last step, in ms.
    Within(f64),
    /// Requests a second at the last step, at least.
    Rate(f64),
    /// Server CPU a request at the last step, in ms, at most.
    Cpu(f64),
}

pub(crate) const RATIO_MAX: f64 = 1.5;

const FLAT: &[Goal] = &[Goal::Flat];
/// Shapes with `_total=accurate`.
const ACCURATE: &[Goal] = &[Goal::Within(50.0)];
const COUNT: &[Goal] = &[Goal::Within(100.0)];
const LAST_OBSERVATIONS: &[Goal] = &[Goal::Flat, Goal::Rate(2_000.0), Goal::Cpu(0.3)];
/// Ten times the better rate that a peer reached.
const HAS: &[Goal] = &[Goal::Flat, Goal::Rate(1_810.0)];
const CHAIN: &[Goal] = &[Goal::Flat, Goal::Rate(1_330.0)];

const fn shape(set: Set, template: &'static str, goals: &'static [Goal]) -> Shape {
    Shape { set, template, goals }
}

const fn ladder(template: &'static str) -> Shape {
    shape(Set::Ladder, template, FLAT)
}

const fn accurate(template: &'static str) -> Shape {
    shape(Set::Ladder, template, ACCURATE)
}

const fn k6(template: &'static str) -> Shape {
    shape(Set::K6, template, FLAT)
}

const fn peer(template: &'static str, goals: &'static [Goal]) -> Shape {
    shape(Set::Peer, template, goals)
}

pub(crate) const SHAPES: &[Shape] = &[
    ladder("metadata"),
    ladder("Observation?_count=10"),
    accurate("Observation?_count=1&_total=accurate"),
    accurate("Observation?code=http://loinc.org|8480-6&_count=1&_total=accurate"),
    accurate("Observation?combo-code=http://loinc.org|8480-6&_count=1&_total=accurate"),
    accurate("Patient?gender=male&_count=5&_total=accurate"),
    ladder("Patient?family=S&_count=5"),
    ladder("Patient?given=A&_count=5"),
    ladder("Patient?gender=female&family=B&_count=5"),
    accurate("Observation?code=http://loinc.org|8302-2&_count=5&_total=accurate"),
    accurate("Observation?code=http://loinc.org|29463-7&_count=5&_total=accurate"),
    accurate("Observation?code=http://loinc.org|72514-3&_count=5&_total=accurate"),
    ladder("Observation?date=ge2020-01-01&_count=5"),
    ladder("Patient/{patient}"),
    ladder("Patient?family={family}&_count=5"),
    ladder("Observation?patient=Patient/{patient}&_count=20"),
    ladder("Condition?patient=Patient/{patient}"),
    ladder("Condition?code={disorder}&_count=5"),
    ladder("Procedure?code={procedure}&_count=5"),
    ladder("Encounter?patient=Patient/{patient}&_count=10"),
    ladder("MedicationRequest?patient=Patient/{patient}&_count=10"),
    ladder("Encounter?participant=Practitioner/{practitioner}&_count=10"),
    ladder("Encounter?location=Location/{location}&_count=10"),
    ladder("Patient?_content=Smith"),
    ladder("Observation?_content=blood"),
    ladder("Condition?_content=hypertension"),
    ladder("Patient?name:text=ohn"),
    ladder("Patient?address:text=Boston"),
    ladder("Patient?_text=Smith"),
    ladder("Condition?code:text=hypertensive"),
    // string
    k6("Patient?name={name?}&_count=20"),
    k6("Patient?name:contains={name-part?}&_count=20"),
    k6("Patient?address={address?}&_count=20"),
    k6("Patient?address:contains={address-part?}&_count=20"),
    k6("Organization?name={hospital?}&_count=20"),
    k6("Organization?name:contains={hospital-part?}&_count=20"),
    // date
    k6("Patient?birthdate={birthdate?}&_count=20"),
    k6("Observation?date={date?}&_count=20"),
    k6("Encounter?date={date?}&_count=20"),
    // token
    k6("Observation?category={category?}&_count=20"),
    k6("Observation?code={loinc?}&_count=20"),
    k6("Observation?code=http://loinc.org|{loinc?}&_count=20"),
    k6("Observation?code={loinc?},{loinc?}&_count=20"),
    k6("Observation?code={loinc?},{loinc?},{loinc?}&_count=20"),
    k6("Encounter?status={encounter-status?}&_count=20"),
    k6("Encounter?class={encounter-class?}&_count=20"),
    // quantity
    k6("Observation?value-quantity={quantity?}&_count=20"),
    k6("Observation?component-value-quantity={component-quantity?}&_count=20"),
    k6("Observation?combo-value-quantity={quantity?}&_count=20"),
    // composite
    k6("Observation?code-value-quantity={code-quantity?}&_count=20"),
    k6("Observation?component-code-value-quantity={component-code-quantity?}&_count=20"),
    k6("Observation?combo-code-value-quantity={code-quantity?}&_count=20"),
    // reference
    k6("Observation?subject=Patient/{patient?}&_count=20"),
    k6("Observation?encounter=Encounter/{encounter?}&_count=20"),
    k6("Observation?performer=Practitioner/{practitioner?}&_count=20"),
    k6("Encounter?subject=Patient/{patient?}&_count=20"),
    k6("Encounter?participant=Practitioner/{practitioner?}&_count=20"),
    k6("MedicationRequest?subject=Patient/{patient?}&_count=20"),
    k6("MedicationRequest?encounter=Encounter/{encounter?}&_count=20"),
    k6("MedicationRequest?requester=Practitioner/{practitioner?}&_count=20"),
    peer("Patient?name={name}", FLAT),
    peer("Patient?birthdate=ge{birthday}", FLAT),
    peer("Patient?identifier={identifier}", FLAT),
    peer(
        "Observation?patient=Patient/{chronic}&code=http://loinc.org|8867-4&_sort=-date&_count=20",
        LAST_OBSERVATIONS,
    ),
    peer("Observation?code={vital}&value-quantity=gt{pressure}", FLAT),
    peer("Patient?_has:Observation:patient:code={loinc}", HAS),
    peer("Observation?patient.name={family}&code={vital}", CHAIN),
    peer("Encounter?patient=Patient/{patient}&_include=Encounter:patient", FLAT),
    shape(Set::Count, "Observation?code=http://loinc.org|{loinc}&_summary=count", COUNT),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use fhir_model::ResourceType;
    use search::Registry;

    use super::*;
    use crate::workload::search::{query::Query, values::Sampler};

    #[test]
    fn the_sets_are_whole_and_no_shape_is_there_twice() {
        let count = |set| SHAPES.iter().filter(|shape| shape.set == set).count();
        let counts = [Set::Ladder, Set::K6, Set::Peer, Set::Count].map(count);
        assert_eq!(counts, [30, 30, 8, 1]);
        let distinct: BTreeSet<_> = SHAPES.iter().map(|shape| shape.template).collect();
        assert_eq!(distinct.len(), SHAPES.len());
        assert!(SHAPES.iter().all(|shape| !shape.goals.is_empty()));
        for shape in SHAPES {
            let wants_total = shape.template.contains("_total=accurate");
            assert_eq!(shape.goals == ACCURATE, wants_total, "{}", shape.template);
        }
    }

    /// Parameters of the answer's form, for any type.
    const OF_THE_ANSWER: [&str; 6] =
        ["_count", "_total", "_sort", "_summary", "_include", "_revinclude"];

    /// R4 knows the parameter for the type, chains and `_has` followed.
    fn is_known(ty: ResourceType, name: &str) -> bool {
        let registry = Registry::r4();
        let named = |name: &str| ResourceType::named(name).unwrap();
        if let Some(reverse) = name.strip_prefix("_has:") {
            let [ty, link, rest] = reverse.splitn(3, ':').collect::<Vec<_>>()[..] else {
                return false;
            };
            return is_known(named(ty), link) && is_known(named(ty), rest);
        }
        if let Some((link, rest)) = name.split_once('.') {
            let Some(link) = registry.parameter(ty, link) else { return false };
            return link.targets.iter().any(|target| is_known(*target, rest));
        }
        let (code, modifier) = name.split_once(':').unwrap_or((name, ""));
        ["", "contains", "text"].contains(&modifier)
            && (OF_THE_ANSWER.contains(&code) || registry.parameter(ty, code).is_some())
    }

    #[test]
    fn every_shape_names_a_type_and_parameters_of_r4() {
        for shape in SHAPES {
            let Some((ty, query)) = shape.template.split_once('?') else { continue };
            let Some(ty) = ResourceType::named(ty) else {
                // a read, whose slot may have nothing
                panic!("{}: no resource type", shape.template)
            };
            let names = query.split('&').map(|pair| pair.split_once('=').unwrap().0);
            for name in names {
                assert!(is_known(ty, name), "{}: {name}", shape.template);
            }
        }
        assert!(!is_known(ResourceType::named("Patient").unwrap(), "nosuch"));
        assert!(!is_known(ResourceType::named("Observation").unwrap(), "patient.nosuch"));
    }

    #[test]
    fn every_slot_has_values_and_every_query_is_a_uri() {
        let mut sampler = Sampler::new(1, 100, 3);
        for shape in SHAPES {
            let query = Query::parse(shape.template).unwrap();
            for _ in 0..30 {
                let path = query.fill(&mut sampler);
                let uri: Result<hyper::Uri, _> = format!("/fhir/{path}").parse();
                assert!(uri.is_ok(), "{path}");
                assert!(!path.contains(['{', '}', '|', ' ']), "{path}");
                assert!(!path.contains("=&") && !path.ends_with('='), "{path}");
            }
        }
    }
}
