//! A person of the nation, and the Patient resource.

use serde_json::{Value, json};

use super::{
    Nation, PATIENT_NUMBERS,
    day::{Day, PRESENT_YEAR},
    names, organization_id, patient_id, patient_number,
    terms::{hl7, narrative, reference},
};
use crate::dice::Dice;

/// Who somebody is, as far as the record repeats it.
#[derive(Debug)]
pub(super) struct Person {
    pub(super) number: usize,
    pub(super) id: String,
    pub(super) birth: Day,
    gender: &'static str,
    family: &'static str,
    given: [&'static str; 2],
    /// Where the person usually goes.
    hospital: usize,
}

impl Person {
    pub(super) fn born(number: usize, dice: &mut Dice) -> Self {
        let (gender, givens) =
            if dice.below(100) < 52 { ("female", &names::FEMALE) } else { ("male", &names::MALE) };
        let mut given = || dice.pick(givens).copied().unwrap_or_default();
        let given = [given(), given()];
        Self {
            number,
            id: patient_id(number),
            birth: Day::between(1930, PRESENT_YEAR - 12, dice),
            gender,
            family: dice.pick(&names::FAMILIES).copied().unwrap_or_default(),
            given,
            hospital: Nation::hospitals(number + 1) - 1,
        }
    }

    /// Mostly one's own; else any that there is by now.
    pub(super) fn some_hospital(&self, dice: &mut Dice) -> usize {
        if dice.below(10) < 7 { self.hospital } else { dice.below(self.hospital + 1) }
    }

    pub(super) fn subject(&self) -> Value {
        reference("Patient", &self.id)
    }

    pub(super) fn resource(&self, dice: &mut Dice) -> Value {
        let (city, state, postal_code) = dice.pick(&names::CITIES).copied().unwrap_or_default();
        let street = dice.pick(&names::STREETS).copied().unwrap_or_default();
        let line = format!("{} {street}", 1 + dice.below(400));
        let [first, second] = self.given;
        let words = format!("{first} {} born {}, {line}, {city}", self.family, self.birth);
        let mail = format!(
            "{}.{}.{}@example.org",
            first.to_lowercase(),
            self.family.to_lowercase(),
            self.number
        );
        json!({
            "resourceType": "Patient",
            "id": self.id,
            "text": narrative(&words),
            "identifier": [
                {"use": "official", "system": PATIENT_NUMBERS, "value": patient_number(self.number)},
                {
                    "type": hl7("v2-0203", ("MR", "Medical record number")),
                    "system": format!("http://bench.example.org/nation/record/{}", self.hospital),
                    "value": format!("MR{:06}", self.number),
                },
            ],
            "active": true,
            "name": [{"use": "official", "family": self.family, "given": [first, second]}],
            "telecom": [
                {
                    "system": "phone",
                    "value": format!("555-{:03}-{:04}", self.number / 10_000 % 1_000, self.number % 10_000),
                    "use": "home",
                },
                {"system": "email", "value": mail, "use": "work"},
            ],
            "gender": self.gender,
            "birthDate": self.birth.to_string(),
            "address": [{
                "use": "home",
                "line": [line],
                "city": city,
                "state": state,
                "postalCode": postal_code,
                "country": "US",
            }],
            "maritalStatus": hl7("v3-MaritalStatus", if dice.below(2) == 0 {
                ("M", "Married")
            } else {
                ("S", "Never Married")
            }),
            "managingOrganization": reference("Organization", &organization_id(self.hospital)),
        })
    }
}
