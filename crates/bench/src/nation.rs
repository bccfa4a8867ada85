//! A synthetic nation: patients with their records, and hospitals whose number grows with theirs. All of it
//! is invented; telephone numbers cannot be dialled. Same seed and number, same resources: so a load that
//! asks for them needs no list of what was stored.

mod clinic;
mod day;
pub(crate) mod encounter;
mod hospital;
pub(crate) mod names;
pub(crate) mod observation;
mod patient;
pub(crate) mod terms;

use serde_json::Value;

use crate::dice::Dice;

/// Names what it stores by number, and makes it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Nation {
    seed: u64,
}

/// A new hospital is built for so many patients.
const PATIENTS_PER_HOSPITAL: usize = 50;
/// One in so many patients is watched at home: a long series of one vital sign.
pub(crate) const WATCHED_EVERY: usize = 20;
pub(crate) const PRACTITIONERS_PER_HOSPITAL: usize = 2;
pub(crate) const ENCOUNTERS_PER_PATIENT: usize = 3;

/// The namespace of the patients' numbers.
pub(crate) const PATIENT_NUMBERS: &str = "http://bench.example.org/nation/patient";

impl Nation {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// How many hospitals there are when there are so many patients.
    pub(crate) fn hospitals(patients: usize) -> usize {
        patients.div_ceil(PATIENTS_PER_HOSPITAL).max(1)
    }

    /// An Organization, its Location and its Practitioners; they refer to each other only.
    pub(crate) fn hospital(self, number: usize) -> Vec<Value> {
        hospital::resources(number, &mut self.dice(1, number))
    }

    /// A Patient, then the record. It refers to the patient and to hospitals that there are when it comes.
    pub(crate) fn patient(self, number: usize) -> Vec<Value> {
        let mut dice = self.dice(2, number);
        let person = patient::Person::born(number, &mut dice);
        let mut resources = vec![person.resource(&mut dice)];
        for at in 0..ENCOUNTERS_PER_PATIENT {
            let encounter = encounter::Visit::of(&person, at, &mut dice);
            resources.push(encounter.resource());
            observation::measured_at(&encounter, &mut resources, &mut dice);
            clinic::found_and_done_at(&encounter, &mut resources, &mut dice);
        }
        if number.is_multiple_of(WATCHED_EVERY) {
            observation::watched_at_home(&person, &mut resources, &mut dice);
        }
        resources
    }

    /// Dice of one thing's own, so that it does not matter what was made before.
    fn dice(self, kind: u64, number: usize) -> Dice {
        let number = u64::try_from(number).unwrap_or(u64::MAX);
        Dice::new(Dice::new(self.seed.wrapping_mul(4).wrapping_add(kind)).roll() ^ (number << 8))
    }
}

pub(crate) fn patient_id(number: usize) -> String {
    format!("p-{number:07}")
}

pub(crate) fn patient_number(number: usize) -> String {
    format!("N{number:07}")
}

pub(crate) fn encounter_id(patient: usize, at: usize) -> String {
    format!("p-{patient:07}-e{at}")
}

pub(crate) fn organization_id(hospital: usize) -> String {
    format!("h-{hospital:05}")
}

pub(crate) fn location_id(hospital: usize) -> String {
    format!("h-{hospital:05}-ward")
}

pub(crate) fn practitioner_id(hospital: usize, at: usize) -> String {
    format!("h-{hospital:05}-d{at}")
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    fn strings<'v>(value: &'v Value, name: &str, found: &mut Vec<&'v str>) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| strings(item, name, found)),
            Value::Object(members) => {
                for (member, value) in members {
                    if member == name {
                        found.extend(value.as_str());
                    }
                    strings(value, name, found);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    fn path(resource: &Value) -> String {
        format!(
            "{}/{}",
            resource["resourceType"].as_str().unwrap(),
            resource["id"].as_str().unwrap()
        )
    }

    #[test]
    fn a_number_gives_the_same_patient_whatever_came_before() {
        let nation = Nation::new(7);
        let first = nation.patient(3);
        nation.patient(9);
        assert_eq!(first, Nation::new(7).patient(3));
        assert_ne!(first, Nation::new(8).patient(3));
        assert_ne!(nation.hospital(0), nation.hospital(1));
    }

    #[test]
    fn ids_are_valid_and_distinct_and_references_lead_to_what_was_stored_before() {
        let nation = Nation::new(1);
        let patients = 120;
        let mut stored = BTreeSet::new();
        for number in 0..patients {
            let mut resources = Vec::new();
            if number % PATIENTS_PER_HOSPITAL == 0 {
                resources.extend(nation.hospital(number / PATIENTS_PER_HOSPITAL));
            }
            resources.extend(nation.patient(number));
            for resource in &resources {
                let id = resource["id"].as_str().unwrap();
                let is_valid =
                    id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') && id.len() <= 64;
                assert!(is_valid, "{id}");
                assert!(stored.insert(path(resource)), "{id} is there twice");
            }
            for resource in &resources {
                let mut references = Vec::new();
                strings(resource, "reference", &mut references);
                for reference in references {
                    assert!(stored.contains(reference), "{} -> {reference}", path(resource));
                }
            }
        }
        assert_eq!(Nation::hospitals(patients), 3);
    }

    #[test]
    fn a_record_is_25_resources_of_the_types_that_are_searched() {
        let mut counts = BTreeMap::new();
        for resource in Nation::new(1).patient(1) {
            *counts.entry(resource["resourceType"].as_str().unwrap().to_owned()).or_insert(0) += 1;
        }
        let expected = [
            ("Condition", 3),
            ("Encounter", 3),
            ("MedicationRequest", 3),
            ("Observation", 13),
            ("Patient", 1),
            ("Procedure", 2),
        ];
        assert_eq!(counts, expected.map(|(name, count)| (name.to_owned(), count)).into());
    }

    #[test]
    fn one_in_twenty_has_a_page_of_one_vital_sign() {
        let nation = Nation::new(1);
        let pulses = |number| {
            let code = |one: &Value| one["code"]["coding"][0]["code"] == "8867-4";
            nation.patient(number).iter().filter(|one| code(one)).count()
        };
        assert_eq!((0..40).filter(|number| pulses(*number) >= 20).collect::<Vec<_>>(), [0, 20]);
    }

    #[test]
    fn what_the_fixed_queries_ask_for_is_there() {
        let nation = Nation::new(1);
        let mut found = BTreeSet::new();
        for number in 0..300 {
            for resource in nation.patient(number) {
                let text = resource.to_string().to_lowercase();
                let kind = resource["resourceType"].as_str().unwrap().to_owned();
                for word in ["smith", "boston", "john", "blood", "hypertension", "hypertensive"] {
                    if text.contains(word) {
                        found.insert(format!("{kind} {word}"));
                    }
                }
                let mut codes = Vec::new();
                strings(&resource["code"], "code", &mut codes);
                strings(&resource["component"], "code", &mut codes);
                found.extend(codes.into_iter().map(str::to_owned));
            }
        }
        for wanted in [
            "Patient smith",
            "Patient boston",
            "Patient john",
            "Observation blood",
            "Condition hypertension",
            "Condition hypertensive",
            "8480-6",
            "8462-4",
            "85354-9",
            "8302-2",
            "29463-7",
            "72514-3",
            "8867-4",
            "8310-5",
            "44054006",
        ] {
            assert!(found.contains(wanted), "{wanted}");
        }
    }
}
